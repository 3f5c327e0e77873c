# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the playbook with the collection of this checkout, and read back what it wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.paths import CHECKOUT
from support.processes import PASSED_ON
from support.temporal import NAMESPACE

from .cast import CATEGORY, TAG
from .stage import FOLDER

PLAYBOOK = CHECKOUT / "playbooks" / "demo.yml"
RESULTS = FOLDER / "results.json"
PLAY_SECONDS = 110


class PlayFailed(RuntimeError):
    """The playbook did not end well."""


@dataclass(frozen=True)
class Results:
    """The run records of the two requests, in the order in which they were sent."""

    runs: list[dict[str, Any]]


def run_playbook(*, temporal_address: str, sink_url: str, event: dict[str, Any]) -> Results:
    """Play it with its own output on the terminal. event: because of which the first request is made."""
    variables = {
        "demo_temporal_address": temporal_address,
        "demo_temporal_namespace": NAMESPACE,
        "demo_task_queue": NAMESPACE,
        "demo_tag": f"{CATEGORY}/{TAG}",
        "demo_reply_to": sink_url,
        "demo_event": event,
        "demo_results_file": str(RESULTS),
    }
    ansible_playbook = str(Path(sys.executable).parent / "ansible-playbook")
    command = [ansible_playbook, "-i", "localhost,", "-e", json.dumps(variables), str(PLAYBOOK)]
    try:
        code = subprocess.run(command, env=_environment(), cwd=FOLDER, timeout=PLAY_SECONDS, check=False).returncode
    except subprocess.TimeoutExpired:
        raise PlayFailed(f"the playbook took more than {PLAY_SECONDS} s") from None
    if code != 0:
        raise PlayFailed(f"ansible-playbook ended with {code}; its messages are above")
    return Results(runs=json.loads(RESULTS.read_text()))


def _environment() -> dict[str, str]:
    collections = FOLDER / "collections"
    _link_collection(collections)
    passed_on = {name: os.environ[name] for name in (*PASSED_ON, "TERM") if name in os.environ}
    return {
        **passed_on,
        "HOME": str(FOLDER),
        "ANSIBLE_HOME": str(FOLDER / "ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOWS": "true",
        "ANSIBLE_FORCE_COLOR": "true" if sys.stdout.isatty() else "false",
        "LC_ALL": "C.UTF-8",
    }


def _link_collection(collections: Path) -> None:
    """Ansible finds a collection only under ansible_collections/NAMESPACE/NAME."""
    link = collections / "ansible_collections" / "vsphere" / "preemption"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(CHECKOUT)
