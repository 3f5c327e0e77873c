# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as Go writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from vsphere_preemption.core import times


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 24, 9, 29, 47, 210833, UTC), "2026-11-24T09:29:47.210833Z"),
        (datetime(2026, 11, 24, 9, 29, 47, 200000, UTC), "2026-11-24T09:29:47.2Z"),
        (datetime(2026, 11, 24, 9, 29, 40, 0, UTC), "2026-11-24T09:29:40Z"),
        (datetime(2026, 11, 24, 1, 0, 0, 0, timezone(timedelta(hours=2))), "2026-11-23T23:00:00Z"),
        (datetime(1, 1, 1, tzinfo=UTC), times.NEVER),
    ],
)
def test_trailing_zeros_are_dropped_and_the_zone_is_utc(moment: datetime, text: str) -> None:
    assert times.to_wire(moment) == text
    assert times.from_wire(text) == moment


def test_nine_digits_of_go_are_cut_to_microseconds() -> None:
    assert times.from_wire("2026-11-24T09:29:47.210833362Z").microsecond == 210833


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-24T09:29:47"])
def test_a_text_that_names_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        times.from_wire(text)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        times.to_wire(datetime(2026, 11, 24))  # noqa: DTZ001
