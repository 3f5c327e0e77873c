# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All events that are sent, as values: the prototype's reply event, and those beside it.

Each is a pure function of its input: a repeated event has the same id and the same bytes, so that consumers can drop
it. `source` is always that of `source_reference`, `time` is wire text. The destination address is never part
of an event, because it may contain a token.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from ..core.codec import Wired
from ..core.contract import (
    FAILED_EVENT_TYPE,
    NOTICE_EVENT_TYPE,
    PREEMPTED_EVENT_TYPE,
    RESTORED_EVENT_TYPE,
    SKIPPED_EVENT_TYPE,
    StopMethod,
)
from ..core.inventory import ManagedObject
from ..core.mark import RunIdentity, annotation
from ..core.planning.plan import Victim
from ..core.records.outcome import VictimStatus

# RFC 3986, 3.1 and 4.2: the part before a colon in the first segment must be a scheme.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# RFC 3986, 2.2 and 3.3: characters that need no encoding in a whole reference, and in a path.
_IN_REFERENCE = ":/?#[]@!$&'()*+,;="
_IN_PATH = "/:@!$&'()*+,;="

Record = Mapping[str, Any]

_OF_RECORD = ("requestID", "runID", "outcome", "reason", "message", "received", "started", "finished")
_OF_FAILED_VICTIM = ("vm", "name", "method", "forced", "reason", "message", "marked", "requested", "settled")


@dataclass(frozen=True)
class OutgoingEvent:
    """A CloudEvent to send. time: wire text. data: a JSON object."""

    type: str
    source: str
    id: str
    time: str
    data: Mapping[str, Any]


def preempted_event(
    *, source_address: str, namespace: str, workflow_id: str, event_id: str, time: str, data: Mapping[str, Any]
) -> OutgoingEvent:
    """The event that lists the preempted VMs. Its id is the same each time the run announces it."""
    return OutgoingEvent(
        type=PREEMPTED_EVENT_TYPE,
        source=source_reference(source_address, namespace),
        id=f"{workflow_id}-{event_id}",
        time=time,
        data=data,
    )


def source_reference(address: str, namespace: str) -> str:
    """`<address>/<namespace>`, in the prototype's format if that is a URI reference.

    `localhost:7233/x` is one, since `localhost` can be parsed as a scheme. `127.0.0.1:7233/x` is not; the prototype
    cannot send events from such an address. Two slashes turn it into a reference with an authority. Characters that are
    invalid in a URI are percent-encoded.
    """
    plain = f"{quote(address, safe=_IN_REFERENCE)}/{quote(namespace, safe=_IN_PATH)}"
    return plain if ":" not in address or _SCHEME.match(plain) else f"//{plain}"


@dataclass(frozen=True)
class RestoredMachine(Wired):
    """A VM that was restored. preemption_run_id: of the run that stopped it, from its mark; empty if unknown.

    started: when it was seen powered on (wire text).
    """

    wire_names: ClassVar = {"preemption_run_id": "preemptionRunID"}

    vm: ManagedObject
    name: str
    started: str
    preemption_run_id: str = ""


@dataclass(frozen=True)
class RestoreIdentity:
    """The identity of a restore run. run_id: its workflow id.

    preemption: the run whose VMs it restores, None if these come from several runs, or from one that is not known.
    tag: of the VMs, empty if none was requested; that of `preemption` takes precedence.
    reason: why they are restored, such as `pressure_gone`; for the record.
    """

    run_id: str
    preemption: RunIdentity | None = None
    tag: str = ""
    reason: str = ""


def notice_event(
    run: RunIdentity,
    victims: Sequence[Victim],
    *,
    not_before: str,
    method: StopMethod,
    grace_seconds: float,
    source: str,
    time: str,
) -> OutgoingEvent:
    """Which VMs will be stopped, not before when (wire text), and how."""
    data = {
        **_named(run),
        "virtualMachines": [victim.vm.as_wire() for victim in victims],
        "runID": run.run_id,
        "notBefore": not_before,
        "method": method.value,
        "graceSeconds": float(grace_seconds),
        "reason": run.request.narrowing.reason,
        "victims": [{"vm": victim.vm.as_wire(), "name": victim.name} for victim in victims],
    }
    return OutgoingEvent(NOTICE_EVENT_TYPE, source, _id(run, "notice"), time, data)


def skipped_event(run: RunIdentity, record: Record, *, source: str, time: str) -> OutgoingEvent:
    """A request that was skipped. record: `RunRecord.brief`. run: its run_id is empty if there was no run."""
    data = {**_named(run), **_told(record)}
    return OutgoingEvent(SKIPPED_EVENT_TYPE, source, _id(run, "skipped"), time, data)


def failed_event(run: RunIdentity, record: Record, *, source: str, time: str) -> OutgoingEvent:
    """A run that failed completely or partially, with the victims that it did not stop. record: `RunRecord.as_wire`."""
    failed = [victim for victim in record["victims"] if victim["outcome"] == VictimStatus.FAILED]
    counted = Counter(victim["outcome"] for victim in record["victims"])
    data = {
        **_named(run),
        "virtualMachines": [victim["vm"] for victim in failed],
        **_told(record),
        "counts": {end.value: counted[end] for end in VictimStatus},
        "victims": [{name: victim[name] for name in _OF_FAILED_VICTIM} for victim in failed],
    }
    return OutgoingEvent(FAILED_EVENT_TYPE, source, _id(run, "failed"), time, data)


def restored_event(
    restore: RestoreIdentity, machines: Sequence[RestoredMachine], *, source: str, time: str
) -> OutgoingEvent:
    """The VMs that one restore run restored."""
    preemption = restore.preemption
    data = {
        **(_named(preemption) if preemption else {"tag": restore.tag}),
        "virtualMachines": [machine.vm.as_wire() for machine in machines],
        "runID": restore.run_id,
        "preemptionRunID": preemption.run_id if preemption else "",
        "reason": restore.reason,
        "victims": [machine.as_wire() for machine in machines],
    }
    return OutgoingEvent(RESTORED_EVENT_TYPE, source, restore.run_id, time, data)


def _named(run: RunIdentity) -> dict[str, Any]:
    """The prototype's fields, without those for a stopped VM."""
    stopped = ("preempted", "forcedShutdown")
    return {name: v for name, v in annotation(run, preempted=False, forced=False).items() if name not in stopped}


def _told(record: Record) -> dict[str, Any]:
    return {name: record[name] for name in _OF_RECORD}


def _id(run: RunIdentity, kind: str) -> str:
    return f"{run.workflow_id}-{run.request.event.id}-{kind}"
