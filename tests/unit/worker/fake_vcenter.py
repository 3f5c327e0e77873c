# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A vCenter in memory, for what a simulator cannot be made to do: clocks that jump and answers that get lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.inventory import (
    LastStop,
    ManagedObject,
    PowerChanges,
    PowerState,
    TaggedObjects,
    VirtualMachine,
)
from vsphere_preemption.core.mark import RunIdentity
from vsphere_preemption.core.planning.plan import Victim
from vsphere_preemption.core.policy.references import References
from vsphere_preemption.core.reasons import VictimReason
from vsphere_preemption.core.records.outcome import VictimOutcome
from vsphere_preemption.core.requests.request import read_request
from vsphere_preemption.core.sending import CallWithdrawn, Confirm
from vsphere_preemption_worker.activities.stop.confirmation import Confirmation
from vsphere_preemption_worker.activities.stop.marks import Marks
from vsphere_preemption_worker.activities.stop.pipeline import Pipeline, StopContext
from vsphere_preemption_worker.activities.stop.requested import ShutdownRequests, StopRequest, recall
from vsphere_preemption_worker.activities.support.claims import Claims
from vsphere_preemption_worker.messages.run import StopInput, on_the_wire

START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
US, SOMEBODY = "preemption@vsphere.local", "ada@vsphere.local"


class FakeClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


Problem = Callable[[ManagedObject], None]


class FakeVCenter:
    """VMs that carry the tag. Problems may be planted per call; each is asked before the call does anything.

    waiting: what happens while a call waits to be sent. calls: those that were sent.
    lost: tags, categories and attributes of policies that do not exist any more.
    """

    user = US
    concurrency = 1

    def __init__(self, clock: FakeClock, *numbers: int) -> None:
        self.clock = clock
        self.machines = {vm(n): VirtualMachine(vm(n), f"VM {n}", PowerState.ON) for n in numbers}
        self.calls: list[tuple[str, str]] = []
        self.stopped_by: dict[ManagedObject, str] = {}
        self.asked: dict[ManagedObject, tuple[str, StopMethod, float]] = {}
        self.guest_obeys = True
        self.lost: set[str] = set()
        self.waiting: dict[str, Problem] = {}
        self.before: dict[str, Problem] = {}
        self.after: dict[str, Problem] = {}

    def read(self, refs: Sequence[ManagedObject]) -> Mapping[ManagedObject, VirtualMachine]:
        return {ref: self.machines[ref] for ref in refs if ref in self.machines}

    def missing(self, references: References) -> References:
        return References(*(tuple(set(names) & self.lost) for names in asdict(references).values()))

    def recheck(
        self,
        tag: str,
        refs: Sequence[ManagedObject],
        *,
        labels: bool,
        placed: bool = True,
        protecting: Sequence[str] = (),
    ) -> Mapping[ManagedObject, VirtualMachine]:
        self.calls.append(("recheck", tag))
        lost = tuple(set(protecting) & self.lost)
        return {ref: replace(machine, lost_protections=lost) for ref, machine in self.read(refs).items()}

    def tagged(self, tag: str, *, labels: bool, placed: bool = True, sized: bool = True) -> TaggedObjects:
        return TaggedObjects(tuple(self.machines.values()))

    def write_mark(self, ref: ManagedObject, value: str, confirm: Confirm | None = None) -> None:
        self._call("mark", ref, confirm)
        self.machines[ref] = replace(self.machines[ref], mark=value)

    def power_off(self, ref: ManagedObject, confirm: Confirm) -> ManagedObject:
        self._call("power_off", ref, confirm)
        self.switch_off(ref, US)
        self._answer("power_off", ref)
        return ManagedObject("Task", f"task-{ref.value}")

    def suspend(self, ref: ManagedObject, confirm: Confirm) -> ManagedObject:
        self._call("suspend", ref, confirm)
        self.switch_off(ref, US, PowerState.SUSPENDED)
        self._answer("suspend", ref)
        return ManagedObject("Task", f"task-{ref.value}")

    def shut_down_guest(self, ref: ManagedObject, confirm: Confirm) -> None:
        self._call("shut_down_guest", ref, confirm)
        self.ask(ref, US, StopMethod.SOFT)
        if self.guest_obeys:
            self.goes_off(ref)
        self._answer("shut_down_guest", ref)

    def switch_off(self, ref: ManagedObject, user: str, state: PowerState = PowerState.OFF) -> None:
        self.ask(ref, user, StopMethod.SUSPEND if state is PowerState.SUSPENDED else StopMethod.HARD)
        self.goes_off(ref, state)

    def ask(self, ref: ManagedObject, user: str, method: StopMethod) -> None:
        """vCenter accepts a call that stops the VM, and records it."""
        self.asked[ref] = (user, method, self.clock.seconds)

    def goes_off(self, ref: ManagedObject, state: PowerState = PowerState.OFF) -> None:
        self.machines[ref] = replace(self.machines[ref], power_state=state)
        self.stopped_by[ref] = self.asked[ref][0]

    def last_stops(self, machines: Iterable[ManagedObject], since: datetime) -> Mapping[ManagedObject, LastStop]:
        found = {}
        for ref in machines:
            user, method, moment = self.asked.get(ref, ("", StopMethod.HARD, 0.0))
            is_on = ref not in self.machines or self.machines[ref].power_state is PowerState.ON
            if name := user if is_on else self.stopped_by.get(ref, ""):
                found[ref] = LastStop(name, method, self.clock.seconds - moment)
        return found

    def who_stopped(self, machines: Iterable[ManagedObject], since: datetime) -> Mapping[ManagedObject, str]:
        return {ref: self.stopped_by[ref] for ref in machines if ref in self.stopped_by}

    def watch(
        self,
        *,
        machines: Iterable[ManagedObject],
        tasks: Mapping[ManagedObject, ManagedObject],
        until: PowerState,
    ) -> FakeWatch:
        return FakeWatch(self, list(machines), tasks)

    def said(self, name: str) -> list[str]:
        """The VMs that this call was made for, in order."""
        return [who for what, who in self.calls if what == name]

    def _call(self, name: str, ref: ManagedObject, confirm: Confirm | None) -> None:
        if name in self.waiting:
            self.waiting[name](ref)
        if confirm:
            confirm()
        self.calls.append((name, ref.value))
        if name in self.before:
            self.before[name](ref)

    def _answer(self, name: str, ref: ManagedObject) -> None:
        if name in self.after:
            self.after[name](ref)


