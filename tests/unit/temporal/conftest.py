# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time-skipping server and the worker of the workflow tests, for tests of who asks them."""

from __future__ import annotations

from ..worker.conftest import loop, server, tell

__all__ = ["loop", "server", "tell"]
