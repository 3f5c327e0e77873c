# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which policy applies to a request. Places are compared by kind and name, as written."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from .model import Match, Place, Policy, PolicySet


def choose_policy(policies: PolicySet, *, alarm: str, places: Sequence[Place]) -> Policy:
    """The first policy, in file order, that matches this request; otherwise the default.

    alarm: its name; empty for a manual request. places: the scope of the request, under each known name.
    A policy with only places matches every request there; a manual request does not need an alarm.
    """
    fits = (policy for policy in policies.policies.values() if _is_for(policy.match, alarm, places))
    return next(fits, policies.policies[policies.default])


def _is_for(match: Match, alarm: str, places: Sequence[Place]) -> bool:
    inside = any(place in match.places for place in places)
    if not alarm or not match.alarms:
        return inside
    named = any(fnmatchcase(alarm.casefold(), pattern.casefold()) for pattern in match.alarms)
    return named and (inside or not match.places)
