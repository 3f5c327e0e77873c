# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to keep a worker running, by the value of the option `service`."""

from __future__ import annotations

from collections.abc import Mapping

from .detached import Detached
from .service import Instance, Run, WorkerService
from .systemd import Systemd


def services(instance: Instance, run: Run) -> Mapping[str, WorkerService]:
    """All of them, for one instance."""
    return {"systemd": Systemd(instance, run), "detached": Detached(instance)}
