# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preemption_role as users run it, against a simulated vCenter; govc tells what is really there.

The simulator keeps only the last list of permissions that was set on an object, so there is one account per object.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.ansible import Ansible, Ran
from support.govc import Govc
from support.vcsim import VCSim

# Several commands each, on hosts that have more to do.
pytestmark = pytest.mark.timeout(600)
MODULE = "preemption_role"
ROLE, SMALL = "vsphere-preemption", "vsphere-preemption-root"
WORKER = "VSPHERE.LOCAL\\preemption"
CLUSTER = "/DC0/host/DC0_C0"
STOP = {"VirtualMachine.Interact.PowerOff", "Global.SetCustomField"}
SYSTEM = {"System.Anonymous", "System.Read", "System.View"}


@pytest.fixture
def admin(tmp_path: Path, vcsim: VCSim) -> Ansible:
    """The ansible commands, in an environment that leads to vCenter."""
    return Ansible(tmp_path, vcsim.client_environment())


def run(admin: Ansible, *flags: str, **options: Any) -> Ran:
    return admin.module(MODULE, {"state": "present", **options}, *flags)


def privileges(govc: Govc, name: str = ROLE) -> set[str] | None:
    """What is in a role, without what every role has; None where there is no such role."""
    if name not in {line.split()[0] for line in govc.run("role.ls").splitlines()}:
        return None
    return set(govc.run("role.ls", name).split()) - SYSTEM


def holders(govc: Govc, path: str) -> dict[str, tuple[str, str]]:
    """Role and propagation by principal, on one object."""
    rows = [line.split() for line in govc.run("permissions.ls", "-a=false", path).splitlines()[1:]]
    return {row[-2]: (row[0], row[-1]) for row in rows if row}


def test_it_is_made_once(admin: Ansible, govc: Govc) -> None:
    asked = {"principal": WORKER, "scope": [CLUSTER]}
    tried = run(admin, "--check", "--diff", "-vvv", **asked)
    expected = {
        ROLE: {
            "privileges": sorted(STOP),
            "permissions": [{"scope": CLUSTER, "principal": WORKER, "group": False, "propagate": True}],
        }
    }
    assert (tried.changed, tried.result["roles"]) == (True, expected)
    assert tried.result["diff"] == {"before": {}, "after": expected}
    assert (privileges(govc), holders(govc, CLUSTER)) == (None, {})
    made, tried, again = run(admin, **asked), run(admin, "--check", **asked), run(admin, **asked)
    assert (made.changed, tried.changed, again.changed) == (True, False, False)
    assert made.result["roles"] == again.result["roles"] == expected
    assert (privileges(govc), privileges(govc, SMALL)) == (STOP, None)
    assert holders(govc, CLUSTER) == {WORKER: (ROLE, "Yes")}


def test_it_is_removed_once(admin: Ansible, govc: Govc) -> None:
    asked = {"principal": WORKER, "scope": [CLUSTER]}
    run(admin, **asked)
    gone = {**asked, "state": "absent"}
    tried = run(admin, "--check", **gone)
    assert (tried.changed, tried.result["roles"], privileges(govc)) == (True, {}, STOP)
    removed, again = run(admin, **gone), run(admin, **gone)
    assert (removed.changed, again.changed) == (True, False)
    assert (privileges(govc), holders(govc, CLUSTER)) == (None, {})
    assert "root" in holders(govc, "/")


@pytest.mark.long
def test_a_change_of_features_changes_the_role_alone(admin: Ansible, govc: Govc) -> None:
    asked = {"principal": "preemption@vsphere.local", "scope": ["DC0_C0"]}
    run(admin, **asked)
    more = run(admin, "--diff", "-vvv", **asked, features=["stop", "restore"], privileges=["Global.LogEvent"])
    assert privileges(govc) == {*STOP, "VirtualMachine.Interact.PowerOn", "Global.LogEvent"}
    sides = {side: set(more.result["diff"][side][ROLE]["privileges"]) for side in ("before", "after")}
    assert sides == {"before": STOP, "after": {*STOP, "VirtualMachine.Interact.PowerOn", "Global.LogEvent"}}
    assert run(admin, **asked).changed
    assert (privileges(govc), holders(govc, CLUSTER)) == (STOP, {WORKER: (ROLE, "Yes")})


