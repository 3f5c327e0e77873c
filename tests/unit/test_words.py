# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of everything that a user reads: those of vSphere, Ansible and Temporal, and no private language.

Of a Python file its strings and docstrings are read, of any other file all of it, comments included. Code in backticks
is left out, because names in the interface stay.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from support.paths import CHECKOUT
from unit.test_house import TRACKED

AREAS = ("README.md", "docs", "plugins", "roles", "playbooks", "extensions", "tools/demo", "changelogs/fragments")
TEXTS = (".md", ".py", ".yml", ".yaml", ".json", ".j2", ".sh", "/up", "/down")

_MADE = "role|tag|category|namespace|schedule|alarm|attribute|(?:virtual )?environment|directory|folder|file|release"
# By what to write instead, what is not written. A blank in a pattern also stands for a line break.
PATTERNS = {
    "manage or configure": r"\bsee(?:s|ing)? to\b",
    "remove": r"\b(?:take|takes|took|taken|taking) (?:[\w'-]+ ){0,4}away\b",
    "resume or continue": r"\b(?:go|goes|going|gone|went) on\b",
    "up to N, or maximum": r"\b(?:so many|at (?:the )?most so|for so long)\b",
    "the previous one": r"\bof before\b",
    "active or running": r"\bat work\b",
    "should or must": r"\bshall\b",
    "the user that, or which VMs": r"\b(?:whoever|whomever|whom)\b",
    "again": r"\banew\b",
    "gracefully": r"\bin good order\b",
    "restore": r"\b(?:give|gives|given|gave|giving) (?:[\w'-]+ ){0,5}?back\b",
    "is not one of": r"\b(?:is|are|was|were|be) none of\b",
    "create": rf"\b(?:make|makes|made|making) (?:a|an|the|its|this|each) (?:[\w-]+ )?(?:{_MADE})s?\b(?! \w+able)",
    "reported, or names the fact": r"\b(?:told|said)\b|\bsays? (?:so|nothing)\b",
    "Check": r"\bLook\b(?!-)|\blook(?:s|ed|ing)? (?:whether|which)\b",
    "pause or resume preemption": r"\b(?:throw|throws|threw|thrown|throwing) (?:[\w'-]+ ){0,3}switch\b",
    "has more privileges": r"\bmay more\b",
    "a role, such as user or operator": r"\b(?:somebody|nobody)\b(?! else)",
    "indefinitely or permanently": r"\bfor ever\b",
    "request a preemption": r"\bask(?:s|ed|ing)? for (?:a|an|the|another|this) (?:preemption|restore)\b",
    "the last log line, or the most recent": r"\blast words?\b",
    "when the timeout expired": r"\btime was over\b",
}
COMPILED = {instead: re.compile(pattern.replace(" ", r"[\s#]+"), re.I) for instead, pattern in PATTERNS.items()}
# Matched without regard to case, but for this one: only the imperative is meant.
COMPILED["Check"] = re.compile(PATTERNS["Check"].replace(" ", r"[\s#]+"))

# What is left out before the patterns look, each with its reason.
ALLOWED = {
    r"`[^`\n]*`": "code: a name in an interface stays as it is",
    r"\A[\w.-]+\Z": "a string that is one name: a key or a code",
    r"^[ \t]*[\w.]+:(?=\s)|(?<=\. )\w+(?:, \w+)*:(?=\s)": "the name of a parameter or key, before what it means",
    r"\b(?:somebody|nobody) else\b": "any other user; there is no role to name",
}
_ALLOWED = re.compile("|".join(f"(?:{pattern})" for pattern in ALLOWED), re.M)

