# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with a policy file: everything at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from ..errors import InvalidInput


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in a file. line, column: from 1; 0 where it is about the whole file.

    path: such as `policies[0].amount.max_vms`. message: one line.
    """

    line: int
    column: int
    path: str
    message: str


class InvalidPolicy(InvalidInput):
    """A policy file that cannot be used. problems: all of them in the order of lines; the text has a line for each."""

    code = "invalid_policy"

    def __init__(
        self,
        problems: Iterable[Problem],
        *,
        file: str = "",
        next_step: str = "Correct what is listed.",
    ) -> None:
        self.problems = tuple(sorted(problems))
        self.file = file or "policy"
        count = len(self.problems)
        why = "one thing is wrong" if count == 1 else f"{count} things are wrong"
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
