# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last question before a call that changes a VM is sent.

A call may wait: for a login, for a free slot, for a connection. What allowed it may have changed by then.
"""

from __future__ import annotations

from collections.abc import Callable

# Called when the connection is open and the request would be sent next. Must not wait, because the call holds a slot.
# Raises CallWithdrawn if the call must not be sent.
Confirm = Callable[[], None]


class CallWithdrawn(Exception):
    """The call was not sent. Not an error of vCenter: the caller checks again whether it may make the call."""
