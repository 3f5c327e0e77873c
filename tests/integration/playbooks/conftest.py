# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as users run them: by their full name, with variables, a real worker and a simulated vCenter."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.ansible import Ansible, Completed
from support.temporal import TemporalServer
from support.vcsim import PASSWORD, WORKER_USER, VCSim
from support.worker import WorkerProcess

TAGGED = ["DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"]


class Site:
    """Runs playbooks with the shared variables of one site.

    variables: what an operator would have in group_vars; it may be changed before a run. folder: of copies of the
    playbooks; those of the collection where there is none.
    """

    def __init__(self, ansible: Ansible, variables: dict[str, Any], folder: Path | None = None) -> None:
        self._ansible = ansible
        # A playbook is many modules, one after the other.
        self._ansible.seconds = 600.0
        self.variables = variables
        self.folder = folder

    def run(self, playbook: str, *flags: str, **variables: Any) -> Completed:
        """Run it, whatever the exit code."""
        given = {**self.variables, **variables}
        if self.folder:
            return self._ansible.playbook_file(self.folder / f"{playbook}.yml", given, *flags)
        return self._ansible.named_playbook(playbook, given, *flags)

    def changed(self, playbook: str, *flags: str, **variables: Any) -> tuple[int, str]:
        """Run it; it has to succeed. The number of changed tasks, and all that was written."""
        ran = self.run(playbook, *flags, **variables)
        if ran.returncode:
            raise AssertionError(ran.stdout + ran.stderr)
        [changed] = re.findall(r"changed=(\d+)", ran.stdout)
        return int(changed), ran.stdout


@pytest.fixture
def site(tmp_path: Path, temporal: TemporalServer, task_queue: str, workflow_id: str) -> Site:
    """A site whose operators have not told the playbooks of a vCenter."""
    variables = {
        "preemption_temporal_address": temporal.address,
        "preemption_task_queue": task_queue,
        "preemption_workflow_id": workflow_id,
        "drill_workflow_id": f"drill-{workflow_id}",
    }
    return Site(Ansible(tmp_path, {}), variables)


@pytest.fixture
def vcenter_variables(vcsim: VCSim) -> dict[str, str]:
    """What lets a playbook look at vCenter itself."""
    return {
        "preemption_vcenter_url": vcsim.url,
        "preemption_vcenter_ca_file": str(vcsim.ca_file),
        "preemption_vcenter_username": WORKER_USER,
        "preemption_vcenter_password": PASSWORD,
    }


@pytest.fixture
def tagged(vcsim: VCSim, start_worker: Callable[..., WorkerProcess]) -> VCSim:
    """Two tagged VMs, and a worker."""
    vcsim.tag_machines(TAGGED)
    start_worker(vcsim.client_environment())
    return vcsim
