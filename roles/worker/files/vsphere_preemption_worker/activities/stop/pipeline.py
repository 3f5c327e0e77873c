# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One victim's way to its end: look again, mark, look again if that took long, ask it to stop.

`Pipeline.stop` is called for many victims at the same time, so that the marks of some are written while others are
already stopping. It may be called again for the same victim by a later attempt: everything that an earlier attempt did
is found in vCenter, and nothing is done twice.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from vsphere_preemption.core import times
from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.errors import PreemptionError, VCenterFault, VCenterObjectGone
from vsphere_preemption.core.inventory import ManagedObject, PowerState, VirtualMachine
from vsphere_preemption.core.mark import MarkFound, MarkPhase, read_mark
from vsphere_preemption.core.planning.decision import DecisionContext, needs_labels, plan_limits
from vsphere_preemption.core.planning.plan import PlanLimits, Victim, why_not
from vsphere_preemption.core.reasons import LeftOut, VictimReason
from vsphere_preemption.core.records.outcome import VictimOutcome, VictimStatus
from vsphere_preemption.core.sending import Confirm

from ...messages.run import StopInput
from ..support.claims import Claims
from ..support.context import ActivityContext, any_fault, may_pass
from ..support.vcenter import PowerClient
from .gate import Gate, GateClosed, pass_through
from .marks import Marks
from .recheck import Recheck
from .requested import EarlierRequest, Evidence, ShutdownRequests, StopRequest, Unattributed


@dataclass(frozen=True, kw_only=True)
class StopContext(ActivityContext):
    """The dependencies of a pipeline. gate: checked before each change. asked: guests that need not be asked again."""

    gate: Gate
    asked: ShutdownRequests = field(default_factory=ShutdownRequests)


def wanted_state(method: StopMethod) -> PowerState:
    """What a VM has become when it was stopped that way."""
    return PowerState.SUSPENDED if method is StopMethod.SUSPEND else PowerState.OFF


