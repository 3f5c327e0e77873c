# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for approval. The decision arrives as an update; if none arrives in time, nothing is done."""

from __future__ import annotations

from collections.abc import Mapping

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from vsphere_preemption.core.contract import UPDATE_DECIDE
    from vsphere_preemption.core.errors import InvalidRequest
    from vsphere_preemption.core.records.outcome import ApprovalDecision

MAX_TEXT = 200


class Approval:
    """The decision on one run. It can be made once; repeating the same decision has no effect."""

    def __init__(self) -> None:
        self.is_wanted = False
        self.decision: ApprovalDecision | None = None

    def take(self, raw: object) -> ApprovalDecision:
        """Accept a decision that `check` has validated."""
        self.decision = self.decision or read_decision(raw)
        return self.decision

    def check(self, raw: object) -> None:
        """Reject an invalid decision, one at the wrong time, or one that contradicts an earlier decision."""
        given = read_decision(raw)
        if self.decision is not None and self.decision.approve is not given.approve:
            raise _refused("a different decision was made earlier")
        if self.decision is None and not self.is_wanted:
            raise _refused("the run is not waiting for approval")


def read_decision(raw: object) -> ApprovalDecision:
    """The decision from `{"approve": bool, "by": text, "note": text}`."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("approve"), bool):
        raise _refused("approve is not true or false")
    return ApprovalDecision(raw["approve"], *(str(raw.get(name) or "")[:MAX_TEXT] for name in ("by", "note")))


def _refused(why: str) -> ApplicationError:
    text = f"Cannot accept the decision ({UPDATE_DECIDE}): {why}."
    return ApplicationError(text, type=InvalidRequest.code, non_retryable=True)
