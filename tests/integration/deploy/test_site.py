# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole site from nothing and back, by playbooks: deploy, upgrade, uninstall. Witnesses: govc and Temporal's CLI."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from support.ansible import Completed
from support.govc import Govc
from support.temporal import TemporalServer
from support.vcsim import VCSim

from .conftest import Host

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]
CATEGORY, TAG, ROLE = "preemption", "preemptible", "vsphere-preemption"
ALARMS = {"vsphere-preemption memory", "vsphere-preemption cpu"}
ATTRIBUTE = "com.vmware.workflows.vsphere.preemption"
TAGGED = ["DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"]
# They act on the 29th of February alone; the second is held back.
SCHEDULES = [
    {"name": "night-stop", "action": "preempt", "cron": ["0 22 29 feb *"]},
    {"name": "night-restore", "action": "restore", "cron": ["0 23 29 feb *"], "state": "paused"},
]


@dataclass
class Site:
    """Runs the playbooks with the variables of one site."""

    host: Host
    variables: dict[str, Any]

    def run(self, playbook: str, *flags: str, **more: Any) -> Completed:
        return self.host.ansible.named_playbook(playbook, {**self.variables, **more}, *flags)

    def changed(self, playbook: str, *flags: str, **more: Any) -> int:
        """It has to succeed; the number of changed tasks."""
        ran = self.run(playbook, *flags, **more)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return sum(map(int, re.findall(r"changed=(\d+)", ran.stdout)))


@pytest.fixture
def namespace(unique: str) -> str:
    return f"site-{unique}"


@pytest.fixture
def site(host: Host, namespace: str) -> Site:
    options = host.options
    return Site(
        host,
        {
            "preemption_temporal_address": options["temporal_address"],
            "preemption_temporal_namespace": namespace,
            "preemption_task_queue": options["task_queue"],
            "preemption_workflow_id": options["task_queue"],
            "preemption_vcenter_url": options["vcenter_url"],
            "preemption_vcenter_username": options["vcenter_username"],
            "preemption_vcenter_password": options["vcenter_password"],
            "preemption_vcenter_ca_file": options["vcenter_ca_file"],
            "vcenter_tag_attach": {"vms": TAGGED},
            "schedule_list": SCHEDULES,
            "worker_service": "detached",
            "worker_directory": options["directory"],
            "worker_health_address": options["health_address"],
        },
    )


def _tag_names(govc: Govc) -> set[str]:
    return {tag.rpartition("/")[2] for tag in govc.tags()}


def made(govc: Govc) -> set[str]:
    """What the playbook makes in vCenter, of that what is there."""
    found = {name for name in (ROLE,) if name in govc.run("role.ls")}
    found |= {name for name in ALARMS if name in govc.run("alarm.info")}
    found |= {name for name in (TAG,) if name in _tag_names(govc)}
    found |= {CATEGORY} & govc.categories()
    return found | ({ATTRIBUTE} & set(govc.attribute_keys().values()))


def scheduled(temporal: TemporalServer, namespace: str) -> dict[str, bool]:
    """The schedules that there are, and whether each is held back."""
    found = {str(one["name"]): temporal.describe_schedule(str(one["name"]), namespace) for one in SCHEDULES}
    return {name: seen["schedule"].get("state", {}).get("paused", False) for name, seen in found.items() if seen}


def test_a_site_from_nothing_and_back(
    site: Site, govc: Govc, vcsim: VCSim, temporal: TemporalServer, namespace: str
) -> None:
    everything = {ROLE, TAG, CATEGORY, ATTRIBUTE, *ALARMS}
    assert site.changed("deploy", "--check") > 0
    assert (made(govc), site.host.processes(), temporal.describe_namespace(namespace)) == (set(), [], None)

    first = site.run("deploy")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "password" not in first.stdout.lower().replace("username and password", "")
    assert "WARNING" not in first.stderr
    assert made(govc) == everything
    assert temporal.describe_namespace(namespace)
    assert scheduled(temporal, namespace) == {"night-stop": False, "night-restore": True}
    assert all(name in first.stdout for name in TAGGED), "the dry run shows whom it would stop"
    assert len(govc.powered_on()) == len(govc.power_states())

    assert site.changed("deploy", "--check") == 0
    pids = site.host.processes()
    assert (site.changed("deploy"), site.host.processes()) == (0, pids)
    assert (site.changed("upgrade"), site.host.processes()) == (0, pids)

    site.changed("preempt", preempt_criticality="HIGH")
    assert {name for name, state in govc.power_states().items() if state == "poweredOff"} == set(TAGGED)
    _away_again(site, govc, temporal, namespace, everything)


def _away_again(site: Site, govc: Govc, temporal: TemporalServer, namespace: str, everything: set[str]) -> None:
    """Uninstall it: asked for nothing, then all but history, then that, too."""
    refused = site.run("uninstall")
    assert refused.returncode
    assert "uninstall_confirmed" in refused.stdout
    assert made(govc) == everything
    assert site.changed("uninstall", "--check") > 0
    assert len(scheduled(temporal, namespace)) == 2
    assert site.changed("uninstall", uninstall_confirmed=True) > 0
    assert scheduled(temporal, namespace) == {}
    # Marks are history, so their attribute stays; so does a tag that VMs carry, unless deploy attached it.
    assert made(govc) == {ATTRIBUTE}
    assert (site.host.processes(), site.host.root.exists()) == ([], False)
    assert temporal.describe_namespace(namespace)
    assert site.changed("uninstall", uninstall_confirmed=True) == 0

    assert site.changed("uninstall", uninstall_confirmed=True, uninstall_history=True) > 0
    assert made(govc) == set()
    assert temporal.describe_namespace(namespace) is None
    assert site.changed("uninstall", uninstall_confirmed=True, uninstall_history=True) == 0


def test_where_something_is_missing_nothing_is_made(site: Site, govc: Govc) -> None:
    ran = site.run("deploy", preemption_vcenter_url="https://127.0.0.1:1")
    assert ran.returncode
    assert "vcenter_connection" in ran.stdout
    assert (made(govc), site.host.processes()) == (set(), [])
