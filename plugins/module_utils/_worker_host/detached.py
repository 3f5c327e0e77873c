# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker as a background process: no root, no service manager, no automatic restart.

For demonstrations, containers and tests. Its environment is passed by exec, so that no secret is ever in an argument
list.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Mapping
from pathlib import Path

from . import env_file
from .clock import Clock
from .errors import ServiceFailed
from .processes import Process
from .service import SECRET_FILES, Instance

# The worker drains for ten seconds; what takes longer is stuck.
STOP_SECONDS, KILL_SECONDS = 30.0, 10.0
RELOAD_SECONDS = 10.0
MOST_FILES = 4096
LARGEST_LOG = 10 * 1024 * 1024
LAST_LINES = 15
RELOADED, NOT_RELOADED = "policies reloaded", "the previous policies remain in effect"
# Variables that a program needs from the host; the worker does not inherit the rest of the account's environment.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Detached:
    """WorkerService with a process in its own session and a pid file."""

    def __init__(self, instance: Instance, clock: Clock | None = None) -> None:
        self._instance = instance
        self._clock = clock or Clock()
        self._log_from = 0

    def secret_paths(self, secrets: Collection[str]) -> Mapping[str, str]:
        folder = self._instance.credentials
        return {"VCENTER_SECRET_PATH": str(folder), **{SECRET_FILES[name]: str(folder / name) for name in secrets}}

    def definition(self) -> Mapping[str, str]:
        """There is none."""
        return {}

    def wanted(self, secrets: Collection[str]) -> Mapping[str, str]:
        """There is none."""
        return {}

    def running(self) -> bool:
        process = self._process()
        return process is not None and process.runs()

    def starting(self) -> bool:
        return False

    def start(self) -> None:
        if self.running():
            return
        instance = self._instance
        _make_room(instance.log_file)
        self._log_from = instance.log_file.stat().st_size if instance.log_file.exists() else 0
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment.update(env_file.read(instance.env_file.read_text()))
        argv = [str(instance.python), "-m", "vsphere_preemption_worker"]
        trouble = _spawn(argv, environment, log_file=instance.log_file, pid_file=instance.pid_file)
        if trouble:
            raise ServiceFailed(
                f"Cannot start the worker {instance.name}",
                why=trouble,
                next_step="Check the host, and deploy the worker again.",
            )

    def reload(self) -> None:
        process = self._process()
        if process is None or not process.runs():
            raise self._failed("Cannot reload the worker's policy", "the worker is not running", "Deploy it again.")
        before = self._instance.log_file.stat().st_size
        process.tell(signal.SIGHUP)

        def said() -> str:
            with self._instance.log_file.open("rb") as log:
                log.seek(before)
                return log.read().decode(errors="replace")

        self._clock.wait_until(lambda: RELOADED in said() or NOT_RELOADED in said(), RELOAD_SECONDS)
        if RELOADED not in said():
            raise self._failed(
                "The worker did not accept the new policy",
                said().strip() or f"it logged nothing for {RELOAD_SECONDS:g} seconds",
                "Correct the policy, or restart the worker.",
            )

    def stop(self) -> None:
        process = self._process()
        if process is None:
            return
        process.tell(signal.SIGTERM)
        if not self._clock.wait_until(lambda: not process.runs(), STOP_SECONDS):
            process.tell(signal.SIGKILL)
            if not self._clock.wait_until(lambda: not process.runs(), KILL_SECONDS):
                raise self._failed("Cannot stop the worker", "it does not exit", f"Check the process {process.pid}.")
        self._instance.pid_file.unlink(missing_ok=True)

    def remove(self) -> None:
        self.stop()

    def log_tail(self) -> list[str]:
        try:
            with self._instance.log_file.open("rb") as log:
                log.seek(max(self._log_from, log.seek(0, os.SEEK_END) - 20_000))
                return log.read().decode(errors="replace").splitlines()[-LAST_LINES:]
        except OSError:
            return []

    def _process(self) -> Process | None:
        return Process.from_file(self._instance.pid_file)

    def _failed(self, what: str, why: str, next_step: str) -> ServiceFailed:
        return ServiceFailed(f"{what} ({self._instance.name})", why=why, next_step=next_step)


def _make_room(log_file: Path) -> None:
    """Rotate a large log. One old log is kept."""
    if log_file.exists() and log_file.stat().st_size > LARGEST_LOG:
        log_file.replace(log_file.with_name(f"{log_file.name}.1"))


def _spawn(argv: list[str], environment: Mapping[str, str], *, log_file: Path, pid_file: Path) -> str:
    """Start a program in its own session, with the log file as its output; returns why that failed, or nothing.

    The new process writes the pid file itself, so there is no pid file without a process.
    """
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        # Only exec or _exit may leave this branch: it is a copy of the whole module.
        try:
            os.closerange(3, told)
            os.closerange(told + 1, MOST_FILES)
            os.setsid()
            if os.fork() == 0:
                _become(argv, environment, log_file, pid_file)
        except BaseException as error:
            os.write(told, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(told)
    os.waitpid(child, 0)
    # Exec closes the other end; only then is it known whether it succeeded.
    with os.fdopen(heard, "rb") as pipe:
        return pipe.read().decode(errors="replace")


def _become(argv: list[str], environment: Mapping[str, str], log_file: Path, pid_file: Path) -> None:
    os.umask(0o077)
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(number, target)
    process = Process.with_pid(os.getpid())
    pid_file.write_text(process.as_text() if process else "")
    for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.execve(argv[0], argv, dict(environment))
