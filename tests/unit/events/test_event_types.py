# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events beside the prototype's, as values."""

from __future__ import annotations

import json
import re

import pytest

from support.announcements import (
    FIRST,
    NAMES,
    SOURCE,
    by_alarm,
    by_hand,
    identity,
    outcomes,
    record,
    sample,
)
from support.paths import CHECKOUT
from vsphere_preemption.core.reasons import RunReason
from vsphere_preemption.core.records.outcome import RunStatus
from vsphere_preemption.core.requests.request import read_request
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
NAMED = ["tag", "criticality", "workflowID", "workflowStarted", "event"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", list(ContentMode))
def test_the_same_input_is_the_same_bytes(name: str, mode: ContentMode) -> None:
    assert encode(sample(name), mode) == encode(sample(name), mode)


def test_the_ids_name_run_and_kind_so_that_a_repetition_can_be_dropped() -> None:
    assert {name: sample(name).id for name in NAMES} == {
        "preempted": "cluster-memory-1235490d",
        "notice": "cluster-memory-1235490d-notice",
        "skipped": "cluster-memory-1235490d-skipped",
        "failed": "cluster-memory-1235490d-failed",
        "restored": "restore/5e1f0c2a",
    }


@pytest.mark.parametrize("name", NAMES)
def test_all_events_come_from_the_same_source_and_have_types_of_their_own(name: str) -> None:
    assert sample(name).source == SOURCE == "temporal.example.com:7233/vsphere-preemption"
    assert [other for other in NAMES if sample(other).type == sample(name).type] == [name]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "preempted"])
def test_the_data_begins_with_what_names_the_request(name: str) -> None:
    data = sample(name, by_alarm()).data
    assert list(data)[: len(NAMED)] == NAMED
    assert data["event"] == by_alarm().event.as_wire()


@pytest.mark.parametrize("name", NAMES)
def test_no_event_tells_where_it_goes_since_an_address_may_hold_a_token(name: str) -> None:
    request = read_request({**by_hand().as_wire(), "replyTo": "https://sink.example/hook?token=s3cret"})
    assert "s3cret" not in str(sample(name, request))


def test_a_notice_tells_whom_when_how_and_why() -> None:
    data = sample("notice").data
    assert [victim["name"] for victim in data["victims"]] == ["batch-01", "batch-02"]
    assert data["virtualMachines"] == [victim["vm"] for victim in data["victims"]]
    told = {name: data[name] for name in ("notBefore", "method", "graceSeconds", "reason")}
    assert told == {
        "notBefore": "2026-11-24T11:04:40Z",
        "method": "soft_then_hard",
        "graceSeconds": 120.0,
        "reason": "drill",
    }


def test_a_failure_lists_the_victims_that_failed_and_only_counts_the_others() -> None:
    data = sample("failed").data
    assert data["counts"] == {"stopped": 1, "spared": 0, "failed": 1}
    assert [(victim["name"], victim["reason"]) for victim in data["victims"]] == [("batch-02", "stop_refused")]
    assert data["virtualMachines"] == [{"Type": "VirtualMachine", "Value": "vm-66"}]


def test_a_run_that_failed_before_it_had_victims_is_told_without_any() -> None:
    broken = record(by_hand(), RunStatus.FAILED, RunReason.PLAN_FAILED)
    broken.victims, broken.message = [], "vCenter is away"
    data = failed_event(identity(by_hand()), broken.as_wire(), source=SOURCE, time=NOW).data
    assert (data["virtualMachines"], data["victims"], data["message"]) == ([], [], "vCenter is away")


def test_a_request_that_was_turned_away_says_why_and_names_no_vm() -> None:
    turned_away = record(by_hand(), RunStatus.SKIPPED, RunReason.PAUSED)
    turned_away.message = "paused by somebody"
    data = skipped_event(identity(by_hand()), turned_away.brief(), source=SOURCE, time=NOW).data
    assert (data["outcome"], data["reason"], data["message"]) == ("skipped", "paused", "paused by somebody")
    assert "virtualMachines" not in data


def test_vms_of_several_runs_are_given_back_under_the_name_of_none() -> None:
    machines = [RestoredMachine(FIRST, "a", NOW, "run-1"), RestoredMachine(FIRST, "b", NOW)]
    data = restored_event(RestoreIdentity("restore/1", tag="spot"), machines, source=SOURCE, time=NOW).data
    assert next(iter(data)) == "tag"
    assert (data["tag"], data["runID"], data["preemptionRunID"]) == ("spot", "restore/1", "")
    assert [machine["preemptionRunID"] for machine in data["victims"]] == ["run-1", ""]
    assert not set(NAMED[1:]) & set(data)


def test_a_restored_machine_travels_and_comes_back() -> None:
    machine = RestoredMachine(FIRST, "a", NOW, "run-1")
    assert RestoredMachine.from_wire(json.loads(json.dumps(machine.as_wire()))) == machine


def test_the_samples_hold_a_victim_of_each_kind() -> None:
    assert {outcome.outcome.value for outcome in outcomes()} == {"stopped", "failed"}


def test_the_examples_in_the_documentation_are_what_the_code_makes() -> None:
    page = (CHECKOUT / "docs" / "events.md").read_text()
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    made = [json.loads(encode(sample(name), ContentMode.STRUCTURED).body) for name in NAMES if name != "preempted"]
    assert shown == made
