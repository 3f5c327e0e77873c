# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run playbooks with the collection of this checkout, and read their results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.paths import CHECKOUT
from support.processes import PASSED_ON
from support.temporal import NAMESPACE

from . import wheels
from .cast import CATEGORY, TAG
from .scenery import ALARM
from .stage import FOLDER, WORKER, Stage

RESULTS = FOLDER / "results.json"
SECONDS = 300


class PlayFailed(RuntimeError):
    """A playbook failed or timed out."""


@dataclass(frozen=True)
class Results:
    """The run records of the two requests, in the order of the requests."""

    runs: list[dict[str, Any]]


def fill_wheelhouse() -> None:
    """Download the packages that a worker needs."""
    folder = wheels.unfinished(wheels.wheelhouse())
    _play("wheelhouse", "-e", json.dumps({"wheelhouse_folder": str(folder)}), environment=wheels.index_settings())
    wheels.finish(folder, wheels.wheelhouse())


def deploy(site: Path) -> None:
    """Deploy a worker and wait until it is ready; shows the playbook's output. site: the variables file."""
    wheels.lend_installed(WORKER)
    _play("deploy", "-e", f"@{site}")
    wheels.keep_installed(WORKER)


def uninstall(site: Path) -> None:
    """Remove what `deploy` created; shows the playbook's output."""
    _play("uninstall", "-e", f"@{site}", "-e", "uninstall_confirmed=true")


def make_room(stage: Stage, cluster: str) -> Results:
    """Wait for the preemption of the alarm, then request another. cluster: MoRef of the cluster with the alarm."""
    variables = {
        "demo_temporal_address": stage.temporal.address,
        "demo_temporal_namespace": NAMESPACE,
        "demo_task_queue": NAMESPACE,
        "demo_tag": f"{CATEGORY}/{TAG}",
        "demo_reply_to": stage.sink_url,
        "demo_alarm_workflow_id": f"alarm/{NAMESPACE}/{ALARM}/{cluster}",
        "demo_results_file": str(RESULTS),
    }
    _play("demo", "-e", json.dumps(variables))
    return Results(runs=json.loads(RESULTS.read_text()))


def _play(name: str, *flags: str, environment: Mapping[str, str] | None = None) -> None:
    ansible_playbook = str(Path(sys.executable).parent / "ansible-playbook")
    command = [ansible_playbook, f"vsphere.preemption.{name}", *flags]
    around = {**_environment(), **(environment or {})}
    try:
        code = subprocess.run(command, env=around, cwd=FOLDER, timeout=SECONDS, check=False).returncode
    except subprocess.TimeoutExpired:
        raise PlayFailed(f"the playbook {name} took more than {SECONDS} s") from None
    if code != 0:
        raise PlayFailed(f"the playbook {name} exited with code {code}; see its output above")


def _environment() -> dict[str, str]:
    collections = FOLDER / "collections"
    _link_collection(collections)
    passed_on = {name: os.environ[name] for name in (*PASSED_ON, "TERM") if name in os.environ}
    return {
        **passed_on,
        "HOME": str(FOLDER),
        "ANSIBLE_HOME": str(FOLDER / "ansible"),
        # Without it, files go to the home directory in the user database, whatever HOME is set to.
        "ANSIBLE_REMOTE_TEMP": str(FOLDER / "ansible" / "tmp"),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        "ANSIBLE_NOCOWS": "true",
        "ANSIBLE_FORCE_COLOR": "true" if sys.stdout.isatty() else "false",
        "LC_ALL": "C.UTF-8",
    }


def _link_collection(collections: Path) -> None:
    """Link the checkout, because Ansible only finds a collection under ansible_collections/NAMESPACE/NAME."""
    link = collections / "ansible_collections" / "vsphere" / "preemption"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(CHECKOUT)
