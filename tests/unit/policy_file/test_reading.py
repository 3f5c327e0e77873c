# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy file means."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from support.paths import CHECKOUT
from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.errors import MissingLibrary
from vsphere_preemption.core.policy.model import Action, Actions, Amount, Events, GroupBudget, Policy, Priority
from vsphere_preemption.core.policy.problems import InvalidPolicy
from vsphere_preemption.policy_file import _yaml, how, reading, whom
from vsphere_preemption.policy_file.readers import Section
from vsphere_preemption.policy_file.reading import digest_of, load_policy_file, read_policies

EXAMPLE = CHECKOUT / "docs" / "examples" / "policy.yml"
LOUD = Events(skipped=True, failed=True)


def policy(*lines: str, base: Policy = reading.BUILT_IN) -> Policy:
    """The only policy of a file, with these lines."""
    text = "\n    ".join(["version: 1\npolicies:\n  - name: x", *lines])
    return read_policies(text, base=base).policies["x"]


def test_a_policy_that_says_nothing_is_the_built_in_one() -> None:
    assert policy() == replace(Policy(), name="x", events=LOUD)
    assert policy("amount: {}", "actions: {LOW: {}}", "protect: {groups: []}") == replace(
        Policy(), name="x", events=LOUD
    )


def test_who_writes_a_file_hears_of_what_came_to_nothing() -> None:
    assert Policy().events == Events(skipped=False, failed=False)
    assert policy().events == LOUD
    assert policy("events: {skipped: false}").events == Events(skipped=False, failed=True)


def test_a_file_changes_of_its_base_only_what_it_names() -> None:
    base = Policy(
        amount=Amount(max_vms=7, per_hour=70),
        actions=Actions(medium=Action(StopMethod.SOFT_THEN_HARD, 33.0)),
        rerun_window_seconds=5.0,
    )
    assert policy(base=base) == replace(base, name="x", events=LOUD)
    assert policy("amount: {per_hour: 9}", base=base).amount == Amount(max_vms=7, per_hour=9)
    assert policy("amount: {per_hour: null}", base=base).amount == Amount(max_vms=7)
    assert policy("actions: {MEDIUM: {method: soft}}", base=base).actions.medium == Action(StopMethod.SOFT, 33.0)
    assert policy("actions: {MEDIUM: {grace: 1m}}", base=base).actions.medium == Action(StopMethod.SOFT_THEN_HARD, 60.0)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90", 90.0),
        ("'90'", 90.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("90s", 90.0),
        ("15m", 900.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        ("1d2h3m4s", 93784.0),
        ("3d", 259200.0),
    ],
)
def test_a_duration(written: str, seconds: float) -> None:
    assert policy(f"rerun_window: {written}").rerun_window_seconds == seconds


@pytest.mark.parametrize(
    ("written", "memory"), [("1MiB", 1), ("64GiB", 65536), ("1.5GiB", 1536), ("2 TiB", 2097152), ("'64 MiB'", 64)]
)
def test_an_amount_of_memory(written: str, memory: int) -> None:
    assert policy(f"amount: {{target: {{memory: {written}}}}}").amount.target.memory_mib == memory


@pytest.mark.parametrize(
    ("criticality", "written", "method"),
    [
        pytest.param("LOW", "{method: soft}", StopMethod.SOFT, id="soft"),
        pytest.param("MEDIUM", "{method: soft}", StopMethod.SOFT, id="soft for MEDIUM"),
        pytest.param("LOW", "{method: soft, escalate: hard}", StopMethod.SOFT_THEN_HARD, id="escalated"),
        pytest.param("LOW", "{escalate: hard}", StopMethod.SOFT_THEN_HARD, id="escalated default"),
        pytest.param("MEDIUM", "{escalate: never}", StopMethod.SOFT, id="default without its escalation"),
        pytest.param("MEDIUM", "{escalate: hard}", StopMethod.SOFT_THEN_HARD, id="default with its escalation"),
        pytest.param("HIGH", "{method: suspend}", StopMethod.SUSPEND, id="suspend"),
        pytest.param("HIGH", "{method: soft_then_hard, grace: 5}", StopMethod.SOFT_THEN_HARD, id="by its name"),
    ],
)
def test_an_action(criticality: str, written: str, method: StopMethod) -> None:
    actions = policy(f"actions: {{{criticality}: {written}}}").actions
    assert getattr(actions, criticality.lower()).method is method


def test_words_that_yaml_takes_for_something_else() -> None:
    found = policy("protect: {tags: ['no', '5', 2026-11-24, =]}", "notice: {event: no, guestinfo: ON}")
    assert found.protection.tags == ("no", "5", "2026-11-24", "=")
    assert (found.notice.event, found.notice.guestinfo) == (False, True)


def test_aliases_are_followed() -> None:
    found = policy("tags: &t [a, b]", "match: {alarms: *t}")
    assert found.match.alarms == found.tags == ("a", "b")


def test_policies_keep_their_order_and_the_only_one_is_the_default() -> None:
    found = read_policies("version: 1\ndefault: a\npolicies: [{name: z}, {name: a}, {name: m}]")
    assert list(found.policies) == ["z", "a", "m"]
    assert found.default == "a"
    assert read_policies("version: 1\npolicies: [{name: z}]").default == "z"


def test_the_example_of_the_documentation_is_read() -> None:
    found = load_policy_file(EXAMPLE)
    gentle = found.policies["gentle"]
    assert found.default == "standard"
    assert gentle.priority == Priority("preemption-priority", ("low", "normal", "high"))
    assert gentle.protection.groups == (
        GroupBudget(category="app", keep=1),
        GroupBudget(attribute="owner", max_off_percent=50.0, strict=False),
    )
    assert found.digest == digest_of(EXAMPLE.read_text())
    assert len(found.digest) == 12


def test_the_digest_names_the_very_text() -> None:
    text = "version: 1\npolicies: [{name: x}]"
    assert read_policies(text).digest == read_policies(text).digest != read_policies(text + "\n").digest


@pytest.mark.parametrize("name", ["missing.yml", ".", "\0", "x" * 300])
def test_a_file_that_cannot_be_read_is_an_invalid_policy_with_a_next_step(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidPolicy, match="Correct the path") as caught:
        load_policy_file(tmp_path / name)
    assert "the file cannot be read" in caught.value.problems[0].message
    assert caught.value.__cause__ is not None


def test_a_file_of_another_encoding_is_refused_at_its_place(tmp_path: Path) -> None:
    file = tmp_path / "policy.yml"
    file.write_bytes(b"version: 1\nx: \xff\n")
    with pytest.raises(InvalidPolicy, match=r"policy.yml:2:4: this is not UTF-8 text"):
        load_policy_file(file)


def test_without_pyyaml_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_yaml, "_PROBLEM", ImportError("No module named 'yaml'"))
    with pytest.raises(MissingLibrary, match="Install the Python package PyYAML"):
        load_policy_file(EXAMPLE)


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(InvalidPolicy):
        load_policy_file("/dev/zero")


SECTIONS = [
    value
    for module in (how, whom, reading)
    for name, value in sorted(vars(module).items())
    if isinstance(value, Section) and not name.startswith("_")
]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: str(section.start.__class__.__name__))
def test_every_field_of_the_model_can_be_given_in_the_file(section: Any) -> None:
    assert is_dataclass(section.start)
    assert {attribute for attribute, _reader in section.fields.values()} == {
        field.name for field in fields(section.start)
    }
