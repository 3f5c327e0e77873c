# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workflows that cannot be started with a wrong input.

Everybody with access to the namespace can start a workflow with anything. The SDK fails the first workflow task of one
whose input it cannot decode or pass on, and Temporal repeats that task indefinitely. Here such a workflow fails, with
the reason. The input is in the history, so a replay decides the same.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from dataclasses import is_dataclass, replace
from typing import Any

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from ..workflows.refused_start import RefusedStart

Create = Callable[[WorkflowInstanceDetails], WorkflowInstance]


class CheckedRunner(SandboxedWorkflowRunner):
    """The sandbox, with a check of the input before a workflow begins."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _CheckedInstance(super().create_instance, det)


class _CheckedInstance(WorkflowInstance):
    """Passes everything on to the workflow, or to RefusedStart. create: makes the instance of either."""

    def __init__(self, create: Create, det: WorkflowInstanceDetails) -> None:
        self._create = create
        self._det = det
        self._instance: WorkflowInstance = create(det)

    def activate(self, act: Any) -> Any:
        for job in act.jobs:
            if job.HasField("initialize_workflow"):
                self._check(job.initialize_workflow.arguments)
        return self._instance.activate(act)

    def _check(self, arguments: Any) -> None:
        accepted = _number_of_inputs(self._det)
        if not accepted:
            # A workflow without input ignores one, so that a kill switch works however it is turned on.
            del arguments[:]
        why = _why_not(self._det, list(arguments), accepted)
        if why:
            refused = workflow._Definition.must_from_class(RefusedStart)
            self._instance = asyncio.run(self._created(replace(self._det, defn=refused)))
            del arguments[:]
            arguments.append(Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(why).encode()))

    async def _created(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """The SDK makes instances in an event loop, but runs them in a thread without one."""
        return self._create(det)

    def get_serialization_context(self, command_info: Any) -> Any:
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> workflow.Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()


def _number_of_inputs(det: WorkflowInstanceDetails) -> range:
    """How many inputs the workflow may be started with; empty if it takes none."""
    inputs = list(inspect.signature(det.defn.run_fn).parameters.values())[1:]
    needed = sum(parameter.default is inspect.Parameter.empty for parameter in inputs)
    return range(needed, len(inputs) + 1) if inputs else range(0)


def _why_not(det: WorkflowInstanceDetails, arguments: list[Payload], accepted: range) -> str:
    """Why the workflow cannot be started with these arguments; empty if it can."""
    what = f"Cannot start {det.info.workflow_type}: "
    if accepted and len(arguments) not in accepted:
        return f"{what}it has {len(arguments)} inputs. Start it with {accepted[-1]}."
    kinds = det.defn.arg_types[: len(arguments)] if det.defn.arg_types else None
    try:
        given = det.payload_converter_factory().from_payloads(arguments, kinds)
    except Exception as error:
        # Whatever a converter raises, the cause is the input.
        cause = (str(error) or type(error).__name__)[:500].encode("utf-8", "backslashreplace").decode()
        return f"{what}its input cannot be read ({cause}). Start it as the documentation describes."
    # The SDK ignores the type of a value that is not encoded as JSON.
    if kinds and any(
        is_dataclass(kind) and not isinstance(value, kind) for kind, value in zip(kinds, given, strict=True)
    ):
        return f"{what}its input is not a JSON object. Start it as the documentation describes."
    return ""
