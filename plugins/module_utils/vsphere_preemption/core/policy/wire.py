# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies as plain JSON. Whoever reads types anew for each value, as Temporal's SDK does, needs 20 ms for one."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from functools import cache
from typing import Any, cast, get_args, get_origin, get_type_hints

from .model import Policy


def policy_as_wire(policy: Policy) -> dict[str, Any]:
    """The policy as it travels."""
    return asdict(policy)


def policy_from_wire(wire: Mapping[str, Any] | None) -> Policy:
    """The policy in what `policy_as_wire` wrote, also an older version that knew fewer rules; for None the built-in."""
    policy: Policy = _read(Policy, wire or {})
    return policy


def _read(kind: Any, raw: Any) -> Any:
    if is_dataclass(kind):
        hints = _hints(cast("type", kind))
        return kind(**{name: _read(hints[name], value) for name, value in raw.items() if name in hints})  # type: ignore[operator]
    if get_origin(kind) is tuple:
        return tuple(_read(get_args(kind)[0], entry) for entry in raw)
    if get_origin(kind) is types.UnionType:
        return None if raw is None else _read(get_args(kind)[0], raw)
    return kind(raw)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
