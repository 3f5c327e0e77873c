# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an alarm asks for, and of which workflow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vsphere_preemption.core.alarm_event import AlarmEvent, read_alarm
from vsphere_preemption.core.contract import Criticality
from vsphere_preemption.core.errors import InvalidRequest
from vsphere_preemption.core.event import read_event
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.policy.alarm_rule import AlarmRule
from vsphere_preemption.core.requests.alarm_requests import event_for, request_for, workflow_id_for
from vsphere_preemption.core.requests.request import read_request

ALARM = AlarmEvent(
    name="Cluster memory",
    alarm=ManagedObject("Alarm", "alarm-1"),
    entity=ManagedObject("HostSystem", "host-1"),
    compute_resource=ManagedObject("ClusterComputeResource", "domain-c7"),
    from_colour="green",
    to_colour="red",
    key="42",
    compute_resource_name="C0",
)
RULE = AlarmRule("memory", ("*",), "preemptible", reply_to="https://sink.example.com")
EVENT = event_for(ALARM, source="https://vc.example.com/sdk", id="x", time="2026-11-24T12:00:00Z")


def test_each_alarm_in_each_cluster_of_each_vcenter_has_a_workflow_of_its_own() -> None:
    assert workflow_id_for(ALARM, "queue") == "alarm/queue/Cluster memory/domain-c7"


def test_an_alarm_with_an_odd_name_has_a_workflow_id_that_can_be_shown() -> None:
    named = replace(ALARM, name="{{ x }}\n/\x1b[31m" + "y" * 200)
    odd = workflow_id_for(named, "queue").split("/")[2]
    assert odd.startswith("-- x ------31m")
    assert len(odd) == 100


def test_an_alarm_without_a_compute_resource_has_no_workflow() -> None:
    with pytest.raises(InvalidRequest, match="it belongs to no compute resource"):
        workflow_id_for(replace(ALARM, compute_resource=None), "queue")


@pytest.mark.parametrize(("colour", "criticality"), [("yellow", Criticality.LOW), ("red", Criticality.HIGH)])
def test_the_colour_says_how_urgent_it_is(colour: str, criticality: Criticality) -> None:
    request = request_for(RULE, replace(ALARM, to_colour=colour), EVENT)
    assert request
    assert (request.tag, request.criticality, request.reply_to) == ("preemptible", criticality, RULE.reply_to)
    assert read_request(request.as_wire()) == request


@pytest.mark.parametrize("colour", ["green", "gray", ""])
def test_other_colours_ask_for_nothing(colour: str) -> None:
    assert request_for(RULE, replace(ALARM, to_colour=colour), EVENT) is None


def test_the_event_of_an_alarm_is_read_as_that_alarm_again() -> None:
    assert read_alarm(read_event(EVENT.as_wire())) == ALARM
    bare = AlarmEvent(name="x", to_colour="red")
    assert read_alarm(event_for(bare, source="s", id="i", time="t")) == bare
