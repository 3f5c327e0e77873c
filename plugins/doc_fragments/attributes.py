# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes that all modules document. A module only documents where it differs."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of module attributes."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in check mode and report whether anything would change, without changing it.
    support: full
  diff_mode:
    description: Returns details of what has changed, or would change, in diff mode.
    support: full
  platform:
    description: Hosts on which the module can run.
    support: full
    platforms: posix
"""

    ACTION_GROUP = r"""
attributes:
  action_group:
    description: Use C(group/vsphere.preemption.preemption) in C(module_defaults) to set the Temporal options once.
    support: full
    membership:
      - vsphere.preemption.preemption
"""
