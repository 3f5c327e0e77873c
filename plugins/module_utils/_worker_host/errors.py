# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong while a worker is brought to its host.

DeployError
├── DeployInProgress         retry helps once the other deployment has ended
├── HostNotWritable
├── ReleaseUnusable          nothing was switched
├── VenvFailed               nothing was switched
├── ServiceFailed
└── WorkerNotReady           the state before was brought back
"""

from __future__ import annotations

from collections.abc import Sequence

from ..vsphere_preemption.core.errors import PreemptionError


class DeployError(PreemptionError):
    """A worker could not be brought to its host, or not be removed from it."""

    code = "deploy_error"


class DeployInProgress(DeployError):
    """Another deployment is at work on this host."""

    code = "deploy_in_progress"
    retryable = True


class HostNotWritable(DeployError):
    """A file or folder of the worker cannot be read or written by the account that deploys."""

    code = "host_not_writable"


class ReleaseMissing(DeployError):
    """The release is not on the host, or not as it was, and its archive was not sent along. Nothing was changed."""

    code = "release_missing"


class ReleaseUnusable(DeployError):
    """The release is damaged, or its program does not start. Nothing was switched."""

    code = "release_unusable"


class VenvFailed(DeployError):
    """The virtual environment could not be made. Nothing was switched."""

    code = "venv_failed"


class ServiceFailed(DeployError):
    """The worker could not be started, stopped or told something."""

    code = "service_failed"


class WorkerNotReady(DeployError):
    """The worker did not get ready in time. What was there before was brought back.

    log: the last lines that the worker wrote. back: whether what was there before is ready again.
    """

    code = "worker_not_ready"

    def __init__(self, what: str, *, why: str, next_step: str, log: Sequence[str], back: bool) -> None:
        super().__init__(what, why=why, next_step=next_step)
        self.log = list(log)
        self.back = back

    def as_result(self) -> dict[str, object]:
        return {**super().as_result(), "log": self.log, "rolled_back": self.back}
