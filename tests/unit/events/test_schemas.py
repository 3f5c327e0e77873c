# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every outgoing event against the schema of its data, and the schemas against the code."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from support.announcements import FIRST, NAMES, SOURCE, WIRE, by_alarm, by_hand, identity, record, sample, schema_of
from vsphere_preemption.core import contract
from vsphere_preemption.core.contract import Criticality, StopMethod
from vsphere_preemption.core.reasons import RunReason
from vsphere_preemption.core.records.outcome import RunStatus
from vsphere_preemption.core.requests.request import PreemptionRequest
from vsphere_preemption.events._delivery import encode
from vsphere_preemption.events.event_types import (
    RestoredMachine,
    RestoreIdentity,
    failed_event,
    restored_event,
    skipped_event,
)
from vsphere_preemption.events.sink import ContentMode

NOW = "2026-11-24T12:00:00Z"
TYPES = {
    "preempted": contract.PREEMPTED_EVENT_TYPE,
    "notice": contract.NOTICE_EVENT_TYPE,
    "restored": contract.RESTORED_EVENT_TYPE,
    "skipped": contract.SKIPPED_EVENT_TYPE,
    "failed": contract.FAILED_EVENT_TYPE,
}
# Parts of others, in which everything is allowed.
OPEN = ("event", "message", "name", "reason")


def faults(schema: Any, data: object) -> list[str]:
    return [error.message for error in Draft202012Validator(schema).iter_errors(data)]


def closed(schema: Any) -> Any:
    """The same schema without room for fields that it does not name."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {key: closed(part) for key, part in schema.items()}
    return {**parts, "additionalProperties": False} if "properties" in schema and "required" in schema else parts


def on_the_wire(name: str, request: PreemptionRequest) -> Any:
    return json.loads(encode(sample(name, request), ContentMode.BINARY).body)


def changes(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    """Every way to leave one field out, or to replace one value by another kind: where, what, and the new value."""
    parts = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, part in parts:
        if isinstance(value, dict):
            yield (*path, key), "left out", {name: other for name, other in value.items() if name != key}
        if key not in OPEN:
            yield from changes(part, (*path, key))
        yield (*path, key), "replaced", replaced(value, key, {"unexpected": 1})


def replaced(container: Any, key: Any, value: object) -> Any:
    changed = copy.copy(container)
    changed[key] = value
    return changed


def changed_at(data: Any, path: tuple[str | int, ...], container: Any) -> Any:
    """The data with the container that holds the last part of the path put in."""
    if len(path) == 1:
        return container
    return replaced(data, path[0], changed_at(data[path[0]], path[1:], container))


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(schema_of(name))


@pytest.mark.parametrize("make", [by_hand, by_alarm])
@pytest.mark.parametrize("name", NAMES)
def test_every_event_fits_its_schema_and_every_field_is_in_there(name: str, make: Any) -> None:
    assert faults(closed(schema_of(name)), on_the_wire(name, make())) == []


def test_what_the_prototype_sent_fits_as_well() -> None:
    recorded = json.loads((WIRE / "reply-event.json").read_text())
    assert recorded["headers"]["Ce-Type"] == schema_of("preempted")["title"]
    assert faults(schema_of("preempted"), recorded["data"]) == []


def test_vms_of_several_runs_fit_without_the_name_of_one() -> None:
    event = restored_event(RestoreIdentity("restore/1"), [RestoredMachine(FIRST, "a", NOW)], source=SOURCE, time=NOW)
    assert faults(closed(schema_of("restored")), event.data) == []


@pytest.mark.parametrize(
    ("outcome", "reason"), [(RunStatus.FAILED, RunReason.PLAN_FAILED), (RunStatus.FAILED, RunReason.NONE)]
)
def test_a_run_that_broke_off_fits_without_victims(outcome: RunStatus, reason: RunReason) -> None:
    broken = record(by_hand(), outcome, reason)
    broken.victims = []
    event = failed_event(identity(by_hand()), broken.as_wire(), source=SOURCE, time=NOW)
    assert faults(closed(schema_of("failed")), event.data) == []


@pytest.mark.parametrize("outcome", [RunStatus.SKIPPED, RunStatus.DUPLICATE, RunStatus.REJECTED])
def test_every_way_to_turn_a_request_away_fits(outcome: RunStatus) -> None:
    brief = record(by_alarm(), outcome, RunReason.NOT_ALLOWED).brief()
    event = skipped_event(identity(by_alarm()), brief, source=SOURCE, time=NOW)
    assert faults(closed(schema_of("skipped")), event.data) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_event_with_one_field_less_or_of_another_kind_does_not_fit(name: str) -> None:
    data, schema = on_the_wire(name, by_hand()), schema_of(name)
    optional = {("event", "time"), ("runID",), ("victims",)} if name == "preempted" else {("event", "time")}
    survived = []
    for path, how, container in changes(data):
        if not faults(schema, changed_at(data, path, container)) and not (how == "left out" and path in optional):
            survived.append((path, how))
    assert survived == []


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("preempted", "preempted", False),
        ("preempted", "criticality", "URGENT"),
        ("preempted", "virtualMachines", [{"Type": "HostSystem", "Value": "host-1"}]),
        ("notice", "notBefore", "soon"),
        ("notice", "notBefore", "2026-11-24T11:04:40+01:00"),
        ("notice", "graceSeconds", -1),
        ("notice", "method", "gently"),
        ("skipped", "outcome", "done"),
        ("failed", "outcome", "skipped"),
        ("failed", "finished", ""),
        ("restored", "workflowStarted", ""),
    ],
)
def test_a_value_that_means_nothing_does_not_fit(name: str, field: str, value: object) -> None:
    assert faults(schema_of(name), {**on_the_wire(name, by_hand()), field: value})


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_named_after_the_type_and_knows_what_the_code_knows(name: str) -> None:
    schema = schema_of(name)
    assert schema["title"] == TYPES[name] == sample(name).type
    assert schema["$defs"]["criticality"]["enum"] == list(Criticality)
    assert schema["$defs"].get("method", {"enum": list(StopMethod)})["enum"] == list(StopMethod)


def test_parts_that_several_schemas_share_are_the_same_in_all() -> None:
    spelt: dict[str, set[str]] = {}
    for name in NAMES:
        for part, definition in schema_of(name)["$defs"].items():
            spelt.setdefault(part, set()).add(json.dumps(definition, sort_keys=True))
    assert {part for part, spellings in spelt.items() if len(spellings) > 1} == set()
