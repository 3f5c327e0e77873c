# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a preflight found: one value for each check, the table for people, and the verdict. Pure.

Nothing here looks at anything. A check whose prerequisite failed is skipped and says so; so each check appears in every
preflight, and in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .errors import PreemptionError

ARROW = " -> "
COLUMN = "  "


class Status(StrEnum):
    """skipped: nobody can tell, because a prerequisite failed, or because there is nothing to look at."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    detail: what was found, as a sentence. next_step: what to do about it, as a sentence; empty where nothing is to do.
    Both may hold names from elsewhere; what is not printable in them is escaped on the way out.
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
    """All is well."""
    return Check(name, Status.OK, detail)


def warned(name: str, detail: str, next_step: str) -> Check:
    """It works, but somebody should look at it."""
    return Check(name, Status.WARNING, detail, next_step)


def failed(name: str, detail: str, next_step: str) -> Check:
    """Preemption would not work."""
    return Check(name, Status.FAILED, detail, next_step)


def skipped(name: str, because: str) -> Check:
    """It cannot be told, or there is nothing to look at."""
    return Check(name, Status.SKIPPED, because)


def failed_by(name: str, error: PreemptionError) -> Check:
    """The look itself failed, or found what cannot be."""
    return failed(name, f"{error.what}: {error.why}.", error.next_step)


def broken_at(names: Sequence[str], at: str, error: PreemptionError, *, known: Iterable[Check] = ()) -> list[Check]:
    """Checks that build on one another, of which one failed.

    names: all of them in their order. known: what is known of those before `at`. Of those after it nobody can tell.
    """
    place, before = names.index(at), {check.name: check for check in known}
    because = f"Cannot tell before {at} is in order."
    return [
        *(before[name] for name in names[:place]),
        failed_by(at, error),
        *(skipped(name, because) for name in names[place + 1 :]),
    ]


def in_the_way(checks: Iterable[Check], required: Iterable[str] = (), *, strict: bool = False) -> list[str]:
    """The names of the checks because of which the installation is not ready; none if it is.

    required: only these count, and each has to be ok. One that was skipped is not, because its state is unknown.
    Without any, everything counts, and only a failure is in the way. strict: so is a warning.
    """
    refused = {Status.FAILED, Status.WARNING} if strict else {Status.FAILED}
    names = list(dict.fromkeys(required))
    if not names:
        return [check.name for check in checks if check.status in refused]
    fine = {check.name for check in checks if check.status not in (*refused, Status.SKIPPED)}
    return [name for name in names if name not in fine]


def table(checks: Sequence[Check]) -> str:
    """One line for each check, in columns: status, name, what was found and what to do. No line end after the last."""
    status_width = max((len(check.status.value) for check in checks), default=0)
    name_width = max((len(check.name) for check in checks), default=0)
    return "\n".join(check.as_line(status_width=status_width, name_width=name_width) for check in checks)


def summary(checks: Iterable[Check]) -> str:
    """How many of each status that there is, such as `12 ok, 1 warning, 2 failed, 3 skipped`."""
    statuses = [check.status for check in checks]
    return ", ".join(f"{statuses.count(status)} {status.value}" for status in Status if status in statuses)


def printable(text: str) -> str:
    """The text on one line, with escapes for control characters and for those that turn the direction of writing."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


def listed(names: Iterable[str], *, most: int = 6) -> str:
    """The names in order, with commas; of many, only the first and how many more there are."""
    ordered = sorted(names)
    shown = ", ".join(ordered[:most])
    return f"{shown} and {len(ordered) - most} more" if len(ordered) > most else shown
