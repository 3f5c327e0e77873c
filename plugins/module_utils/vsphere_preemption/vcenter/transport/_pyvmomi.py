# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where the library imports pyVmomi. Private to this folder.

A module must be importable without it, so a missing library is only an error for code that uses it. pyVmomi creates its
types at run time, so they are typed as Any here, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.errors import MissingLibrary

vim: Any = None
vmodl: Any = None
service_versions: Any = None
version_ids: Any = {}
SoapResponseDeserializer: Any = None

if TYPE_CHECKING:

    class SoapStubAdapter:
        """The used part of pyVmomi's class: it writes requests and reads replies."""

        def __init__(self, *, host: str, port: int, path: str, version: str, customHeaders: dict[str, str]) -> None:
            self.cookie: str
            self.versionId: str

        def SerializeRequest(self, entity: Any, method: Any, arguments: Any) -> bytes: ...  # noqa: N802


try:
    import pyVmomi as _pyvmomi
    from pyVmomi import SoapAdapter as _adapter
    from pyVmomi import VmomiSupport as _support
    from pyVmomi import vim as _vim
    from pyVmomi import vmodl as _vmodl
except ImportError as error:
    _PROBLEM: ImportError | None = error
    if not TYPE_CHECKING:
        SoapStubAdapter = object
else:
    _PROBLEM = None
    vim, vmodl = _vim, _vmodl
    SoapResponseDeserializer = _adapter.SoapResponseDeserializer
    service_versions, version_ids = _support.GetServiceVersions, _support.versionIdMap
    if not TYPE_CHECKING:
        SoapStubAdapter = _pyvmomi.SoapStubAdapter


def require() -> None:
    """Raises MissingLibrary if pyVmomi is not installed."""
    if _PROBLEM is not None:
        raise MissingLibrary(
            "Cannot use vCenter",
            why=str(_PROBLEM),
            next_step="Install the Python package pyvmomi for the Python interpreter in use.",
        ) from _PROBLEM
