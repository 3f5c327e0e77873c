# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker that systemd keeps running: from boot on, started again whenever it ends, and shut off from the host."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from .clock import Clock
from .errors import ServiceFailed
from .service import Instance, Run
from .systemd_unit import STOP_SECONDS, UNIT_FOLDER, unit_name, unit_text

OLDEST = 250
"""Older ones do not know %d, the folder of the credentials."""
BOOTED = Path("/run/systemd/system")
# The old process may drain first; then systemd pauses, and starts the new one.
BEGIN_SECONDS = STOP_SECONDS + 15.0
LAST_LINES = 15
HIDDEN_FOLDERS = ("/home", "/root", "/run/user", "/tmp", "/var/tmp", "/dev", "/proc", "/sys")  # noqa: S108 - nothing is written there
UNFIT_FOR_PATHS = "\"'\\"
REFUSED_POLICY = "policy file is invalid"

Properties = Mapping[str, str]


class Systemd:
    """WorkerService by a unit of the system's own systemd; needs root."""

    def __init__(
        self,
        instance: Instance,
        run: Run,
        *,
        unit_folder: Path = Path(UNIT_FOLDER),
        clock: Clock | None = None,
    ) -> None:
        self._instance = instance
        self._run = run
        self._unit = unit_name(instance)
        self._file = unit_folder / self._unit
        self._clock = clock or Clock()

    def secret_paths(self, secrets: Collection[str]) -> Mapping[str, str]:
        """None: the unit names the credentials, which only it can read."""
        return {}

    def definition(self) -> Mapping[str, str]:
        try:
            return {str(self._file): self._file.read_text(encoding="utf-8", errors="replace")}
        except FileNotFoundError:
            return {}

    def wanted(self, secrets: Collection[str]) -> Mapping[str, str]:
        """ServiceFailed where this host cannot run such a unit."""
        self._check_host()
        self._check_account()
        return {str(self._file): unit_text(self._instance, secrets)}

    def running(self) -> bool:
        """Whether it runs, and would after a boot as well: one that somebody disabled is to be started again."""
        found = self._show()
        return _has_process(found) and found["UnitFileState"] == "enabled"

    def starting(self) -> bool:
        return self._show()["ActiveState"] == "activating"

    def start(self) -> None:
        self._systemctl("daemon-reload")
        self._systemctl("enable", "--quiet", self._unit)
        self._begin("start")

    def restart(self) -> None:
        self._systemctl("daemon-reload")
        self._systemctl("enable", "--quiet", self._unit)
        self._begin("restart")

    def reload(self) -> None:
        if self._show()["ActiveState"] != "active":
            # It waits for Temporal or vCenter, and holds no run that a restart could disturb.
            self._begin("restart")
            return
        self._systemctl("reload", self._unit)
        if REFUSED_POLICY in (said := self._show()["StatusText"]):
            raise self._failed("The worker did not take the new policy", said, "Correct the policy.")

    def stop(self) -> None:
        if self._show()["LoadState"] != "not-found":
            self._systemctl("stop", self._unit)

    def remove(self) -> None:
        if self.definition():
            self.stop()
            self._systemctl("disable", "--quiet", self._unit)
            self._file.unlink()
            self._systemctl("daemon-reload")
            # It fails for a unit that systemd has forgotten already, which is all that is wanted.
            self._run(["systemctl", "reset-failed", self._unit])

    def last_words(self) -> list[str]:
        command = ["journalctl", "--unit", self._unit, "--lines", str(LAST_LINES), "--output", "cat", "--no-pager"]
        code, output, _error = self._run([*command, "--quiet"])
        return output.splitlines() if code == 0 else []

    def _begin(self, verb: str) -> None:
        """Let it start, and return once there is a process. Its readiness is the caller's to wait for."""
        before = self._show()["MainPID"] if verb == "restart" else "0"
        # A worker that failed for good would otherwise keep its old result in the meantime.
        self._run(["systemctl", "reset-failed", self._unit])
        self._systemctl(verb, "--no-block", self._unit)

        def begun() -> bool:
            found = self._show()
            return found["MainPID"] not in ("0", before) or _gave_up(found)

        if not self._clock.wait_until(begun, BEGIN_SECONDS):
            raise self._failed("Cannot start the worker", "systemd did not start it in time", self._look())

    def _show(self) -> Properties:
        names = ("LoadState", "ActiveState", "SubState", "MainPID", "UnitFileState", "StatusText")
        unknown = {**dict.fromkeys(names, ""), "LoadState": "not-found", "MainPID": "0"}
        if not BOOTED.is_dir():
            return unknown
        code, output, error = self._run(["systemctl", "show", f"--property={','.join(names)}", self._unit])
        if code != 0 and self.definition():
            raise self._failed("Cannot ask systemd for the worker", " ".join(error.split()), self._look())
        return {**unknown, **dict(line.split("=", 1) for line in output.splitlines() if "=" in line)}

    def _systemctl(self, *arguments: str) -> str:
        code, output, error = self._run(["systemctl", *arguments])
        if code != 0:
            why = " ".join((error or output).split()) or f"it ended with {code}"
            raise self._failed(f"systemctl {arguments[0]} failed for the worker", why, self._look())
        return output

    def _check_host(self) -> None:
        if not BOOTED.is_dir() or shutil.which("systemctl") is None:
            raise self._unfit("systemd is not what runs this host", "Use service=detached, or another host.")
        if os.geteuid() != 0:
            raise self._unfit("only root may add a unit", "Use become, or service=detached.")
        _code, output, _error = self._run(["systemctl", "--version"])
        version = re.match(r"systemd (\d+)", output)
        if version and int(version[1]) < OLDEST:
            raise self._unfit(
                f"its systemd is {version[1]}; {OLDEST} is needed", "Use service=detached, or a newer host."
            )
        root = self._instance.root
        if not str(root).isprintable() or set(str(root)) & set(UNFIT_FOR_PATHS):
            raise self._unfit(f"systemd takes no path such as {str(root)!r}", "Use a plain name for the folder.")
        if any(root.is_relative_to(folder) for folder in HIDDEN_FOLDERS):
            raise self._unfit(f"the unit hides the folder {root} from the worker", "Use a folder such as /opt/name.")

    def _check_account(self) -> None:
        user = self._instance.user
        if not user:
            return
        try:
            pwd.getpwnam(user)
        except KeyError:
            why = f"there is no account {user!r}"
            raise self._unfit(why, "Make it first, or leave it to systemd (no user).") from None

    def _look(self) -> str:
        return f"Look at: journalctl --unit {self._unit}"

    def _unfit(self, why: str, next_step: str) -> ServiceFailed:
        return self._failed("Cannot run the worker under systemd", why, next_step)

    def _failed(self, what: str, why: str, next_step: str) -> ServiceFailed:
        return ServiceFailed(f"{what} ({self._instance.name})", why=why, next_step=next_step)


def _has_process(found: Properties) -> bool:
    return found["ActiveState"] in ("active", "activating", "reloading") and found["MainPID"] != "0"


def _gave_up(found: Properties) -> bool:
    """It was started, and has ended by now."""
    return found["ActiveState"] == "failed" or found["SubState"] == "auto-restart"