# The sentences that a technical writer marked, as they were.
OLD_SENTENCES = (
    "throws or releases the kill switch",
    "takes the demonstration away",
    "says all that is wrong with a policy file",
    "ends the workflow in good order",
    "**Nothing for ever.** VMs come back",
    "looked at again right before the call",
    "The account may more than it needs",
    "which is none of the features",
    "Grant them to the role of the account, and assign it there, handed down",
    "asks for work.",
    "more it does not tell",
    "Let preemption go on (preemption_pause",
    "the built-in one holds",
    "with an account that may",
    "Cannot tell before",
    "chose the VM and then spared it",
    "dealt with more VMs than its record still names",
    "somebody did not agree",
    "nobody agreed in time",
    "another run was faster",
    "the stopping broke off before its turn",
    "the run had as many victims as it may have",
    "as many VMs as may be were stopped within the hour",
    "the target was out of reach, and then nothing is stopped",
    "deleting it would take something away that nobody asked to lose",
    "Take it off them or name them in attach",
    "vCenter cannot take that back",
    "there is one that is about something else than usage",
    "tolerance or frequency cannot be",
    "vCenter itself has made it",
    "something else than this collection has made it",
    "VMs that were given back stay so",
    "vCenter did not do so for",
    "Look whether they still exist",
    "Use a name of vCenter that its certificate holds",
    "if that goes on, look at the load of vCenter",
    "a vCenter that starts needs some minutes",
    "it exists and is none of preemption",
    "the server has accepted it, and did not show it within",
    "Somebody else was faster. Run this again",
    "the server does not let us",
    "seconds are over ({amiss or 'it was fine, but not for long enough'})",
    "its answer to the query",
    "there was none within",
    "Look with preemption_query which run is at work",
    "may be read in two ways",
    "skip the task where nothing shall be stopped",
    "knows no such thing",
    "Cannot tell what the schedule",
    "The worker {self._instance.name} did not get ready",
    "Its last words",
    "and all is as it was",
    "it has not yet said so to its service manager",
    "Make it first, or leave it to systemd (no user)",
    "Pause preemption, or let it go on",
    "What it has begun, it sees through",
    "After so many seconds, preemption goes on by itself",
    "End a preemption workflow in good order",
    "Make a role with the privileges",
    "Kept, because others have it",
    "Permissions with them elsewhere are taken away from it",
    "Capitals do not matter",
    "Show the last word on it",
    "Whether the same task can help later",
    "State of the workflow when the time was over",
    "At most so many VMs, one at least",
    "So many MiB of memory",
    "See to the tag of preemptible VMs",
    "See to the custom attribute for marks",
    "Say what was kept",
    "Whether this role sees to the tag",
    "See to each schedule",
    "Preempts VMs, and gives them back, at times of the clock",
    "Remove what nobody wants any more",
    "Do as the state says",
    "Run the worker where the site wants it",
    "Look whether all is there that cannot be made here",
    "Bring it to its place",
    "The worker is there, but not all of it is well",
    "Want a word for it",
    "Take it from its place",
    "Take away what was set up",
    "Throw the switch",
    "somebody lets it go on",
    "refuses it (",
    "once that is mended",
    "What shall preemption be?",
    "the policy has the last word",
    "Make a pip, because the Python of the controller may have none",
    "did not agree. {verdict.note}",
    "Nothing was done; the record shows what would have been",
    "The run that was at work was hurried on behalf of this request",
    "A run was carried out less than its window ago",
    "Without an alarm nobody can tell when it is green",
    "it does not poll",
    "vCenter is not there yet",
    "the webhook lets nobody in",
    "let nothing be preempted",
    "end of a workflow that this starts",
    "0 well; 1 failed",
    "No run is at work; waiting for one",
    "has the request {",
    "from nothing to a working installation and back",
    "(2,000 is the end)",
    "it was told to (SIGTERM, SIGINT)",
    "Runs that meet in the same",
    "somebody said no, or nobody said anything in time",
    "Whoever has",
    "the worker of before is then back",
    "and the worker of before is started",
    "nobody knows how it is",
    "A schedule between 01:00 and 03:00 is rarely what somebody wants",
    "how often one VM may be hit in a day",
    "nothing, or cancel the run, or give the VMs back",
)


def user_files() -> list[str]:
    """The files with text for users."""
    return [name for name in TRACKED if name.startswith(AREAS) and name.endswith(TEXTS)]


def passages(name: str, text: str) -> Iterator[tuple[int, str]]:
    """The text of a file that people read, in pieces, each with its first line."""
    if not name.endswith(".py"):
        yield 1, text
        return
    tree = ast.parse(text)
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def private_words(name: str, text: str) -> Iterator[str]:
    """What a technical writer would rewrite in a file, one line each."""
    for first, passage in passages(name, text):
        plain = _ALLOWED.sub(lambda found: " " * len(found.group()), passage)
        for instead, pattern in COMPILED.items():
            for found in pattern.finditer(plain):
                line = first + plain.count("\n", 0, found.start())
                yield f"{name}:{line}: {' '.join(found.group().split())!r}; write: {instead}"


