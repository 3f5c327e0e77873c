# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preemption_attribute as users run it, against a simulated vCenter; govc tells what is really there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.ansible import Ansible, Ran
from support.govc import MARK_ATTRIBUTE, Govc
from support.vcsim import VCSim

MODULE = "preemption_attribute"
DEFINED = {"name": MARK_ATTRIBUTE, "exists": True}
MISSING = {"name": MARK_ATTRIBUTE, "exists": False}


@pytest.fixture
def admin(tmp_path: Path, vcsim: VCSim) -> Ansible:
    """The ansible commands, in an environment that leads to vCenter."""
    return Ansible(tmp_path, vcsim.client_environment())


def kinds(govc: Govc) -> dict[str, str]:
    """The type that each custom attribute is for, by its name."""
    return {row.split()[1]: row.split()[2] for row in govc.run("fields.ls").splitlines() if row}


def run(admin: Ansible, *flags: str, **options: Any) -> Ran:
    # Without any option, `ansible` takes the braces for text.
    return admin.module(MODULE, {"state": "present", **options}, *flags)


def test_it_is_defined_once_and_removed_once(admin: Ansible, govc: Govc) -> None:
    tried = run(admin, "--check", "--diff", "-vvv")
    assert (tried.changed, tried.result["diff"], kinds(govc)) == (True, {"before": MISSING, "after": DEFINED}, {})
    assert tried.result["attribute"] == {"name": MARK_ATTRIBUTE, "key": None, "exists": True}
    made, again = run(admin), run(admin)
    assert (made.changed, again.changed, kinds(govc)) == (True, False, {MARK_ATTRIBUTE: "VirtualMachine"})
    assert made.result["attribute"] == again.result["attribute"]
    assert govc.attribute_keys() == {made.result["attribute"]["key"]: MARK_ATTRIBUTE}
    tried = run(admin, "--check", state="absent")
    assert (tried.changed, list(kinds(govc))) == (True, [MARK_ATTRIBUTE])
    gone, again = run(admin, state="absent"), run(admin, state="absent")
    assert (gone.changed, again.changed, kinds(govc)) == (True, False, {})
    assert (gone.result["marks"], gone.result["attribute"]["exists"]) == (0, False)


def test_history_is_kept_unless_somebody_says_otherwise(admin: Ansible, govc: Govc) -> None:
    run(admin)
    for number in range(3):
        govc.set_attribute(MARK_ATTRIBUTE, "{}" if number else "", f"DC0_C0_RP0_VM{number}")
    for flags in ((), ("--check",)):
        refused = run(admin, *flags, state="absent")
        assert (refused.error_code, "2 VMs have" in refused.result["msg"]) == ("still_in_use", True)
    assert list(kinds(govc)) == [MARK_ATTRIBUTE]
    tried = run(admin, "--check", state="absent", force=True)
    assert (tried.changed, tried.result["marks"], len(kinds(govc))) == (True, 2, 1)
    gone = run(admin, state="absent", force=True)
    assert (gone.changed, gone.result["marks"], kinds(govc)) == (True, 2, {})


@pytest.mark.long
def test_an_attribute_of_other_objects_is_never_touched(admin: Ansible, govc: Govc) -> None:
    govc.run("fields.add", "-type", "HostSystem", MARK_ATTRIBUTE)
    refused = run(admin)
    assert (refused.error_code, "HostSystem" in refused.result["msg"]) == ("name_taken", True)
    gone = run(admin, state="absent", force=True)
    assert (gone.changed, kinds(govc)) == (False, {MARK_ATTRIBUTE: "HostSystem"})


@pytest.mark.long
def test_another_name_is_another_attribute(admin: Ansible, govc: Govc) -> None:
    run(admin)
    assert run(admin, name="Größe-»MiB«").changed
    assert len(govc.attribute_keys()) == 2
    assert run(admin, name="Größe-»MiB«", state="absent").changed
    assert list(kinds(govc)) == [MARK_ATTRIBUTE]


@pytest.mark.long
@pytest.mark.parametrize("name", ["", "  ", "two\nlines"])
def test_a_name_that_can_be_none_is_refused(admin: Ansible, govc: Govc, name: str) -> None:
    refused = run(admin, name=name)
    assert (refused.error_code, "Traceback" in refused.output, kinds(govc)) == ("invalid_setting", False, {})
