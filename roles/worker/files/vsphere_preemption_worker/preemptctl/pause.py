# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`pause` and `resume`: the kill switch of a task queue."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.temporal import kill_switch
from vsphere_preemption.temporal.blocking import account

from . import exit_codes
from .connections import task_queue, with_client
from .output import Output, safe

if TYPE_CHECKING:
    from temporalio.client import Client

Thrown = tuple[kill_switch.KillSwitch, bool]


def pause(options: Namespace, output: Output) -> int:
    """Pause preemption; if it is already paused, the existing pause is kept."""
    if options.duration is not None and options.duration <= 0:
        raise InvalidSetting(
            "Cannot pause preemption", why="the duration is zero", next_step="Set --duration to more than zero."
        )

    async def throw(client: Client) -> Thrown:
        queue, by = task_queue(options), account()
        return await kill_switch.pause(client, queue, reason=options.reason, by=by, seconds=options.duration)

    return _shown(output, with_client(options, output, throw))


def resume(options: Namespace, output: Output) -> int:
    """Resume preemption."""

    async def throw(client: Client) -> Thrown:
        return await kill_switch.resume(client, task_queue(options), by=account())

    return _shown(output, with_client(options, output, throw))


def _shown(output: Output, thrown: Thrown) -> int:
    holds, changed = thrown
    until = f" The pause ends at {holds.until}." if holds.until else ""
    said = f"{str(holds).rstrip('.')}.{until}{'' if changed else ' Nothing was changed.'}"
    output.answer({"changed": changed, "switch": kill_switch.as_result(holds)}, [safe(said)])
    return exit_codes.OK
