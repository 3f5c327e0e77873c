# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox in which our workflows run: the simplest guard against code that is not deterministic."""

from __future__ import annotations

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

# Values of the library are passed through unchanged. Type hints of their fields are resolved through sys.modules, so it
# is not enough to pass the modules through where a workflow imports them.
_PASSED_THROUGH = (
    "vsphere_preemption",
    "vsphere_preemption_worker.messages",
)


def sandboxed_runner() -> SandboxedWorkflowRunner:
    """The runner for `Worker(workflow_runner=…)` and `Replayer(workflow_runner=…)`."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*_PASSED_THROUGH))
