# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preemption_alarm as users run it, against a simulated vCenter; govc tells what is really there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.alarms import AlarmDesk
from support.ansible import Ansible, Ran
from support.govc import Govc
from support.vcsim import VCSim

# Several commands each, on hosts that have more to do.
pytestmark = pytest.mark.timeout(600)
MODULE = "preemption_alarm"
NAME = "vsphere-preemption memory"
CLUSTER = "/DC0/host/DC0_C0"


@pytest.fixture
def admin(tmp_path: Path, vcsim: VCSim) -> Ansible:
    """The ansible commands, in an environment that leads to vCenter."""
    return Ansible(tmp_path, vcsim.client_environment())


def run(admin: Ansible, *flags: str, **options: Any) -> Ran:
    return admin.module(MODULE, {"name": NAME, "scope": CLUSTER, "yellow": 85, "red": 92.5, **options}, *flags)


def alarms(govc: Govc) -> dict[str, dict[str, Any]]:
    """The definitions of all alarms by name."""
    found = json.loads(govc.run("alarm.info", "-json"))
    return {alarm["info"]["name"]: alarm["info"] for alarm in found}


def measured(alarm: dict[str, Any]) -> dict[str, Any]:
    [expression] = alarm["expression"]["expression"]
    return dict(expression)


def test_it_is_made_once(admin: Ansible, govc: Govc) -> None:
    others = set(alarms(govc))
    tried = run(admin, "--check", "--diff", "-vvv")
    assert (tried.changed, tried.result["diff"]["before"], set(alarms(govc))) == (True, {}, others)
    made, tried, again = run(admin), run(admin, "--check"), run(admin)
    assert (made.changed, tried.changed, again.changed) == (True, False, False)
    assert made.result["alarm"] == again.result["alarm"]
    alarm = alarms(govc)[NAME]
    expression = measured(alarm)
    assert (expression["operator"], expression["type"], expression["metric"]["counterId"]) == (
        "isAbove",
        "HostSystem",
        24,
    )
    assert (expression["yellow"], expression["red"], expression["redInterval"]) == (8500, 9250, 300)
    assert alarm["entity"]["type"] == "ClusterComputeResource"


def test_it_is_removed_once(admin: Ansible, govc: Govc) -> None:
    others = set(alarms(govc))
    run(admin)
    tried = run(admin, "--check", state="absent")
    assert (tried.changed, tried.result["alarm"], NAME in alarms(govc)) == (True, {}, True)
    gone, again = run(admin, state="absent"), run(admin, state="absent")
    assert (gone.changed, again.changed, set(alarms(govc))) == (True, False, others)


@pytest.mark.long
def test_each_difference_changes_the_alarm_that_is_there(admin: Ansible, govc: Govc) -> None:
    run(admin)
    first = alarms(govc)[NAME]
    other = {"metric": "cpu", "watches": "clusters", "yellow": None, "red": 90, "red_seconds": 60, "tolerance": 2.5}
    other |= {"frequency": 0, "enabled": False, "description": "for the lab"}
    changed = run(admin, "--diff", "-vvv", **other)
    sides = [changed.result["diff"][side] for side in ("before", "after")]
    assert [side["yellow"] for side in sides] == [85.0, None]
    assert [side["watches"] for side in sides] == ["HostSystem", "ClusterComputeResource"]
    alarm = alarms(govc)[NAME]
    expression = measured(alarm)
    assert alarm["alarm"] == first["alarm"]
    assert (expression["type"], expression["metric"]["counterId"]) == ("ClusterComputeResource", 2)
    assert (expression.get("yellow"), expression["red"], expression["redInterval"]) == (None, 9000, 60)
    assert (alarm["enabled"], alarm["description"]) == (False, "for the lab")
    assert alarm["setting"] == {"toleranceRange": 250, "reportingFrequency": 0}
    assert not run(admin, **other).changed


@pytest.mark.long
def test_what_people_added_to_an_alarm_is_kept(admin: Ansible, vcsim: VCSim, govc: Govc) -> None:
    run(admin)
    witness = vcsim.witness()
    try:
        AlarmDesk(witness).mail(alarms(govc)[NAME]["alarm"]["value"], "ops@example.com")
    finally:
        witness.close()
    assert not run(admin).changed
    assert run(admin, red=95).changed
    alarm = alarms(govc)[NAME]
    assert (measured(alarm)["red"], "ops@example.com" in json.dumps(alarm["action"])) == (9500, True)


@pytest.mark.long
def test_an_alarm_of_somebody_else_is_refused(admin: Ansible, vcsim: VCSim, govc: Govc) -> None:
    witness = vcsim.witness()
    try:
        AlarmDesk(witness).define("theirs", "HostSystem")
    finally:
        witness.close()
    before = alarms(govc)
    for state in ("present", "absent"):
        own = run(admin, state=state, name="Host error", force=True)
        assert (own.error_code, "built-in vCenter alarm" in own.result["msg"]) == ("name_taken", True)
        events = run(admin, state=state, name="theirs")
        assert (events.error_code, "does not monitor usage" in events.result["msg"]) == ("name_taken", True)
    assert alarms(govc) == before
    taken = run(admin, name="theirs", force=True)
    assert (taken.changed, measured(alarms(govc)["theirs"])["red"]) == (True, 9250)


@pytest.mark.long
def test_an_alarm_on_another_object_is_moved_only_by_force(admin: Ansible, govc: Govc) -> None:
    run(admin)
    for state in ("present", "absent"):
        refused = run(admin, state=state, scope="/")
        assert (refused.error_code, "ClusterComputeResource" in refused.result["msg"]) == ("name_taken", True)
    assert run(admin, scope="/", force=True).changed
    assert alarms(govc)[NAME]["entity"]["type"] == "Folder"


@pytest.mark.long
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        pytest.param({"yellow": None, "red": None}, "invalid_setting", id="no threshold"),
        pytest.param({"yellow": 95}, "invalid_setting", id="yellow above red"),
        pytest.param({"red": 101}, "invalid_setting", id="too much"),
        pytest.param({"tolerance": -1}, "invalid_setting", id="tolerance"),
        pytest.param({"name": " "}, "invalid_setting", id="name"),
        pytest.param({"scope": "/DC0/host/nowhere"}, "place_not_found", id="scope"),
    ],
)
def test_bad_input_changes_nothing(admin: Ansible, govc: Govc, wrong: dict[str, Any], code: str) -> None:
    before = set(alarms(govc))
    assert (run(admin, **wrong).error_code, set(alarms(govc))) == (code, before)