class Pipeline:
    """Stops the victims of one run, one call of `stop` each."""

    def __init__(
        self,
        vcenter: PowerClient,
        input: StopInput,
        *,
        claims: Claims,
        marks: Marks,
        context: StopContext,
    ) -> None:
        self._vcenter = vcenter
        self._input = input
        self._claims = claims
        self._marks = marks
        self._context = context
        self._wanted = wanted_state(input.method)
        self._once, self._looked_again, self._stops = threading.Lock(), False, False
        self._evidence = Evidence(vcenter, times.from_wire(input.marked))
        labels, placed = needs_labels(input.policy), bool(input.scope.areas)
        look = partial(vcenter.recheck, input.run.request.tag, labels=labels, placed=placed)
        if input.policy.protection.tags:
            look = partial(look, protecting=input.policy.protection.tags)
        self._recheck = Recheck(look, [victim.vm for victim in input.victims], context.clock)

    def stop(self, victim: Victim) -> StopRequest | VictimOutcome:
        """Bring one victim as far as vCenter's word that it will stop. Raises only where vCenter itself is away."""
        earlier = self._context.asked.earlier(victim.vm)
        if earlier and (self._suffices(earlier) or self._context.gate.check()):
            return self._requested(victim, earlier)
        unmarked = self.mark(victim)
        if unmarked:
            return unmarked
        verdict = self._judge(victim, self._recheck.current(victim.vm), marked=self._input.marked)
        return verdict or self._ask(victim, forced=self._input.method is StopMethod.HARD)

    def was_asked(self, victim: Victim) -> bool:
        """Whether an earlier attempt requested that it stops, so that it may stop whatever is decided now."""
        return self._context.asked.earlier(victim.vm) is not None

    def mark(self, victim: Victim) -> VictimOutcome | None:
        """Write its pending mark; the outcome of a victim that must not be stopped, or is stopped already."""
        self._context.check_in()
        closed = self._context.gate.check()
        machine, looked = self._recheck.seen(victim.vm)
        verdict = self._judge(victim, machine, marked="")
        if verdict or machine is None:
            return verdict or self._lost(victim, marked="")
        if closed:
            return self._spared_by(closed, victim, machine)
        if not self._claims.take(victim.vm, self._input.run.run_id):
            return self.outcome(victim, VictimStatus.SPARED, VictimReason.CLAIMED)
        if self._claims.had_another_since(victim.vm, self._input.run.run_id, looked):
            machine = self._look_again(victim.vm)
            verdict = self._judge(victim, machine, marked="")
            if verdict or machine is None:
                return verdict or self._lost(victim, marked="")
        return self._write_mark(victim, machine)

    def escalate(self, late: StopRequest) -> StopRequest | VictimOutcome:
        """The grace period is over: power off what the guest did not shut down."""
        machine = self._recheck.current(late.victim.vm)
        verdict = self._judge(late.victim, machine, marked=late.marked, requested=late.requested)
        return verdict or self._ask(late.victim, forced=True, reason=VictimReason.ESCALATED)

    def attribute(self, found_off: Unattributed) -> list[VictimOutcome]:
        """The outcomes of VMs that went off without a task of ours to show for it."""
        ours = self._evidence.ours(found_off)
        return [
            self.outcome_of(request, VictimStatus.STOPPED, seen=seen)
            if vm in ours
            else self.outcome_of(request, VictimStatus.SPARED, VictimReason.ALREADY_OFF)
            for vm, (request, seen) in found_off.items()
        ]

    def outcome_of(
        self,
        request: StopRequest,
        end: VictimStatus,
        reason: VictimReason = VictimReason.NONE,
        message: str = "",
        seen: datetime | None = None,
    ) -> VictimOutcome:
        """The outcome of a victim that vCenter was asked to stop. seen: when it was off, if that was not just now."""
        return self.outcome(
            request.victim,
            end,
            reason or request.reason,
            message=message,
            forced=request.forced and end is VictimStatus.STOPPED,
            marked=request.marked,
            requested=request.requested,
            seen=seen,
        )

    def outcome(
        self,
        victim: Victim,
        end: VictimStatus,
        reason: VictimReason = VictimReason.NONE,
        *,
        message: str = "",
        forced: bool = False,
        marked: str = "",
        requested: str = "",
        seen: datetime | None = None,
    ) -> VictimOutcome:
        stopped = times.to_wire(seen or self._context.now()) if end is VictimStatus.STOPPED else ""
        method = self._input.method
        return VictimOutcome(victim.vm, victim.name, end, method, reason, message, forced, marked, requested, stopped)

    def _judge(
        self, victim: Victim, machine: VirtualMachine | None, *, marked: str, requested: str = ""
    ) -> VictimOutcome | None:
        """The outcome of a VM that cannot be stopped, or is stopped already; None for one that can be."""
        if machine is None:
            return self._lost(victim, marked)
        reason = why_not(machine, self._limits())
        if reason is None:
            return None
        ours = self._our_mark(machine)
        marked = marked or (self._input.marked if ours else "")
        if machine.power_state in (PowerState.OFF, self._wanted):
            return self._found_off(victim, ours, marked, requested)
        known = VictimReason.CLAIMED if reason is LeftOut.CLAIMED else VictimReason.NO_LONGER_ELIGIBLE
        return self.outcome(
            victim, VictimStatus.SPARED, known, message=reason.value, marked=marked, requested=requested
        )

    def _found_off(self, victim: Victim, mark: MarkFound | None, marked: str, requested: str) -> VictimOutcome:
        """Ours if our mark has that phase, or if we marked it and vCenter names us as the user that stopped it."""
        forced = mark.forced if mark else False
        settled = mark is not None and mark.phase is MarkPhase.PREEMPTED
        seen = mark.time if mark and settled else None
        stop = self._evidence.ours([victim.vm]).get(victim.vm) if marked and not settled else None
        if settled or stop:
            end, reason = VictimStatus.STOPPED, VictimReason.NONE
            forced = stop.method is StopMethod.HARD if stop else forced
        else:
            end, reason, forced = VictimStatus.SPARED, VictimReason.ALREADY_OFF, False
        outcome = self.outcome(victim, end, reason, forced=forced, marked=marked, requested=requested, seen=seen)
        return replace(outcome, settled=settled)

    def _look_again(self, vm: ManagedObject) -> VirtualMachine | None:
        """The VM as it is since the run has its victims; one look for all of them."""
        with self._once:
            if not self._looked_again:
                self._recheck.forget()
                self._looked_again = True
        return self._recheck.current(vm)

    def _spared_by(self, closed: VictimReason, victim: Victim, machine: VirtualMachine) -> VictimOutcome:
        """No longer to be stopped. A mark that an earlier attempt has written must be settled, too."""
        marked = self._input.marked if self._our_mark(machine) else ""
        return self.outcome(victim, VictimStatus.SPARED, closed, marked=marked)

    def _our_mark(self, machine: VirtualMachine) -> MarkFound | None:
        mark = read_mark(machine.mark)
        return mark if mark and mark.run_id == self._input.run.run_id else None

    def _lost(self, victim: Victim, marked: str) -> VictimOutcome:
        return self.outcome(victim, VictimStatus.SPARED, VictimReason.TAG_REMOVED, marked=marked)

    def _limits(self) -> PlanLimits:
        input = self._input
        context = DecisionContext(self._context.now(), input.run.run_id, input.lease_seconds)
        return plan_limits(input.policy, input.scope, context)

    def _write_mark(self, victim: Victim, machine: VirtualMachine) -> VictimOutcome | None:
        """Write the pending mark; the victim's outcome where that cannot be done, for then it must not be stopped."""
        self._marks.learn(victim.vm, machine.mark)
        text = self._marks.pending(victim.vm)
        if machine.mark == text:
            return None
        tried, last = "", ""
        for again in self._context.tries(any_fault):
            self._context.check_in()
            try:
                pass_through(self._context.gate, partial(self._vcenter.write_mark, victim.vm, text))
                return None
            except GateClosed as closed:
                return self.outcome(victim, VictimStatus.SPARED, closed.reason, marked=tried)
            except VCenterObjectGone as error:
                return self.outcome(victim, VictimStatus.SPARED, VictimReason.VM_DELETED, message=str(error))
            except PreemptionError as error:
                # vCenter may have accepted the mark, although its answer was lost.
                tried, last = self._input.marked, str(error)
                self._context.gate.forget()
                if not again(error):
                    break
        return self.outcome(victim, VictimStatus.FAILED, VictimReason.MARK_FAILED, message=last)

    def _ask(
        self, victim: Victim, *, forced: bool, reason: VictimReason = VictimReason.NONE
    ) -> StopRequest | VictimOutcome:
        """Ask vCenter to stop the VM, until it accepts, refuses for good, or the VM turns out to be off."""
        earlier = None if forced else self._context.asked.when(victim.vm)
        if earlier:
            return self._requested(victim, EarlierRequest(earlier, StopMethod.SOFT))
        self._ask_the_gate_before_the_first_stop()
        marked = self._input.marked
        last = ""
        # After the last try, the look at the VM raises if vCenter is still away.
        for again in self._context.tries(may_pass, left_to_temporal=()):
            try:
                task = pass_through(self._context.gate, partial(self._call, victim.vm, forced))
                requested = times.to_wire(self._context.now())
                return StopRequest(victim, forced, marked, requested, self._context.clock(), task, reason)
            except GateClosed as closed:
                return self.outcome(victim, VictimStatus.SPARED, closed.reason, marked=marked)
            except VCenterObjectGone as error:
                deleted, message = VictimReason.VM_DELETED, str(error)
                return self.outcome(victim, VictimStatus.SPARED, deleted, message=message, marked=marked)
            except PreemptionError as error:
                last = str(error)
                self._context.gate.forget()
                if _wants_force(error) and self._input.method is StopMethod.SOFT_THEN_HARD and not forced:
                    forced, reason = True, VictimReason.ESCALATED
                    continue
                if not again(error):
                    break
            self._context.check_in()
            # The call may have been accepted, although its answer was lost.
            verdict = self._judge(victim, self._recheck.fresh(victim.vm), marked=marked)
            if verdict:
                return verdict
        return self.outcome(victim, VictimStatus.FAILED, VictimReason.STOP_REFUSED, message=last, marked=marked)

    def _ask_the_gate_before_the_first_stop(self) -> None:
        """Writing marks may have taken long, and a stop cannot be undone."""
        with self._once:
            if not self._stops:
                self._stops = True
                self._context.gate.forget()

    def _call(self, vm: ManagedObject, forced: bool, confirm: Confirm) -> ManagedObject | None:
        if self._input.method is StopMethod.SUSPEND:
            return self._vcenter.suspend(vm, confirm)
        if forced:
            return self._vcenter.power_off(vm, confirm)
        self._vcenter.shut_down_guest(vm, confirm)
        self._context.asked.note(vm, times.to_wire(self._context.now()))
        return None

    def _suffices(self, earlier: EarlierRequest) -> bool:
        """Whether the guest need not be asked again; a power-off or a suspension may have failed since."""
        return earlier.method is StopMethod.SOFT and self._input.method is not StopMethod.HARD

    def _requested(self, victim: Victim, earlier: EarlierRequest) -> StopRequest:
        """What an earlier attempt has asked of the guest, or of vCenter."""
        passed = (self._context.now() - times.from_wire(earlier.when)).total_seconds()
        since, forced = self._context.clock() - max(0.0, passed), earlier.method is StopMethod.HARD
        return StopRequest(victim, forced, self._input.marked, earlier.when, since)


def _wants_force(error: PreemptionError) -> bool:
    return isinstance(error, VCenterFault) and error.fault == "ToolsUnavailable"
