# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors when a namespace is created, changed or deleted; a part of the tree in core/errors.py.

TemporalError
├── NamespaceNotManagedHere
├── NamespaceNotEmpty
└── NamespaceNotReady        retry helps
"""

from __future__ import annotations

from ...core.errors import TemporalError


class NamespaceNotManagedHere(TemporalError):
    """The server, or our permissions on it, do not allow creating, changing or deleting namespaces."""

    code = "namespace_not_managed_here"


class NamespaceNotEmpty(TemporalError):
    """The namespace contains workflows, and their deletion was not forced."""

    code = "namespace_not_empty"


class NamespaceNotReady(TemporalError):
    """The change was accepted, but was not visible everywhere in time."""

    code = "namespace_not_ready"
    retryable = True
