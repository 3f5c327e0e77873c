# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Announce what was done: one CloudEvent to the address that the request named."""

from __future__ import annotations

from typing import Any

from temporalio import activity

from vsphere_preemption.core.mark import annotation
from vsphere_preemption.core.outcome import VictimOutcome
from vsphere_preemption.core.state import machines_as_wire
from vsphere_preemption.events.envelope import preempted_event
from vsphere_preemption.events.sink import Sink

from ..messages import ANNOUNCE, AnnounceInput
from .supervision import supervised


class Announcing:
    """The activity that announces. address, namespace: of Temporal; they make the event's source."""

    def __init__(self, sink: Sink, *, address: str, namespace: str) -> None:
        self._sink = sink
        self._address = address
        self._namespace = namespace

    @activity.defn(name=ANNOUNCE, no_thread_cancel_exception=True)
    def announce(self, order: AnnounceInput) -> str:
        """Send the event and return its id."""
        request = order.run.request
        event = preempted_event(
            source_address=self._address,
            namespace=self._namespace,
            workflow_id=order.run.workflow_id,
            event_id=request.event.id,
            time=order.time,
            data=announcement_data(order),
        )
        with supervised():
            self._sink.send(event, request.reply_to)
        return event.id


def announcement_data(order: AnnounceInput) -> dict[str, Any]:
    """The prototype's fields, then ours: the run, and how each VM was stopped."""
    forced = any(outcome.forced for outcome in order.outcomes)
    return {
        **annotation(order.run, preempted=True, forced=forced),
        "virtualMachines": machines_as_wire([outcome.vm for outcome in order.outcomes]),
        "runID": order.run.run_id,
        "victims": [_victim(outcome) for outcome in order.outcomes],
    }


def _victim(outcome: VictimOutcome) -> dict[str, Any]:
    wire = outcome.as_wire()
    return {name: wire[name] for name in ("vm", "name", "method", "forced", "reason", "stopped")}
