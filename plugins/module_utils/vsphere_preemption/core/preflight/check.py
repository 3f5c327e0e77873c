# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a preflight: one value per check, the table, and the overall result. Pure.

Nothing here runs a check. A check whose prerequisite failed is skipped with a reason, so that every preflight has the
same checks in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..errors import PreemptionError
from ..names import printable

ARROW = " -> "
COLUMN = "  "


class Status(StrEnum):
    """skipped: not checked, because a prerequisite failed or there is nothing to check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One check.

    detail: what was found, as a sentence. next_step: what to do about it, as a sentence; empty if nothing is to be
    done. Both may contain untrusted names; non-printable characters in them are escaped in the output.
    """

    name: str
    status: Status
    detail: str
    next_step: str = ""

    def as_result(self) -> dict[str, str]:
        """The check as modules show it."""
        return {
            "name": self.name,
            "status": self.status.value,
            "detail": printable(self.detail),
            "next_step": printable(self.next_step),
        }

    def as_line(self, *, status_width: int, name_width: int) -> str:
        """The check as one line of the table."""
        told = printable(self.detail) + (f"{ARROW}{printable(self.next_step)}" if self.next_step else "")
        return f"{self.status.value:<{status_width}}{COLUMN}{self.name:<{name_width}}{COLUMN}{told}".rstrip()


def passed(name: str, detail: str) -> Check:
    """The check passed."""
    return Check(name, Status.OK, detail)


def warned(name: str, detail: str, next_step: str) -> Check:
    """Preemption works, but the operator should look into it."""
    return Check(name, Status.WARNING, detail, next_step)


def failed(name: str, detail: str, next_step: str) -> Check:
    """Preemption would not work."""
    return Check(name, Status.FAILED, detail, next_step)


def skipped(name: str, because: str) -> Check:
    """The check could not run, or does not apply."""
    return Check(name, Status.SKIPPED, because)


def failed_with(name: str, error: PreemptionError) -> Check:
    """The check raised an error."""
    return failed(name, f"{error.what}: {error.why}.", error.next_step)


def blocked_by(names: Sequence[str], at: str, error: PreemptionError, *, known: Iterable[Check] = ()) -> list[Check]:
    """Checks that depend on each other, one of which failed.

    names: all of them in order. known: the results of those before `at`. Those after it are skipped.
    """
    place, before = names.index(at), {check.name: check for check in known}
    because = f"Not checked: {at} must pass first."
    return [
        *(before[name] for name in names[:place]),
        failed_with(at, error),
        *(skipped(name, because) for name in names[place + 1 :]),
    ]


def in_the_way(checks: Iterable[Check], required: Iterable[str] = (), *, strict: bool = False) -> list[str]:
    """The names of the checks because of which the installation is not ready; empty if it is ready.

    required: only these checks count, and each must be ok. A skipped check is not ok, because its state is unknown.
    Without it, all checks count, and only failures are returned. strict: warnings are returned as well.
    """
    refused = {Status.FAILED, Status.WARNING} if strict else {Status.FAILED}
    names = list(dict.fromkeys(required))
    if not names:
        return [check.name for check in checks if check.status in refused]
    fine = {check.name for check in checks if check.status not in (*refused, Status.SKIPPED)}
    return [name for name in names if name not in fine]


def table(checks: Sequence[Check]) -> str:
    """One line per check, in columns: status, name, what was found and what to do. No newline at the end."""
    status_width = max((len(check.status.value) for check in checks), default=0)
    name_width = max((len(check.name) for check in checks), default=0)
    return "\n".join(check.as_line(status_width=status_width, name_width=name_width) for check in checks)


def summary(checks: Iterable[Check]) -> str:
    """The number of checks by status, such as `12 ok, 1 warning, 2 failed, 3 skipped`."""
    statuses = [check.status for check in checks]
    return ", ".join(f"{statuses.count(status)} {status.value}" for status in Status if status in statuses)


def listed(names: Iterable[str], *, most: int = 6) -> str:
    """The names in order, comma-separated; if there are many, only the first ones and the number of others."""
    ordered = sorted(names)
    shown = ", ".join(ordered[:most])
    return f"{shown} and {len(ordered) - most} more" if len(ordered) > most else shown
