# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks print of names and messages from outside: each stays on its line, and no character acts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import jinja2
import pytest

from support.paths import CHECKOUT

from .modules._collection import imported

HOSTILE = "web\x1b[2J\nNothing failed.\u2028\x9b31m\u202egnp.exe"
SHOWN = r"web\x1b[2J\nNothing failed.\u2028\x9b31m\u202egnp.exe"

VM = {"name": HOSTILE, "vm": {"Value": "vm-1"}, "outcome": "stopped", "method": "hard", "reason": HOSTILE}
OUTCOME = {"outcome": "done", "reason": HOSTILE, "message": HOSTILE, "victims": [VM], "planned": [VM]}
PLANNED = {"name": HOSTILE, "vm": "vm-1", "rank": 1, "memory_mib": 1, "cpu_mhz": 1, "reason": HOSTILE}
PLAN = {
    "policy": {"name": HOSTILE, "mode": "enforce"},
    "message": HOSTILE,
    "reason": HOSTILE,
    "victims": [PLANNED],
    "left_out": [PLANNED],
    "freed": {"memory_mib": 1, "cpu_mhz": 1},
    "method": "soft",
}
RUN = {"finished": "now", "outcome": "done", "criticality": "LOW", "victims": [], "leftOut": {"total": 0}}
SWITCH = {"paused": True, "since": "now", "by": HOSTILE, "reason": HOSTILE, "until": None}
STATUS = {
    "at_work": {"request_id": HOSTILE, "phase": "planning", "plan": None, "preemption_id": HOSTILE},
    "waiting": 0,
    "counts": {},
    "runs": [{**RUN, "requestID": HOSTILE, "reason": HOSTILE, "runID": HOSTILE}],
    "explanation": [{"finished": "now", "text": HOSTILE}],
}
KEPT = {"vms": [{**VM, "reason": "held"}], "byReason": {"held": 1}}
RESTORE = {"outcome": "done", "reasonCode": HOSTILE, "message": HOSTILE, "machines": [VM], "kept": KEPT}


def _listed(lazy: Callable[..., Iterable[Any]]) -> Callable[..., list[Any]]:
    return jinja2.pass_context(lambda context, *given: list(lazy(context, *given)))


def _rendered(template: str, **values: Any) -> list[str]:
    """The lines of a template, rendered with Ansible's settings for Jinja."""
    loader = jinja2.FileSystemLoader(CHECKOUT / "playbooks" / "templates")
    environment = jinja2.Environment(loader=loader, trim_blocks=True, autoescape=False)  # noqa: S701 - text, not HTML
    printable = imported("plugins.filter.printable").FilterModule().filters()["printable"]
    # As Ansible does, which makes lists of what Jinja's filters yield.
    environment.filters |= {name: _listed(environment.filters[name]) for name in ("selectattr", "rejectattr")}
    environment.filters["vsphere.preemption.printable"] = printable
    return environment.get_template(template).render(**values).splitlines()


@pytest.mark.parametrize(
    ("template", "values", "lines"),
    [
        ("preemption.txt.j2", {"shown": {"outcome": {**OUTCOME, "leftOut": {"vms": [VM]}}, "request_id": HOSTILE}}, 4),
        ("preemption.txt.j2", {"shown": {"plan": PLAN}}, 3),
        ("preemption.txt.j2", {"shown": {"plan": {**PLAN, "refused": True}}}, 3),
        ("preemption.txt.j2", {"shown": {"request_id": HOSTILE, "workflow_id": "w", "preemption_id": HOSTILE}}, 2),
        ("restore.txt.j2", {"restore_result": {"restore": RESTORE}}, 4),
        ("switch.txt.j2", {"switch": SWITCH}, 2),
        ("status.txt.j2", {"switch": SWITCH, "status_result": STATUS}, 6),
    ],
)
def test_a_hostile_name_stays_on_its_line(template: str, values: dict[str, Any], lines: int) -> None:
    rendered = _rendered(template, **values)
    assert len(rendered) == lines
    assert all(line.isprintable() for line in rendered)
    assert any(SHOWN in line for line in rendered)


def test_a_usual_name_is_printed_as_it_is() -> None:
    [line] = _rendered("switch.txt.j2", switch={**SWITCH, "by": "Jürgen Müller", "reason": "Wartung 保守"})[:1]
    assert "Jürgen Müller: Wartung 保守." in line
