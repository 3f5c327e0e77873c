# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the files of one worker are on its host, and what a way of running it as a service has to offer.

<directory>/                        /opt/vsphere-preemption
  releases/<digest>/                the two packages and their lock file; never changed once it is there
  venvs/<digest>/                   one for each lock file and Python
  instances/<name>/
    current -> ../../releases/…     flipped by a rename
    venv -> ../../venvs/…
    worker.env                      0600
    policy.yml                      read again on SIGHUP
    credentials/{username,password,…}   0600; the others are in SECRET_FILES
    tls/{temporal_ca,temporal_client_cert,vcenter_ca,webhook_cert}.pem
    bin/preemptctl                  the command line, with all of the above
    worker.log, worker.pid          of a detached worker only
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Run = Callable[[list[str]], tuple[int, str, str]]
"""Runs a command and returns exit code, standard output and standard error: AnsibleModule.run_command."""

SECRET_FILES = {
    "temporal_client_key": "TEMPORAL_TLS_CLIENT_KEY_PATH",
    "webhook_tokens": "PREEMPTION_WEBHOOK_TOKEN_FILE",
    "webhook_hmac_keys": "PREEMPTION_WEBHOOK_HMAC_FILE",
    "webhook_key": "PREEMPTION_WEBHOOK_KEY_FILE",
}
"""Secret files that may be beside the login of vCenter, and the variables of the worker that name them."""


@dataclass(frozen=True)
class Instance:
    """One worker on this host.

    name: of the instance; letters, digits and dashes only. root: the folder of all instances, absolute.
    health_address: host:port of /readyz. user: account that shall run it, where the service can choose; empty for none.
    """

    name: str
    root: Path
    health_address: str = ""
    user: str = ""

    @property
    def folder(self) -> Path:
        """All that belongs to this instance alone. Others may enter it: the worker may run under another account."""
        return self.root / "instances" / self.name

    @property
    def current(self) -> Path:
        """Link to the release; the worker's PYTHONPATH."""
        return self.folder / "current"

    @property
    def venv(self) -> Path:
        """Link to the virtual environment."""
        return self.folder / "venv"

    @property
    def python(self) -> Path:
        """The interpreter that runs `-m vsphere_preemption_worker`."""
        return self.venv / "bin" / "python"

    @property
    def env_file(self) -> Path:
        """The environment, `NAME="value"` a line, as systemd's EnvironmentFile reads it. 0600."""
        return self.folder / "worker.env"

    @property
    def policy_file(self) -> Path:
        """The policy; there only where one was given."""
        return self.folder / "policy.yml"

    @property
    def credentials(self) -> Path:
        """Folder (0700) with files (0600): username, password, and those of SECRET_FILES that there are."""
        return self.folder / "credentials"

    @property
    def tls(self) -> Path:
        """Folder with certificates. None of them is secret."""
        return self.folder / "tls"

    @property
    def log_file(self) -> Path:
        """Where a detached worker logs."""
        return self.folder / "worker.log"

    @property
    def pid_file(self) -> Path:
        """Names the process of a detached worker."""
        return self.folder / "worker.pid"


class WorkerService(Protocol):
    """A way to keep a worker running, made as `SomeService(instance, run)`.

    The deployment stops the worker, writes the files of `wanted` where they differ from `definition`, and starts it: a
    running worker must never see links that lead to another release, because it imports when it needs something.
    Each method raises a PreemptionError that says what the service manager said, and no secret.
    """

    def secret_paths(self, secrets: Collection[str]) -> Mapping[str, str]:
        """The variables that name secret files, for the environment file. secrets: of SECRET_FILES, those there are.

        VCENTER_SECRET_PATH, and one for each of `secrets`. Empty where the service hands them on by itself
        (LoadCredential): then the environment file does not name them.
        """

    def definition(self) -> Mapping[str, str]:
        """Path and text of the files that define the service, as they are on the host now."""

    def wanted(self, secrets: Collection[str]) -> Mapping[str, str]:
        """The same as they should be.

        It is asked before the files of the instance are there, so `secrets` tells which of SECRET_FILES will be.
        """

    def running(self) -> bool:
        """Whether the worker runs. False where there is no such service, nor anything that could manage it."""

    def starting(self) -> bool:
        """Whether the service manager still waits for it to get ready. False where nothing waits for that."""

    def start(self) -> None:
        """Start it as the files say now, and with the host where the service can. It need not be ready yet."""

    def reload(self) -> None:
        """Let it read its policy again (SIGHUP)."""

    def stop(self) -> None:
        """Let it end in order. Nothing happens where it does not run."""

    def remove(self) -> None:
        """Stop it and take its definition away. Nothing happens where there is none."""

    def last_words(self) -> list[str]:
        """The last lines of its log, for an error."""
