# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preempt, plan, status, cancel, restore and pause, each by its full name; govc is the witness."""

from __future__ import annotations

import re

import pytest

from support.govc import Govc
from support.vcsim import VCSim

from .conftest import TAGGED, Site

pytestmark = pytest.mark.timeout(600)


@pytest.mark.usefixtures("tagged")
def test_preempt_checks_then_stops_then_has_nothing_more_to_do(
    site: Site, govc: Govc, vcenter_variables: dict[str, str]
) -> None:
    asked = {"preempt_criticality": "HIGH", "preempt_request_id": "r1", "preempt_reason": "release"}
    before = govc.powered_on()
    for flags in (["--check"], ["--check", "--diff"]):
        changed, shown = site.changed("preempt", *flags, **asked, **vcenter_variables)
        assert (changed, "2 would be stopped (hard)" in shown) == (1, True), shown
    assert (govc.powered_on(), govc.marks()) == (before, {})
    changed, shown = site.changed("preempt", **asked)
    assert changed == 1
    assert "Request r1: done." in shown
    assert before - govc.powered_on() == set(TAGGED)
    assert {mark["note"] for mark in govc.marks().values()} == {"release"}
    assert site.changed("preempt", **asked)[0] == 0


@pytest.mark.long
@pytest.mark.usefixtures("tagged")
def test_preempt_narrows_by_cluster_number_and_lines_of_names(site: Site, govc: Govc) -> None:
    elsewhere, shown = site.changed("preempt", preempt_cluster="DC0_C1")
    assert (elsewhere, shown.count("left out out_of_scope")) == (0, 2)
    # A survey in AWX gives lines of text.
    named = {"preempt_vms": f"{TAGGED[1]}\n\n", "preempt_max_vms": "5"}
    changed, shown = site.changed("preempt", preempt_criticality="HIGH", **named)
    assert changed == 1
    assert set(TAGGED) & govc.powered_on() == {TAGGED[0]}, shown


@pytest.mark.long
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"preempt_max_vms": 0}, "max_vms is 0"),
        ({"preempt_criticality": "URGENT"}, "URGENT"),
        ({"preempt_scope": [{"cluster": "a", "host": "b"}]}, "mutually exclusive"),
        ({"preempt_wait": "sometimes"}, "sometimes"),
    ],
    ids=["max_vms", "criticality", "scope", "wait"],
)
def test_preempt_refuses_what_cannot_be(site: Site, wrong: dict[str, object], said: str) -> None:
    ran = site.run("preempt", **wrong)
    assert ran.returncode != 0
    assert said in ran.stdout + ran.stderr


@pytest.mark.long
@pytest.mark.usefixtures("tagged")
def test_preempt_without_vcenter_shows_the_request_in_check_mode_and_stores_it_without_waiting(site: Site) -> None:
    assert (
        "Would request a preemption of VMs with the tag preemptible, criticality LOW."
        in site.changed("preempt", "--check")[1]
    )
    changed, shown = site.changed("preempt", preempt_wait=False, preempt_dry_run=True)
    assert (changed, "was accepted by workflow" in shown) == (1, True)


@pytest.mark.long
def test_plan_shows_each_vm_and_changes_nothing(
    site: Site, vcsim: VCSim, govc: Govc, vcenter_variables: dict[str, str]
) -> None:
    vcsim.tag_machines(TAGGED)
    policy = {"version": 1, "policies": [{"name": "p", "protect": {"names": [TAGGED[0]]}}]}
    before = govc.powered_on()
    for flags in ([], ["--check"]):
        changed, shown = site.changed("plan", *flags, **vcenter_variables, preemption_policy=policy)
        assert changed == 0
        assert f"{TAGGED[0]:40} {govc.machine(TAGGED[0]).ref:12} left out protected_by_name" in shown
        assert f"{TAGGED[1]:40} {govc.machine(TAGGED[1]).ref:12} 1. " in shown
    assert (govc.powered_on(), govc.marks()) == (before, {})
    assert site.run("plan").returncode != 0


@pytest.mark.long
@pytest.mark.usefixtures("tagged")
def test_status_tells_of_runs_and_of_one_vm_and_of_the_switch(site: Site) -> None:
    changed, shown = site.changed("status")
    assert (changed, "Preemption is active." in shown, "has not received any request yet" in shown) == (
        0,
        True,
        True,
    ), shown
    site.changed("preempt", preempt_criticality="HIGH", preempt_request_id="r1")
    site.changed("pause", pause_reason="a fair")
    changed, shown = site.changed("status", status_vm=TAGGED[0])
    assert changed == 0
    assert "2 stopped, 0 left out, r1" in shown
    assert "Preemption has been paused since" in shown
    assert "a fair" in shown
    assert "The run for request r1" in shown
    assert site.changed("status", "--check")[0] == 0


