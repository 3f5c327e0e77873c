# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of a request, beyond the prototype's fields. Each of them narrows what the policy allows, none extends it.

On the wire they are one object, `narrow`, which the prototype ignores. Unlike the rest of a request, they are read
strictly: ignoring a misspelt limit would stop more VMs than the sender wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidRequest
from ..names import printable
from ..policy.model import Place, PlaceKind, Target
from .empty_limits import refuse_empty

WHAT = "Cannot accept the preemption request"
MAX_NAMES = 200
MAX_TEXT = 512

# The parts that limit a request; each may be omitted, but none may be empty.
LIMITS = ("scope", "maxVMs", "target", "only")
TARGETS = {
    "memoryMiB": "memory_mib",
    "cpuMHz": "cpu_mhz",
    "untilMemoryPercent": "until_memory_percent",
    "untilCpuPercent": "until_cpu_percent",
}


@dataclass(frozen=True)
class Narrowing:
    """The limits of one request.

    scope: VMs in any of these places. max_vms: maximum number of VMs. target: how much to free. only: these VMs, by
    name or MoRef. dry_run: only plan. reason: such as `drill`; for the record.
    """

    scope: tuple[Place, ...] = ()
    max_vms: int | None = None
    target: Target = field(default_factory=Target)
    only: tuple[str, ...] = ()
    dry_run: bool = False
    reason: str = ""

    def as_wire(self) -> dict[str, Any]:
        """Only the limits that are set: the others are omitted, never empty."""
        target = {wire: getattr(self.target, name) for wire, name in TARGETS.items()}
        wire: dict[str, Any] = {
            "scope": [{place.kind.value: place.name} for place in self.scope],
            "maxVMs": self.max_vms,
            "target": {name: value for name, value in target.items() if value is not None},
            "only": list(self.only),
            "dryRun": self.dry_run or None,
            "reason": self.reason,
        }
        return {name: value for name, value in wire.items() if value is not None and value not in ([], {}, "")}


def read_narrowing(raw: object, *, stored: bool = False) -> Narrowing:
    """The limits in a request; None means no limits.

    Raises InvalidRequest, which names the invalid part, and GivenButEmpty, which names the empty ones. stored: it was
    accepted before, possibly by a version that read an empty limit as no limit.
    """
    if raw is None:
        return Narrowing()
    parts = _object(raw, "narrow", (*LIMITS, "dryRun", "reason"))
    if not stored:
        _refuse_empty(parts)
    return Narrowing(
        scope=tuple(_place(entry) for entry in _entries(parts, "scope")),
        max_vms=_whole(parts, "maxVMs"),
        target=_target(parts.get("target")),
        only=tuple(_name(entry, "only") for entry in _entries(parts, "only")),
        dry_run=_truth(parts, "dryRun"),
        reason=_name(parts["reason"], "reason") if parts.get("reason") else "",
    )


def _refuse_empty(parts: Mapping[str, Any]) -> None:
    given = {f"narrow.{name}": parts[name] for name in LIMITS if name in parts}
    # Neither `false` nor 0 is a list, and neither may come to mean that there is no limit.
    given |= {f"narrow.{name}": parts[name] or None for name in ("scope", "only") if name in parts}
    target = parts.get("target")
    if target and isinstance(target, Mapping):
        given |= {f"narrow.target.{name}": target[name] for name in TARGETS if name in target}
        del given["narrow.target"]
    refuse_empty(WHAT, given)


def _object(raw: object, name: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise _invalid(f"its {name} is a {type(raw).__name__}, not an object")
    unknown = sorted(printable(str(key))[:40] for key in raw if key not in known)
    if unknown:
        raise _invalid(f"its {name} contains {', '.join(unknown)}, which this worker does not support")
    return raw


def _entries(parts: Mapping[str, Any], name: str) -> list[Any]:
    entries = parts.get(name) or []
    if not isinstance(entries, list):
        raise _invalid(f"its {name} is a {type(entries).__name__}, not a list")
    if len(entries) > MAX_NAMES:
        raise _invalid(f"its {name} has {len(entries)} entries, but the maximum is {MAX_NAMES}")
    return entries


def _place(entry: object) -> Place:
    kinds = tuple(PlaceKind)
    place = _object(entry, "scope", kinds)
    if len(place) != 1:
        raise _invalid(f"an entry of its scope has {len(place)} places, not one")
    kind, name = next(iter(place.items()))
    return Place(PlaceKind(kind), _name(name, "scope"))


def _name(value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _invalid(f"its {name} contains a value that is not text")
    if len(value) > MAX_TEXT:
        raise _invalid(f"its {name} has {len(value)} characters, but the maximum is {MAX_TEXT}")
    return value.strip()


def _whole(parts: Mapping[str, Any], name: str) -> int | None:
    value = parts.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _invalid(f"its {name} is {str(value)[:40]!r}, not a whole number of at least 0")
    return value


def _truth(parts: Mapping[str, Any], name: str) -> bool:
    value = parts.get(name, False)
    if not isinstance(value, bool):
        raise _invalid(f"its {name} is {str(value)[:40]!r}, not true or false")
    return value


def _target(raw: object) -> Target:
    if raw is None:
        return Target()
    parts = _object(raw, "target", tuple(TARGETS))
    return Target(
        memory_mib=_whole(parts, "memoryMiB"),
        cpu_mhz=_whole(parts, "cpuMHz"),
        until_memory_percent=_percent(parts, "untilMemoryPercent"),
        until_cpu_percent=_percent(parts, "untilCpuPercent"),
    )


def _percent(parts: Mapping[str, Any], name: str) -> float | None:
    value = parts.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 100:
        raise _invalid(f"its {name} is {str(value)[:40]!r}, not a number from 0 to 100")
    return float(value)


def _invalid(why: str) -> InvalidRequest:
    return InvalidRequest(
        WHAT,
        why=why,
        next_step="Correct `narrow`; it can contain scope, maxVMs, target, only, dryRun and reason.",
    )
