# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the worker, all from its environment.

Variables of the prototype keep their names and defaults; ours begin with PREEMPTION_. An invalid or missing value ends
the startup with one line that names the variable.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from vsphere_preemption.core.contract import DEFAULT_SECRET_PATH
from vsphere_preemption.core.environment import (
    Address,
    Environment,
    boolean,
    read_address,
    required,
    seconds,
    whole_number,
)
from vsphere_preemption.core.policy.model import Actions, Policy
from vsphere_preemption.events.sink import SinkSettings
from vsphere_preemption.temporal.connection import TemporalConnection
from vsphere_preemption.vcenter.settings import FileCredentials, VCenterSettings

from ..triggers.webhook.settings import WebhookSettings


@dataclass(frozen=True)
class NotifySettings:
    """The notification socket of systemd, and the watchdog interval.

    address: path of the socket, or @name for an abstract one; empty if there is none.
    watchdog_seconds: the worker is killed after this time without a notification; 0 for no watchdog.
    """

    address: str = ""
    watchdog_seconds: float = 0.0

    @classmethod
    def from_environment(cls, environ: Environment, process: int) -> NotifySettings:
        """From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which systemd sets. Unusable values are ignored."""
        address = environ.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return cls()
        microseconds = environ.get("WATCHDOG_USEC", "")
        ours = environ.get("WATCHDOG_PID", "") in ("", str(process))
        return cls(address, int(microseconds) / 1e6 if ours and microseconds.isdecimal() else 0.0)


@dataclass(frozen=True)
class WorkerSettings:
    """All settings of a worker.

    task_queue: the task queue for requests; one for each vCenter.
    base_policy: the defaults for the policy file. policy_file: None for the base policy only.
    health, metrics: None if that endpoint is not served.
    notify: the service manager to notify.
    webhook: None if it is disabled.
    debug: enable debug logging.
    """

    temporal: TemporalConnection
    task_queue: str
    vcenter: VCenterSettings
    credentials: FileCredentials
    sink: SinkSettings
    base_policy: Policy
    policy_file: Path | None
    health: Address | None
    metrics: Address | None
    notify: NotifySettings
    debug: bool
    watch_alarms: bool = True
    webhook: WebhookSettings | None = None

    @classmethod
    def from_environment(cls, environ: Environment) -> WorkerSettings:
        """Read the settings. Raises InvalidSetting, which names the first missing or invalid variable."""
        for name in ("TEMPORAL_NAMESPACE", "TEMPORAL_TASKQUEUE", "VCENTER_URL"):
            required(environ, name)
        if not any(environ.get(name, "").strip() for name in ("TEMPORAL_URL", "TEMPORAL_ADDRESS", "TEMPORAL_PROFILE")):
            required(environ, "TEMPORAL_URL")
        return cls(
            temporal=TemporalConnection.from_environment(environ),
            task_queue=environ["TEMPORAL_TASKQUEUE"],
            vcenter=VCenterSettings.from_environment(environ),
            credentials=FileCredentials(environ.get("VCENTER_SECRET_PATH") or DEFAULT_SECRET_PATH),
            sink=SinkSettings.from_environment(environ),
            base_policy=_base_policy(environ),
            policy_file=_file(environ, "PREEMPTION_POLICY_FILE"),
            health=read_address(environ, "PREEMPTION_HEALTH_ADDRESS"),
            metrics=read_address(environ, "PREEMPTION_METRICS_ADDRESS"),
            notify=NotifySettings.from_environment(environ, os.getpid()),
            debug=boolean(environ, "DEBUG"),
            watch_alarms=boolean(environ, "PREEMPTION_WATCH_ALARMS", default=True),
            webhook=WebhookSettings.from_environment(environ),
        )


def _base_policy(environ: Environment) -> Policy:
    """The defaults for the policy file: the prototype's limits, or those in the environment."""
    default = Policy()
    grace = seconds(environ, "PREEMPTION_GRACE_SECONDS", default.actions.low.grace_seconds, zero=True)
    actions = {name: replace(action, grace_seconds=grace) for name, action in vars(default.actions).items()}
    return replace(
        default,
        amount=replace(
            default.amount, max_vms=whole_number(environ, "PREEMPTION_MAX_VMS", default.amount.max_vms, least=1)
        ),
        actions=Actions(**actions),
        rerun_window_seconds=seconds(environ, "PREEMPTION_WINDOW_SECONDS", default.rerun_window_seconds, zero=True),
    )


def _file(environ: Environment, name: str) -> Path | None:
    text = environ.get(name, "").strip()
    return Path(text) if text else None
