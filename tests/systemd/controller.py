# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain `ansible-playbook` over SSH, with a copy of this collection that a story may change, as a new release would."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sanity.checkout import copy_into

from .host import SystemdHost

PLAYBOOK = """
- hosts: preemption
  gather_facts: false
  roles:
    - vsphere.preemption.worker
"""
PACKAGE = "roles/worker/files/vsphere_preemption_worker"
SECONDS = 600.0

log = logging.getLogger("systemd")


class Controller:
    """Deploys to one host. variables: of the role, for every run."""

    def __init__(self, folder: Path, host: SystemdHost, variables: Mapping[str, Any]) -> None:
        self._folder = folder
        self._variables = dict(variables)
        self._collection = copy_into(folder / "collections")
        (folder / "inventory").write_text(host.inventory_line() + "\n")
        (folder / "playbook.yml").write_text(PLAYBOOK)

    def deploy(self, *flags: str, fails: bool = False, **variables: Any) -> Play:
        """Run the role with more variables, such as worker_state. AssertionError when it ends otherwise than told."""
        began = time.monotonic()
        extra = self._folder / "variables.json"
        extra.touch(mode=0o600)
        extra.write_text(json.dumps({**self._variables, **variables}))
        argv = ["ansible-playbook", "-i", "inventory", "playbook.yml", "-e", f"@{extra}", *flags]
        done = subprocess.run(
            argv,
            env=self._environment(),
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        play = Play(done.returncode, done.stdout + done.stderr)
        log.info("%s: changed=%s in %.0f s", " ".join(flags) or "deploy", play.changed, time.monotonic() - began)
        if (play.code != 0) is not fails:
            raise AssertionError(play.output)
        return play

    def change_release(self, file: str, old: str, new: str) -> None:
        """Make another release: replace a text in a file of the worker's package, which must be there."""
        path = self._collection / PACKAGE / file
        text = path.read_text()
        if old not in text:
            raise AssertionError(f"{old!r} is not in {file}")
        path.write_text(text.replace(old, new))

    def _environment(self) -> dict[str, str]:
        programs = str(Path(sys.executable).parent)
        collections = str(self._folder / "collections")
        return {
            "PATH": os.pathsep.join([programs, os.environ.get("PATH", "")]),
            "HOME": str(self._folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": collections,
            "ANSIBLE_COLLECTIONS_PATH": collections,
            "ANSIBLE_LOCAL_TEMP": str(self._folder / "local"),
            "ANSIBLE_NOCOLOR": "1",
        }


class Play:
    """How a run of the playbook went. changed: how many tasks changed something."""

    def __init__(self, code: int, output: str) -> None:
        self.code = code
        self.output = output
        counted = re.search(r"changed=(\d+)", output)
        self.changed = int(counted[1]) if counted else -1
