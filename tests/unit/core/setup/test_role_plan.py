# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to roles and permissions."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.setup.role import (
    Access,
    CreateRole,
    DeleteRole,
    GrantRole,
    Permission,
    Principal,
    RevokeRole,
    Role,
    RolePlan,
    UpdateRole,
    after,
)
from vsphere_preemption.core.setup.role_plan import desired_roles, plan_absence, plan_presence
from vsphere_preemption.core.setup_errors import StillInUse

ROOT, ONE, TWO = (
    ManagedObject("Folder", "group-d1"),
    *(ManagedObject("ClusterComputeResource", f"c{n}") for n in "12"),
)
STOP = frozenset({"VirtualMachine.Interact.PowerOff", "Global.SetCustomField"})
ADMIN = Role("Admin", -1, STOP | {"Global.ManageCustomFields", "VirtualMachine.Interact.PowerOn"}, system=True)
WORKER = Principal.written("VSPHERE.LOCAL\\worker", group=False)
NAMES = ["preempt", "preempt-root"]


def held(place: ManagedObject | None, principal: str = "VSPHERE.LOCAL\\worker", role: int = 7) -> Permission:
    return Permission(place, principal, group=False, role=role, propagate=True)


def access(*permissions: Permission, privileges: frozenset[str] = STOP) -> Access:
    return Access((ADMIN, Role("preempt", 7, privileges)), permissions)


def present(
    now: Access, *places: ManagedObject, features: tuple[str, ...] = ("stop",), force: bool = False
) -> RolePlan:
    wanted = desired_roles("preempt", features, [], places, ROOT, propagate=True)
    return plan_presence(now, wanted, WORKER, force=force)


def kinds(plan: RolePlan) -> list[type]:
    return [type(change) for change in plan.changes]


def test_what_is_as_it_shall_be_is_left_alone() -> None:
    assert present(access(held(ONE)), ONE) == RolePlan(())


@pytest.mark.parametrize("text", ["worker@vsphere.local", "vsphere.local\\Worker", " VSPHERE.LOCAL\\WORKER "])
def test_a_principal_is_the_same_however_it_is_written(text: str) -> None:
    principal = Principal.written(text, group=False)
    assert principal.holds(held(ONE))
    assert not Principal(principal.name, group=True).holds(held(ONE))
    assert not principal.holds(held(ONE, "OTHER\\worker"))


@pytest.mark.parametrize("text", ["", "\\worker", "VSPHERE.LOCAL\\", "@vsphere.local", "a\\b\\c", "a\nb"])
def test_a_principal_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match=r"DOMAIN\\name"):
        Principal.written(text, group=False)


def test_a_narrower_scope_takes_the_permission_elsewhere_away_after_the_new_one_was_given() -> None:
    now = access(held(ROOT), held(TWO, "VSPHERE.LOCAL\\other"))
    plan = present(now, ONE)
    assert plan.changes == (GrantRole(ONE, WORKER, "preempt", propagate=True), RevokeRole(ROOT, held(ROOT)))
    assert set(after(now, plan).permissions) == {held(ONE), held(TWO, "VSPHERE.LOCAL\\other")}
    assert present(after(now, plan), ONE) == RolePlan(())


def test_what_gives_comes_before_what_takes_away() -> None:
    now = Access((ADMIN, Role("preempt-root", 8, frozenset())), (held(ROOT, role=8),))
    plan = present(now, ROOT, features=("stop", "setup_attribute"))
    assert kinds(plan) == [CreateRole, GrantRole, DeleteRole]
    assert present(after(now, plan), ROOT, features=("stop", "setup_attribute")) == RolePlan(())


def test_the_small_role_is_for_the_root_folder_alone() -> None:
    now = Access((ADMIN,), ())
    plan = present(now, ONE, features=("stop", "setup_attribute"))
    assert kinds(plan) == [CreateRole, CreateRole, GrantRole, GrantRole]
    assert plan.changes[-1] == GrantRole(ROOT, WORKER, "preempt-root", propagate=False)
    assert present(after(now, plan), ONE, features=("stop", "setup_attribute")) == RolePlan(())
    back = present(after(now, plan), ONE)
    assert kinds(back) == [RevokeRole, DeleteRole]


def test_a_role_with_too_many_privileges_loses_them() -> None:
    now = access(held(ONE), privileges=STOP | {"VirtualMachine.Interact.PowerOn"})
    assert present(now, ONE).changes == (UpdateRole(now.roles[1], STOP),)


def test_another_role_of_the_account_is_replaced_only_by_force() -> None:
    now = access(held(ONE, role=-1))
    with pytest.raises(StillInUse, match="'Admin'"):
        present(now, ONE)
    assert present(now, ONE, force=True).changes == (GrantRole(ONE, WORKER, "preempt", propagate=True),)


def test_a_role_stays_while_somebody_else_or_nobody_knows_who_has_it() -> None:
    for other in (held(TWO, "VSPHERE.LOCAL\\other"), held(None)):
        plan = plan_absence(access(held(ONE), other), NAMES, WORKER, force=False)
        assert (plan.changes, plan.kept) == ((RevokeRole(ONE, held(ONE)),), ("preempt",))
        forced = plan_absence(access(held(ONE), other), NAMES, WORKER, force=True)
        assert forced.changes[-1] == DeleteRole(access().roles[1], with_permissions=True)
    alone = plan_absence(access(held(ONE), held(TWO)), NAMES, WORKER, force=False)
    assert kinds(alone) == [RevokeRole, RevokeRole, DeleteRole]
    assert after(access(held(ONE), held(TWO)), alone) == Access((ADMIN,), ())


def test_without_an_account_only_the_role_is_looked_at() -> None:
    wanted = desired_roles("preempt", ["stop"], [], [ONE], ROOT, propagate=True)
    assert kinds(plan_presence(Access((ADMIN,), ()), wanted, None, force=False)) == [CreateRole]
    assert plan_absence(access(held(ONE)), NAMES, None, force=False) == RolePlan((), kept=("preempt",))
    assert kinds(plan_absence(access(), NAMES, None, force=False)) == [DeleteRole]
