# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file layout of one worker on its host, and the interface of the ways to run it as a service.

<directory>/                        /opt/vsphere-preemption
  releases/<digest>/                the two packages and their lock file; never changed after unpacking
  venvs/<digest>/                   one for each lock file and Python
  instances/<name>/
    current -> ../../releases/…     replaced by a rename
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
"""Optional secret files in addition to the vCenter credentials, and the variables of the worker that name them."""


@dataclass(frozen=True)
class Instance:
    """One worker on this host.

    name: of the instance; letters, digits and dashes only. root: the directory of all instances, absolute.
    health_address: host:port of /readyz. user: account to run it, if the service supports that; empty for none.
    """

    name: str
    root: Path
    health_address: str = ""
    user: str = ""

    @property
    def folder(self) -> Path:
        """Directory of this instance. Other accounts may enter it: the worker may run under another account."""
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
        """The policy; exists only if one is configured."""
        return self.folder / "policy.yml"

    @property
    def credentials(self) -> Path:
        """Directory (0700) with files (0600): username, password, and the existing files of SECRET_FILES."""
        return self.folder / "credentials"

    @property
    def tls(self) -> Path:
        """Directory with certificates. None of them is secret."""
        return self.folder / "tls"

    @property
    def log_file(self) -> Path:
        """Log file of a detached worker."""
        return self.folder / "worker.log"

    @property
    def pid_file(self) -> Path:
        """Names the process of a detached worker."""
        return self.folder / "worker.pid"


class WorkerService(Protocol):
    """A way to keep a worker running, created as `SomeService(instance, run)`.

    The deployment stops the worker, writes the files of `wanted` that differ from `definition`, and starts it: a
    running worker must never see links to another release, because it imports modules on demand.
    Each method raises a PreemptionError with the message of the service manager, without any secret.
    """

    def secret_paths(self, secrets: Collection[str]) -> Mapping[str, str]:
        """The variables that name secret files, for the environment file. secrets: the existing files of SECRET_FILES.

        VCENTER_SECRET_PATH, and one for each of `secrets`. Empty if the service passes them itself (LoadCredential):
        then the environment file does not name them.
        """

    def definition(self) -> Mapping[str, str]:
        """Path and text of the files that define the service, as they are currently on the host."""

    def wanted(self, secrets: Collection[str]) -> Mapping[str, str]:
        """The same files as they should be.

        Called before the files of the instance exist, so `secrets` lists the files of SECRET_FILES that will exist.
        """

    def running(self) -> bool:
        """Whether the worker is running. False if there is no such service or no service manager."""

    def starting(self) -> bool:
        """Whether the service manager is still waiting for it to become ready. False without a service manager."""

    def start(self) -> None:
        """Start it with the current files, and at boot if the service supports that. It need not be ready yet."""

    def reload(self) -> None:
        """Reload its policy (SIGHUP)."""

    def stop(self) -> None:
        """Stop it gracefully. Nothing happens if it is not running."""

    def remove(self) -> None:
        """Stop it and remove its definition. Nothing happens if there is none."""

    def log_tail(self) -> list[str]:
        """The last lines of its log, for an error message."""
