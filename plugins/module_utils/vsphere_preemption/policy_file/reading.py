# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's policy file as a whole: YAML in, policies out, or all its errors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..core.policy.alarm_rule import AlarmRule
from ..core.policy.model import Mode, Policy, PolicySet
from ..core.policy.problems import InvalidPolicy, Problem
from .alarms import ALARM_RULE
from .how import ACTIONS, EVENTS, NOTICE, RESTORE, WAVES, WINDOWS
from .readers import Finding, Leaf, ListOf, Section, no_such
from .scalars import choice, duration, name
from .tree import MOST_BYTES, Item, Listing, Mapping, Notes, Scalar, Wrong, read_tree, shown
from .whom import AMOUNT, MATCH, PRIORITY, PROTECT, SCOPE, TEXTS

VERSION = 1
BUILT_IN = Policy()
DIGEST_LENGTH = 12


def _check_policy(found: Mapping, policy: Policy) -> Iterator[Finding]:
    for tag in policy.tags:
        if tag in policy.protection.tags:
            yield "tags", f"{shown(tag)} is also protected, so no VM with it could be stopped"


POLICY = Section(
    BUILT_IN,
    {
        "name": ("name", Leaf(name)),
        "match": ("match", MATCH),
        "mode": ("mode", Leaf(choice(Mode))),
        "approval_timeout": ("approval_seconds", Leaf(duration(zero=False))),
        "tags": ("tags", TEXTS),
        "rerun_window": ("rerun_window_seconds", Leaf(duration())),
        "scope": ("scope", SCOPE),
        "protect": ("protection", PROTECT),
        "priority": ("priority", PRIORITY),
        "amount": ("amount", AMOUNT),
        "actions": ("actions", ACTIONS),
        "notice": ("notice", NOTICE),
        "events": ("events", EVENTS),
        "waves": ("waves", WAVES),
        "windows": ("windows", WINDOWS),
        "restore": ("restore", RESTORE),
    },
    required=("name",),
    check=_check_policy,
)


@dataclass(frozen=True)
class _File:
    """The content of the file. default: may be omitted if there is only one policy."""

    version: int = VERSION
    default: str = ""
    policies: tuple[Policy, ...] = ()
    alarms: tuple[AlarmRule, ...] = ()


def _check_file(found: Mapping, file: _File) -> Iterator[Finding]:
    names = {written.text for written in _names(found)}
    if file.default and file.default not in names:
        yield "default", f"there is no policy {shown(file.default)}"
    if "default" not in found.entries and len(file.policies) > 1:
        yield "", "default is missing; with several policies, it selects the policy for all other requests"


def read_policies(text: str, *, file: str = "", base: Policy = BUILT_IN) -> PolicySet:
    """The policies in a text.

    file: its name, for messages. base: the default for settings that a policy omits. Raises InvalidPolicy with all
    errors.
    """
    notes = Notes()
    content = _File()
    root = read_tree(text, notes)
    if root is not None:
        try:
            content = _file_section(base).read(root, notes, None)
        except Wrong as error:
            notes.problems.append(error.problem)
        if isinstance(root, Mapping):
            _note_repeated_names(root, notes)
            _note_unknown_policies(root, notes)
    if notes.problems:
        raise InvalidPolicy(notes.problems, file=file)
    policies = {policy.name: _with_alarms(policy, content.alarms) for policy in content.policies}
    default = content.default or content.policies[0].name
    return PolicySet(policies, default=default, digest=digest_of(text), alarms=content.alarms)


def load_policy_file(path: str | Path, base: Policy = BUILT_IN) -> PolicySet:
    """The policies in a file. Raises InvalidPolicy, also if the file cannot be read."""
    return read_policies(_content(Path(path)), file=str(path), base=base)


def digest_of(text: str) -> str:
    """Identifies this version of the rules in records and logs."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]


def _file_section(base: Policy) -> Section:
    return Section(
        _File(),
        {
            "version": ("version", Leaf(_version)),
            "default": ("default", Leaf(name)),
            "policies": ("policies", ListOf(replace(POLICY, start=replace(base, events=EVENTS.start)), least=1)),
            "alarms": ("alarms", ListOf(ALARM_RULE)),
        },
        required=("version", "policies"),
        check=_check_file,
    )


def _with_alarms(policy: Policy, rules: tuple[AlarmRule, ...]) -> Policy:
    """The policy, also matching the alarms of rules that name it; a policy for places matches all alarms there."""
    match = policy.match
    if match.places and not match.alarms:
        return policy
    named = tuple(alarm for rule in rules if rule.policy == policy.name for alarm in rule.alarms)
    return replace(policy, match=replace(match, alarms=match.alarms + named))


def _version(item: Item) -> int:
    if not isinstance(item, Scalar) or item.text != str(VERSION):
        raise Wrong(item, f"only version {VERSION} of the file is supported")
    return VERSION


def _names(found: Mapping, section: str = "policies", key: str = "name") -> Iterator[Scalar]:
    """The value of a key in each entry, as written; also of entries with other errors."""
    listed = found.entries[section].value if section in found.entries else None
    for entry in listed.items if isinstance(listed, Listing) else ():
        if isinstance(entry, Mapping) and key in entry.entries:
            written = entry.entries[key].value
            if isinstance(written, Scalar):
                yield written


def _note_repeated_names(found: Mapping, notes: Notes) -> None:
    for section, what in (("policies", "a policy"), ("alarms", "an alarm rule")):
        lines: dict[str, int] = {}
        for written in _names(found, section):
            if written.text in lines:
                notes.add(written, f"there is already {what} {shown(written.text)}, in line {lines[written.text]}")
            lines.setdefault(written.text, written.line)


def _note_unknown_policies(found: Mapping, notes: Notes) -> None:
    known = [written.text for written in _names(found)]
    for written in _names(found, "alarms", "policy"):
        if written.text not in known:
            notes.add(written, no_such("policy", written.text, known))


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            # One byte more than the limit reveals a file that is too large; a device may be endless.
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InvalidPolicy(
            [Problem(0, 0, "", f"the file cannot be read ({why})")],
            file=str(path),
            next_step="Correct the path, or give the account that runs this command read access to the file.",
        ) from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8").split("\n")
        problem = Problem(len(before), len(before[-1]) + 1, "", "this is not UTF-8 text")
        raise InvalidPolicy([problem], file=str(path)) from error
