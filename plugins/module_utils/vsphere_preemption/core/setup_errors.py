# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of setting up vCenter, in addition to those in `errors.py`.

VCenterError
├── NameTaken          another object already has the name
├── StillInUse         deleting it would discard data the caller did not ask to delete
├── MachineNotFound    no VM matches the name, path or reference
└── MachineAmbiguous   the name matches several VMs
"""

from __future__ import annotations

from .errors import VCenterError


class NameTaken(VCenterError):
    """An object with this name exists but is of another kind."""

    code = "name_taken"


class StillInUse(VCenterError):
    """The object is in use or contains history, and its deletion was not forced."""

    code = "still_in_use"


class MachineNotFound(VCenterError):
    """No VM matches the name, path or reference."""

    code = "vm_not_found"


class MachineAmbiguous(VCenterError):
    """The name matches several VMs."""

    code = "vm_ambiguous"
