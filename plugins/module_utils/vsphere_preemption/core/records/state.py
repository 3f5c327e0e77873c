# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of the query `current_state`, in the format of the prototype."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import times
from ..contract import WORKFLOW_TYPE
from ..inventory import ManagedObject


@dataclass(frozen=True)
class LastRun:
    """The last run that was carried out. Empty before the first run."""

    time: str = times.NEVER
    machines: list[ManagedObject] = field(default_factory=list)
    tag: str = ""
    criticality: str = ""
    event: dict[str, Any] = field(default_factory=lambda: {"specversion": "1.0", "id": "", "source": "", "type": ""})
    reply_to: str = ""


def state_as_wire(*, workflow_id: str, run_id: str, last: LastRun) -> dict[str, Any]:
    """The response object; Go writes an empty list as null."""
    return {
        "workflowID": workflow_id,
        "workflowRunID": run_id,
        "workflowName": WORKFLOW_TYPE,
        "lastPreemptionTime": last.time,
        "virtualMachines": machines_as_wire(last.machines),
        "tag": last.tag,
        "criticality": last.criticality,
        "event": last.event,
        "replyTo": last.reply_to,
    }


def machines_as_wire(machines: Sequence[ManagedObject]) -> list[dict[str, str]] | None:
    """A list of references, or None if Go would have a nil slice."""
    return [machine.as_wire() for machine in machines] or None


def compact_json(value: object) -> str:
    """JSON in the format of Go's encoder: no spaces, text in UTF-8; characters that are invalid in XML are escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
