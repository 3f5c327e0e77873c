# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The claims: which run has claimed which VM, across all workers of a task queue.

A mark in vCenter also claims a VM, but not safely when two workers write one at the same time, and it does not show
which of two workers with the same account stopped a VM. Here a claim is an update, and updates are handled one by one.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core.contract import CLAIMS_WORKFLOW_TYPE, SIGNAL_RELEASE, UPDATE_CLAIM
    from vsphere_preemption.core.errors import InvalidRequest

    from .raw_input import only_payload, refused

log = workflow.logger

# Longer than data from vCenter is considered current, and longer than reading it takes.
LATELY_SECONDS = 60.0

# By VM: the run, and the expiry (seconds since the epoch). A released VM is kept for a while, without a run.
Held = dict[str, tuple[str, float]]
NOBODY = ""
NONE = (None, None, None)
# No grace period of any use is longer; until a run ends, its pending marks protect its VMs as well.
LONGEST_SECONDS = 24 * 3600.0
# What is higher is no time, but a mistake.
LONGEST_NUMBER = 1e9
# A plan has up to 2,000 victims.
MOST_VMS = 5000
# All claims together are handed on in one payload, of which Temporal takes up to 2 MB.
MOST_BYTES = 1_500_000
# Of one claim as JSON: the time, quotation marks, brackets, separators.
OVERHEAD_BYTES = 32
# An id of Temporal has up to 1,000 bytes; that of a restore has a UUID in addition.
RUN_BYTES = 1100
MOREF_CHARACTERS = 64
# Up to this number, all claims fit, however long their texts are.
FEW = 400
MOST_NAMED = 20

_MOREF = re.compile(rf"[\w.-]{{1,{MOREF_CHARACTERS}}}", re.ASCII)


@dataclass(frozen=True)
class Claim:
    """What a run wants to hold. vms: MoRefs."""

    run: str
    vms: list[str]
    seconds: float


@workflow.defn(name=CLAIMS_WORKFLOW_TYPE)
class PreemptionClaims:
    """Runs indefinitely; continues as new with its claims."""

    @workflow.init
    def __init__(self, carried: Any = None) -> None:
        # A client may have started it, with anything.
        handed_on = carried if workflow.info().continued_run_id else {}
        latest = workflow.now().timestamp() + LONGEST_SECONDS
        self._held: Held = {vm: (run, until if until <= latest else latest) for vm, (run, until) in handed_on.items()}

    @workflow.run
    async def run(self, carried: Any = None) -> None:
        await workflow.wait_condition(self._may_renew)
        workflow.continue_as_new(self._held)

    # Dynamic and raw: see `raw_input`.
    @workflow.update(dynamic=True)
    def claim(self, name: str, payloads: Sequence[RawValue]) -> dict[str, Any]:
        """Claim the VMs of `{"run", "vms", "seconds"}`.

        `vms`: those granted. `lately`: seconds since another run held them. `heldBy`: runs that hold what was not
        granted; whether they are still open is not known here. `full`: some were not granted because there is no room.
        """
        wanted = _read_claim(name, payloads)
        now, run = workflow.now().timestamp(), wanted.run
        self._held = {vm: held for vm, held in self._held.items() if held[1] > now}
        free = [vm for vm in wanted.vms if self._held.get(vm, (run, 0.0))[0] in (run, NOBODY)]
        granted = free[: self._room_for(run)] if len(self._held) + len(free) > FEW else free
        released = {vm: self._held[vm][1] for vm in granted if vm in self._held and self._held[vm][0] == NOBODY}
        lately = {vm: now - (until - LATELY_SECONDS) for vm, until in released.items()}
        self._held.update(dict.fromkeys(granted, (run, now + min(wanted.seconds, LONGEST_SECONDS))))
        full = len(granted) < len(free)
        return {"vms": granted, "lately": lately, "heldBy": self._others(wanted, full=full), "full": full}

    @claim.validator
    def validate_claim(self, name: str, payloads: Sequence[RawValue]) -> None:
        _read_claim(name, payloads)

    @workflow.signal(dynamic=True)
    def release(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Release the VMs of a run. Anything else is ignored."""
        try:
            run = only_payload("Cannot release the VMs of a run", payloads) if name == SIGNAL_RELEASE else NOBODY
        except InvalidRequest as error:
            log.warning("signal ignored", extra={"detail": str(error)})
            return
        until = workflow.now().timestamp() + LATELY_SECONDS
        self._held.update({vm: (NOBODY, until) for vm, held in self._held.items() if held[0] == run != NOBODY})

    def _room_for(self, run: str) -> int:
        """How many VMs the run may hold in addition, or again, so that all claims fit into one payload."""
        holders = Counter(holder for holder, _until in self._held.values() if holder != run)
        entries = OVERHEAD_BYTES + MOREF_CHARACTERS
        others = sum(number * (len(json.dumps(holder)) + entries) for holder, number in holders.items())
        return max(0, min(MOST_VMS, (MOST_BYTES - others) // (len(json.dumps(run)) + entries)))

    def _others(self, wanted: Claim, *, full: bool) -> list[str]:
        """The runs that are in the way of a claim, up to MOST_NAMED."""
        holders = (self._held.get(vm, (NOBODY,))[0] for vm in (self._held if full else wanted.vms))
        return list(dict.fromkeys(holder for holder in holders if holder not in (NOBODY, wanted.run)))[:MOST_NAMED]

    def _may_renew(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() and workflow.all_handlers_finished()


def _read_claim(name: str, payloads: Sequence[RawValue]) -> Claim:
    """The claim in an update. Raises ApplicationError, which rejects it."""
    what = "Cannot accept the claim"
    try:
        if name != UPDATE_CLAIM:
            raise InvalidRequest(what, why=f"the update {name[:80]!r} is unknown", next_step=f"Send {UPDATE_CLAIM}.")
        raw = only_payload(what, payloads)
        run, vms, seconds = (raw.get(part) for part in ("run", "vms", "seconds")) if isinstance(raw, Mapping) else NONE
        if not isinstance(run, str) or not _is_id(run) or not isinstance(vms, list):
            raise InvalidRequest(what, why="it has an unexpected format", next_step="Send run, vms and seconds.")
        if len(vms) > MOST_VMS or not all(isinstance(vm, str) and _MOREF.fullmatch(vm) for vm in vms):
            raise InvalidRequest(what, why="its vms are not references", next_step=f"Send up to {MOST_VMS} MoRefs.")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= LONGEST_NUMBER:
            raise InvalidRequest(what, why="its seconds are not a time", next_step="Send the seconds as a number.")
        return Claim(run, vms, float(seconds))
    except InvalidRequest as error:
        raise refused(error) from error


def _is_id(run: str) -> bool:
    try:
        return 0 < len(run.encode()) <= RUN_BYTES
    except UnicodeEncodeError:
        return False
