# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many eligible VMs are selected: greedily in order, within limits and budgets; then unneeded VMs are dropped.

After the reverse pass, each victim is needed: the target would be missed without it. One pass is enough, because a VM
that is needed among many is also needed among fewer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from ..inventory import ManagedObject
from ..mark import MarkFound, preemptions
from ..policy.model import HOUR, OnShortfall
from ..reasons import LeftOut
from .limits import GroupCounts, PlanLimits
from .ordering import Candidate
from .target import Needed, Resources


@dataclass
class Selection:
    """The choice as it grows.

    hour_left: how many more may be stopped in this hour; None: no limit. why: the reasons of VMs that are not selected.
    """

    needed: Needed | None
    groups: GroupCounts
    max_vms: int
    hour_left: int | None = None
    chosen: list[Candidate] = field(default_factory=list)
    why: dict[ManagedObject, LeftOut] = field(default_factory=dict)
    freed: Resources = field(default_factory=Resources)

    @property
    def shortfall(self) -> bool:
        return self.needed is not None and not self.needed.met_by(self.freed)

    def choose(self, candidates: Sequence[Candidate], on_shortfall: OnShortfall) -> None:
        """Decide on all candidates, which are given in order."""
        for _rank, peers in groupby(candidates, key=lambda candidate: candidate.rank):
            self._take_from(peers)
        if not self.shortfall:
            self._put_back()
        elif on_shortfall is OnShortfall.ABORT:
            self._give_up()

    def _take_from(self, peers: Iterable[Candidate]) -> None:
        """Among VMs of one priority, those that would break a budget that is not strict come last."""
        late = []
        for candidate in peers:
            if self.groups.regret(candidate.machine.ref):
                late.append(candidate)
            else:
                self._consider(candidate)
        for candidate in late:
            self._consider(candidate)

    def _consider(self, candidate: Candidate) -> None:
        vm = candidate.machine.ref
        reason = self._objection(candidate)
        if reason is not None:
            self.why[vm] = reason
            return
        self.groups.take(vm)
        self.chosen.append(candidate)
        self.freed += candidate.frees

    def _objection(self, candidate: Candidate) -> LeftOut | None:
        if self.needed is not None and not self.needed.helped_by(candidate.frees, self.freed):
            return LeftOut.NOT_NEEDED
        if len(self.chosen) >= self.max_vms:
            return LeftOut.OVER_CAP
        if self.hour_left is not None and len(self.chosen) >= self.hour_left:
            return LeftOut.HOUR_CAP
        return LeftOut.GROUP_BUDGET if self.groups.forbid(candidate.machine.ref) else None

    def _put_back(self) -> None:
        """From the last to the first: a VM that is not needed for the target keeps running."""
        if self.needed is None:
            return
        kept = []
        for candidate in reversed(self.chosen):
            without = self.freed - candidate.frees
            if self.needed.met_by(without):
                self.freed = without
                self.why[candidate.machine.ref] = LeftOut.NOT_NEEDED
            else:
                kept.append(candidate)
        self.chosen = kept[::-1]

    def _give_up(self) -> None:
        self.why.update((candidate.machine.ref, LeftOut.SHORTFALL) for candidate in self.chosen)
        self.chosen, self.freed = [], Resources()


def hour_left(marks: Iterable[MarkFound | None], limits: PlanLimits) -> int | None:
    """How many more VMs with the tag may be stopped in this hour; None if the policy sets no limit.

    The marks are the state that all runs share. Those of this run do not count: it decides on all of them at once.
    """
    per_hour = limits.policy.amount.per_hour
    if per_hour is None:
        return None
    return max(0, per_hour - sum(preemptions(mark, limits.now, HOUR, but_of=limits.run_id) for mark in marks))
