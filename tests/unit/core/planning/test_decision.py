# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request comes to: its policy, its scope, and why it may be refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from vsphere_preemption.core.inventory import (
    Area,
    ManagedObject,
    PowerState,
    Scope,
    TaggedObjects,
    Usage,
    VirtualMachine,
)
from vsphere_preemption.core.planning.decision import (
    Decision,
    DecisionContext,
    decide,
    has_shared_limits,
    narrower,
    needs_labels,
)
from vsphere_preemption.core.policy.model import (
    AlarmScope,
    Amount,
    GroupBudget,
    Match,
    Mode,
    Place,
    PlaceKind,
    Policy,
    PolicySet,
    Priority,
    Protection,
    ScopeRules,
    Target,
    TimeWindow,
    Windows,
)
from vsphere_preemption.core.policy.references import References
from vsphere_preemption.core.reasons import RunReason
from vsphere_preemption.core.requests.request import read_request

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CLUSTER = {"Type": "ClusterComputeResource", "Value": "domain-c7"}
WEST = Place(PlaceKind.CLUSTER, "west")


def host(number: int) -> ManagedObject:
    return ManagedObject("HostSystem", f"host-{number}")


def area(*hosts: int) -> Area:
    return Area(hosts=frozenset(map(host, hosts)))


@dataclass
class Eyes:
    """A vCenter of four VMs, one on each host. asked: every question, in order. lost: what does not exist there."""

    asked: list[Any] = field(default_factory=list)
    lost: References = field(default_factory=References)

    def missing(self, references: References) -> References:
        self.asked.append(("missing", references))
        return self.lost

    def tagged(self, tag: str, *, labels: bool, placed: bool, sized: bool) -> TaggedObjects:
        self.asked.append(("tagged", labels, placed, sized))
        return TaggedObjects(
            tuple(
                VirtualMachine(
                    ManagedObject("VirtualMachine", f"vm-{n}"), f"VM {n}", PowerState.ON, host=host(n), memory_mib=1024
                )
                for n in range(4)
            )
        )

    def resolve(self, places: Sequence[Place]) -> Area:
        self.asked.append(("resolve", *places))
        return area(*(1, 2) if WEST in places else (2, 3))

    def compute_resource(self, ref: ManagedObject) -> Area:
        self.asked.append(("compute_resource", ref.value))
        return area(0, 1)

    def usage(self, hosts: Iterable[ManagedObject] | None) -> Usage:
        self.asked.append(("usage", None if hosts is None else sorted(entry.value for entry in hosts)))
        return Usage(10_240, 9_216, 1000, 100)


def a_request(data: object = None, **narrow: Any) -> Any:
    kind = "com.vmware.vsphere.AlarmStatusChangedEvent.v0" if data is not None else "Test"
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": kind, "data": data}
    limits = {"narrow": narrow} if narrow else {}
    return read_request({"tag": "spot", "criticality": "HIGH", "event": event, **limits})


def an_alarm(name: str = "Cluster memory", *, placed: bool = True) -> dict[str, Any]:
    argument = {"Name": "east", "ComputeResource": CLUSTER} if placed else None
    return {"Alarm": {"Name": name}, "To": "red", "ComputeResource": argument}


def decided(
    request: Any, *policies: Policy, eyes: Eyes | None = None, context: DecisionContext | None = None
) -> Decision:
    chosen = policies or (Policy(),)
    known = PolicySet({policy.name: policy for policy in chosen}, chosen[-1].name)
    return decide(request, known, eyes or Eyes(), context or DecisionContext(NOON))


def victims(decision: Decision) -> list[str]:
    return [victim.vm.value for victim in decision.plan.victims]


def test_an_alarm_reaches_its_compute_resource_and_a_request_by_hand_everything() -> None:
    assert victims(decided(a_request(an_alarm()))) == ["vm-0", "vm-1"]
    assert victims(decided(a_request())) == ["vm-0", "vm-1", "vm-2", "vm-3"]


def test_an_alarm_may_reach_everything_only_where_the_policy_says_so() -> None:
    wide = Policy(scope=ScopeRules(alarm=AlarmScope.VCENTER))
    assert len(victims(decided(a_request(an_alarm(placed=False)), wide))) == 4


