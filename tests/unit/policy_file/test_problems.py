# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can be wrong in a policy file is found, at its place, and all of it at once."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.policy.problems import InvalidPolicy, Problem
from vsphere_preemption.policy_file.reading import read_policies


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(InvalidPolicy) as caught:
        read_policies(text, file="policy.yml")
    return list(caught.value.problems)


def one(section: str) -> list[tuple[str, str]]:
    """Path within the policy and message of each problem, for a policy that has this line."""
    text = f"version: 1\npolicies:\n  - name: x\n    {section}\n"
    return [(found.path.removeprefix("policies[0]").lstrip("."), found.message) for found in problems_of(text)]


def test_all_problems_come_at_once_in_the_order_of_lines_with_their_places() -> None:
    text = """\
version: 1
default: nowhere
policies:
  - name: standard
    amount: {max_vms: 0, max-vms: 3}
    windows:
      never: [{cron: "61 8 * * *", duration: 8d}]
    mode: atuo
  - name: standard
    protect: {groups: [{keep: -1}]}
"""
    with pytest.raises(InvalidPolicy) as caught:
        read_policies(text, file="policy.yml")
    assert str(caught.value).split("\n") == [
        "Cannot use the policy file policy.yml: it has 9 errors. Correct the errors listed below.",
        "policy.yml:2:10: default: there is no policy 'nowhere'",
        "policy.yml:5:23: policies[0].amount.max_vms: '0' is not a whole number from 1 to 2000",
        "policy.yml:5:26: policies[0].amount.max-vms: there is no key 'max-vms'; did you mean max_vms?",
        "policy.yml:7:22: policies[0].windows.never[0].cron: "
        "'61 8 * * *' is not a schedule: '61' is not a valid minute",
        "policy.yml:7:46: policies[0].windows.never[0].duration: '8d' is longer than 7d",
        "policy.yml:8:11: policies[0].mode: there is no choice 'atuo'; did you mean auto?",
        "policy.yml:9:11: policies[1].name: there is already a policy 'standard', in line 4",
        "policy.yml:10:24: policies[1].protect.groups[0]: a group needs either category or attribute, and not both",
        "policy.yml:10:31: policies[1].protect.groups[0].keep: '-1' is not a whole number from 0 to 1000000",
    ]
    assert caught.value.as_result()["error_code"] == "invalid_policy"
    assert not caught.value.retryable
    problems = caught.value.as_result()["problems"]
    assert isinstance(problems, list)
    assert problems[0] == {"line": 2, "column": 10, "path": "default", "message": "there is no policy 'nowhere'"}


