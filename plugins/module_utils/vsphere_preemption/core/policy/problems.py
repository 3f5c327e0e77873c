# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors in a policy file: all of them at once, each with its location."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from ..errors import InvalidInput


@dataclass(frozen=True, order=True)
class Problem:
    """One error in a file. line, column: from 1; 0 if it concerns the whole file.

    path: such as `policies[0].amount.max_vms`. message: one line.
    """

    line: int
    column: int
    path: str
    message: str


class InvalidPolicy(InvalidInput):
    """An invalid policy file. problems: all of them in line order; the text has one line for each."""

    code = "invalid_policy"

    def __init__(
        self,
        problems: Iterable[Problem],
        *,
        file: str = "",
        next_step: str = "Correct the errors listed below.",
    ) -> None:
        self.problems = tuple(sorted(problems))
        self.file = file or "policy"
        count = len(self.problems)
        why = "it has 1 error" if count == 1 else f"it has {count} errors"
        super().__init__(f"Cannot use the policy file {self.file}", why=why, next_step=next_step)

    @property
    def lines(self) -> list[str]:
        """One for each problem: `file:line:column: path: message`."""
        return [
            ": ".join(part for part in (self._place(problem), problem.path, problem.message) if part)
            for problem in self.problems
        ]

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *self.lines])

    def as_result(self) -> dict[str, object]:
        return {**super().as_result(), "problems": [asdict(problem) for problem in self.problems]}

    def _place(self, problem: Problem) -> str:
        return f"{self.file}:{problem.line}:{problem.column}" if problem.line else self.file