class FakeWatch:
    """Tells once who is off or gone; where nobody is, the clock moves on by what was waited."""

    def __init__(
        self, vcenter: FakeVCenter, machines: list[ManagedObject], tasks: Mapping[ManagedObject, ManagedObject]
    ) -> None:
        self._vcenter = vcenter
        self._tasks = tasks
        self._machines = machines
        self._told: set[ManagedObject] = set()

    def __enter__(self) -> FakeWatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        return None

    def wait(self, seconds: float) -> PowerChanges:
        seen = self._vcenter.machines
        off = {
            ref: self._vcenter.clock.now() if self._vcenter.stopped_by.get(ref) == US and ref in self._tasks else None
            for ref in self._machines
            if ref in seen and seen[ref].power_state is not PowerState.ON and ref not in self._told
        }
        gone = [ref for ref in self._machines if ref not in seen and ref not in self._told]
        self._told.update(off, gone)
        if not off and not gone:
            self._vcenter.clock.pass_by(seconds)
        return PowerChanges(off, frozenset(gone))


def vm(number: int) -> ManagedObject:
    return ManagedObject("VirtualMachine", f"vm-{number}")


def an_order(
    vcenter: FakeVCenter, method: StopMethod, *, run_id: str = "run-1", grace_seconds: float = 120
) -> StopInput:
    request = read_request({"tag": "preemptible", "criticality": "HIGH", "event": {"id": "e1", "source": "test"}})
    run = RunIdentity("wf", "2026-11-24T09:00:00Z", run_id, request)
    victims = [Victim(ref, machine.name) for ref, machine in vcenter.machines.items()]
    return StopInput(run, on_the_wire(victims), method, grace_seconds, "2026-11-24T10:00:00Z")


@dataclass
class FakeGate:
    """A gate that answers what it is told to."""

    ending: Callable[[], VictimReason | None] = lambda: None

    def check(self) -> VictimReason | None:
        return self.ending()

    def closed(self) -> VictimReason | None:
        return self.ending()

    def forget(self) -> None:
        return None

    def confirm(self) -> None:
        if self.ending():
            raise CallWithdrawn

    def message(self) -> str:
        return "ada" if self.ending() else ""


@dataclass
class Attempt:
    """One attempt of the stop activity, without Temporal."""

    vcenter: FakeVCenter
    order: StopInput
    claims: Claims = field(default_factory=Claims)
    ending: Callable[[], VictimReason | None] = lambda: None
    check_in: Callable[[], None] = lambda: None
    asked: ShutdownRequests = field(default_factory=ShutdownRequests)
    again: bool = False

    def run(self) -> dict[str, VictimOutcome]:
        clock = self.vcenter.clock
        context = StopContext(
            now=clock.now,
            gate=FakeGate(self.ending),
            check_in=self.check_in,
            clock=clock,
            pause=clock.pass_by,
            asked=self.asked,
        )
        marks = Marks(self.order)
        if self.again:
            recall(self.vcenter, self.order, marks, self.asked, clock.now())
        pipeline = Pipeline(self.vcenter, self.order, claims=self.claims, marks=marks, context=context)
        steps = [pipeline.stop(victim) for victim in self.order.victims]
        with ThreadPoolExecutor(1) as threads:
            confirmation = Confirmation(self.vcenter, self.order, pipeline, context=context, threads=threads)
            followed = confirmation.follow(step for step in steps if isinstance(step, StopRequest))
        outcomes = [*followed, *(step for step in steps if isinstance(step, VictimOutcome))]
        return {outcome.vm.value: outcome for outcome in outcomes}
