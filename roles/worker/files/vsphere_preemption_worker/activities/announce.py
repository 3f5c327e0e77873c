# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events for the address in the request: which VMs will be stopped, which were, and unsuccessful outcomes."""

from __future__ import annotations

import logging
from typing import Any, Protocol

from temporalio import activity

from vsphere_preemption.core.errors import PreemptionError
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.mark import annotation
from vsphere_preemption.core.records.outcome import RunStatus, VictimOutcome
from vsphere_preemption.core.records.state import compact_json, machines_as_wire
from vsphere_preemption.events.envelope import OutgoingEvent, preempted_event, source_reference
from vsphere_preemption.events.event_types import failed_event, notice_event, skipped_event
from vsphere_preemption.events.sink import Sink

from ..messages.run import ANNOUNCE, NOTICE, TELL, AnnounceInput, NoticeInput, TellInput
from .support.heartbeat import with_heartbeat

GUESTINFO_KEY = "guestinfo.vsphere.preemption"

log = logging.getLogger(__name__)


class Guests(Protocol):
    """The part of the vCenter client that passes information to guests."""

    def set_guestinfo(self, vm: ManagedObject, key: str, value: str) -> ManagedObject: ...


class Announcer:
    """The activities that send events. address, namespace: those of Temporal, which form the source of all events."""

    def __init__(self, sink: Sink, guests: Guests, *, address: str, namespace: str) -> None:
        self._sink = sink
        self._guests = guests
        self._address = address
        self._namespace = namespace
        self._source = source_reference(address, namespace)

    @activity.defn(name=ANNOUNCE, no_thread_cancel_exception=True)
    def announce(self, input: AnnounceInput) -> str:
        """Send the event of the stopped VMs, and return its ID."""
        request = input.run.request
        event = preempted_event(
            source_address=self._address,
            namespace=self._namespace,
            workflow_id=input.run.workflow_id,
            event_id=request.event.id,
            time=input.time,
            data=announcement_data(input),
        )
        return self._send(event, request.reply_to)

    @activity.defn(name=NOTICE, no_thread_cancel_exception=True)
    def give_notice(self, input: NoticeInput) -> str:
        """Warn the guests and the event receivers; return the ID of the event, empty if none is configured."""
        with with_heartbeat():
            for victim in input.victims if input.guestinfo else ():
                self._warn_guest(victim.vm, input)
        if not input.event:
            return ""
        event = notice_event(
            input.run,
            input.victims,
            not_before=input.not_before,
            method=input.method,
            grace_seconds=input.grace_seconds,
            source=self._source,
            time=input.time,
        )
        return self._send(event, input.run.request.reply_to)

    @activity.defn(name=TELL, no_thread_cancel_exception=True)
    def tell(self, input: TellInput) -> str:
        """Send the event of a request that was skipped or not fully successful; return its ID."""
        make = skipped_event if input.record["outcome"] == RunStatus.SKIPPED else failed_event
        event = make(input.run, input.record, source=self._source, time=input.time)
        return self._send(event, input.run.request.reply_to)

    def _send(self, event: OutgoingEvent, address: str) -> str:
        with with_heartbeat():
            self._sink.send(event, address)
        return event.id

    def _warn_guest(self, vm: ManagedObject, input: NoticeInput) -> None:
        words = {"notBefore": input.not_before, "method": input.method.value, "runID": input.run.run_id}
        try:
            self._guests.set_guestinfo(vm, GUESTINFO_KEY, compact_json(words))
        except PreemptionError as error:
            # A guest that cannot be warned is stopped nevertheless; the mark records the preemption.
            log.warning("cannot warn guest", extra={"vm": vm.value, "error": str(error)})


def announcement_data(input: AnnounceInput) -> dict[str, Any]:
    """The prototype's fields, followed by ours: the run, and how each VM was stopped."""
    forced = any(outcome.forced for outcome in input.outcomes)
    return {
        **annotation(input.run, preempted=True, forced=forced),
        "virtualMachines": machines_as_wire([outcome.vm for outcome in input.outcomes]),
        "runID": input.run.run_id,
        "victims": [_victim(outcome) for outcome in input.outcomes],
    }


def _victim(outcome: VictimOutcome) -> dict[str, Any]:
    wire = outcome.as_wire()
    return {name: wire[name] for name in ("vm", "name", "method", "forced", "reason", "stopped")}
