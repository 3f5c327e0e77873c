# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role `vcenter` as users run it, against a simulated vCenter; govc tells what is really there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.ansible import Ansible
from support.govc import MARK_ATTRIBUTE, Govc
from support.vcsim import VCSim

# Several commands each, on hosts that have more to do.
pytestmark = pytest.mark.timeout(600)
WORKER = "VSPHERE.LOCAL\\preemption"
CLUSTER = "/DC0/host/DC0_C0"
MACHINES = ["DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"]
ATTACH = {"vcenter_tag_attach": {"vms": MACHINES}}
SITE = {
    "preemption_vcenter_username": WORKER,
    "preemption_features": ["stop", "restore"],
    "vcenter_role_scope": [CLUSTER],
}


@pytest.fixture
def admin(tmp_path: Path, vcsim: VCSim) -> Ansible:
    """The ansible commands, in an environment that leads to vCenter."""
    return Ansible(tmp_path, vcsim.client_environment())


def play(admin: Ansible, vcsim: VCSim, *flags: str, **variables: Any) -> tuple[int, str]:
    """How many tasks changed something, and what was written."""
    environment = vcsim.client_environment()
    folder = Path(environment["VCENTER_SECRET_PATH"])
    account = {
        "preemption_vcenter_url": environment["VCENTER_URL"],
        "preemption_vcenter_ca_file": environment["VCENTER_CA_FILE"],
        "preemption_vcenter_admin_username": (folder / "username").read_text(),
        "preemption_vcenter_admin_password": (folder / "password").read_text(),
    }
    book = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {**account, **SITE, **variables},
            "roles": [{"role": "vsphere.preemption.vcenter"}],
        }
    ]
    done = admin.playbook(json.dumps(book), *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    changed = re.search(r"changed=(\d+)", done.stdout)
    assert changed is not None
    return int(changed[1]), done.stdout


def seen(govc: Govc) -> dict[str, Any]:
    """All that there may be of ours."""
    alarms = {alarm["info"]["name"] for alarm in json.loads(govc.run("alarm.info", "-json"))}
    return {
        "tags": set(govc.tags()),
        "attributes": set(govc.attribute_keys().values()),
        "roles": {row.split()[0] for row in govc.run("role.ls").splitlines()} & {"vsphere-preemption"},
        "alarms": {name for name in alarms if name.startswith("vsphere-preemption")},
        "holders": {name for name in (WORKER,) if name in govc.run("permissions.ls", CLUSTER)},
    }


NOTHING: dict[str, set[str]] = {"tags": set(), "attributes": set(), "roles": set(), "alarms": set(), "holders": set()}
ALL = {
    "tags": {"preemption/preemptible"},
    "attributes": {MARK_ATTRIBUTE},
    "roles": {"vsphere-preemption"},
    "alarms": {"vsphere-preemption memory", "vsphere-preemption cpu"},
    "holders": {WORKER},
}


def test_everything_is_made_once(admin: Ansible, vcsim: VCSim, govc: Govc) -> None:
    changes, _shown = play(admin, vcsim, "--check", "--diff", **ATTACH)
    assert (changes, seen(govc)) == (4, NOTHING)
    assert play(admin, vcsim, **ATTACH)[0] == 4
    assert seen(govc) == ALL
    assert len(govc.tagged("preemption", "preemptible")) == len(MACHINES)
    assert play(admin, vcsim, "--check", **ATTACH)[0] == 0
    assert play(admin, vcsim, **ATTACH)[0] == 0


def test_everything_is_removed_once(admin: Ansible, vcsim: VCSim, govc: Govc) -> None:
    play(admin, vcsim, **ATTACH)
    gone = {**ATTACH, "vcenter_state": "absent"}
    changes, _shown = play(admin, vcsim, "--check", **gone)
    assert (changes, seen(govc)) == (4, ALL)
    assert play(admin, vcsim, **gone)[0] == 4
    assert (seen(govc), govc.categories()) == (NOTHING, set())
    assert play(admin, vcsim, **gone)[0] == 0


@pytest.mark.long
def test_history_stays_unless_somebody_says_otherwise(admin: Ansible, vcsim: VCSim, govc: Govc) -> None:
    play(admin, vcsim)
    govc.attach_tag("preemption", "preemptible", govc.path_of(MACHINES[0]))
    govc.set_attribute(MARK_ATTRIBUTE, "{}", MACHINES[0])
    # The password is a part of the code by which the role knows that something is in use.
    changes, told = play(admin, vcsim, vcenter_state="absent", preemption_vcenter_admin_password="use")
    assert (changes, told.count("Kept because it is still in use")) == (2, 2)
    assert seen(govc) == {**NOTHING, "tags": ALL["tags"], "attributes": ALL["attributes"]}
    assert play(admin, vcsim, vcenter_state="absent", vcenter_force=True)[0] == 2
    assert (seen(govc), govc.categories()) == (NOTHING, set())


@pytest.mark.long
def test_a_part_that_is_switched_off_is_left_alone(admin: Ansible, vcsim: VCSim, govc: Govc) -> None:
    off = {f"vcenter_{part}_enabled": False for part in ("tag", "attribute", "alarms")}
    assert play(admin, vcsim, **off)[0] == 1
    assert seen(govc) == {**NOTHING, "roles": ALL["roles"], "holders": ALL["holders"]}
