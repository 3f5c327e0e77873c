# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of a run follows from those of its victims."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.contract import StopMethod
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.reasons import RunReason, VictimReason
from vsphere_preemption.core.records.outcome import RunStatus, VictimOutcome, VictimStatus, conclude


def victims(text: str) -> list[VictimOutcome]:
    """One letter a victim: (s)topped, (f)ailed, (o)ff already, (c)ancelled or (p)aused before it was touched."""
    ends = {
        "s": VictimStatus.STOPPED,
        "f": VictimStatus.FAILED,
        "o": VictimStatus.SPARED,
        "c": VictimStatus.SPARED,
        "p": VictimStatus.SPARED,
    }
    reasons = {"o": VictimReason.ALREADY_OFF, "c": VictimReason.CANCELLED, "p": VictimReason.PAUSED}
    ref = ManagedObject("VirtualMachine", "vm-1")
    return [
        VictimOutcome(ref, "VM 1", ends[letter], StopMethod.HARD, reasons.get(letter, VictimReason.NONE))
        for letter in text
    ]


@pytest.mark.parametrize(
    ("of_victims", "cancelled", "end", "reason"),
    [
        ("ss", False, RunStatus.DONE, RunReason.NONE),
        ("", False, RunStatus.DONE, RunReason.NOTHING_ELIGIBLE),
        ("so", False, RunStatus.DONE, RunReason.NONE),
        ("oo", False, RunStatus.DONE, RunReason.NOTHING_ELIGIBLE),
        ("sf", False, RunStatus.PARTIAL, RunReason.SOME_FAILED),
        ("ff", False, RunStatus.FAILED, RunReason.ALL_FAILED),
        ("ss", True, RunStatus.DONE, RunReason.NONE),
        ("sc", True, RunStatus.PARTIAL, RunReason.CANCELLED),
        ("cc", True, RunStatus.SKIPPED, RunReason.CANCELLED),
        ("", True, RunStatus.SKIPPED, RunReason.CANCELLED),
        ("pp", False, RunStatus.SKIPPED, RunReason.PAUSED),
        ("sp", False, RunStatus.PARTIAL, RunReason.PAUSED),
        ("fp", False, RunStatus.FAILED, RunReason.PAUSED),
        ("fc", True, RunStatus.FAILED, RunReason.CANCELLED),
    ],
)
def test_the_end_of_a_run(of_victims: str, cancelled: bool, end: RunStatus, reason: RunReason) -> None:
    assert conclude(victims(of_victims), cancelled=cancelled) == (end, reason)
