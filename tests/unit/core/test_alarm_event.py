# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alarms out of trigger events: three senders, and everything that none of them would send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.paths import CHECKOUT
from vsphere_preemption.core.alarm_event import COLOURS, MAX_NAME, AlarmEvent, is_alarm_event, read_alarm
from vsphere_preemption.core.event import TriggerEvent, read_event
from vsphere_preemption.core.inventory import ManagedObject

WIRE = CHECKOUT / "tests" / "fixtures" / "wire"
CLUSTER = ManagedObject("ClusterComputeResource", "domain-c7")
KNATIVE = "com.vmware.vsphere.AlarmStatusChangedEvent.v0"

# What pyVmomi's own JSON encoder makes of the event, which is how vmware.vmware hands it to a rulebook.
PYVMOMI: dict[str, Any] = {
    "_vimtype": "vim.event.AlarmStatusChangedEvent",
    "alarm": {
        "_vimtype": "vim.event.AlarmEventArgument",
        "alarm": "vim.alarm.Alarm:alarm-282",
        "name": "cluster-cpu-above-80",
    },
    "computeResource": {
        "_vimtype": "vim.event.ComputeResourceEventArgument",
        "computeResource": "vim.ClusterComputeResource:domain-c7",
        "name": "cls",
    },
    "entity": {
        "_vimtype": "vim.event.ManagedEntityEventArgument",
        "entity": "vim.HostSystem:host-21",
        "name": "10.161.166.252",
    },
    "from": "green",
    "host": None,
    "key": 15227,
    "source": {"entity": "vim.ClusterComputeResource:domain-c7", "name": "cls"},
    "to": "red",
    "vm": None,
}


def recorded(name: str) -> TriggerEvent:
    return read_event(json.loads((WIRE / name).read_text())["event"])


def event(data: object, **attributes: str) -> TriggerEvent:
    return TriggerEvent({"type": "anything", **attributes}, {"data": data})


def alarm(data: object, **attributes: str) -> AlarmEvent:
    found = read_alarm(event(data, **attributes))
    assert found is not None
    return found


def recased(value: Any, change: Any) -> Any:
    if isinstance(value, dict):
        return {change(key): recased(part, change) for key, part in value.items()}
    return value


def place(reference: object) -> ManagedObject | None:
    return alarm({"ComputeResource": {"Name": "c", "ComputeResource": reference}}, type=KNATIVE).compute_resource


OF_ROUTER = AlarmEvent(
    name="cluster-cpu-above-80",
    alarm=ManagedObject("Alarm", "alarm-282"),
    entity=ManagedObject("HostSystem", "host-21"),
    compute_resource=CLUSTER,
    from_colour="green",
    to_colour="red",
    key="15227",
    compute_resource_name="cls",
)


def test_the_old_event_router_names_the_event_in_the_subject() -> None:
    assert read_alarm(recorded("request-alarm-old-router.json")) == OF_ROUTER


def test_the_sources_for_knative_name_it_in_the_type() -> None:
    assert read_alarm(recorded("request-alarm.json")) == AlarmEvent(
        name="Host CPU usage",
        alarm=ManagedObject("Alarm", "alarm-1"),
        entity=ManagedObject("ClusterComputeResource", "domain-c16"),
        compute_resource=ManagedObject("ClusterComputeResource", "domain-c16"),
        from_colour="yellow",
        to_colour="red",
        key="2",
        compute_resource_name="DC0_C0",
    )


def test_the_event_source_of_vmware_says_the_same_in_the_words_of_pyvmomi() -> None:
    assert alarm(PYVMOMI) == OF_ROUTER


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title, str.swapcase])
def test_letter_case_of_keys_does_not_matter(change: Any) -> None:
    assert alarm(recased(PYVMOMI, change)) == OF_ROUTER


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"type": "com.vmware.event.router/event", "subject": "AlarmStatusChangedEvent"}, id="old router"),
        pytest.param({"type": KNATIVE}, id="Knative"),
        pytest.param({"type": "vim.event.AlarmStatusChangedEvent"}, id="pyVmomi"),
        pytest.param({"type": "com.vmware.vsphere.AlarmClearedEvent.v0"}, id="another alarm event"),
    ],
)
@pytest.mark.parametrize("data", [None, "<AlarmStatusChangedEvent/>", [], {}, 7])
def test_an_event_that_calls_itself_an_alarm_is_one_whatever_it_carries(
    attributes: dict[str, str], data: object
) -> None:
    assert alarm(data, **attributes) == AlarmEvent()


