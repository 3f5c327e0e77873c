# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies as plain JSON. Temporal's SDK resolves the types again for each value and needs 20 ms per policy."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from functools import cache
from typing import Any, cast, get_args, get_origin, get_type_hints

from .model import Policy


def policy_as_wire(policy: Policy) -> dict[str, Any]:
    """The policy in wire format."""
    return asdict(policy)


def policy_from_wire(wire: Mapping[str, Any] | None) -> Policy:
    """The policy from the result of `policy_as_wire`, including older versions with fewer rules; None: the built-in."""
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
