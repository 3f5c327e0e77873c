# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables for a terminal: aligned, and nothing in them steers it."""

from __future__ import annotations

import json

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption_worker.preemptctl.output import Output
from vsphere_preemption_worker.preemptctl.runs import restore_lines, run_table, victim_lines
from vsphere_preemption_worker.preemptctl.terminal import counted, cut, moment, pairs, safe, table, width

HOSTILE = "web\x1b[2J\n\x9b31m\u202egnp.exe\udc80\x07"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("web-1 (test)", "web-1 (test)", id="plain"),
        pytest.param("caf\u00e9 \u6771\u4eac", "caf\u00e9 \u6771\u4eac", id="letters of the world"),
        pytest.param("a\nb\tc", "a\\nb\\tc", id="line end and tab"),
        pytest.param("\x1b[31m", "\\x1b[31m", id="colour"),
        pytest.param("\x9b31m", "\\x9b31m", id="colour in one byte"),
        pytest.param("\u202egnp", "\\u202egnp", id="turned direction"),
        pytest.param("\udc80", "\\udc80", id="half a character"),
        pytest.param("", "-", id="nothing"),
    ],
)
def test_a_name_shows_as_one_line_without_anything_that_steers_the_terminal(name: str, shown: str) -> None:
    assert safe(name) == shown


def test_columns_stand_below_one_another_with_wide_characters_too_and_numbers_to_the_right() -> None:
    assert table(("N", "NAME", "END"), [(9, "\u6771\u4eac", "x"), (10, "ab", "")]) == [
        " N  NAME  END",
        " 9  \u6771\u4eac  x",
        "10  ab    -",
    ]


def test_a_line_is_cut_at_columns_not_at_characters() -> None:
    assert (width("\u6771a"), cut("\u6771a", 2), cut("\u6771a", 1), cut("ab", 5)) == (3, "\u6771", "", "ab")


def test_a_hostile_name_is_one_line_in_every_table() -> None:
    victim = {"vm": {"Value": "vm-1"}, "name": HOSTILE, "outcome": "stopped", "reason": HOSTILE}
    record = {
        "victims": [victim],
        "leftOut": {"total": 3, "vms": [{"vm": {"Value": "vm-2"}, "name": HOSTILE, "reason": "over_cap"}]},
        "requestID": HOSTILE,
        "runID": f"w/{HOSTILE}",
        "outcome": "done",
        "reason": "",
        "message": HOSTILE,
        "finished": "2026-11-24T09:29:51.5Z",
        "criticality": "HIGH",
    }
    kept = {"vms": [{**victim, "reason": "is_on"}]}
    restore = {"machines": [victim], "kept": kept, "outcome": "done", "reasonCode": "", "message": HOSTILE}
    for lines in (victim_lines(record), run_table([record]), restore_lines(restore)):
        assert all(line.isprintable() for line in lines)
    assert "and 2 more left out" in victim_lines(record)
    assert "1 stopped, 3 left out" in run_table([record])[1]


def test_facts_times_and_counts() -> None:
    assert pairs({"a": 1, "long": ""}) == ["a     1", "long  -"]
    assert moment("2026-11-24T09:29:51.123Z") == "2026-11-24 09:29:51"
    assert moment("0001-01-01T00:00:00Z") == moment("") == ""
    assert counted({"stopped": 2, "failed": 0}) == "2 stopped"


def test_json_is_plain_ascii_on_one_line_and_keeps_the_secret_of_a_reply_address(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Output(json=True).answer({"name": HOSTILE, "replyTo": "https://user:word@sink/p?token=t"}, ["never shown"])
    line = capsys.readouterr().out
    assert line.isascii()
    assert line.count("\n") == 1
    assert json.loads(line) == {"name": HOSTILE, "replyTo": "https://***@sink/p?***"}


def test_an_error_is_one_line_with_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    Output(json=False).error(InvalidSetting("Cannot\nwork", why="why\x1b", next_step="Do."))
    assert capsys.readouterr() == ("", "preemptctl: Cannot\\nwork: why\\x1b. Do. [invalid_setting]\n")
