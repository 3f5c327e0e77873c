# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site that the demo deploys: one file of variables, as a real site would have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from support.ports import LOOPBACK
from support.temporal import NAMESPACE

from .cast import CAST, CATEGORY, TAG
from .scenery import ALARM
from .stage import FOLDER, WORKER, Stage
from .wheels import wheelhouse

SITE = FOLDER / "site.yml"
HEADER = "# The simulator accepts any account and password.\n"
MAX_VMS = 4
SECRET = "simulated"


def write_site(stage: Stage) -> Path:
    """Write the variables for the demo's servers."""
    text = yaml.safe_dump(_variables(stage), sort_keys=False, allow_unicode=True)
    SITE.write_text(HEADER + text)
    return SITE


def _variables(stage: Stage) -> dict[str, Any]:
    return {
        "preemption_temporal_address": stage.temporal.address,
        "preemption_temporal_namespace": NAMESPACE,
        "preemption_task_queue": NAMESPACE,
        "preemption_vcenter_url": stage.vcsim.url,
        "preemption_vcenter_ca_file": str(stage.vcsim.ca_file),
        "preemption_vcenter_username": "preemption@vsphere.local",
        "preemption_vcenter_password": SECRET,
        "preemption_vcenter_admin_username": "administrator@vsphere.local",
        "preemption_vcenter_admin_password": SECRET,
        "preemption_features": ["stop", "watch"],
        "preemption_tag": TAG,
        "preemption_tag_category": CATEGORY,
        "preemption_reply_to": stage.sink_url,
        "preemption_reply_to_allow": [LOOPBACK],
        "preemption_policy": _policy(stage.sink_url),
        "vcenter_tag_attach": {"vms": [part.name for parts in CAST.values() for part in parts if part.tagged]},
        "worker_service": "detached",
        "worker_directory": str(WORKER),
        "worker_health_address": f"{LOOPBACK}:{stage.health_port}",
        "worker_reply_to_allow": [LOOPBACK],
        "worker_wheelhouse": str(wheelhouse()),
    }


def _policy(sink_url: str) -> dict[str, Any]:
    """A policy with few victims per run, to leave some for the second one, and the alarm rule of the first."""
    policy = {
        "name": "demonstration",
        "amount": {"max_vms": MAX_VMS},
        "actions": {"LOW": {"method": "soft", "grace": "20s"}},
    }
    rule = {"name": "memory", "alarms": [ALARM], "tag": f"{CATEGORY}/{TAG}", "reply_to": sink_url}
    return {"version": 1, "policies": [policy], "alarms": [rule]}
