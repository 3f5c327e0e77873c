# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong when a namespace is made, changed or deleted; a part of the tree in core/errors.py.

TemporalError
├── NamespaceNotManagedHere
├── NamespaceNotEmpty
└── NamespaceNotReady        retry helps
"""

from __future__ import annotations

from ..core.errors import TemporalError


class NamespaceNotManagedHere(TemporalError):
    """The server, or our rights on it, do not permit to make, change or delete namespaces."""

    code = "namespace_not_managed_here"


class NamespaceNotEmpty(TemporalError):
    """The namespace holds workflows, and nobody said that they may be deleted."""

    code = "namespace_not_empty"


class NamespaceNotReady(TemporalError):
    """The change was accepted, but did not show everywhere in time."""

    code = "namespace_not_ready"
    retryable = True
