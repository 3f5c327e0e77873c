# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for a tag, its category and its VMs."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.setup.tag import (
    Category,
    CurrentTag,
    DesiredTag,
    ExistingTag,
    SelectedVms,
    TagPlan,
    plan_absence,
    plan_presence,
)
from vsphere_preemption.core.setup_errors import NameTaken, StillInUse

WISH = DesiredTag("preemptible", "preemption")
A, B, C, UNSEEN = (ManagedObject("VirtualMachine", f"vm-{number}") for number in range(4))
HOST = ManagedObject("HostSystem", "host-1")
NAMES = {A: "a", B: "b", C: "c"}


def there(*carriers: ManagedObject, others: int = 0, **category: object) -> CurrentTag:
    values = {"id": "c", "name": "preemption", "other_tags": others, **category}
    return CurrentTag(Category(**values), ExistingTag("t", "preemptible", "old", frozenset(carriers)))  # type: ignore[arg-type]


def only(*refs: ManagedObject, exclusive: bool = False) -> SelectedVms:
    return SelectedVms(frozenset(refs), NAMES, exclusive)


def test_what_is_missing_is_created() -> None:
    plan = plan_presence(WISH, CurrentTag(), only(B, A))
    assert plan == TagPlan(create_category=True, create_tag=True, attach=(A, B))
    assert plan_presence(WISH, CurrentTag(Category("c", "preemption")), SelectedVms()) == TagPlan(create_tag=True)


def test_what_is_there_stays_as_it_is_unless_something_else_is_wanted() -> None:
    assert not plan_presence(WISH, there(A), only(A)).changes_something
    desired = DesiredTag("preemptible", "preemption", "old", "new", "multiple")
    plan = plan_presence(desired, there(cardinality="single"), SelectedVms())
    assert plan == TagPlan(category_changes={"description": "new", "cardinality": "multiple"})
    assert plan_presence(DesiredTag("t", "c", ""), there(), SelectedVms()).tag_changes == {"description": ""}


def test_only_an_exclusive_selection_takes_the_tag_off_and_only_off_vms_that_it_sees() -> None:
    found = there(A, B, HOST, UNSEEN)
    assert plan_presence(WISH, found, only(B, C)) == TagPlan(attach=(C,))
    assert plan_presence(WISH, found, only(B, C, exclusive=True)) == TagPlan(attach=(C,), detach=(A,))
    assert plan_presence(WISH, found, only(exclusive=True)).detach == (A, B)
    assert not plan_presence(WISH, found, SelectedVms(exclusive=True)).changes_something


def test_a_category_that_does_not_serve_is_refused() -> None:
    with pytest.raises(NameTaken, match="Datastore, HostSystem only"):
        plan_presence(WISH, there(kinds=frozenset({"HostSystem", "Datastore"})), SelectedVms())
    assert not plan_presence(
        WISH, there(kinds=frozenset({"HostSystem", "VirtualMachine"})), SelectedVms()
    ).changes_something
    with pytest.raises(InvalidSetting, match="not lowered again"):
        plan_presence(DesiredTag("t", "c", cardinality="single"), there(), SelectedVms())


def test_a_tag_goes_away_with_the_vms_that_are_named_and_no_others() -> None:
    assert plan_absence(WISH, there(A, B), only(A, B, C)) == TagPlan(detach=(A, B), delete_tag=True)
    with pytest.raises(StillInUse, match=r"1 object has it: c \(vm-2\) and would lose it"):
        plan_absence(WISH, there(A, C), only(A))
    with pytest.raises(StillInUse, match=r"2 objects have it: HostSystem:host-1, VirtualMachine:vm-3"):
        plan_absence(WISH, there(HOST, UNSEEN), only())
    assert plan_absence(WISH, there(A, HOST), SelectedVms(), force=True).detach == (HOST, A)


def test_many_that_carry_the_tag_are_counted() -> None:
    many = (ManagedObject("VirtualMachine", f"vm-{number}") for number in range(100, 125))
    with pytest.raises(StillInUse, match=r"25 objects have it: .*vm-109, 15 more and"):
        plan_absence(WISH, there(*many), SelectedVms())


def test_a_category_goes_only_when_it_is_asked_for_and_empty() -> None:
    assert not plan_absence(WISH, there(), SelectedVms()).delete_category
    assert plan_absence(WISH, there(), SelectedVms(), with_category=True).delete_category
    assert not plan_absence(WISH, there(others=1), SelectedVms(), with_category=True).delete_category
    empty = CurrentTag(Category("c", "preemption"))
    assert plan_absence(WISH, empty, SelectedVms(), with_category=True) == TagPlan(delete_category=True)
    assert not plan_absence(WISH, CurrentTag(), SelectedVms(), with_category=True).changes_something


@pytest.mark.parametrize(("tag", "category"), [("", "c"), ("t", " "), ("a\tb", "c"), ("t", "a\nb")])
def test_a_name_that_can_be_none_is_refused(tag: str, category: str) -> None:
    with pytest.raises(InvalidSetting, match="Cannot use the name"):
        DesiredTag(tag, category)
