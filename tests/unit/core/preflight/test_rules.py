# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the facts of a preflight mean: where the limits are, and what is said about each side of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.inventory import ManagedObject, PowerState, TaggedObjects, VirtualMachine
from vsphere_preemption.core.policy.model import Action, Actions, Notice, Policy, PolicySet, Restore
from vsphere_preemption.core.policy.references import References
from vsphere_preemption.core.preflight.check import Check, Status
from vsphere_preemption.core.preflight.rules import (
    LIBRARIES,
    Holdings,
    NamespaceState,
    Poller,
    Product,
    check_attribute,
    check_libraries,
    check_namespace,
    check_policy,
    check_privileges,
    check_product,
    check_python,
    check_switch,
    check_tag,
    check_temporal_clock,
    check_vcenter_clock,
    check_worker,
    judge_protections,
)
from vsphere_preemption.core.setup.privileges import SYSTEM_PRIVILEGES, needed

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
STOP = needed(["stop"]) | SYSTEM_PRIVILEGES
FIRST, SECOND = (ManagedObject("VirtualMachine", f"vm-{number}") for number in (1, 2))


def verdict(check: Check) -> Status:
    """The status; whatever is not in order says what to do."""
    assert bool(check.next_step) == (check.status in (Status.WARNING, Status.FAILED))
    return check.status


@pytest.mark.parametrize(
    ("references", "missing", "status", "said"),
    [
        (References(), References(), "ok", "No policy protects VMs by a tag"),
        (References(("never",)), References(), "ok", "the tag 'never'"),
        (
            References(("never", "safety:x")),
            References(("safety:x",)),
            "failed",
            "the tag 'safety:x', which vCenter does",
        ),
        (References((), ("app",)), References((), ("app",)), "failed", "the tag category 'app'"),
    ],
)
def test_what_the_policies_protect_by_has_to_exist(
    references: References, missing: References, status: str, said: str
) -> None:
    check = judge_protections(references, missing)
    assert verdict(check) == status
    assert said in check.detail


@pytest.mark.parametrize(("version", "status"), [((3, 10, 9), "failed"), ((3, 11, 0), "ok"), ((3, 13, 1), "ok")])
def test_python_has_to_be_new_enough(version: tuple[int, ...], status: str) -> None:
    assert verdict(check_python(version)) == status


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({}, "ok", "temporalio 1.35"),
        ({"temporalio": None}, "failed", "temporalio is missing"),
        ({"temporalio": "1.9.0"}, "failed", "temporalio 1.9.0 is too old"),
        ({"pyvmomi": "8.0.3.0.1"}, "ok", "pyvmomi 8.0.3.0.1"),
        ({"PyYAML": "7.0rc1"}, "ok", "PyYAML 7.0rc1"),
    ],
)
def test_libraries_have_to_be_there_and_new_enough(changed: dict[str, str | None], status: str, said: str) -> None:
    check = check_libraries({**LIBRARIES, **changed})
    assert verdict(check) == status
    assert said in check.detail


@pytest.mark.parametrize(("state", "status"), [("registered", "ok"), ("deprecated", "failed"), ("deleted", "failed")])
def test_a_namespace_that_is_going_away_cannot_be_used(state: str, status: str) -> None:
    check = check_namespace(NamespaceState("n", state, timedelta(days=3)))
    assert verdict(check) == status
    assert ("72 hours" in check.detail) == (status == "ok")


@pytest.mark.parametrize(("ages", "status"), [([], "warning"), ([10.0], "ok"), ([120.0], "warning"), ([200, 5], "ok")])
def test_a_worker_is_there_while_it_asks_for_work(ages: list[float], status: str) -> None:
    pollers = [Poller(f"{age}@host", NOW - timedelta(seconds=age)) for age in ages]
    check = check_worker(pollers, "queue", NOW)
    assert verdict(check) == status
    assert "queue" in check.detail
    assert "200@host" not in check.detail


def test_a_paused_preemption_is_a_warning() -> None:
    assert verdict(check_switch("Preemption is active.", paused=False)) == "ok"
    paused = check_switch("Preemption is paused since noon: migration", paused=True)
    assert (verdict(paused), paused.detail) == ("warning", "Preemption is paused since noon: migration.")


@pytest.mark.parametrize(
    ("skew", "status", "way"),
    [
        (0.0, "ok", "apart"),
        (4.9, "ok", "apart"),
        (-4.9, "ok", "apart"),
        (5.1, "warning", "ahead of"),
        (-5.1, "warning", "behind"),
        (60.0, "warning", "ahead of"),
        (60.1, "failed", "ahead of"),
        (-3600.0, "failed", "behind"),
    ],
)
def test_a_clock_may_be_five_seconds_off_and_must_not_be_a_minute(skew: float, status: str, way: str) -> None:
    check = check_vcenter_clock(skew)
    assert verdict(check) == status
    assert way in check.detail


@pytest.mark.parametrize(("ahead", "status"), [(-50.0, "ok"), (4.0, "ok"), (6.0, "warning"), (61.0, "failed")])
def test_temporal_cannot_have_seen_a_worker_in_the_future(ahead: float, status: str) -> None:
    pollers = [Poller("a", NOW - timedelta(seconds=55)), Poller("b", NOW + timedelta(seconds=ahead))]
    assert verdict(check_temporal_clock(pollers, NOW)) == status


