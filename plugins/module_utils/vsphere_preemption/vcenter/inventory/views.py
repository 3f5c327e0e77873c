# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulk reads of all objects of some types, anywhere in the inventory."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from ...core.errors import VCenterError
from ...core.inventory import ManagedObject
from ..transport import _pyvmomi
from ..transport.requests import Paths, Query
from ..transport.soap import SoapSession
from .properties import OBJECTS_PER_CALL, Properties, read_properties, reference

VIEW: Paths = {"ContainerView": ("view",)}


def read_all(session: SoapSession, paths: Paths, what: str) -> dict[ManagedObject, Properties]:
    """The properties of all objects of these types, and of types derived from them, that the account can see.

    Four calls, and one more for each additional thousand objects.
    """
    content, kinds = session.content, [getattr(_pyvmomi.vim, kind) for kind in paths]
    view = session.call(
        "CreateContainerView", what, lambda: content.viewManager.CreateContainerView(content.rootFolder, kinds, True)
    )
    try:
        refs = read_properties(session, Query([reference(view)], VIEW), what)[reference(view)].get("view") or ()
        return _read(session, refs, paths, what)
    finally:
        # If that fails, the view ends with its session.
        with contextlib.suppress(VCenterError):
            session.call("DestroyView", what, view.DestroyView)


def _read(
    session: SoapSession, refs: Sequence[ManagedObject], paths: Paths, what: str
) -> dict[ManagedObject, Properties]:
    found: dict[ManagedObject, Properties] = {}
    for start in range(0, len(refs), OBJECTS_PER_CALL):
        found |= read_properties(session, Query(refs[start : start + OBJECTS_PER_CALL], paths), what)
    return found