@pytest.mark.long
def test_what_counts_on_the_root_folder_alone_gets_a_small_role_there(admin: Ansible, govc: Govc) -> None:
    features = ["stop", "setup_attribute", "setup_tag"]
    asked = {"principal": WORKER, "scope": [CLUSTER], "features": features}
    made = run(admin, **asked)
    assert privileges(govc, SMALL) == {"Global.ManageCustomFields"}
    assert privileges(govc) == STOP | {"InventoryService.Tagging.ObjectAttachable"}
    assert (holders(govc, "/"), holders(govc, CLUSTER)) == ({WORKER: (SMALL, "No")}, {WORKER: (ROLE, "Yes")})
    assert "InventoryService.Tagging.CreateTag" in made.result["not_granted"]
    assert "global permission" in made.output
    assert not run(admin, **asked).changed
    wide = run(admin, **{**asked, "scope": ["/", CLUSTER], "features": ["stop", "setup_attribute"]})
    assert (wide.changed, privileges(govc, SMALL)) == (True, None)
    assert privileges(govc) == STOP | {"Global.ManageCustomFields"}
    assert (holders(govc, "/"), holders(govc, CLUSTER)) == ({WORKER: (ROLE, "Yes")}, {WORKER: (ROLE, "Yes")})
    run(admin, principal=WORKER, scope=["/", CLUSTER], state="absent")
    assert (privileges(govc), holders(govc, "/"), holders(govc, CLUSTER)) == (None, {}, {})


@pytest.mark.long
def test_a_role_that_others_have_is_kept(admin: Ansible, govc: Govc) -> None:
    run(admin, principal=WORKER, scope=[CLUSTER])
    govc.run("permissions.set", "-principal", "other", "-role", ROLE, "/DC0/host/DC0_C1")
    asked = {"principal": WORKER, "scope": [CLUSTER, "DC0_C1"], "state": "absent"}
    taken = run(admin, **asked)
    assert (taken.changed, taken.result["kept"], "other accounts use them" in taken.output) == (
        True,
        [ROLE],
        True,
    )
    assert (holders(govc, CLUSTER), holders(govc, "/DC0/host/DC0_C1")) == ({}, {"other": (ROLE, "Yes")})
    again = run(admin, **asked)
    assert (again.changed, again.result["kept"], privileges(govc)) == (False, [ROLE], STOP)
    forced = run(admin, **asked, force=True)
    assert (forced.changed, privileges(govc)) == (True, None)


@pytest.mark.long
def test_an_account_that_has_another_role_keeps_it_unless_somebody_says_otherwise(admin: Ansible, govc: Govc) -> None:
    govc.run("permissions.set", "-principal", WORKER, "-role", "ReadOnly", CLUSTER)
    for flags in ((), ("--check",)):
        refused = run(admin, *flags, principal=WORKER, scope=[CLUSTER])
        assert (refused.error_code, "'ReadOnly'" in refused.result["msg"]) == ("still_in_use", True)
    assert (privileges(govc), holders(govc, CLUSTER)) == (None, {WORKER: ("ReadOnly", "Yes")})
    assert run(admin, principal=WORKER, scope=[CLUSTER], force=True).changed
    assert holders(govc, CLUSTER) == {WORKER: (ROLE, "Yes")}


@pytest.mark.long
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_role_of_vcenters_own_is_refused(admin: Ansible, govc: Govc, state: str) -> None:
    refused = run(admin, state=state, name="ReadOnly", principal=WORKER, force=True)
    assert (refused.error_code, "built-in vCenter role" in refused.result["msg"]) == ("name_taken", True)
    assert govc.run("role.ls", "ReadOnly").split() == sorted(SYSTEM)


@pytest.mark.long
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        pytest.param({"privileges": ["VirtualMachine.Interact.Explode"]}, "invalid_setting", id="privilege"),
        pytest.param({"scope": ["/DC0/host/nowhere"]}, "place_not_found", id="path"),
        pytest.param({"scope": ["DC0_C0", "nowhere"]}, "place_not_found", id="name"),
        pytest.param({"principal": "a\\b\\c"}, "invalid_setting", id="principal"),
        pytest.param({"name": " "}, "invalid_setting", id="role"),
        pytest.param({"features": ["halt"]}, "", id="feature"),
    ],
)
def test_bad_input_changes_nothing(admin: Ansible, govc: Govc, wrong: dict[str, Any], code: str) -> None:
    before = govc.run("role.ls")
    refused = run(admin, **{"principal": WORKER, **wrong})
    assert (refused.code != 0, refused.error_code) == (True, code)
    assert (govc.run("role.ls"), WORKER in holders(govc, "/")) == (before, False)
