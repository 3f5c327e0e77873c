# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the answer of preemption_preflight."""

from __future__ import annotations

from .ansible import Ran


def statuses(ran: Ran) -> dict[str, str]:
    return {check["name"]: check["status"] for check in ran.result["checks"]}


def check_of(ran: Ran, name: str) -> tuple[str, str]:
    """Status and text of a check; one that is not in order says what to do, in the table too."""
    [check] = [check for check in ran.result["checks"] if check["name"] == name]
    assert bool(check["next_step"]) == (check["status"] in ("warning", "failed"))
    [line] = [line for line in ran.result["table"].splitlines() if line.split()[1] == name]
    assert check["detail"] in line
    assert line.endswith(check["next_step"])
    return check["status"], check["detail"]


def failures(ran: Ran) -> set[str]:
    return {name for name, status in statuses(ran).items() if status == "failed"}


def skips(ran: Ran) -> set[str]:
    return {name for name, status in statuses(ran).items() if status == "skipped"}
