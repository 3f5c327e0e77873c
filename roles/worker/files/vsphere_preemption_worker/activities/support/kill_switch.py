# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill switch, for activities that plan. Activities that stop VMs pass the gate, which checks more."""

from __future__ import annotations

from collections.abc import Callable

# Who paused preemption and why; empty where nobody did. PreemptionError where nobody can tell.
PauseQuery = Callable[[], str]
