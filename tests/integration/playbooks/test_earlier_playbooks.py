# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of release 0.2.1 run unchanged with the modules of today; govc is the witness."""

from __future__ import annotations

import pytest

from support.dispatcher import Dispatcher
from support.govc import Govc
from support.paths import CHECKOUT

from .conftest import TAGGED, Site

pytestmark = pytest.mark.timeout(600)

RELEASED = CHECKOUT / "tests" / "fixtures" / "playbooks_0_2_1"


@pytest.fixture
def earlier(site: Site) -> Site:
    """The same site with copies of the earlier playbooks."""
    site.folder = RELEASED
    return site


@pytest.mark.usefixtures("tagged")
@pytest.mark.long
def test_the_playbooks_of_0_2_1_still_plan_preempt_restore_pause_and_cancel(
    earlier: Site, govc: Govc, dispatcher: Dispatcher, vcenter_variables: dict[str, str]
) -> None:
    before = govc.powered_on()
    urgent = {"preempt_criticality": "HIGH", "preempt_request_id": "r1"}
    changed, shown = earlier.changed("plan", **vcenter_variables)
    assert (changed, all(name in shown for name in TAGGED)) == (0, True)
    assert earlier.changed("preempt", "--check", **urgent, **vcenter_variables)[0] == 1
    assert govc.powered_on() == before
    changed, shown = earlier.changed("preempt", **urgent)
    assert (changed, "Request r1: done." in shown) == (1, True)
    assert before - govc.powered_on() == set(TAGGED)
    changed, shown = earlier.changed("status", status_vm=TAGGED[0])
    assert (changed, "2 stopped, 0 left out, r1" in shown, "The run for request r1" in shown) == (0, True, True)
    [run] = dispatcher.runs()
    asked = {"restore_force": True, "restore_run_id": run["runID"]}
    assert earlier.changed("restore", "--check", **asked)[0] == 1
    changed, shown = earlier.changed("restore", **asked)
    assert (changed, "Restore: done" in shown) == (1, True)
    assert govc.powered_on() == before
    assert earlier.changed("restore", **asked)[0] == 0
    assert earlier.run("restore", **{**asked, "restore_run_id": ""}).returncode != 0
    assert [earlier.changed("pause", pause_state=state)[0] for state in ("paused", "paused", "active")] == [1, 0, 1]
    assert [earlier.changed("cancel")[0] for attempt in range(2)] == [1, 0]


@pytest.mark.usefixtures("tagged")
@pytest.mark.long
def test_the_restore_of_0_2_1_fails_with_an_id_that_nothing_has(
    earlier: Site, govc: Govc, dispatcher: Dispatcher
) -> None:
    earlier.changed("preempt", preempt_criticality="HIGH")
    off = govc.powered_on()
    of_dispatcher = dispatcher.state()["workflowRunID"]
    for flags in ([], ["--check"]):
        failed = earlier.run("restore", *flags, restore_force=True, restore_run_id=of_dispatcher)
        assert failed.returncode != 0, failed.stdout
        assert "execution_run_id" in failed.stdout
    assert govc.powered_on() == off
