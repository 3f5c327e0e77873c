# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that are set but empty: refused, because a filter without a match must not stop or restore all VMs.

To apply no limit, omit it; there is no other way.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import GivenButEmpty

# The parts of a restore that limit it, by their names in the wire format.
RESTORE_LIMITS = ("only", "run_id", "places")

_NOTHING = (None, "")


def is_empty(value: object) -> bool:
    """Whether a value is empty: null, a blank string, or a list or mapping that contains nothing else."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, Mapping):
        value = list(value.values())
    return value is None or (isinstance(value, (list, tuple)) and all(one in _NOTHING for one in value))


def refuse_empty(what: str, given: Mapping[str, object], *, instead: str = "send no request") -> None:
    """Raise GivenButEmpty for the limits that are empty.

    given: only the limits that are set, by the names that the sender uses. what: the action that failed, for the error.
    instead: what to do if there are really no VMs to act on.
    """
    empty = [name for name, value in given.items() if is_empty(value)]
    if empty:
        names = ", ".join(empty)
        raise GivenButEmpty(
            what,
            why=f"{names} {'is' if len(empty) == 1 else 'are'} set but empty",
            next_step=f"Omit {names} to apply no limit, or {instead} if the list is empty.",
        )
