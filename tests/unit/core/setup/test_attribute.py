# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for the definition of the custom attribute."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.core.setup.attribute import (
    AttributeAction,
    Definition,
    checked_name,
    plan_absence,
    plan_presence,
)
from vsphere_preemption.core.setup_errors import NameTaken, StillInUse

NAME = "mark"
OURS, HOSTS, ALL = Definition(NAME, 1, "VirtualMachine"), Definition(NAME, 2, "HostSystem"), Definition(NAME, 3, "")
OTHER = Definition("owner", 4, "VirtualMachine")


def test_a_missing_attribute_is_created() -> None:
    assert plan_presence(NAME, [OTHER]) is AttributeAction.CREATE


@pytest.mark.parametrize("there", [[OURS], [ALL], [HOSTS, OURS], [OTHER, HOSTS, ALL]])
def test_one_that_serves_vms_is_left_as_it_is(there: list[Definition]) -> None:
    assert plan_presence(NAME, there) is AttributeAction.NOTHING


def test_one_for_other_objects_alone_is_in_the_way() -> None:
    with pytest.raises(NameTaken, match="type HostSystem"):
        plan_presence(NAME, [HOSTS, OTHER])
    assert plan_absence(NAME, [HOSTS, OTHER], holders=0, force=True) is AttributeAction.NOTHING


def test_history_is_removed_by_force_only() -> None:
    assert plan_absence(NAME, [OURS], holders=0, force=False) is AttributeAction.REMOVE
    assert plan_absence(NAME, [OURS, HOSTS], holders=3, force=True) is AttributeAction.REMOVE
    with pytest.raises(StillInUse, match="3 VMs have a value"):
        plan_absence(NAME, [OURS], holders=3, force=False)
    with pytest.raises(StillInUse, match="1 VM has a value"):
        plan_absence(NAME, [OURS], holders=1, force=False)


def test_one_for_all_objects_is_none_of_ours() -> None:
    with pytest.raises(NameTaken, match="all object types"):
        plan_absence(NAME, [ALL], holders=0, force=True)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x00b"])
def test_a_name_that_can_be_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidSetting):
        checked_name(name)
    assert checked_name("Größe (MiB)") == "Größe (MiB)"