@pytest.mark.parametrize(
    ("section", "path", "message"),
    [
        pytest.param("moed: auto", "moed", "there is no key 'moed'; did you mean mode?", id="unknown key"),
        pytest.param("xyz: 1", "xyz", "there is no key 'xyz'; use one of name, match, mode", id="unlike any key"),
        pytest.param("mode: no", "mode", "must be text, but is true or false; put it in quotes", id="bool for text"),
        pytest.param("tags: [12]", "tags[0]", "must be text, but is a number; put it in quotes", id="number for text"),
        pytest.param("tags: x", "tags", "must be a list, but is text", id="text for a list"),
        pytest.param("tags: [[x]]", "tags[0]", "must be text, but is a list", id="list for text"),
        pytest.param("tags: ['']", "tags[0]", "must not be empty", id="empty text"),
        pytest.param("tags: [' x']", "tags[0]", "leading or trailing spaces", id="blank"),
        pytest.param('tags: ["a\\nb"]', "tags[0]", "must be one line", id="two lines"),
        pytest.param('tags: ["\\ud800"]', "tags[0]", "printable characters", id="half a character"),
        pytest.param("amount: 5", "amount", "must be a mapping, but is a number", id="number for a section"),
        pytest.param("amount:", "amount", "must be a mapping, but is nothing", id="nothing for a section"),
        pytest.param("amount: {max_vms: 2001}", "amount.max_vms", "from 1 to 2000", id="too many"),
        pytest.param("amount: {max_vms: 1.5}", "amount.max_vms", "'1.5' is not a whole number", id="half a VM"),
        pytest.param("amount: {max_vms: 010}", "amount.max_vms", "'010' is not a whole number", id="octal"),
        pytest.param("amount: {max_vms: 0x10}", "amount.max_vms", "'0x10' is not", id="hexadecimal"),
        pytest.param("amount: {max_vms: 1:10}", "amount.max_vms", "'1:10' is not", id="sexagesimal"),
        pytest.param("amount: {max_vms: ten}", "amount.max_vms", "a whole number, but is text", id="word"),
        pytest.param("amount: {max_vms: null}", "amount.max_vms", "but is nothing", id="no limit where one must be"),
        pytest.param("amount: {per_hour: 0}", "amount.per_hour", "from 1 to", id="none an hour"),
        pytest.param("amount: {target: {memory: 64}}", "amount.target.memory", "such as 64GiB", id="without a unit"),
        pytest.param("amount: {target: {memory: 64GB}}", "amount.target.memory", "in MiB or GiB", id="decimal unit"),
        pytest.param(
            "amount: {target: {cpu: 0.1MHz}}", "amount.target.cpu", "not a whole number of MHz", id="too fine"
        ),
        pytest.param("amount: {target: {until_cpu: 80}}", "amount.target.until_cpu", "such as 80%", id="no sign"),
        pytest.param(
            "amount: {target: {until_cpu: 101%}}", "amount.target.until_cpu", "between 0% and 100%", id="over all"
        ),
        pytest.param("amount: {target: {until_cpu: -1%}}", "amount.target.until_cpu", "between 0%", id="below nothing"),
        pytest.param("approval_timeout: 30x", "approval_timeout", "'30x' is not a duration", id="unit of time"),
        pytest.param("approval_timeout: 5m1h", "approval_timeout", "'5m1h' is not a duration", id="units out of order"),
        pytest.param("approval_timeout: ''", "approval_timeout", "'' is not a duration", id="empty duration"),
        pytest.param("approval_timeout: -5", "approval_timeout", "'-5' is not a duration", id="negative duration"),
        pytest.param("approval_timeout: 0", "approval_timeout", "must be above zero", id="no time at all"),
        pytest.param("approval_timeout: 367d", "approval_timeout", "longer than 366d", id="more than a year"),
        pytest.param("rerun_window: .inf", "rerun_window", "'.inf' is not a duration", id="for ever"),
        pytest.param("scope: {vcenter_wide: maybe}", "scope.vcenter_wide", "must be true or false", id="maybe"),
        pytest.param("scope: {vcenter_wide: !!bool x}", "scope.vcenter_wide", "neither true nor", id="forced bool"),
        pytest.param("scope: {within: [{rack: x}]}", "scope.within[0].rack", "there is no kind of place", id="place"),
        pytest.param("scope: {within: [{}]}", "scope.within[0]", "must have one key, but has 0", id="no place"),
        pytest.param("scope: {within: [{host: a, folder: b}]}", "scope.within[0]", "has 2", id="two places in one"),
        pytest.param("scope: {alarm: Vcenter}", "scope.alarm", "did you mean vcenter?", id="wrong case"),
        pytest.param("protect: {vms: [host-1]}", "protect.vms[0]", "such as vm-42", id="not a VM"),
        pytest.param(
            "protect: {tags: ['urn:vmomi:InventoryServiceTag:1:GLOBAL']}", "protect.tags[0]", "a URN", id="URN of a tag"
        ),
        pytest.param(
            "protect: {groups: [{category: 'urn:vmomi:InventoryServiceCategory:1:GLOBAL', keep: 1}]}",
            "protect.groups[0].category",
            "write a tag as name or category/name",
            id="URN of a category",
        ),
        pytest.param("priority: {category: x}", "priority", "must be used together", id="category alone"),
        pytest.param("priority: {values: [x]}", "priority", "must be used together", id="values alone"),
        pytest.param("priority: {category: x, values: []}", "priority.values", "must not be empty", id="no values"),
        pytest.param(
            "priority: {category: x, values: [a, a]}", "priority.values", "listed only once", id="value twice"
        ),
        pytest.param("protect: {groups: [{category: a}]}", "protect.groups[0]", "needs a limit", id="no limit"),
        pytest.param(
            "protect: {groups: [{category: a, attribute: b, keep: 1}]}", "protect.groups[0]", "not both", id="two keys"
        ),
        pytest.param("actions: {low: {}}", "actions.low", "did you mean LOW?", id="lower case"),
        pytest.param("actions: {HIGH: {grace: 5m}}", "actions.HIGH.grace", "has no grace period", id="grace of hard"),
        pytest.param(
            "actions: {LOW: {method: suspend, escalate: hard}}",
            "actions.LOW.escalate",
            "not suspend",
            id="suspend",
        ),
        pytest.param("actions: {HIGH: {escalate: never}}", "actions.HIGH.escalate", "not hard", id="hard already"),
        pytest.param(
            "actions: {LOW: {method: soft_then_hard, escalate: never}}",
            "actions.LOW.escalate",
            "not soft_then_hard",
            id="both",
        ),
        pytest.param("notice: {lead: 5, event: false}", "notice.lead", "would not be sent", id="notice to nobody"),
        pytest.param("windows: {only: [{cron: '* * * * *'}]}", "windows.only[0]", "duration is missing", id="endless"),
        pytest.param("windows: {only: [{duration: 5m}]}", "windows.only[0]", "cron is missing", id="no beginning"),
        pytest.param(
            "windows: {only: [{cron: '* * * * *', duration: 1m, timezone: Europe/Bern}]}",
            "windows.only[0].timezone",
            "there is no time zone 'Europe/Bern'",
            id="time zone",
        ),
        pytest.param("windows: {only: {}}", "windows.only", "must be a list, but is a mapping", id="not a list"),
        pytest.param("restore: {batch: 0}", "restore.batch", "from 1 to 2000", id="batch of none"),
        pytest.param("tags: !local [a]", "tags", "the tag '!local' is not allowed", id="tag"),
        pytest.param("tags: !!python/tuple [a]", "tags", "'!!python/tuple' is not allowed", id="Python's tag"),
        pytest.param("tags: [!!binary aGk=]", "tags[0]", "'!!binary' is not allowed", id="binary"),
        pytest.param("<<: {mode: auto}", "", "merging (<<) is not supported", id="merge key"),
        pytest.param("[a]: b", "", "a key must be plain text", id="list as a key"),
        pytest.param("? !x a\n    : b", "", "a key must be plain text", id="tagged key"),
        pytest.param("name: y", "name", "this key is a duplicate of line 3", id="key twice"),
        pytest.param("'a b': 1", "'a b'", "there is no key 'a b'", id="key with a blank"),
    ],
)
def test_one_thing_is_wrong(section: str, path: str, message: str) -> None:
    found = one(section)
    assert [path for path, _message in found] == [path], found
    assert message in found[0][1]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        pytest.param("", 0, 0, "the file is empty", id="empty"),
        pytest.param("# only a comment\n", 0, 0, "the file is empty", id="comment"),
        pytest.param("- a\n", 1, 1, "this must be a mapping, but is a list", id="list"),
        pytest.param("version: 1\npolicies: [\n", 3, 1, "expected the node content", id="not closed"),
        pytest.param("version: 1\n\tpolicies: []\n", 2, 1, "cannot start any token", id="tab"),
        pytest.param("version: 1\n--- x\n", 2, 1, "expected a single document", id="two documents"),
        pytest.param("version: *x\n", 1, 10, "undefined alias", id="alias of nothing"),
        pytest.param("version: 1\nab\0c: 1\n", 2, 3, "not allowed in a YAML file", id="character"),
        pytest.param('"\\UFFFFFFFF"', 0, 0, "PyYAML cannot read this", id="number of no character"),
        pytest.param("%YAML " + "9" * 5000 + ".1\n--- x", 0, 0, "PyYAML cannot read this", id="endless number"),
        pytest.param("[" * 100_000, 1, 21, "more than 20 levels", id="deep"),
        pytest.param("a: " + "x" * 256 * 1024, 0, 0, "larger than 256 KiB", id="large"),
        pytest.param("a: [" + "x," * 30_000, 1, 39_999, "more than 20000 values", id="long"),
        pytest.param("policies: &a [*a]", 1, 11, "more than 20 levels", id="alias of itself"),
    ],
)
def test_a_text_that_is_no_policy_file_at_all(text: str, line: int, column: int, message: str) -> None:
    found = problems_of(text)[0]
    assert (found.line, found.column) == (line, column)
    assert message in found.message
    assert "\n" not in found.message


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))]
    assert "more than 20000 values" in problems_of("\n".join(lines))[0].message


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        pytest.param("version: 1", ["policies is missing"], id="no policies"),
        pytest.param("policies: [{name: x}]", ["version is missing"], id="no version"),
        pytest.param(
            "version: 2\npolicies: [{name: x}]", ["only version 1 of the file is supported"], id="later version"
        ),
        pytest.param("version: 1\npolicies: []", ["this list must not be empty"], id="empty list"),
        pytest.param("version: 1\npolicies: [{}]", ["name is missing"], id="no name"),
        pytest.param(
            "version: 1\npolicies: [{name: a b}]", ["'a b' is not a name of up to 64 letters"], id="blank in a name"
        ),
        pytest.param("version: 1\npolicies: [{name: a}, {name: b}]", ["default is missing"], id="no default"),
        pytest.param(
            "version: 1\npolicies: [{name: a, tags: [x], protect: {tags: [x]}}]",
            ["'x' is also protected"],
            id="a tag that is protected",
        ),
    ],
)
def test_the_file_as_a_whole(text: str, messages: list[str]) -> None:
    found = [problem.message for problem in problems_of(text)]
    assert len(found) == len(messages)
    assert all(message in problem for message, problem in zip(messages, found, strict=True))
