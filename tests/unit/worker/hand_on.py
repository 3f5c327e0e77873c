# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workflow that continues as another one, which so gets a state: none of ours takes one from a client."""

from __future__ import annotations

from typing import Any

from temporalio import workflow


@workflow.defn(sandboxed=False)
class HandOn:
    @workflow.run
    async def run(self, kind: str, state: Any) -> None:
        workflow.continue_as_new(args=[state], workflow=kind)
