# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dataclasses as JSON, for what workflows and activities pass to each other.

Temporal's SDK could convert them, but it resolves the types again for each value: 20 ms for a policy, and for a
thousand VMs longer than all calls to vCenter. Histories contain what earlier versions wrote, so a missing field has its
default, and an unknown one is ignored. Types are strict: a value that does not fit is an UnreadableMessage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache, cached_property
from types import UnionType
from typing import Any, ClassVar, Self, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

_PLAIN = (str, int, bool, float, type(None))


class UnreadableMessage(ValueError):
    """The JSON does not have the format of the type."""


class Wired:
    """A dataclass with a JSON format of its own, which may differ from its fields.

    wire_names: the JSON key of a field, where it is not the field's name. wire_omitted: fields that are only written if
    they are set.
    """

    wire_names: ClassVar[Mapping[str, str]] = {}
    wire_omitted: ClassVar[tuple[str, ...]] = ()

    def as_wire(self, *only: str) -> dict[str, Any]:
        """The JSON object. only: the fields to write; all if none is named."""
        kind: Any = type(self)
        wire = {}
        for name, key in _keys(kind):
            value = getattr(self, name)
            if (not only or name in only) and (value or name not in self.wire_omitted):
                wire[key] = _written(value)
        return wire

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """The value from the result of `as_wire`, including that of older versions."""
        return read(cls, wire)


def read(kind: type[T], raw: Any) -> T:
    """The value of this type in JSON. Raises UnreadableMessage."""
    hashable: Any = kind
    value: T = _reader(hashable)(raw)
    return value


def decoded(kind: type[T], name: str) -> cached_property[T]:
    """A property of a message: what its field with this name contains, read once. null: all defaults."""

    def decode(message: object) -> T:
        raw = getattr(message, name)
        return read(kind, {} if raw is None else raw)

    return cached_property(decode)


def _written(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Wired):
        return value.as_wire()
    if isinstance(value, Enum):
        return value.value
    return [_written(entry) for entry in value] if isinstance(value, (list, tuple)) else value


@cache
def _keys(kind: Any) -> list[tuple[str, str]]:
    """Name and JSON key of each field."""
    names = getattr(kind, "wire_names", {})
    return [(field.name, names.get(field.name, field.name)) for field in fields(kind)]


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _object_reader(kind)
    if origin in (list, tuple):
        entry = _reader(arguments[0])
        return lambda raw: origin(entry(part) for part in _plain((list, tuple), raw))
    if origin is dict:
        value = _reader(arguments[1])
        return lambda raw: {name: value(part) for name, part in _plain(dict, raw).items()}
    if origin is UnionType:
        known = _reader(arguments[0])
        return lambda raw: None if raw is None else known(raw)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    return lambda raw: _plain(kind, raw)


def _object_reader(kind: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    readers = [(name, key, _reader(hints[name])) for name, key in _keys(kind)]
    has_default = [field.default is not MISSING or field.default_factory is not MISSING for field in fields(kind)]
    required = [key for (_name, key), optional in zip(_keys(kind), has_default, strict=True) if not optional]

    def read_object(raw: Any) -> Any:
        wire = _plain(Mapping, raw)
        missing = [key for key in required if key not in wire]
        if missing:
            raise UnreadableMessage(f"{kind.__name__} lacks {', '.join(missing)}")
        values = {}
        for name, key, reader in readers:
            if key in wire:
                try:
                    values[name] = reader(wire[key])
                except ValueError as error:
                    raise UnreadableMessage(f"{kind.__name__}.{key}: {error}") from error
        return kind(**values)

    return read_object


def _plain(kind: Any, raw: Any) -> Any:
    if kind is Any:
        return raw
    if kind is float and type(raw) is int:
        return float(raw)
    if isinstance(raw, kind) and (kind is bool or not isinstance(raw, bool)):
        return raw
    raise UnreadableMessage(f"a {type(raw).__name__} does not fit")
