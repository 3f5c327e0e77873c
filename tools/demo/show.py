# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo from beginning to end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from support.govc import Machine
from support.waiting import wait_until

from .cast import CATEGORY, TAG
from .play import Results, deploy, fill_wheelhouse, make_room
from .progress import Progress
from .report import Exhibit, Report
from .scenery import make_mistakes, ring_the_alarm, set_the_scene
from .site import SITE, write_site
from .stage import EVENTS, FOLDER, INSTANCE, Stage, clear_the_stage, prepare_folder
from .story import Row, headline, others, tell
from .table import as_text
from .wheels import wheelhouse

REPORT = FOLDER / "report.html"
EVENT_SECONDS = 10.0


class NothingHappened(RuntimeError):
    """The servers were running, but no VM was preempted."""


def show(progress: Progress) -> None:
    """Start the servers, deploy the worker, run both preemptions, and report their outcome."""
    if stopped := clear_the_stage():
        progress.say(f"An earlier demo was running; stopped {', '.join(stopped)}.")
    prepare_folder()
    stage = Stage()
    clusters = _set_up(stage, progress)
    _deploy(stage, progress)
    govc = stage.vcsim.govc()
    before, tagged = govc.machines(), set(govc.tagged(CATEGORY, TAG))
    with progress.step("Triggering an alarm in vCenter: cluster memory usage is red"):
        cluster = ring_the_alarm(stage.vcsim)
    progress.headline("The worker requests HIGH because of the alarm; then a LOW request by hand (playbooks/demo.yml)")
    results = make_room(stage, cluster)
    with progress.step("Reading the state of vCenter with govc"):
        after = govc.machines()
    with progress.step("Waiting for the CloudEvents of both runs"):
        events = wait_until(_events, EVENT_SECONDS, "one CloudEvent for each run", until=lambda found: len(found) >= 2)
    rows = tell(before, after, clusters=clusters, tagged=tagged, runs=results.runs)
    exhibits = _exhibits(rows, after, events)
    _print_outcome(progress, rows, results, others(results.runs, before), exhibits)
    lines = [headline(run) for run in results.runs]
    page = Report(rows, lines, others(results.runs, before), exhibits, stage.temporal.ui_url)
    REPORT.write_text(page.as_html())
    _print_where(progress, stage)


def _set_up(stage: Stage, progress: Progress) -> dict[str, str]:
    with progress.step(f"Starting Temporal on {stage.temporal.address}"):
        stage.start_temporal()
    with progress.step(f"Starting vCenter (vcsim) on {stage.vcsim.url}"):
        stage.start_vcenter()
    with progress.step("Preparing two clusters with 24 VMs"):
        clusters = set_the_scene(stage.vcsim)
    with progress.step(f"Starting the CloudEvents receiver on {stage.sink_url}"):
        stage.start_sink()
    return clusters


def _deploy(stage: Stage, progress: Progress) -> None:
    site = write_site(stage)
    if not wheelhouse().is_dir():
        progress.headline("Downloading the worker's packages, only once (vsphere.preemption.wheelhouse)")
        fill_wheelhouse()
    progress.headline(f"Deploying the worker: ansible-playbook vsphere.preemption.deploy -e @{site}")
    try:
        deploy(site)
    finally:
        stage.list_worker()
    with progress.step("Attaching the tag to a host and a folder by mistake"):
        make_mistakes(stage.vcsim)


def _events() -> list[dict[str, Any]]:
    lines = EVENTS.read_text().splitlines() if EVENTS.exists() else []
    return [json.loads(line) for line in lines]


def _exhibits(rows: Sequence[Row], after: Mapping[str, Machine], events: Sequence[dict[str, Any]]) -> list[Exhibit]:
    preempted = [row.name for row in rows if row.outcome == "preempted"]
    if not preempted:
        raise NothingHappened(f"No VM was preempted. See the worker's log under {FOLDER}.")
    witness = preempted[0]
    return [
        Exhibit(f"The mark of {witness}", "The custom attribute in vCenter, read by govc.", after[witness].mark),
        Exhibit("The CloudEvent of the first run", "As the receiver received it.", events[0]),
    ]


def _print_outcome(
    progress: Progress, rows: Sequence[Row], results: Results, left_out: Sequence[str], exhibits: Sequence[Exhibit]
) -> None:
    progress.headline("All VMs, before and after")
    progress.say(as_text(rows))
    progress.say()
    for run in results.runs:
        progress.say(headline(run))
    if left_out:
        progress.say(f"Other tagged objects, left out: {'; '.join(left_out)}.")
    for exhibit in exhibits:
        progress.headline(exhibit.title)
        progress.say(exhibit.source)
        progress.say(exhibit.json)


def _print_where(progress: Progress, stage: Stage) -> None:
    vcsim = stage.vcsim
    progress.headline("What to look at next")
    progress.say(f"Temporal Web UI       {stage.temporal.ui_url}/namespaces/vsphere-preemption/workflows")
    progress.say(f"Report                {REPORT}")
    progress.say(f"vCenter               {vcsim.url} (any user name and password; CA: {vcsim.ca_file})")
    progress.say(f"Site variables        {SITE}")
    progress.say(f"Logs                  {FOLDER}/*/*.log, {INSTANCE}/worker.log")
    progress.say("Everything keeps running. To stop the demo and remove everything it created, run: make demo-down")
