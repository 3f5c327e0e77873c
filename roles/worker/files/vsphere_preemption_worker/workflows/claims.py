# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The claims: which run has claimed which VM, across all workers of a task queue.

A mark in vCenter also claims a VM, but not safely when two workers write one at the same time, and it does not show
which of two workers with the same account stopped a VM. Here a claim is an update, and updates are handled one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core.contract import CLAIMS_WORKFLOW_TYPE, SIGNAL_RELEASE, UPDATE_CLAIM
    from vsphere_preemption.core.errors import InvalidRequest


# Longer than data from vCenter is considered current, and longer than reading it takes.
LATELY_SECONDS = 60.0

# By VM: the run, and the expiry (seconds since the epoch). A released VM is kept for a while, without a run.
Held = dict[str, tuple[str, float]]
NOBODY = ""


@workflow.defn(name=CLAIMS_WORKFLOW_TYPE)
class PreemptionClaims:
    """Runs indefinitely; continues as new with its claims."""

    @workflow.init
    def __init__(self, carried: Any = None) -> None:
        self._held: Held = {vm: (run, until) for vm, (run, until) in (carried or {}).items()}

    @workflow.run
    async def run(self, carried: Any = None) -> None:
        await workflow.wait_condition(self._may_renew)
        workflow.continue_as_new(self._held)

    @workflow.update(name=UPDATE_CLAIM)
    def claim(self, raw: Any) -> dict[str, Any]:
        """Claim the VMs of `{"run", "vms", "seconds"}`: those granted, and seconds since another run held them."""
        now, run = workflow.now().timestamp(), raw["run"]
        self._held = {vm: held for vm, held in self._held.items() if held[1] > now}
        granted = [vm for vm in raw["vms"] if self._held.get(vm, (run, 0.0))[0] in (run, NOBODY)]
        free = {vm: self._held[vm][1] for vm in granted if vm in self._held and self._held[vm][0] == NOBODY}
        lately = {vm: now - (until - LATELY_SECONDS) for vm, until in free.items()}
        self._held.update(dict.fromkeys(granted, (run, now + raw["seconds"])))
        return {"vms": granted, "lately": lately}

    @claim.validator
    def validate_claim(self, raw: Any) -> None:
        vms = raw.get("vms") if isinstance(raw, Mapping) else None
        fits = isinstance(vms, list) and all(isinstance(vm, str) for vm in vms) and isinstance(raw.get("run"), str)
        if not fits or not isinstance(raw.get("seconds"), (int, float)):
            text = "Cannot accept the claim: it has an unexpected format."
            raise ApplicationError(text, type=InvalidRequest.code, non_retryable=True)

    @workflow.signal(name=SIGNAL_RELEASE)
    def release(self, run: Any) -> None:
        """Release the VMs of a run."""
        until = workflow.now().timestamp() + LATELY_SECONDS
        self._held.update({vm: (NOBODY, until) for vm, held in self._held.items() if held[0] == run})

    def _may_renew(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() and workflow.all_handlers_finished()