def old_sentences(name: str, text: str) -> Iterator[str]:
    """Which of the marked sentences are in a file, one line each."""
    whole = re.sub(r"[\s#]+", " ", " ".join([text, *(passage for _line, passage in passages(name, text))]))
    yield from (f"{name}: {old}" for old in OLD_SENTENCES if old in whole)


def by_area(findings: list[str]) -> dict[str, int]:
    """How many there are in each area."""
    return dict(Counter(next(area for area in AREAS if finding.startswith(area)) for finding in findings))


def test_everything_that_a_user_reads_is_in_plain_words() -> None:
    found = [line for name in user_files() for line in private_words(name, (CHECKOUT / name).read_text())]
    assert not found, f"{by_area(found)}\n" + "\n".join(found)


def test_none_of_the_old_sentences_is_left() -> None:
    left = [line for name in user_files() for line in old_sentences(name, (CHECKOUT / name).read_text())]
    assert not left, f"{by_area(left)}\n" + "\n".join(left)


def test_every_area_is_read() -> None:
    assert {area for area in AREAS for name in user_files() if name.startswith(area)} == set(AREAS)
    assert len(OLD_SENTENCES) == 114


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("It sees to the tag.", "manage or configure"),
        ("Its roles are taken quietly away.", "remove"),
        ("Preemption goes on by itself.", "resume or continue"),
        ("At most so many VMs.", "up to N, or maximum"),
        ("The worker of before.", "the previous one"),
        ("A run is at\nwork.", "active or running"),
        ("The alarm shall be red.", "should or must"),
        ("Whom it stops.", "the user that, or which VMs"),
        ("It plans anew.", "again"),
        ("It ends in good order.", "gracefully"),
        ("It gives those VMs back.", "restore"),
        ("It is none of ours.", "is not one of"),
        ("Make the role first.", "create"),
        ("What the worker was told.", "reported, or names the fact"),
        ("Its mark says so.", "reported, or names the fact"),
        ("Look at its log.", "Check"),
        ("Whoever throws the kill switch.", "pause or resume preemption"),
        ("The account may more than it needs.", "has more privileges"),
        ("Wait until somebody agrees.", "a role, such as user or operator"),
        ("Nothing is for ever.", "indefinitely or permanently"),
        ("It asks for a preemption.", "request a preemption"),
        ("Its last words: bye.", "the last log line, or the most recent"),
        ("When the time was over.", "when the timeout expired"),
        ("The VM that somebody else powered on, and nobody else.", ""),
        ("The key `whom` and the state `at work`.", ""),
        ("told", ""),
        ("told: what was reported before. whose, shall: names.", ""),
        ("The policy says to stop nothing, and the message says why.", ""),
        ("Check its log. A look-up by name.", ""),
    ],
)
def test_the_rule_on_words_bites(text: str, instead: str) -> None:
    for name, source in (("docs/x.md", text), ("plugins/x.py", f'"""{text}"""\n')):
        found = list(private_words(name, source))
        assert any(line.endswith(instead) for line in found) if instead else found == [], found


def test_a_string_in_pieces_is_read_as_one() -> None:
    source = 'x = "the run is at "\\\n    f"work on {vm}"\nat_work = 1\n'
    assert list(private_words("plugins/x.py", source)) == ["plugins/x.py:1: 'at work'; write: active or running"]


def test_an_old_sentence_is_found_over_the_end_of_a_line() -> None:
    source = 'step = "Let preemption "\\\n    "go on (preemption_pause with state: active)."\n'
    assert list(old_sentences("plugins/x.py", source)) == ["plugins/x.py: Let preemption go on (preemption_pause"]
    assert list(old_sentences("docs/x.md", "a page on\n# what was\n# kept")) == []
    assert list(old_sentences("roles/x.yml", "# See to\n# each schedule")) == ["roles/x.yml: See to each schedule"]