@pytest.mark.long
def test_pause_checks_then_throws_then_stays_and_goes_back(site: Site) -> None:
    asked = {"pause_reason": "migration", "pause_seconds": 7200, "pause_by": "ops"}
    assert site.changed("pause", "--check", **asked)[0] == 1
    assert "Preemption is active." in site.changed("pause", "--check", pause_state="active")[1]
    changed, shown = site.changed("pause", **asked)
    assert changed == 1
    assert "by ops: migration." in shown
    assert site.changed("pause", **asked)[0] == 0
    assert [site.changed("pause", pause_state="active")[0] for attempt in range(2)] == [1, 0]
    assert site.run("pause", pause_state="off").returncode != 0
    assert "1 or more" in site.run("pause", pause_seconds=0).stdout


@pytest.mark.usefixtures("tagged")
def test_restore_checks_then_gives_back_then_has_nothing_more_to_do(site: Site, govc: Govc) -> None:
    site.changed("preempt", preempt_criticality="HIGH")
    held, shown = site.changed("restore")
    assert (held, shown.count("left off hold_time")) == (0, 2)
    asked = {"restore_force": True, "restore_reason": "over", "restore_vms": [TAGGED[0]], "restore_cluster": "DC0_C0"}
    changed, shown = site.changed("restore", "--check", "--diff", **asked)
    assert (changed, f"+{TAGGED[0]}" in shown) == (1, True)
    assert not set(TAGGED) & govc.powered_on()
    changed, shown = site.changed("restore", **asked)
    assert (changed, "Restore: done" in shown) == (1, True)
    assert set(TAGGED) & govc.powered_on() == {TAGGED[0]}
    assert site.changed("restore", **asked)[0] == 0


@pytest.mark.usefixtures("tagged")
def test_restore_of_one_preemption_takes_the_id_that_preempt_and_status_show(
    site: Site, govc: Govc, workflow_id: str
) -> None:
    before = govc.powered_on()
    _changed, shown = site.changed("preempt", preempt_criticality="HIGH")
    [preemption_id] = re.findall(rf"Preemption id ({workflow_id}/\w+)", shown)
    assert f"preemption id {preemption_id}" in site.changed("status")[1]
    asked = {"restore_force": True}
    wrong = (f"{workflow_id}/none", "", "no VM with the tag preemptible"), ("", "--check", "is empty")
    for given, flag, said in wrong:
        failed = site.run("restore", *filter(None, [flag]), **asked, restore_preemption_id=given)
        assert failed.returncode != 0, failed.stdout
        assert said in failed.stdout
    assert before - govc.powered_on() == set(TAGGED)
    assert site.changed("restore", **asked, restore_preemption_id=preemption_id)[0] == 1
    assert govc.powered_on() == before


@pytest.mark.long
@pytest.mark.usefixtures("tagged")
def test_cancel_checks_then_ends_then_finds_nothing(site: Site, workflow_id: str) -> None:
    site.changed("preempt", preempt_dry_run=True)
    changed, shown = site.changed("cancel", "--check")
    assert (changed, f"{workflow_id}: would be cancelled" in shown) == (1, True)
    changed, shown = site.changed("cancel")
    assert (changed, f"{workflow_id}: cancelled" in shown) == (1, True)
    changed, shown = site.changed("cancel")
    assert (changed, f"{workflow_id}: was not running" in shown) == (0, True)


def test_a_name_that_looks_like_a_template_is_shown_as_it_is(
    site: Site, tagged: VCSim, govc: Govc, vcenter_variables: dict[str, str]
) -> None:
    name = "{{ 6 * 7 }}-<b>"
    govc.run("vm.change", "-vm", govc.path_of(TAGGED[0]), "-name", name)
    asked = {"preempt_criticality": "HIGH"}
    shown = [
        site.changed("plan", **vcenter_variables)[1],
        site.changed("preempt", **asked)[1],
        site.changed("restore", restore_force=True)[1],
        site.changed("status", status_vm=govc.machine(name).ref)[1],
    ]
    assert [name in text for text in shown[:3]] == [True, True, True], shown
    assert not any("42-<b>" in text for text in shown)
