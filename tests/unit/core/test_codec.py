# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every message has the bytes that it always had, and is read back as itself.

`tests/fixtures/wire/messages.json` was written before there was a codec, when each type converted itself. A value of
each type is made from its type hints: once with every field, and once with only the required ones.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import types
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import partial
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from temporalio.converter import DataConverter, value_to_type

from support.paths import CHECKOUT
from vsphere_preemption.core.codec import UnreadableMessage, read
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.planning.plan import LeftOutVm, Plan, Victim
from vsphere_preemption.core.planning.target import Needed
from vsphere_preemption.core.policy.model import Policy
from vsphere_preemption.core.records.outcome import Announcement, ApprovalDecision, VictimOutcome
from vsphere_preemption.core.restore.record import NotRestoredVm, RestoreCandidate, VmRestoreOutcome
from vsphere_preemption.events.event_types import RestoredMachine
from vsphere_preemption_worker.messages import restore, run, scheduled
from vsphere_preemption_worker.workflows.dispatcher_state import DispatcherSnapshot

RECORDED = CHECKOUT / "tests" / "fixtures" / "wire" / "messages.json"

VALUES: tuple[type, ...] = (ManagedObject, Needed, Victim, LeftOutVm, Plan, VictimOutcome, Announcement)
VALUES += (ApprovalDecision, RestoreCandidate, NotRestoredVm, VmRestoreOutcome, RestoredMachine)


def _messages() -> Iterator[type]:
    """All dataclasses that the SDK converts."""
    for module in (run, restore, scheduled):
        for value in vars(module).values():
            if dataclasses.is_dataclass(value) and isinstance(value, type) and value.__module__ == module.__name__:
                yield value
    yield from (DispatcherSnapshot, Policy)


MESSAGES = tuple(_messages())


def sample(kind: Any, name: str = "", *, whole: bool) -> Any:
    """A value of this type; whole: with every field of every dataclass."""
    origin, arguments = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        fields = [field for field in dataclasses.fields(kind) if whole or _is_required(field)]
        return kind(**{field.name: sample(hints[field.name], field.name, whole=whole) for field in fields})  # type: ignore[operator]
    if origin in (list, tuple):
        return origin([sample(arguments[0], name, whole=whole)])
    if origin is types.UnionType:
        return sample(arguments[0], name, whole=whole)
    if origin in (dict, Mapping):
        return {f"{name} key": sample(arguments[1], name, whole=whole)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)[-1]
    return {str: f"{name} ü\u202e", int: 7, float: 1.5, bool: True}.get(kind, [name, 1, None])


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _wire_text(value: Any) -> str:
    return _payload(value.as_wire())


def _payload(value: Any) -> str:
    [payload] = DataConverter.default.payload_converter.to_payloads([value])
    return payload.data.decode()


def _written() -> dict[str, dict[str, str]]:
    texts = {}
    for kinds, write in ((VALUES, _wire_text), (MESSAGES, _payload)):
        for kind in kinds:
            parts = {"whole": True, "required": False}
            texts[kind.__name__] = {part: write(sample(kind, whole=whole)) for part, whole in parts.items()}
    return texts


if os.environ.get("RECORD_MESSAGES"):
    RECORDED.write_text(json.dumps(_written(), ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def test_each_message_has_the_same_bytes_as_ever() -> None:
    assert _written() == json.loads(RECORDED.read_text())


@pytest.mark.parametrize("kind", [kind for kind in VALUES if hasattr(kind, "from_wire")])
@pytest.mark.parametrize("whole", [True, False])
def test_each_value_is_read_back_as_itself(kind: Any, whole: bool) -> None:
    value = sample(kind, whole=whole)
    assert kind.from_wire(json.loads(_wire_text(value))) == value


@pytest.mark.parametrize("kind", MESSAGES)
@pytest.mark.parametrize("whole", [True, False])
def test_each_message_is_read_back_as_itself(kind: type, whole: bool) -> None:
    value = sample(kind, whole=whole)
    assert value_to_type(kind, json.loads(_payload(value))) == value


def test_what_an_older_version_did_not_write_has_its_default_and_what_a_newer_one_adds_is_ignored() -> None:
    older = {"vm": {"Type": "VirtualMachine", "Value": "vm-1"}, "name": "a", "future": 1}
    assert Victim.from_wire(older) == Victim(ManagedObject("VirtualMachine", "vm-1"), "a")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"name": 1}, "Victim.name: a int", id="number for text"),
        pytest.param({"memoryMib": "1"}, "Victim.memoryMib: a str", id="text for number"),
        pytest.param({"memoryMib": True}, "Victim.memoryMib: a bool", id="truth for number"),
        pytest.param({"memoryMib": 1.5}, "Victim.memoryMib: a float", id="fraction"),
        pytest.param({"name": None}, "Victim.name: a NoneType", id="null"),
        pytest.param({"vm": {"Type": "VirtualMachine"}}, "Victim.vm: ManagedObject lacks Value", id="missing"),
        pytest.param({"vm": "vm-1"}, "Victim.vm: a str", id="no object"),
    ],
)
def test_a_value_of_another_type_is_refused_and_named(change: dict[str, Any], named: str) -> None:
    wire = {**sample(Victim, whole=True).as_wire(), **change}
    with pytest.raises(UnreadableMessage, match=re.escape(named)):
        Victim.from_wire(wire)


def test_lists_enums_and_whole_numbers_for_fractions() -> None:
    read_plan = partial(read, Plan)
    with pytest.raises(UnreadableMessage, match=re.escape("Plan.leftOut: a dict")):
        read_plan({"leftOut": {}})
    with pytest.raises(UnreadableMessage, match="not a valid LeftOut"):
        read_plan({"leftOut": [{"vm": {"Type": "a", "Value": "b"}, "name": "", "reason": "no such"}]})
    seconds = read(Policy, {"rerun_window_seconds": 60}).rerun_window_seconds
    assert (seconds, type(seconds)) == (60.0, float)
