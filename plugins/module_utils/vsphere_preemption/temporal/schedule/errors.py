# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of schedules; a part of the tree in core/errors.py.

TemporalError
└── ScheduleTaken
"""

from __future__ import annotations

from ...core.errors import TemporalError


class ScheduleTaken(TemporalError):
    """A schedule with this name exists for another purpose."""

    code = "schedule_taken"
