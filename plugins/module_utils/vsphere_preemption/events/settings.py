# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How reply events are sent: settings that the operator of the worker makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ..core.errors import InvalidSetting
from .targets import VARIABLE, ReplyTargets


class Mode(StrEnum):
    """The content mode of CloudEvents over HTTP. The prototype sends binary."""

    BINARY = "binary"
    STRUCTURED = "structured"


@dataclass(frozen=True)
class SinkSettings:
    """timeout_seconds: for one delivery in all, however slowly the receiver answers. ca_file: None for the system's."""

    mode: Mode = Mode.BINARY
    timeout_seconds: float = 10.0
    allow: ReplyTargets = field(default_factory=ReplyTargets)
    ca_file: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> SinkSettings:
        """InvalidSetting names the variable that is wrong."""
        return cls(
            mode=_mode(environ.get("PREEMPTION_REPLY_MODE", "")),
            timeout_seconds=_seconds(environ.get("PREEMPTION_REPLY_TIMEOUT_SECONDS", "")),
            allow=ReplyTargets.parse(environ.get(VARIABLE, "")),
            ca_file=_file(environ.get("PREEMPTION_REPLY_CA_FILE", "")),
        )


def _mode(text: str) -> Mode:
    try:
        return Mode(text.strip().lower() or Mode.BINARY)
    except ValueError:
        choices = " or ".join(Mode)
        raise _wrong("PREEMPTION_REPLY_MODE", f"{text!r} is not {choices}", f"Set it to {choices}.") from None


def _seconds(text: str) -> float:
    name = "PREEMPTION_REPLY_TIMEOUT_SECONDS"
    try:
        seconds = float(text) if text.strip() else SinkSettings.timeout_seconds
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise _wrong(name, f"{text!r} is not a number above 0", "Set it to seconds, such as 10.")
    return seconds


def _file(text: str) -> str | None:
    path = text.strip()
    if path and not Path(path).is_file():
        raise _wrong("PREEMPTION_REPLY_CA_FILE", f"there is no file {path}", "Set it to a PEM file with CAs.")
    return path or None


def _wrong(name: str, why: str, next_step: str) -> InvalidSetting:
    return InvalidSetting(f"Cannot use the environment variable {name}", why=why, next_step=next_step)
