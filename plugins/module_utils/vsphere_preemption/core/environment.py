# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading settings from environment variables: one reader per kind of value, and one form of error for all."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from .errors import InvalidSetting

Environment = Mapping[str, str]
Choice = TypeVar("Choice", bound=StrEnum)

# The values that Go's strconv.ParseBool accepts, as in the prototype, case-insensitive.
_TRUE, _FALSE = ("true", "t", "1"), ("", "false", "f", "0")


def refused(name: str, why: str, next_step: str) -> InvalidSetting:
    """The error for a variable that cannot be used."""
    return InvalidSetting(f"Cannot use the environment variable {name}", why=why, next_step=next_step)


def required(environ: Environment, name: str) -> str:
    """A required text."""
    text = environ.get(name, "").strip()
    if not text:
        raise refused(name, "it is not set", f"Set {name} in the worker's environment.")
    return text


def boolean(environ: Environment, name: str, *, default: bool = False) -> bool:
    """true or false; the default if nothing is set."""
    text = environ.get(name, "").strip().lower() or str(default).lower()
    if text not in _TRUE + _FALSE:
        raise refused(name, f"{text!r} is neither true nor false", f"Set {name} to true or false.")
    return text in _TRUE


def whole_number(environ: Environment, name: str, default: int, *, least: int) -> int:
    """A whole number, not below `least`."""
    text = environ.get(name, "").strip()
    value = int(text) if text.isdecimal() else default if not text else least - 1
    if value < least:
        why = f"{text!r} is not a whole number of at least {least}"
        raise refused(name, why, f"Set {name} to a number such as {default}.")
    return value


def seconds(environ: Environment, name: str, default: float, *, zero: bool = False) -> float:
    """A finite number of seconds above zero; `zero` allows zero as well."""
    text = environ.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1.0
    if not (0 < value < float("inf") or (zero and value == 0)):
        bound = "of at least 0" if zero else "above 0"
        raise refused(name, f"{text!r} is not a number {bound}", f"Set {name} to seconds, such as {default:g}.")
    return value


def choice(environ: Environment, name: str, default: Choice) -> Choice:
    """One of the values of an enum."""
    text = environ.get(name, "").strip().lower()
    try:
        return type(default)(text) if text else default
    except ValueError:
        choices = " or ".join(type(default))
        raise refused(name, f"{text!r} is not {choices}", f"Set {name} to {choices}.") from None


def existing_file(environ: Environment, name: str) -> str | None:
    """The path of an existing file; None if nothing is set."""
    path = environ.get(name, "").strip()
    if path and not Path(path).is_file():
        raise refused(name, f"the file {path!r} does not exist", f"Set {name} to a readable file, or unset it.")
    return path or None
