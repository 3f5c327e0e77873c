# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A name that was chosen to deceive looks the same in every output, and is part of one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vsphere_preemption_worker.preemptctl import runs

from ._collection import imported

CORE = "plugins.module_utils.vsphere_preemption.core"
plan = imported("plugins.module_utils._modules.plan")
preemption_restore = imported("plugins.modules.preemption_restore")
tag = imported("plugins.module_utils._modules.tag")
check = imported(f"{CORE}.preflight.check")
explanation = imported(f"{CORE}.records.explanation")
inventory = imported(f"{CORE}.inventory")
printable = imported(f"{CORE}.names").printable

HOSTILE = "web\x1b[2J\n\x9b31m\u202egnp.exe\udc80\x07"
SHOWN = r"web\x1b[2J\n\x9b31m\u202egnp.exe\udc80\x07"

VM = inventory.ManagedObject("VirtualMachine", "vm-1")
ENTRY = {"vm": {"Value": "vm-1"}, "name": HOSTILE, "outcome": "stopped", "reason": "", "method": "hard", "message": ""}
RECORD = {
    "victims": [ENTRY],
    "leftOut": {"total": 0, "vms": []},
    "requestID": HOSTILE,
    "runID": "w/1",
    "outcome": "done",
    "reason": "",
    "message": "",
    "finished": "2026-11-24T09:29:51Z",
    "criticality": "HIGH",
    "tag": HOSTILE,
}
RESTORE = {"machines": [ENTRY], "kept": {"vms": []}, "outcome": "done", "reasonCode": "", "message": ""}


def a_plan(**more: Any) -> dict[str, Any]:
    figures = {"rank": 1, "memory_mib": 1, "cpu_mhz": 1, "priority": ""}
    nothing = {"victims": [], "left_out": [], "left_out_count": {}, "refused": False, "method": "hard"}
    victim = {**figures, "name": HOSTILE, "vm": "vm-1"}
    return {**nothing, "policy": {"name": "default"}, "victims": [victim], **more}


def of_diff(diff: dict[str, str]) -> list[str]:
    """Its lines, which end at line feeds only."""
    return [*diff["before"].split("\n")[:-1], *diff["after"].split("\n")[:-1]]


OUTPUTS: dict[str, tuple[int, Callable[[], list[str]]]] = {
    "diff of a plan": (2, lambda: of_diff(plan.plan_diff(a_plan()))),
    "diff of a plan: left out": (
        2,
        lambda: of_diff(
            plan.plan_diff(
                a_plan(
                    victims=[],
                    left_out=[{"name": HOSTILE, "vm": "vm-1", "reason": "over_cap"}],
                    left_out_count={"over_cap": 1},
                )
            )
        ),
    ),
    "diff of a plan: refused": (
        1,
        lambda: of_diff(plan.plan_diff(a_plan(victims=[], refused=True, reason="paused", message=HOSTILE))),
    ),
    "diff of a restore": (2, lambda: of_diff(preemption_restore.restore_diff(RESTORE))),
    "diff of a tag": (1, lambda: tag._texts([VM], {VM: HOSTILE})),
    "table of a preflight": (1, lambda: [check.table([check.warned("tag", f"No {HOSTILE}.", "Attach it.")])]),
    "result of a preflight": (1, lambda: [check.passed("tag", HOSTILE).as_result()["detail"]]),
    "explanation: victim": (1, lambda: [explanation.explain([RECORD], "vm-1")[0]["text"]]),
    "explanation: not seen": (1, lambda: [explanation.explain([RECORD], "vm-2")[0]["text"]]),
    "preemptctl: victims": (4, lambda: runs.victim_lines(RECORD)),
    "preemptctl: runs": (2, lambda: runs.run_table([RECORD])),
    "preemptctl: restore": (3, lambda: runs.restore_lines(RESTORE)),
}


@pytest.mark.parametrize(("lines", "output"), OUTPUTS.values(), ids=OUTPUTS)
def test_a_hostile_name_looks_the_same_everywhere_and_adds_no_line(lines: int, output: Callable[[], list[str]]) -> None:
    found = output()
    assert any(SHOWN in line for line in found), found
    assert all(line.isprintable() for line in found)
    assert len(found) == lines


def test_letters_of_all_languages_stay() -> None:
    assert printable("Größe 大") == "Größe 大"
