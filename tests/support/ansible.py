# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands `ansible` and `ansible-playbook`, with this checkout or a copy as the collection vsphere.preemption."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .paths import CHECKOUT

Completed = subprocess.CompletedProcess[str]

SECONDS = 120.0
ANSWER = re.compile(r"^localhost \| (?P<how>[A-Z!]+) => (?P<result>\{.*?^\})", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Ran:
    """One run of a command. result: what the module returned. code: exit code. output: all that was written."""

    result: dict[str, Any]
    code: int
    output: str

    @property
    def changed(self) -> bool:
        return bool(self.result["changed"])

    @property
    def error_code(self) -> str:
        return str(self.result.get("error_code", ""))


class Ansible:
    """Runs modules and playbooks on this host, in an environment that holds nothing of the caller's but PATH.

    environment: variables for the modules. workflow_id: given to every module that is run by name.
    collection: a copy of the checkout where other people's edits must not show in the middle of a test.
    """

    seconds = SECONDS
    """Time limit of a command."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], *, workflow_id: str = "", collection: Path = CHECKOUT
    ) -> None:
        self._folder = folder
        self._workflow_id = workflow_id
        links = folder / "links"
        (links / "ansible_collections" / "vsphere").mkdir(parents=True)
        (links / "ansible_collections" / "vsphere" / "preemption").symlink_to(collection)
        self.inventory = folder / "inventory"
        self.inventory.write_text(
            "localhost ansible_connection=local ansible_python_interpreter='{{ ansible_playbook_python }}'\n"
        )
        programs = str(Path(sys.executable).parent)
        self._environment = {
            "PATH": os.pathsep.join([programs, os.environ.get("PATH", "")]),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(links),
            "ANSIBLE_COLLECTIONS_PATH": str(links),
            "ANSIBLE_INVENTORY": str(self.inventory),
            "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
            "ANSIBLE_NOCOLOR": "1",
            **environment,
        }

    def module(
        self, name: str, options: Mapping[str, Any] | None = None, *flags: str, env: Mapping[str, str] | None = None
    ) -> Ran:
        """Run a module of the collection. flags: such as --check or -vvv. env: further variables."""
        named = {"workflow_id": self._workflow_id} if self._workflow_id else {}
        arguments = json.dumps({**named, **(options or {})})
        done = self._run(["ansible", "localhost", "-m", f"vsphere.preemption.{name}", "-a", arguments, *flags], env)
        answer = ANSWER.search(done.stdout)
        if answer is None:
            raise AssertionError(f"{name} gave no answer:\n{done.stdout}\n{done.stderr}")
        return Ran(json.loads(answer["result"]), done.returncode, done.stdout + done.stderr)

    def playbook(self, text: str, *flags: str, env: Mapping[str, str] | None = None) -> Completed:
        """Run the text as a playbook."""
        book = self._folder / "playbook.yml"
        book.write_text(text)
        return self._run(["ansible-playbook", str(book), *flags], env)

    def named_playbook(self, name: str, variables: Mapping[str, Any] | None = None, *flags: str) -> Completed:
        """Run a playbook of the collection by its full name. variables: extra variables."""
        return self._playbook(f"vsphere.preemption.{name}", variables, *flags)

    def playbook_file(self, file: Path, variables: Mapping[str, Any] | None = None, *flags: str) -> Completed:
        """Run a playbook where it is, with its own vars and templates. variables: extra variables."""
        return self._playbook(str(file), variables, *flags)

    def _playbook(self, playbook: str, variables: Mapping[str, Any] | None, *flags: str) -> Completed:
        extra = ["-e", json.dumps(variables)] if variables else []
        return self._run(["ansible-playbook", playbook, *extra, *flags], None)

    def _run(self, argv: list[str], env: Mapping[str, str] | None) -> Completed:
        return subprocess.run(
            argv,
            env={**self._environment, **(env or {})},
            cwd=self._folder,
            # One of its own: others may have made the inherited one non-blocking, which Ansible refuses.
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=self.seconds,
            check=False,
        )