@pytest.mark.parametrize(
    ("request_", "policy", "reason"),
    [
        pytest.param(a_request(an_alarm(placed=False)), Policy(), RunReason.NOT_ALLOWED, id="alarm of a datastore"),
        pytest.param(a_request({}), Policy(), RunReason.NOT_ALLOWED, id="alarm without anything"),
        pytest.param(a_request(), Policy(tags=("other",)), RunReason.NOT_ALLOWED, id="tag"),
        pytest.param(
            a_request(), Policy(scope=ScopeRules(vcenter_wide=False)), RunReason.NOT_ALLOWED, id="no scope by hand"
        ),
        pytest.param(
            a_request(),
            Policy(windows=Windows(never=(TimeWindow("0 11 * * *", 7200.0),))),
            RunReason.OUTSIDE_WINDOWS,
            id="time window",
        ),
    ],
)
def test_what_is_refused_asks_vcenter_nothing_and_says_why(request_: Any, policy: Policy, reason: RunReason) -> None:
    eyes = Eyes()
    decision = decided(request_, policy, eyes=eyes)
    assert (decision.refusal, decision.plan.victims, eyes.asked) == (reason, [], [])
    assert decision.message


STRICT = GroupBudget(category="app", keep=1)
PROTECTED = Protection(tags=("safety:never",), groups=(STRICT, GroupBudget(attribute="Owner", keep=1, strict=False)))


def test_a_protection_that_names_what_is_not_there_is_refused_before_anything_is_looked_at() -> None:
    eyes = Eyes(lost=References(tags=("safety:never",)))
    decision = decided(a_request(), Policy(name="standard", protection=PROTECTED), eyes=eyes)
    assert (decision.refusal, decision.plan.victims) == (RunReason.PROTECTION_LOST, [])
    assert eyes.asked == [("missing", References(("safety:never",), ("app",)))]
    assert "'standard' protects VMs by the tag 'safety:never'" in decision.message
    assert "with a slash" in decision.message
    there = Eyes()
    assert len(victims(decided(a_request(), Policy(protection=PROTECTED), eyes=there))) == 4


def test_only_the_policy_of_the_request_is_looked_at_and_only_where_it_protects_by_something() -> None:
    eyes = Eyes(lost=References(tags=("safety:never",)))
    other = Policy(name="other", match=Match(alarms=("*",)), protection=PROTECTED)
    assert len(victims(decided(a_request(), other, Policy(), eyes=eyes))) == 4
    loose = GroupBudget(category="app", keep=1, strict=False)
    by_name = Policy(protection=Protection(names=("db*",), vms=("vm-9",), groups=(loose,)))
    assert len(victims(decided(a_request(), by_name, eyes=eyes))) == 4
    assert "missing" not in [question[0] for question in eyes.asked]


def test_what_is_missing_is_named_in_a_sentence() -> None:
    assert str(References(("a", "b/c"), ("d",), ("e",))) == (
        "the tag 'a', the tag 'b/c', the tag category 'd' and the custom attribute 'e'"
    )
    assert str(References(attributes=("e",))) == "the custom attribute 'e'"


def test_every_scope_narrows_the_others() -> None:
    inside = Policy(scope=ScopeRules(within=(WEST,)))
    assert victims(decided(a_request(an_alarm()), inside)) == ["vm-1"]
    assert victims(decided(a_request(scope=[{"cluster": "south"}]), inside)) == ["vm-2"]


def test_a_request_narrows_the_amount_and_never_widens_it() -> None:
    policy = Policy(amount=Amount(max_vms=2))
    assert len(victims(decided(a_request(maxVMs=1), policy))) == 1
    assert len(victims(decided(a_request(maxVMs=3), policy))) == 2
    assert len(victims(decided(a_request(), policy, context=DecisionContext(NOON, most_vms=1)))) == 1


def test_a_request_may_ask_for_a_dry_run_and_not_out_of_one() -> None:
    assert decided(a_request(dryRun=True)).policy.mode is Mode.DRY_RUN
    assert decided(a_request(), Policy(mode=Mode.APPROVE)).policy.mode is Mode.APPROVE


