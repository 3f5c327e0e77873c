# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where the library imports temporalio. Private to this folder.

A module must be importable without it, so a missing library is only an error for code that uses it.
"""

from __future__ import annotations

from types import ModuleType

from ..core.errors import MissingLibrary

try:
    import temporalio.api.enums.v1 as _enums
    import temporalio.api.operatorservice.v1 as _operatorservice
    import temporalio.api.workflowservice.v1 as _workflowservice
    import temporalio.client as _client
    import temporalio.common as _common
    import temporalio.envconfig as _envconfig
    import temporalio.exceptions as _exceptions
    import temporalio.service as _service
except ImportError as error:
    _PROBLEM: ImportError | None = error
    _MODULES: dict[str, ModuleType] = {}
else:
    _PROBLEM = None
    _MODULES = {
        "client": _client,
        "common": _common,
        "enums": _enums,
        "envconfig": _envconfig,
        "exceptions": _exceptions,
        "operatorservice": _operatorservice,
        "service": _service,
        "workflowservice": _workflowservice,
    }


def part(name: str) -> ModuleType:
    """A module of temporalio, by its name above."""
    if _PROBLEM is not None:
        raise MissingLibrary(
            "Cannot use Temporal",
            why=str(_PROBLEM),
            next_step="Install the Python package temporalio for the Python interpreter in use.",
        ) from _PROBLEM
    return _MODULES[name]
