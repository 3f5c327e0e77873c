# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log lines: one for each event, whatever the texts in it try."""

from __future__ import annotations

import logging

import pytest

from vsphere_preemption_worker.service.log import LogfmtFormatter


def line(message: str, **fields: object) -> str:
    record = logging.LogRecord("worker", logging.INFO, "file.py", 1, message, None, None)
    vars(record).update(fields)
    return LogfmtFormatter().format(record)


def test_fields_follow_the_message_in_the_order_in_which_they_were_given() -> None:
    written = line("victim", vm="vm-1", forced=True, seconds=1.5)
    assert written.partition(" level=")[2] == "info logger=worker msg=victim vm=vm-1 forced=true seconds=1.5"


@pytest.mark.parametrize("name", ["two words", 'quo"te', "a=b", "line\nlevel=error msg=forged", "\x1b[31mred", ""])
def test_a_name_from_outside_cannot_fake_a_line_or_a_field(name: str) -> None:
    written = line("victim", vm_name=name, vm="vm-1")
    assert "\n" not in written
    assert "\x1b" not in written
    assert written.endswith(" vm=vm-1")
    assert ' vm_name="' in written


def test_the_time_is_utc() -> None:
    assert line("x").startswith("time=20")
    assert "Z level=" in line("x")
