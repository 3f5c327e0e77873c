# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker that systemd keeps running: started at boot, restarted whenever it exits, and isolated from the host."""

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
"""Older versions do not support %d, the credentials directory."""
BOOTED = Path("/run/systemd/system")
# The old process may drain first; then systemd waits, and starts the new one.
BEGIN_SECONDS = STOP_SECONDS + 15.0
LAST_LINES = 15
HIDDEN_FOLDERS = ("/home", "/root", "/run/user", "/tmp", "/var/tmp", "/dev", "/proc", "/sys")  # noqa: S108 - nothing is written there
UNFIT_FOR_PATHS = "\"'\\"
REFUSED_POLICY = "policy file is invalid"

Properties = Mapping[str, str]


class Systemd:
    """WorkerService with a systemd system unit; requires root."""

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
        """Empty: the unit names the credentials, which only it can read."""
        return {}

    def definition(self) -> Mapping[str, str]:
        try:
            return {str(self._file): self._file.read_text(encoding="utf-8", errors="replace")}
        except FileNotFoundError:
            return {}

    def wanted(self, secrets: Collection[str]) -> Mapping[str, str]:
        """Raises ServiceFailed if this host cannot run such a unit."""
        self._check_host()
        self._check_account()
        return {str(self._file): unit_text(self._instance, secrets)}

    def running(self) -> bool:
        """Whether it is running and enabled: a unit that was disabled must be started again."""
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
            # It is waiting for Temporal or vCenter, and has no run that a restart could disturb.
            self._begin("restart")
            return
        self._systemctl("reload", self._unit)
        if REFUSED_POLICY in (said := self._show()["StatusText"]):
            raise self._failed("The worker did not accept the new policy", said, "Correct the policy.")

    def stop(self) -> None:
        if self._show()["LoadState"] != "not-found":
            self._systemctl("stop", self._unit)

    def remove(self) -> None:
        if self.definition():
            self.stop()
            self._systemctl("disable", "--quiet", self._unit)
            self._file.unlink()
            self._systemctl("daemon-reload")
            # It fails for a unit that systemd has already unloaded, which is the desired state.
            self._run(["systemctl", "reset-failed", self._unit])

    def log_tail(self) -> list[str]:
        command = ["journalctl", "--unit", self._unit, "--lines", str(LAST_LINES), "--output", "cat", "--no-pager"]
        code, output, _error = self._run([*command, "--quiet"])
        return output.splitlines() if code == 0 else []

    def _begin(self, verb: str) -> None:
        """Start it, and return once there is a process. The caller waits until it is ready."""
        before = self._show()["MainPID"] if verb == "restart" else "0"
        # A worker that failed permanently would otherwise keep its old result in the meantime.
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
            raise self._failed("Cannot query systemd for the worker", " ".join(error.split()), self._look())
        return {**unknown, **dict(line.split("=", 1) for line in output.splitlines() if "=" in line)}

    def _systemctl(self, *arguments: str) -> str:
        code, output, error = self._run(["systemctl", *arguments])
        if code != 0:
            why = " ".join((error or output).split()) or f"exit code {code}"
            raise self._failed(f"systemctl {arguments[0]} failed for the worker", why, self._look())
        return output

    def _check_host(self) -> None:
        if not BOOTED.is_dir() or shutil.which("systemctl") is None:
            raise self._unfit("this host does not run systemd", "Use service=detached, or another host.")
        if os.geteuid() != 0:
            raise self._unfit("only root can add a unit", "Use become, or service=detached.")
        _code, output, _error = self._run(["systemctl", "--version"])
        version = re.match(r"systemd (\d+)", output)
        if version and int(version[1]) < OLDEST:
            raise self._unfit(
                f"the host has systemd {version[1]}, but {OLDEST} or later is required",
                "Use service=detached, or a newer host.",
            )
        root = self._instance.root
        if not str(root).isprintable() or set(str(root)) & set(UNFIT_FOR_PATHS):
            raise self._unfit(f"systemd does not support the path {str(root)!r}", "Use a directory with a plain name.")
        if any(root.is_relative_to(folder) for folder in HIDDEN_FOLDERS):
            why = f"the unit hides the directory {root} from the worker"
            raise self._unfit(why, "Use a directory such as /opt/name.")

    def _check_account(self) -> None:
        user = self._instance.user
        if not user:
            return
        try:
            pwd.getpwnam(user)
        except KeyError:
            why = f"the account {user!r} does not exist"
            raise self._unfit(why, "Create the account first, or omit user to let systemd allocate one.") from None

    def _look(self) -> str:
        return f"Check the log: journalctl --unit {self._unit}"

    def _unfit(self, why: str, next_step: str) -> ServiceFailed:
        return self._failed("Cannot run the worker under systemd", why, next_step)

    def _failed(self, what: str, why: str, next_step: str) -> ServiceFailed:
        return ServiceFailed(f"{what} ({self._instance.name})", why=why, next_step=next_step)


def _has_process(found: Properties) -> bool:
    return found["ActiveState"] in ("active", "activating", "reloading") and found["MainPID"] != "0"


def _gave_up(found: Properties) -> bool:
    """It was started, and has already exited."""
    return found["ActiveState"] == "failed" or found["SubState"] == "auto-restart"
