# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong when vCenter is set up, in addition to what `errors.py` has.

VCenterError
├── NameTaken          something else has the name already
├── StillInUse         deleting it would take something away that nobody asked to lose
├── MachineNotFound    no VM fits what was written
└── MachineAmbiguous   it fits several VMs
"""

from __future__ import annotations

from .errors import VCenterError


class NameTaken(VCenterError):
    """An object of that name exists, but is not of the kind that is needed."""

    code = "name_taken"


class StillInUse(VCenterError):
    """The object is used, or holds history, and nobody said that it may be deleted all the same."""

    code = "still_in_use"


class MachineNotFound(VCenterError):
    """No VM fits the name, path or reference."""

    code = "vm_not_found"


class MachineAmbiguous(VCenterError):
    """The name fits several VMs."""

    code = "vm_ambiguous"
