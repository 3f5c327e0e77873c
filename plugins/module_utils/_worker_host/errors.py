# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of a worker deployment.

DeployError
├── DeployInProgress         a retry helps once the other deployment has finished
├── HostNotWritable
├── ReleaseUnusable          the running worker was not changed
├── VenvFailed               the running worker was not changed
├── ServiceFailed
└── WorkerNotReady           rolled back to the previous state
"""

from __future__ import annotations

from collections.abc import Sequence

from ..vsphere_preemption.core.errors import PreemptionError


class DeployError(PreemptionError):
    """A worker could not be deployed to its host or removed from it."""

    code = "deploy_error"


class DeployInProgress(DeployError):
    """Another deployment is running on this host."""

    code = "deploy_in_progress"
    retryable = True


class HostNotWritable(DeployError):
    """A file or folder of the worker cannot be read or written by the account that deploys."""

    code = "host_not_writable"


class ReleaseMissing(DeployError):
    """The release is missing or modified on the host, and its archive was not sent. Nothing was changed."""

    code = "release_missing"


class ReleaseUnusable(DeployError):
    """The release is damaged, or its program does not start. The running worker was not changed."""

    code = "release_unusable"


class VenvFailed(DeployError):
    """The virtual environment could not be created. The running worker was not changed."""

    code = "venv_failed"


class ServiceFailed(DeployError):
    """The worker could not be started, stopped or signalled."""

    code = "service_failed"


class WorkerNotReady(DeployError):
    """The worker did not become ready in time. The deployment was rolled back.

    log: the last log lines of the worker. back: whether the previous worker is ready again.
    """

    code = "worker_not_ready"

    def __init__(self, what: str, *, why: str, next_step: str, log: Sequence[str], back: bool) -> None:
        super().__init__(what, why=why, next_step=next_step)
        self.log = list(log)
        self.back = back

    def as_result(self) -> dict[str, object]:
        return {**super().as_result(), "log": self.log, "rolled_back": self.back}