@pytest.mark.parametrize(
    "given_event",
    [
        pytest.param(recorded("request-preemptctl.json"), id="command line"),
        pytest.param(TriggerEvent(), id="empty"),
        pytest.param(event({"Vm": {"Name": "a"}}, type="com.vmware.vsphere.VmPoweredOffEvent.v0"), id="another event"),
        pytest.param(event({"alarm": "kitchen", "to": "the fire"}), id="other words for alarm"),
        pytest.param(event({}, type="com.example.FalseAlarmEventually"), id="a name that only begins alike"),
    ],
)
def test_other_events_are_no_alarms(given_event: TriggerEvent) -> None:
    assert read_alarm(given_event) is None
    assert not is_alarm_event(given_event)


@pytest.mark.parametrize(
    "reference",
    [
        {"Type": "ClusterComputeResource", "Value": "domain-c7"},
        {"type": "ClusterComputeResource", "value": "domain-c7"},
        {"type": "vim.ClusterComputeResource", "_moId": "domain-c7"},
        {
            "_vimtype": "vim.ClusterComputeResource",
            "_vimid": "domain-c7",
            "_vimref": "vim.ClusterComputeResource:domain-c7",
        },
        {"_moId": "domain-c7", "_serverGuid": None},
        {"moid": "domain-c7"},
        "vim.ClusterComputeResource:domain-c7",
        "'vim.ClusterComputeResource:domain-c7'",
        "ClusterComputeResource:domain-c7",
    ],
)
def test_a_reference_is_read_in_every_spelling(reference: object) -> None:
    assert place(reference) == CLUSTER


def test_a_reference_without_a_name_around_it_is_read_too() -> None:
    assert alarm({**PYVMOMI, "computeResource": "vim.ClusterComputeResource:domain-c7"}).compute_resource == CLUSTER
    assert alarm({**PYVMOMI, "computeResource": {"type": "ComputeResource", "value": "domain-s9"}}).compute_resource


@pytest.mark.parametrize(
    "reference",
    [
        None,
        "",
        "domain-c7",
        "vim.ClusterComputeResource:",
        "vim.ClusterComputeResource:domain c7",
        "vim.ClusterComputeResource:domain-c7\n",
        "vim.ClusterComputeResource:<x/>",
        {"Type": "ClusterComputeResource"},
        {"Type": "ClusterComputeResource", "Value": 7},
        {"Type": "ClusterComputeResource", "Value": "x" * 129},
        {"Type": {"a": 1}, "Value": ["domain-c7"]},
        ["ClusterComputeResource", "domain-c7"],
    ],
)
def test_what_is_no_reference_reads_as_missing(reference: object) -> None:
    assert place(reference) is None


@pytest.mark.parametrize("kind", ["Folder", "Datacenter", "HostSystem", "ResourcePool"])
def test_only_a_compute_resource_can_stand_for_one_so_that_no_event_widens_its_scope(kind: str) -> None:
    assert place({"Type": kind, "Value": "group-d1"}) is None


def test_a_datastore_alarm_belongs_to_no_compute_resource() -> None:
    datastore = {"name": "ds", "entity": "vim.Datastore:datastore-1"}
    found = alarm({**PYVMOMI, "computeResource": None, "entity": datastore})
    assert found.compute_resource is None
    assert found.entity == ManagedObject("Datastore", "datastore-1")


def test_texts_are_cut_and_colours_are_known_ones() -> None:
    odd = {"alarm": {"name": "x" * 10_000}, "from": "mauve", "to": "RED", "key": "9" * 500}
    found = alarm(odd)
    assert (found.name, found.from_colour, found.to_colour, found.key) == ("x" * MAX_NAME, "", "red", "9" * 32)


@pytest.mark.parametrize("key", [True, None, 1.5, [], pytest.param(10**5000, id="huge")])
def test_an_odd_key_is_left_out(key: object) -> None:
    assert alarm({**PYVMOMI, "key": key}).key == ""


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
FIELDS = st.sampled_from([*PYVMOMI, "Alarm", "name", "type", "value", "_moId", "_vimref", "_vimid"]) | st.text()
TEXTS = st.sampled_from(["vim.HostSystem:host-1", "domain-c7", "red", "vim.event.AlarmStatusChangedEvent"])
JSON = st.recursive(
    SCALARS | TEXTS, lambda part: st.lists(part, max_size=3) | st.dictionaries(FIELDS, part, max_size=6), max_leaves=20
)


@given(data=JSON, kind=st.sampled_from([KNATIVE, "x"]), subject=st.text() | st.just("AlarmStatusChangedEvent"))
def test_any_json_is_an_alarm_within_bounds_or_none(data: object, kind: str, subject: str) -> None:
    trigger = event(data, type=kind, subject=subject)
    found = read_alarm(trigger)
    assert (found is not None) == is_alarm_event(trigger)
    if found is None:
        return
    assert len(found.name) <= MAX_NAME
    assert len(found.key) <= 32
    assert {found.from_colour, found.to_colour} <= {"", *COLOURS}
    assert found.compute_resource is None or found.compute_resource.type.endswith("ComputeResource")
