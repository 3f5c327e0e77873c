# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ansible-rulebook with this checkout as the collection, from an environment that is made once in the cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from setup.places import python_environment
from setup.steps import Command, alone, run

from .paths import CACHE, CHECKOUT
from .processes import ServerProcess
from .waiting import wait_until

LOCK = CHECKOUT / "requirements" / "eda.txt"
# The one of setup serves every lane.
UV = CHECKOUT / ".venv" / "bin" / "uv"
# Java, Python and a collection that is looked for: all on two busy cores.
START_SECONDS = 90.0


def installed() -> Path:
    """The environment with ansible-rulebook; made now where it is not there (five seconds and a download of 40 MB)."""
    made_of = LOCK.read_bytes() + sys.version.encode()
    folder = CACHE / "eda" / hashlib.sha256(made_of).hexdigest()[:16]
    with alone(CACHE / "eda" / "install.lock"):
        if not (folder / "complete").exists():
            run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, folder], python_environment())
            sync: Command = [
                UV,
                "pip",
                "sync",
                "--quiet",
                "--require-hashes",
                "--python",
                folder / "bin" / "python",
                LOCK,
            ]
            run(sync, python_environment())
            (folder / "complete").touch()
    return folder


def has_java() -> bool:
    """The rule engine runs in Java 17, which comes from the system: Debian's openjdk-17-jre-headless."""
    return shutil.which("java") is not None or bool(os.environ.get("JAVA_HOME"))


class Rulebook:
    """One rulebook that runs. name: of the collection, or the path of a file. variables: as in `--vars`."""

    def __init__(
        self, folder: Path, name: str, variables: Mapping[str, Any], environment: Mapping[str, str] | None = None
    ) -> None:
        links = folder / "links" / "ansible_collections" / "vsphere"
        links.mkdir(parents=True, exist_ok=True)
        if not (links / "preemption").exists():
            (links / "preemption").symlink_to(CHECKOUT)
        site = folder / "site.yml"
        site.write_text(json.dumps(dict(variables)))
        inventory = folder / "inventory"
        inventory.write_text("localhost ansible_connection=local\n")
        programs = installed() / "bin"
        # Playbooks come from the checkout's own environment, which has the libraries of the modules.
        path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        java = {"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}
        self.process = ServerProcess(
            "rulebook",
            [programs / "ansible-rulebook", "-r", name, "--vars", site, "-i", inventory, "--verbose"],
            folder=folder,
            environment={
                "ANSIBLE_COLLECTIONS_PATH": str(folder / "links"),
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
                "PATH": path,
                # A short one: ansible-core 2.21 makes a socket there, whose path may have some hundred characters only.
                "TMPDIR": tempfile.gettempdir(),
                **java,
                **(environment or {}),
            },
        )

    def start(self) -> Rulebook:
        """Start it; it returns once the event source was called."""
        before = self.log.count("Waiting for actions on events")
        self.process.start()
        self.process.wait_ready(lambda: self.log.count("Waiting for actions on events") > before, START_SECONDS)
        return self

    def interrupt(self) -> None:
        """End it as Ctrl-C does. Java takes the signal and ends the process at once, so nothing is tidied up."""
        self.process.send(signal.SIGINT)
        self.process.wait_ended(30.0)

    @property
    def log(self) -> str:
        """All that it has written."""
        return self.process.log_text()

    def wait_for(self, text: str, *, count: int = 1, seconds: float = 60.0) -> None:
        """Wait until it has written the text so many times."""
        wait_until(lambda: self.log.count(text) >= count, seconds, f"{count} times {text!r} in {self.process.log_file}")
