# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preemption_tag as users run it, against a simulated vCenter; govc tells what is really there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.ansible import Ansible, Ran
from support.govc import Govc
from support.vcenter_proxy import VCenterProxy
from support.vcsim import VCSim

MODULE, CATEGORY, TAG = "preemption_tag", "preemption", "preemptible"
FIRST = [f"DC0_C0_RP0_VM{number}" for number in range(3)]
SECOND = "DC0_C1_RP0_VM0"


@pytest.fixture
def admin(tmp_path: Path, vcsim: VCSim) -> Ansible:
    """The ansible commands, in an environment that leads to vCenter."""
    return Ansible(tmp_path, vcsim.client_environment())


def run(admin: Ansible, *flags: str, **options: Any) -> Ran:
    # Without any option, `ansible` takes the braces for text.
    return admin.module(MODULE, {"state": "present", **options}, *flags)


def carriers(govc: Govc) -> set[str]:
    """The names of the VMs that carry the tag, and other objects as they are."""
    names = {f"VirtualMachine:{machine.ref}": name for name, machine in govc.machines().items()}
    return {names.get(entry, entry) for entry in govc.tagged(CATEGORY, TAG)}


def named(entries: list[dict[str, str]]) -> list[str]:
    return [entry["name"] for entry in entries]


def test_tag_and_category_are_made_once_and_removed_once(admin: Ansible, govc: Govc) -> None:
    asked = {"tag_description": "may be stopped", "attach": {"vms": FIRST[:2]}}
    tried = run(admin, "--check", "--diff", "-vvv", **asked)
    assert (tried.changed, govc.tags(), govc.categories()) == (True, {}, set())
    assert tried.result["diff"]["before"] == {"category preemption": None, "tag preemptible": None, "attached to": []}
    assert tried.result["diff"]["after"]["tag preemptible"] == {"description": "may be stopped"}
    made, again = run(admin, **asked), run(admin, **asked)
    assert (made.changed, again.changed, carriers(govc)) == (True, False, set(FIRST[:2]))
    assert named(made.result["added"]) == FIRST[:2] == named(tried.result["added"])
    assert again.result["added"] == again.result["removed"] == []
    assert made.result["tag"] == again.result["tag"]
    assert govc.tags() == {f"{CATEGORY}/{TAG}": made.result["tag"]["id"]}
    away = {"state": "absent", "attach": {"vms": FIRST[:2]}, "remove_category": True}
    tried = run(admin, "--check", **away)
    assert (tried.changed, carriers(govc)) == (True, set(FIRST[:2]))
    gone, again = run(admin, **away), run(admin, **away)
    assert (gone.changed, again.changed, govc.tags(), govc.categories()) == (True, False, {}, set())
    assert named(gone.result["removed"]) == FIRST[:2]


@pytest.mark.long
def test_vms_are_chosen_by_reference_path_folder_and_pattern(admin: Ansible, govc: Govc) -> None:
    govc.run("folder.create", "/DC0/vm/batch", "/DC0/vm/batch/night")
    govc.run("object.mv", "/DC0/vm/DC0_C0_RP0_VM3", "/DC0/vm/batch")
    govc.run("object.mv", "/DC0/vm/DC0_C1_RP0_VM3", "/DC0/vm/batch/night")
    govc.run("object.mv", "/DC0/vm/DC0_C1_RP0_VM4", "/DC0/vm/batch/night")
    govc.power("off", "DC0_C1_RP0_VM4")
    govc.run("vm.markastemplate", "DC0_C1_RP0_VM4")
    ref = govc.machine(FIRST[0]).ref
    by_hand = run(admin, attach={"vms": [ref, "/DC0/vm/DC0_C0_RP0_VM1", "DC0_C0_RP0_VM1"]})
    assert named(by_hand.result["added"]) == FIRST[:2]
    by_folder = run(admin, attach={"folder": "/DC0/vm/batch"})
    assert named(by_folder.result["added"]) == ["DC0_C0_RP0_VM3", "DC0_C1_RP0_VM3"]
    by_both = {"folder": "batch", "pattern": "dc0_c1_*", "vms": [SECOND], "exclusive": True}
    tried = run(admin, "--check", attach=by_both)
    alone = run(admin, attach=by_both)
    assert tried.result["removed"] == alone.result["removed"]
    assert named(alone.result["removed"]) == [*FIRST[:2], "DC0_C0_RP0_VM3"]
    assert (carriers(govc), run(admin, attach=by_both).changed) == ({SECOND, "DC0_C1_RP0_VM3"}, False)
    template = run(admin, attach={"vms": ["DC0_C1_RP0_VM4"]})
    assert named(template.result["added"]) == ["DC0_C1_RP0_VM4"]


