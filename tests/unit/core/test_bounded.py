# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What leaves a worker fits into a payload of Temporal, whatever vCenter calls its VMs and says of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vsphere_preemption.core.bounded import NAMED_BYTES, VICTIM_BYTES, bounded, newest_within, short
from vsphere_preemption.core.contract import Criticality, StopMethod
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.planning.plan import LeftOutVm, Plan, Victim
from vsphere_preemption.core.reasons import LeftOut, VictimReason
from vsphere_preemption.core.records.outcome import RunRecord, VictimOutcome, VictimStatus
from vsphere_preemption.core.requests.request import PreemptionRequest
from vsphere_preemption.core.restore.record import RestoreRecord, VmRestoreOutcome, VmRestoreStatus
from vsphere_preemption_worker.messages.run import on_the_wire

MANY = 2000
PAYLOAD = 2_000_000
MONITOR = "\U0001f5a5"
TIME = "2026-11-24T10:00:00.123456Z"


def a_vm(number: int) -> ManagedObject:
    return ManagedObject("VirtualMachine", f"vm-{number:07}")


def an_outcome(number: int, name: str, message: str) -> VictimOutcome:
    return VictimOutcome(
        a_vm(number),
        name,
        VictimStatus.FAILED,
        StopMethod.SOFT_THEN_HARD,
        VictimReason.NO_LONGER_ELIGIBLE,
        message,
        marked=TIME,
        requested=TIME,
        stopped=TIME,
    )


TEXTS = pytest.mark.parametrize(
    ("name", "message"),
    [("n" * 80, "m" * 700), (MONITOR * 80, "m" * 700), (MONITOR * 80, MONITOR * 700), ("n" * 80, "")],
    ids=["long messages", "odd names", "odd everything", "no messages"],
)


@TEXTS
def test_the_outcomes_of_two_thousand_victims_fit_and_name_each_of_them(name: str, message: str) -> None:
    wire = on_the_wire(an_outcome(number, name, message) for number in range(MANY))
    assert len(json.dumps(wire)) <= VICTIM_BYTES
    assert [VictimOutcome.from_wire(entry).vm for entry in wire] == [a_vm(number) for number in range(MANY)]
    assert {entry["outcome"] for entry in wire} == {"failed"}


@TEXTS
def test_the_record_of_a_run_fits(name: str, message: str) -> None:
    record = RunRecord("w" * 1000, PreemptionRequest("t", Criticality.HIGH), TIME, "r" * 1000, message=message * 5000)
    left_out = [LeftOutVm(a_vm(number), name, LeftOut.CLAIMED) for number in range(MANY)]
    victims = [Victim(a_vm(number), name) for number in range(MANY)]
    record.plan = Plan(victims, left_out)
    planned = record.as_wire()
    record.victims = [an_outcome(number, name, message) for number in range(MANY)]
    for wire in (planned, record.as_wire()):
        assert len(json.dumps(wire)) <= 1_300_000
    plan = record.plan.shortened(MANY)
    assert len(json.dumps(plan)) <= VICTIM_BYTES + NAMED_BYTES + 1000
    assert len(Plan.from_wire(plan).victims) == MANY


@TEXTS
def test_the_record_of_a_restore_fits(name: str, message: str) -> None:
    record = RestoreRecord("r", "w", "t", "reason", TIME)
    machines = [VmRestoreOutcome(a_vm(number), name, VmRestoreStatus.FAILED, message=message) for number in range(MANY)]
    record.take(machines)
    assert len(json.dumps(record.as_wire())) <= PAYLOAD


def test_what_fits_is_not_changed() -> None:
    entries: list[dict[str, Any]] = [{"name": "n" * 80, "message": "m" * 700} for _number in range(100)]
    assert bounded(entries) is entries
    close = [{"name": MONITOR * 15, "message": "m" * 100} for _number in range(1500)]
    assert bounded(close) == close


def test_only_as_much_is_cut_as_is_needed() -> None:
    entries = [{"name": "n" * 80, "message": "m" * 700} for _number in range(1000)]
    cut = bounded(entries)
    assert {entry["name"] for entry in cut} == {"n" * 80}
    assert {entry["message"] for entry in cut} == {"m" * 297 + "..."}


def test_the_newest_are_kept() -> None:
    entries = [{"number": number} for number in range(100)]
    assert newest_within(entries, 40) == [{"number": 98}, {"number": 99}]
    assert newest_within(entries, 0) == []


def test_a_long_text_is_cut() -> None:
    assert short("x" * 10, 10) == "x" * 10
    assert short("x" * 11, 10) == "x" * 7 + "..."
