# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single values of a policy file: text, numbers, percentages, durations, sizes and choices. Each raises Wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from ..core.policy.cron import parse_cron
from ..core.policy.model import DAY, HOUR, MINUTE
from ..core.policy.windows import zone
from .readers import no_such
from .tree import Item, Scalar, ScalarKind, Wrong, shown

Word = TypeVar("Word", bound=str)

LONGEST_TEXT = 1024
LONGEST_DURATION = 366 * DAY
_LONGEST_NUMBER = 32

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_NUMBER = r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
_PLAIN = re.compile(_NUMBER, re.ASCII)
_PERCENT = re.compile(rf"(-?{_NUMBER}) ?%", re.ASCII)
_UNITS = {"d": DAY, "h": HOUR, "m": MINUTE, "s": 1.0}
_DURATION = re.compile("".join(rf"(?:({_NUMBER}){unit})?" for unit in _UNITS), re.ASCII)
_SIZE = re.compile(rf"({_NUMBER}) ?([A-Za-z]+)", re.ASCII)
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_URN = re.compile(r"urn:vmomi:InventoryService", re.IGNORECASE)
_VM = re.compile(r"vm-[0-9]{1,19}", re.ASCII)


def _written(item: Item, what: str, *kinds: ScalarKind) -> str:
    """The text of a single value that is of one of these kinds."""
    if isinstance(item, Scalar) and item.kind in kinds:
        return item.text
    quotes = "; put it in quotes" if isinstance(item, Scalar) and item.text and ScalarKind.TEXT in kinds else ""
    raise Wrong(item, f"this must be {what}, but is {item.title}{quotes}")


def text(item: Item) -> str:
    """Any text on one line."""
    found = _written(item, "text", ScalarKind.TEXT)
    if not found or found != found.strip():
        raise Wrong(item, "this text must not be empty or have leading or trailing spaces")
    if len(found) > LONGEST_TEXT or not found.isprintable():
        raise Wrong(item, f"this text must be one line of up to {LONGEST_TEXT} printable characters")
    return found


def label(item: Item) -> str:
    """The name of a tag or of a tag category. VMs are compared by name, so a URN would never match."""
    found = text(item)
    if _URN.match(found):
        raise Wrong(item, f"{shown(found)} is a URN, which never matches; write a tag as name or category/name")
    return found


def name(item: Item) -> str:
    """The name of a policy."""
    found = text(item)
    if not _NAME.fullmatch(found):
        raise Wrong(item, f"{shown(found)} is not a name of up to 64 letters, digits, dots, dashes and underscores")
    return found


def moref(item: Item) -> str:
    """The managed object reference of a VM."""
    found = text(item)
    if not _VM.fullmatch(found):
        raise Wrong(item, f"{shown(found)} is not the managed object reference of a VM, such as vm-42")
    return found


def boolean(item: Item) -> bool:
    """true or false."""
    word = _written(item, "true or false", ScalarKind.SWITCH).lower()
    if word not in _TRUE + _FALSE:
        raise Wrong(item, f"{shown(word)} is neither true nor false")
    return word in _TRUE


def whole(least: int, most: int) -> Callable[[Item], int]:
    """A whole number within bounds."""

    def read(item: Item) -> int:
        found = _written(item, "a whole number", ScalarKind.NUMBER)
        number = int(found) if len(found) <= _LONGEST_NUMBER and _WHOLE.fullmatch(found) else least - 1
        if not least <= number <= most:
            raise Wrong(item, f"{shown(found)} is not a whole number from {least} to {most}")
        return number

    return read


def percent(item: Item) -> float:
    """A percentage from 0% to 100%, as a number."""
    found = _written(item, "a percentage such as 80%", ScalarKind.TEXT, ScalarKind.NUMBER)
    match = _PERCENT.fullmatch(found) if len(found) <= _LONGEST_NUMBER else None
    if not match:
        raise Wrong(item, f"{shown(found)} is not a percentage such as 80%")
    if not 0 <= float(match[1]) <= 100:
        raise Wrong(item, f"{shown(found)} is not between 0% and 100%")
    return float(match[1])


def duration(*, zero: bool = True, most: float = LONGEST_DURATION) -> Callable[[Item], float]:
    """A duration in seconds. zero: whether 0 is allowed."""

    def read(item: Item) -> float:
        found = _written(item, "a duration such as 90s, 15m or 1h30m", ScalarKind.TEXT, ScalarKind.NUMBER)
        seconds = _seconds(found) if len(found) <= _LONGEST_NUMBER else None
        if seconds is None:
            raise Wrong(item, f"{shown(found)} is not a duration such as 90s, 15m or 1h30m")
        if seconds > most:
            raise Wrong(item, f"{shown(found)} is longer than {most / DAY:g}d")
        if not seconds and not zero:
            raise Wrong(item, "this duration must be above zero")
        return seconds

    return read


def _seconds(found: str) -> float | None:
    if _PLAIN.fullmatch(found):
        return float(found)
    match = _DURATION.fullmatch(found)
    if not found or not match:
        return None
    return sum(float(count or 0) * unit for count, unit in zip(match.groups(), _UNITS.values(), strict=True))


def size(units: dict[str, int]) -> Callable[[Item], int]:
    """An amount with its unit; the result is in the first of the units. units: their factors to the first one."""
    example = f"64{list(units)[1]}"

    def read(item: Item) -> int:
        found = _written(item, f"an amount such as {example}", ScalarKind.TEXT, ScalarKind.NUMBER)
        match = _SIZE.fullmatch(found) if len(found) <= _LONGEST_NUMBER else None
        if not match or match[2] not in units:
            raise Wrong(item, f"{shown(found)} is not an amount in {' or '.join(units)}, such as {example}")
        amount = float(match[1]) * units[match[2]]
        if amount < 1 or amount != int(amount) or amount > 2**53:
            raise Wrong(item, f"{shown(found)} is not a whole number of {next(iter(units))} above zero")
        return int(amount)

    return read


def choice(words: Iterable[Word]) -> Callable[[Item], Word]:
    """One of some words."""
    known = {str(word): word for word in words}

    def read(item: Item) -> Word:
        found = text(item)
        if found not in known:
            raise Wrong(item, no_such("choice", found, known))
        return known[found]

    return read


def cron(item: Item) -> str:
    """A schedule of five fields."""
    found = text(item)
    try:
        parse_cron(found)
    except ValueError as error:
        raise Wrong(item, f"{shown(found)} is not a schedule: {error}") from error
    return found


def timezone(item: Item) -> str:
    """A name of the IANA database."""
    found = text(item)
    try:
        zone(found)
    except ValueError as error:
        raise Wrong(item, f"{error}; use a name such as Europe/Berlin or UTC") from error
    return found