def test_all_are_attached_and_detached_with_a_handful_of_calls(
    tmp_path: Path, govc: Govc, vcenter_proxy: VCenterProxy
) -> None:
    admin = Ansible(tmp_path, vcenter_proxy.client_environment())
    before = vcenter_proxy.calls.counts().total()
    assert len(run(admin, attach={"pattern": "*"}).result["added"]) == 10
    made = vcenter_proxy.calls.counts()
    assert made.total() - before <= 30
    assert sum(count for name, count in made.items() if "attach-tag-to" in name) == 1
    run(admin, attach={"pattern": "*"})
    again = vcenter_proxy.calls.counts()
    assert sum(count for name, count in again.items() if "attach-tag-to" in name) == 1
    assert len(carriers(govc)) == 10


@pytest.mark.long
def test_a_tag_that_others_carry_is_kept_unless_somebody_says_otherwise(admin: Ansible, govc: Govc) -> None:
    run(admin, attach={"vms": FIRST[:2]})
    govc.attach_tag(CATEGORY, TAG, f"/DC0/vm/{SECOND}")
    govc.run("tags.create", "-c", CATEGORY, "other")
    ours = {"state": "absent", "attach": {"vms": [*FIRST[:2], "deleted-meanwhile"]}}
    refused = run(admin, **ours)
    assert (refused.error_code, SECOND in refused.result["msg"]) == ("still_in_use", True)
    assert "2 objects" in run(admin, state="absent", attach={"vms": FIRST[:1]}).result["msg"]
    assert carriers(govc) == {*FIRST[:2], SECOND}
    gone = run(admin, **ours, force=True, remove_category=True)
    assert named(gone.result["removed"]) == [*FIRST[:2], SECOND]
    assert (list(govc.tags()), govc.categories()) == ([f"{CATEGORY}/other"], {CATEGORY})
    assert not run(admin, state="absent", force=True, remove_category=True).changed


@pytest.mark.long
def test_what_is_there_is_adapted_and_hosts_keep_their_tag(admin: Ansible, govc: Govc) -> None:
    govc.run("tags.category.create", "-d", "old", CATEGORY)
    govc.run("tags.create", "-c", CATEGORY, "-d", "old", TAG)
    govc.attach_tag(CATEGORY, TAG, "/DC0/host/DC0_C0")
    assert not run(admin, attach={"exclusive": True}).changed
    asked = {"tag_description": "new", "category_description": "newer", "cardinality": "multiple"}
    tried = run(admin, "--check", "--diff", "-vvv", **asked).result["diff"]
    assert tried["before"]["category preemption"] == {"description": "old", "cardinality": "single"}
    assert tried["after"]["category preemption"] == {"description": "newer", "cardinality": "multiple"}
    assert (run(admin, **asked).changed, run(admin, **asked).changed) == (True, False)
    [category] = json.loads(govc.run("tags.category.ls", "-json"))
    assert (category["cardinality"], category["description"]) == ("MULTIPLE", "newer")
    back = run(admin, cardinality="single")
    assert (back.error_code, "not lowered again" in back.result["msg"]) == ("invalid_setting", True)


@pytest.mark.long
def test_a_category_for_other_objects_is_refused(admin: Ansible, govc: Govc) -> None:
    govc.run("tags.category.create", "-t", "HostSystem", CATEGORY)
    refused = run(admin)
    assert (refused.error_code, "HostSystem" in refused.result["msg"]) == ("name_taken", True)
    assert govc.tags() == {}


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        pytest.param({"attach": {"vms": ["no-such-vm"]}}, "vm_not_found", "'no-such-vm'", id="VM"),
        pytest.param({"attach": {"vms": ["/DC0/vm/x/DC0_C0_RP0_VM0"]}}, "vm_not_found", "/DC0/vm/x", id="path"),
        pytest.param({"attach": {"folder": "no-such"}}, "place_not_found", "no-such", id="folder"),
        pytest.param({"attach": {"folder": "DC0_C0"}}, "place_not_found", "DC0_C0", id="no folder"),
        pytest.param({"tag": " "}, "invalid_setting", "tag", id="tag"),
        pytest.param({"category": "a\nb"}, "invalid_setting", "category", id="category"),
    ],
)
def test_what_cannot_be_is_one_clear_line_and_changes_nothing(
    admin: Ansible, govc: Govc, options: dict[str, Any], code: str, said: str
) -> None:
    refused = run(admin, **options)
    assert (refused.error_code, said in refused.result["msg"], "Traceback" in refused.output) == (code, True, False)
    assert (govc.tags(), govc.categories()) == ({}, set())


@pytest.mark.long
def test_a_name_that_fits_several_vms_is_refused_with_their_paths(admin: Ansible, govc: Govc) -> None:
    govc.run("folder.create", "/DC0/vm/batch")
    govc.run("object.mv", f"/DC0/vm/{FIRST[1]}", "/DC0/vm/batch")
    govc.run("object.rename", f"/DC0/vm/{FIRST[0]}", FIRST[1])
    refused = run(admin, attach={"vms": [FIRST[1]]})
    assert refused.error_code == "vm_ambiguous"
    assert f"/DC0/vm/batch/{FIRST[1]} (vm-" in refused.result["msg"]
    assert f"/DC0/vm/{FIRST[1]} (vm-" in refused.result["msg"]
    assert run(admin, attach={"vms": [f"/DC0/vm/batch/{FIRST[1]}"]}).changed
