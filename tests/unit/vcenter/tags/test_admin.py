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
from vsphere_preemption.core.setup.tag import Chosen, Found, TagPlan, Wish, plan_absence, plan_presence
from vsphere_preemption.vcenter.settings import GivenCredentials, VCenterSettings
from vsphere_preemption.vcenter.tags.admin import TagAdmin
from vsphere_preemption.vcenter.transport.gate import Calls
from vsphere_preemption.vcenter.transport.http import Connections
from vsphere_preemption.vcenter.transport.login import LoginDesk
from vsphere_preemption.vcenter.transport.rest import AlreadyThere, Rest

from ..tag_server import PASSWORD, USER, TagServer
from ..tag_writer import WritableTagService

WISH = Wish("preemptible", "preemption", description="may be stopped")
VMS = tuple(ManagedObject("VirtualMachine", f"vm-{number}") for number in range(3))


@dataclass
class Desk:
    """The code that is tested, and the service that it speaks to."""

    service: WritableTagService
    admin: TagAdmin

    def make(self, *refs: ManagedObject, wish: Wish = WISH, exclusive: bool = False) -> TagPlan:
        """Have the tag, on these VMs; the plan for that."""
        found = self.admin.find(wish)
        plan = plan_presence(wish, found, Chosen(frozenset(refs), {ref: ref.value for ref in VMS}, exclusive))
        self.admin.carry_out(plan, wish, found)
        return plan

    def remove(self, *, with_category: bool = True) -> TagPlan:
        found = self.admin.find(WISH)
        plan = plan_absence(WISH, found, Chosen(), force=True, with_category=with_category)
        self.admin.carry_out(plan, WISH, found)
        return plan

    def changes(self) -> list[str]:
        """What was asked to change since the last look, without identifiers."""
        asked = [entry for entry in self.service.asked if not entry.startswith("GET") and "list-" not in entry]
        self.service.asked.clear()
        return [entry.partition("action=")[2] or entry.split()[0] for entry in asked if "session" not in entry]


@pytest.fixture(params=["api", "rest"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    service = WritableTagService(families=(request.param,))
    with TagServer(service) as server:
        settings = VCenterSettings(server.url, insecure=True, call_seconds=5)
        connections = Connections(settings)
        calls = Calls(5, address=str(settings.endpoint))
        rest = Rest(connections, calls, LoginDesk(GivenCredentials(USER, PASSWORD)))
        yield Desk(service, TagAdmin(rest, calls=5))
        connections.drop()


def test_tag_and_category_come_and_go(desk: Desk) -> None:
    assert desk.admin.find(WISH) == Found()
    desk.make(*VMS)
    assert desk.changes() == ["POST", "POST", "attach-tag-to-multiple-objects"]
    found = desk.admin.find(WISH)
    assert found.category
    assert found.tag
    assert (found.tag.description, found.carriers) == ("may be stopped", frozenset(VMS))
    assert (found.category.cardinality, found.category.kinds) == ("multiple", frozenset({"VirtualMachine"}))
    assert (desk.make(*VMS).changes_something, desk.changes()) == (False, [])
    desk.remove()
    assert (desk.changes(), desk.admin.find(WISH)) == (["DELETE", "DELETE"], Found())
    assert not desk.remove().changes_something


def test_what_differs_is_changed_and_nothing_else(desk: Desk) -> None:
    desk.make(wish=Wish("preemptible", "preemption", cardinality="single"))
    wish = Wish("preemptible", "preemption", "new", "newer", "multiple")
    desk.changes()
    desk.make(wish=wish)
    assert desk.changes() == ["PATCH", "PATCH"]
    found = desk.admin.find(wish)
    assert found.category
    assert found.tag
    texts = (found.tag.description, found.category.description, found.category.cardinality)
    assert texts == ("new", "newer", "multiple")
    assert not desk.make(wish=wish).changes_something


def test_a_category_with_other_tags_is_kept(desk: Desk) -> None:
    desk.make()
    desk.make(wish=Wish("other", "preemption"))
    plan = desk.remove()
    assert (plan.delete_tag, plan.delete_category) == (True, False)
    assert list(desk.service.categories.values()) == ["preemption"]


def test_who_was_faster_is_no_error(desk: Desk) -> None:
    desk.service.before = lambda: desk.service.add_tag("preemption", "preemptible", "vm-0")
    desk.make(*VMS)
    assert desk.admin.find(WISH).carriers == frozenset(VMS)


def test_a_name_that_is_taken_by_what_cannot_be_seen_is_an_error(desk: Desk) -> None:
    desk.service._create = lambda kind, spec: ""  # type: ignore[method-assign]
    with pytest.raises(AlreadyThere, match="give the account access"):
        desk.make()


def test_many_are_detached_with_one_call(desk: Desk) -> None:
    desk.make(*VMS)
    desk.changes()
    assert desk.make(VMS[0], exclusive=True).detach == VMS[1:]
    assert (desk.changes(), desk.admin.find(WISH).carriers) == (
        ["detach-tag-from-multiple-objects"],
        frozenset(VMS[:1]),
    )


def test_where_the_call_for_many_does_nothing_each_is_detached_by_itself(desk: Desk) -> None:
    desk.service.deaf = True
    desk.make(*VMS)
    desk.changes()
    desk.make(VMS[0], exclusive=True)
    assert desk.changes() == ["detach-tag-from-multiple-objects", "detach", "detach"]
    assert desk.admin.find(WISH).carriers == {VMS[0]}


def test_objects_that_vcenter_leaves_out_are_an_error_with_its_reason(desk: Desk) -> None:
    desk.service.unwilling = {"vm-1"}
    with pytest.raises(VCenterFault, match=r"for 1 object, for example VirtualMachine:vm-1 \(vm-1 will not\)"):
        desk.make(*VMS)
    assert desk.admin.find(WISH).carriers == {VMS[0], VMS[2]}
    desk.service.unwilling = {"vm-2"}
    with pytest.raises(VCenterFault, match="detach"):
        desk.make(exclusive=True)


@pytest.mark.parametrize(("status", "said"), [(403, "InventoryService.Tagging.CreateCategory"), (500, "told to fail")])
def test_what_is_refused_says_what_is_missing(desk: Desk, status: int, said: str) -> None:
    found = desk.admin.find(WISH)
    desk.service.broken = {"/tagging/category": status}
    with pytest.raises(VCenterPermissionDenied if status == 403 else VCenterFault, match=said):
        desk.admin.carry_out(plan_presence(WISH, found, Chosen()), WISH, found)