def test_only_the_vms_that_were_asked_for_or_agreed_to_are_chosen() -> None:
    assert victims(decided(a_request(only=["VM 3", "vm-1"]))) == ["vm-1", "vm-3"]
    agreed = DecisionContext(NOON, only=frozenset({"vm-1"}))
    assert victims(decided(a_request(only=["VM 3", "vm-1"]), context=agreed)) == ["vm-1"]


@pytest.mark.parametrize(
    ("request_", "hosts"),
    [(a_request(), None), (a_request(an_alarm()), ["host-0", "host-1"])],
    ids=["by hand", "alarm"],
)
def test_the_usage_is_that_of_the_hosts_in_scope(request_: Any, hosts: list[str] | None) -> None:
    eyes = Eyes()
    until = Policy(amount=Amount(target=Target(until_memory_percent=80.0)))
    assert victims(decided(request_, until, eyes=eyes)) == ["vm-0"]
    assert ("usage", hosts) in eyes.asked


def test_the_policy_of_the_alarm_is_used() -> None:
    memory = Policy(name="memory", match=Match(alarms=("*memory*",)), amount=Amount(max_vms=1))
    east = Policy(name="east", match=Match(places=(Place(PlaceKind.CLUSTER, "east"),)))
    by_ref = Policy(name="ref", match=Match(places=(Place(PlaceKind.CLUSTER, "domain-c7"),)))
    assert decided(a_request(an_alarm()), memory, Policy()).policy.name == "memory"
    assert decided(a_request(an_alarm("CPU")), memory, east, Policy()).policy.name == "east"
    assert decided(a_request(an_alarm("CPU")), memory, by_ref, Policy()).policy.name == "ref"
    assert decided(a_request(), memory, east, Policy()).policy.name == "built-in"


def test_of_two_targets_the_one_that_frees_less_counts() -> None:
    policy, request = Target(memory_mib=100, until_cpu_percent=50.0), Target(memory_mib=200, until_cpu_percent=80.0)
    assert narrower(policy, request) == Target(memory_mib=100, until_cpu_percent=80.0)
    assert narrower(Target(), request) == request


def test_tags_are_read_only_where_they_matter() -> None:
    assert not needs_labels(Policy())
    assert needs_labels(Policy(protection=Protection(tags=("protected",))))
    assert needs_labels(Policy(priority=Priority(category="p", values=("a",))))
    assert needs_labels(Policy(protection=Protection(groups=(GroupBudget(category="app", keep=1),))))


@pytest.mark.parametrize(
    ("request_", "policy", "context", "wanted"),
    [
        (a_request(), Policy(), DecisionContext(NOON), (False, False, False)),
        (a_request(an_alarm()), Policy(), DecisionContext(NOON), (False, True, False)),
        (a_request(target={"memoryMiB": 1}), Policy(), DecisionContext(NOON), (False, False, True)),
        (a_request(), Policy(), DecisionContext(NOON, explain=True), (False, False, True)),
        (a_request(), Policy(mode=Mode.APPROVE), DecisionContext(NOON), (False, False, True)),
        (a_request(), Policy(protection=Protection(tags=("p",))), DecisionContext(NOON), (True, False, False)),
    ],
    ids=["plain", "alarm", "target", "explain", "approval", "tags"],
)
def test_only_what_matters_is_read(
    request_: Any, policy: Policy, context: DecisionContext, wanted: tuple[bool, bool, bool]
) -> None:
    eyes = Eyes()
    decided(request_, policy, eyes=eyes, context=context)
    assert ("tagged", *wanted) in eyes.asked


def test_limits_are_shared_when_they_count_over_runs() -> None:
    assert not has_shared_limits(Policy(amount=Amount(max_vms=3, per_vm_per_day=1)))
    assert has_shared_limits(Policy(amount=Amount(per_hour=3)))
    assert has_shared_limits(Policy(protection=Protection(groups=(GroupBudget(category="app", keep=1),))))


def test_a_scope_travels_as_plain_json() -> None:
    scope = Scope((area(1, 2), Area(pools=frozenset({ManagedObject("ResourcePool", "resgroup-8")}))))
    assert Scope.from_wire(scope.as_wire()) == scope
    assert Scope.from_wire(None) == Scope()
