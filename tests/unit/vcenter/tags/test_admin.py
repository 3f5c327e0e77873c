# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making and removing tags, on the paths of a current vCenter and of an old one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from vsphere_preemption.core.errors import VCenterFault, VCenterPermissionDenied
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.setup.tag import CurrentTag, DesiredTag, SelectedVms, TagPlan, plan_absence, plan_presence
from vsphere_preemption.vcenter.settings import GivenCredentials, VCenterSettings
from vsphere_preemption.vcenter.tags.admin import TagAdmin
from vsphere_preemption.vcenter.transport.gate import CallGate
from vsphere_preemption.vcenter.transport.http import ConnectionPool
from vsphere_preemption.vcenter.transport.login import LoginGuard
from vsphere_preemption.vcenter.transport.rest import AlreadyThere, Rest

from ..tag_server import PASSWORD, USER, TagServer
from ..tag_writer import WritableTagService

WISH = DesiredTag("preemptible", "preemption", description="may be stopped")
VMS = tuple(ManagedObject("VirtualMachine", f"vm-{number}") for number in range(3))


@dataclass
class Desk:
    """The code that is tested, and the service that it speaks to."""

    service: WritableTagService
    admin: TagAdmin

    def make(self, *refs: ManagedObject, desired: DesiredTag = WISH, exclusive: bool = False) -> TagPlan:
        """Have the tag, on these VMs; the plan for that."""
        found = self.admin.find(desired)
        plan = plan_presence(desired, found, SelectedVms(frozenset(refs), {ref: ref.value for ref in VMS}, exclusive))
        self.admin.carry_out(plan, desired, found)
        return plan

    def remove(self, *, with_category: bool = True) -> TagPlan:
        found = self.admin.find(WISH)
        plan = plan_absence(WISH, found, SelectedVms(), force=True, with_category=with_category)
        self.admin.carry_out(plan, WISH, found)
        return plan

    def changes(self) -> list[str]:
        """What was asked to change since the last look, without identifiers."""
        asked = [entry for entry in self.service.asked if not entry.startswith("GET") and "list-" not in entry]
        self.service.asked.clear()
        return [entry.partition("action=")[2] or entry.split()[0] for entry in asked if "session" not in entry]


@pytest.fixture(params=["api", "rest"])
def guard(request: pytest.FixtureRequest) -> Iterator[Desk]:
    service = WritableTagService(families=(request.param,))
    with TagServer(service) as server:
        settings = VCenterSettings(server.url, insecure=True, call_seconds=5)
        connections = ConnectionPool(settings)
        calls = CallGate(5, address=str(settings.endpoint))
        rest = Rest(connections, calls, LoginGuard(GivenCredentials(USER, PASSWORD)))
        yield Desk(service, TagAdmin(rest, calls=5))
        connections.drop()


def test_tag_and_category_come_and_go(guard: Desk) -> None:
    assert guard.admin.find(WISH) == CurrentTag()
    guard.make(*VMS)
    assert guard.changes() == ["POST", "POST", "attach-tag-to-multiple-objects"]
    found = guard.admin.find(WISH)
    assert found.category
    assert found.tag
    assert (found.tag.description, found.carriers) == ("may be stopped", frozenset(VMS))
    assert (found.category.cardinality, found.category.kinds) == ("multiple", frozenset({"VirtualMachine"}))
    assert (guard.make(*VMS).changes_something, guard.changes()) == (False, [])
    guard.remove()
    assert (guard.changes(), guard.admin.find(WISH)) == (["DELETE", "DELETE"], CurrentTag())
    assert not guard.remove().changes_something


def test_what_differs_is_changed_and_nothing_else(guard: Desk) -> None:
    guard.make(desired=DesiredTag("preemptible", "preemption", cardinality="single"))
    desired = DesiredTag("preemptible", "preemption", "new", "newer", "multiple")
    guard.changes()
    guard.make(desired=desired)
    assert guard.changes() == ["PATCH", "PATCH"]
    found = guard.admin.find(desired)
    assert found.category
    assert found.tag
    texts = (found.tag.description, found.category.description, found.category.cardinality)
    assert texts == ("new", "newer", "multiple")
    assert not guard.make(desired=desired).changes_something


def test_a_category_with_other_tags_is_kept(guard: Desk) -> None:
    guard.make()
    guard.make(desired=DesiredTag("other", "preemption"))
    plan = guard.remove()
    assert (plan.delete_tag, plan.delete_category) == (True, False)
    assert list(guard.service.categories.values()) == ["preemption"]


def test_who_was_faster_is_no_error(guard: Desk) -> None:
    guard.service.before = lambda: guard.service.add_tag("preemption", "preemptible", "vm-0")
    guard.make(*VMS)
    assert guard.admin.find(WISH).carriers == frozenset(VMS)


def test_a_name_that_is_taken_by_what_cannot_be_seen_is_an_error(guard: Desk) -> None:
    guard.service._create = lambda kind, spec: ""  # type: ignore[method-assign]
    with pytest.raises(AlreadyThere, match="give the account access"):
        guard.make()


def test_many_are_detached_with_one_call(guard: Desk) -> None:
    guard.make(*VMS)
    guard.changes()
    assert guard.make(VMS[0], exclusive=True).detach == VMS[1:]
    assert (guard.changes(), guard.admin.find(WISH).carriers) == (
        ["detach-tag-from-multiple-objects"],
        frozenset(VMS[:1]),
    )


def test_where_the_call_for_many_does_nothing_each_is_detached_by_itself(guard: Desk) -> None:
    guard.service.deaf = True
    guard.make(*VMS)
    guard.changes()
    guard.make(VMS[0], exclusive=True)
    assert guard.changes() == ["detach-tag-from-multiple-objects", "detach", "detach"]
    assert guard.admin.find(WISH).carriers == {VMS[0]}


def test_objects_that_vcenter_leaves_out_are_an_error_with_its_reason(guard: Desk) -> None:
    guard.service.unwilling = {"vm-1"}
    with pytest.raises(VCenterFault, match=r"for 1 object, for example VirtualMachine:vm-1 \(vm-1 will not\)"):
        guard.make(*VMS)
    assert guard.admin.find(WISH).carriers == {VMS[0], VMS[2]}
    guard.service.unwilling = {"vm-2"}
    with pytest.raises(VCenterFault, match="detach"):
        guard.make(exclusive=True)


@pytest.mark.parametrize(("status", "said"), [(403, "InventoryService.Tagging.CreateCategory"), (500, "told to fail")])
def test_what_is_refused_says_what_is_missing(guard: Desk, status: int, said: str) -> None:
    found = guard.admin.find(WISH)
    guard.service.broken = {"/tagging/category": status}
    with pytest.raises(VCenterPermissionDenied if status == 403 else VCenterFault, match=said):
        guard.admin.carry_out(plan_presence(WISH, found, SelectedVms()), WISH, found)
