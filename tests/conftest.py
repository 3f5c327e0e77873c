# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixtures of `support.fixtures`, for all tests."""

from __future__ import annotations

import signal

# A shell starts a background job deaf to Ctrl-C, and its children inherit that; some tests interrupt theirs.
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["support.fixtures"]
