# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill: one VM goes and comes back, and nothing goes where something speaks against it. govc is the witness."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from support.ansible import Completed
from support.govc import Govc
from support.vcsim import VCSim
from support.worker import WorkerProcess

from .conftest import TAGGED, Site

pytestmark = [pytest.mark.timeout(600), pytest.mark.long]

NOBODY_STOPPED = "so nothing was done"


class Application:
    """What the VM is a part of: its health page answers 200 as many times as it shall, then 503."""

    def __init__(self, healthy_answers: int) -> None:
        application = self
        self.left = healthy_answers

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if application.left > 0 else 503)
                self.end_headers()
                application.left -= 1

            def log_message(self, format: str, *args: object) -> None:
                """The test's output stays readable."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/health"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def application() -> Iterator[Callable[[int], Application]]:
    started: list[Application] = []

    def start(healthy_answers: int) -> Application:
        started.append(Application(healthy_answers))
        return started[-1]

    yield start
    for one in started:
        one.server.shutdown()
        one.server.server_close()


def drilled(ran: Completed) -> tuple[int, str]:
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.usefixtures("tagged")
def test_a_drill_checks_then_stops_one_vm_and_gives_it_back(
    site: Site, govc: Govc, vcenter_variables: dict[str, str]
) -> None:
    before = govc.powered_on()
    asked = {"drill_vm": TAGGED[0], "drill_criticality": "HIGH"}
    assert site.changed("drill", "--check", **asked, **vcenter_variables)[0] == 1
    assert site.changed("drill", "--check", **asked)[0] == 1
    assert (govc.powered_on(), govc.marks()) == (before, {})
    changed, shown = site.changed("drill", **asked)
    assert changed == 2
    assert "stopped  hard" in shown
    assert "restored" in shown
    assert govc.powered_on() == before
    marks = govc.marks()
    assert {name: (mark["phase"], mark["note"]) for name, mark in marks.items()} == {TAGGED[0]: ("restored", "drill")}
    # The window of the workflow is still open, so the second drill ends with its dry run.
    code, text = drilled(site.run("drill", **asked))
    assert (code != 0, NOBODY_STOPPED in text, "within_rerun_window" in text) == (True, True, True), text
    assert govc.marks() == marks


@pytest.mark.usefixtures("tagged")
def test_a_drill_ends_at_once_and_gives_back_when_the_application_suffers(
    site: Site, govc: Govc, application: Callable[[int], Application]
) -> None:
    before = govc.powered_on()
    asked = {"drill_vm": TAGGED[0], "drill_criticality": "HIGH", "drill_seconds": 600, "drill_interval": 1}
    code, text = drilled(site.run("drill", **asked, drill_health_url=application(0).url))
    assert (code != 0, "503" in text, govc.marks()) == (True, True, {}), text
    code, text = drilled(site.run("drill", **asked, drill_health_url=application(2).url))
    assert (code != 0, "503" in text) == (True, True), text
    assert (govc.powered_on(), govc.marks()[TAGGED[0]]["phase"]) == (before, "restored")


@pytest.mark.usefixtures("tagged")
def test_a_drill_goes_through_where_the_application_does_not_suffer(
    site: Site, govc: Govc, application: Callable[[int], Application], vcenter_variables: dict[str, str]
) -> None:
    asked = {
        # Ansible masks the password wherever it occurs in a result.
        **vcenter_variables,
        "preemption_vcenter_password": "stopped",
        "drill_vm": govc.machine(TAGGED[0]).ref,
        "drill_criticality": "HIGH",
        "drill_seconds": 2,
        "drill_interval": 1,
    }
    healthy = application(9)
    assert site.changed("drill", **asked, drill_health_url=healthy.url)[0] == 2
    assert healthy.left == 5
    assert govc.marks()[TAGGED[0]]["phase"] == "restored"


@pytest.mark.parametrize(
    "wrong",
    [{}, {"drill_vm": " "}, {"drill_vm": TAGGED}, {"drill_vm": "x", "drill_seconds": -1}],
    ids=["none", "blank", "list", "negative"],
)
def test_a_drill_without_one_vm_or_with_a_negative_time_is_refused(site: Site, wrong: dict[str, object]) -> None:
    code, text = drilled(site.run("drill", **wrong))
    assert (code != 0, "Set drill_vm to the name or MoRef of one VM" in text) == (True, True), text


@pytest.mark.usefixtures("tagged")
def test_a_drill_of_a_vm_that_must_not_go_is_ended_by_its_dry_run(site: Site, govc: Govc) -> None:
    before = govc.powered_on()
    code, text = drilled(site.run("drill", drill_vm="DC0_C0_RP0_VM2"))
    assert (code != 0, NOBODY_STOPPED in text) == (True, True), text
    assert (govc.powered_on(), govc.marks()) == (before, {})


def test_a_drill_that_nobody_approves_leaves_nothing_behind(
    site: Site, vcsim: VCSim, start_worker: Callable[..., WorkerProcess], govc: Govc, tmp_path: Path
) -> None:
    vcsim.tag_machines(TAGGED)
    policy = tmp_path / "policy.yml"
    policy.write_text("version: 1\npolicies: [{name: careful, mode: approve}]\n")
    start_worker(vcsim.client_environment(), {"PREEMPTION_POLICY_FILE": str(policy)})
    before = govc.powered_on()
    code, text = drilled(site.run("drill", drill_vm=TAGGED[0], drill_timeout=5))
    assert (code != 0, "outcome_timeout" in text, "nothing_to_restore" in text) == (True, True, True), text
    cancelled = site.run("cancel", preemption_workflow_id=site.variables["drill_workflow_id"])
    assert "was not running" in cancelled.stdout
    assert (govc.powered_on(), govc.marks()) == (before, {})
