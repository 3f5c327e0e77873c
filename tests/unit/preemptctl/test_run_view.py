# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run that is watched is drawn."""

from __future__ import annotations

from dataclasses import replace

from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.planning.plan import Plan, Victim
from vsphere_preemption.temporal.dispatcher import ActiveRun
from vsphere_preemption_worker.preemptctl.run_view import RunView, fitted, lines_of, redrawn

PLAN = Plan(victims=[Victim(ManagedObject("VirtualMachine", f"vm-{n}"), f"web-{n}", 512, 100) for n in range(3)])
AT_WORK = RunView.of_run(ActiveRun("w/abc", "stopping", "HIGH", PLAN.as_wire(), "r1"))


def test_a_run_at_work_shows_its_phase_and_its_victims_in_order() -> None:
    lines = lines_of(AT_WORK)
    assert lines[0] == "Run w/abc, request r1, HIGH: stopping, 3 VMs"
    assert [line.split()[:3] for line in lines[2:]] == [
        ["1", "vm-0", "web-0"],
        ["2", "vm-1", "web-1"],
        ["3", "vm-2", "web-2"],
    ]


def test_the_document_names_the_preemption_also_under_the_earlier_name() -> None:
    document = AT_WORK.as_document()
    assert (document["preemption_id"], document["run_id"]) == ("w/abc", "w/abc")


def test_no_run_is_said_and_a_note_comes_last() -> None:
    assert lines_of(RunView()) == ["No active run; waiting for one."]
    assert lines_of(replace(AT_WORK, note="no answer\x1b"))[-1] == "no answer\\x1b"


def test_a_note_alone_makes_no_other_sight() -> None:
    assert replace(AT_WORK, note="no answer") == AT_WORK


def test_a_small_terminal_says_how_much_it_hides() -> None:
    shown = fitted(lines_of(AT_WORK), columns=12, rows=4)
    assert shown == ["Run w/abc, r", "RANK  VM    ", "and 3 more l"]
    assert fitted(lines_of(AT_WORK), columns=200, rows=50) == lines_of(AT_WORK)


def test_drawing_again_goes_back_over_what_was_drawn() -> None:
    assert redrawn(["a", "b"], 0) == "\x1b[Ja\nb\n"
    assert redrawn(["c"], 2) == "\x1b[2F\x1b[Jc\n"
