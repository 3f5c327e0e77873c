# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times on the wire: RFC 3339 in UTC, as Go writes them.

Go's RFC3339Nano drops trailing zeros of the fraction, and ends in `Z`. Python keeps microseconds, which is the
precision of our own times; other times are passed on as the original text.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

# What Go writes for a time that was never set.
NEVER = "0001-01-01T00:00:00Z"

_TOO_FINE = re.compile(r"(\.\d{6})\d+")


def to_wire(moment: datetime) -> str:
    """The moment as text; it must have a time zone."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone cannot be sent: {moment!r}")
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    # strftime does not pad a year below 1000 everywhere.
    return text.rjust(len(NEVER) - 1, "0") + "Z"


def from_wire(text: str) -> datetime:
    """The moment in a text, in UTC; fractions below microseconds are cut off. Raises ValueError for anything else."""
    moment = datetime.fromisoformat(_TOO_FINE.sub(r"\1", text))
    if moment.tzinfo is None:
        raise ValueError(f"a time needs a zone: {text!r}")
    return moment.astimezone(UTC)
