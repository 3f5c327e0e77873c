# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that no policy can raise."""

from __future__ import annotations

# A run's outcomes must fit into one Temporal payload (2 MB); the next request stops the remaining VMs.
MOST_VICTIMS = 2000