@pytest.mark.parametrize(
    ("version", "api_type", "simulated", "status"),
    [
        ("7.0.0", "VirtualCenter", False, "ok"),
        ("9.0.1", "VirtualCenter", False, "ok"),
        ("10.0", "VirtualCenter", False, "ok"),
        ("6.7.0", "VirtualCenter", False, "failed"),
        ("6.5.0", "VirtualCenter", True, "ok"),
        ("8.0.3", "HostAgent", False, "failed"),
    ],
)
def test_a_vcenter_from_7_on_will_do_and_a_host_will_not(
    version: str, api_type: str, simulated: bool, status: str
) -> None:
    check = check_product(Product("VMware", version, "123", api_type, "me", simulated))
    assert verdict(check) == status
    assert f"VMware {version} build 123" in check.detail


def test_the_tag_is_counted_and_one_that_nobody_carries_is_a_warning() -> None:
    machines = [VirtualMachine(FIRST, "a", PowerState.ON), VirtualMachine(SECOND, "b", PowerState.OFF)]
    found = check_tag(TaggedObjects(tuple(machines)), "preemptible")
    assert (verdict(found), found.detail) == ("ok", "2 VMs with the tag preemptible, 1 of them powered on.")
    assert verdict(check_tag(TaggedObjects(()), "preemptible")) == "warning"


@pytest.mark.parametrize(
    ("kinds", "features", "status"),
    [
        ({"VirtualMachine"}, ["stop"], "ok"),
        ({""}, ["stop"], "ok"),
        ({"HostSystem", "VirtualMachine"}, ["stop"], "ok"),
        ({"HostSystem"}, ["stop"], "failed"),
        (set(), ["stop"], "failed"),
        (set(), ["stop", "setup_attribute"], "warning"),
    ],
)
def test_the_attribute_has_to_be_one_for_vms(kinds: set[str], features: list[str], status: str) -> None:
    check = check_attribute(kinds, features)
    assert verdict(check) == status
    assert ("HostSystem" in check.detail) == (kinds == {"HostSystem"})


@pytest.mark.parametrize(
    ("root", "machines", "features", "status", "said"),
    [
        pytest.param(set(), {FIRST: STOP}, ["stop"], "ok", "exactly the privileges", id="exact, below the root"),
        pytest.param(STOP, {}, ["stop"], "ok", "exactly the privileges", id="exact, and no VM"),
        pytest.param(
            STOP,
            {FIRST: STOP, SECOND: STOP - {"VirtualMachine.Interact.PowerOff"}},
            ["stop"],
            "failed",
            "Missing VirtualMachine.Interact.PowerOff on 1 of 2 VMs with the tag (VirtualMachine:vm-2).",
            id="missing on one VM, though not above",
        ),
        pytest.param(
            set(),
            {FIRST: STOP | {"Global.ManageCustomFields"}},
            ["stop", "setup_attribute"],
            "failed",
            "Missing Global.ManageCustomFields on the root folder.",
            id="held where it has no effect",
        ),
        pytest.param(
            STOP,
            {FIRST: STOP | {"Alarm.Edit"}},
            ["stop"],
            "warning",
            "more privileges than it needs: Alarm.Edit.",
            id="excess",
        ),
        pytest.param(SYSTEM_PRIVILEGES, {}, ["stop"], "warning", "Global.SetCustomField", id="no VM to ask about"),
        pytest.param(
            STOP, {FIRST: STOP}, ["stop", "restore"], "failed", "VirtualMachine.Interact.PowerOn", id="a feature more"
        ),
    ],
)
def test_privileges_are_judged_where_they_are_needed(
    root: set[str], machines: dict[ManagedObject, frozenset[str]], features: list[str], status: str, said: str
) -> None:
    check = check_privileges(Holdings(frozenset(root), machines), features)
    assert verdict(check) == status
    assert said in check.detail


def test_a_policy_that_wants_more_than_the_features_is_a_warning() -> None:
    suspending = Policy(name="a", actions=Actions(high=Action(StopMethod.SUSPEND)))
    generous = Policy(name="b", restore=Restore(automatic=True), notice=Notice(lead_seconds=60, guestinfo=True))
    policies = PolicySet({"a": suspending, "b": generous}, default="a", digest="123456789abc")
    check = check_policy(policies, "preemptible", ["stop"])
    assert verdict(check) == "warning"
    assert "notice, restore, suspend" in check.detail
    assert verdict(check_policy(policies, "preemptible", ["stop", "notice", "restore", "suspend"])) == "ok"
    assert "built-in" in check_policy(PolicySet(), "preemptible", ["stop"]).detail


def test_a_policy_that_never_allows_the_tag_is_a_warning() -> None:
    only = PolicySet({"a": Policy(name="a", tags=("spot",))}, default="a", digest="123456789abc")
    assert verdict(check_policy(only, "preemptible", ["stop"])) == "warning"
    assert verdict(check_policy(only, "spot", ["stop"])) == "ok"
