# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A limit that is given but empty: refused, because a filter that found nothing must not stop, or restore, everything.

What is not given does not limit; that is the only way to say so.
"""

from __future__ import annotations

from collections.abc import Mapping

from .errors import GivenButEmpty

# The parts of a restore that limit it, by their names on the wire.
RESTORE_LIMITS = ("only", "run_id", "places")

_NOTHING = (None, "")


def is_empty(value: object) -> bool:
    """Whether a value names nothing: null, a blank text, and a list or mapping without anything else in it."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, Mapping):
        value = list(value.values())
    return value is None or (isinstance(value, (list, tuple)) and all(one in _NOTHING for one in value))


def refuse_empty(what: str, given: Mapping[str, object], *, instead: str = "send no request") -> None:
    """GivenButEmpty for those of the limits that name nothing.

    given: only what was given, by the names that its sender knows. what: the thing that cannot be done, for the error.
    instead: what to do where there really is nothing to act on.
    """
    empty = [name for name, value in given.items() if is_empty(value)]
    if empty:
        names = ", ".join(empty)
        raise GivenButEmpty(
            what,
            why=f"{names} {'is' if len(empty) == 1 else 'are'} given but empty",
            next_step=f"Leave {names} out to mean all, or {instead} when the list is empty.",
        )
