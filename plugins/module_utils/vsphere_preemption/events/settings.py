# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How reply events are sent: settings that the operator of the worker makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ..core.environment import Environment, choice, existing_file, seconds
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
    def from_environment(cls, environ: Environment) -> SinkSettings:
        """InvalidSetting names the variable that is wrong."""
        default = cls()
        return cls(
            mode=choice(environ, "PREEMPTION_REPLY_MODE", default.mode),
            timeout_seconds=seconds(environ, "PREEMPTION_REPLY_TIMEOUT_SECONDS", default.timeout_seconds),
            allow=ReplyTargets.parse(environ.get(VARIABLE, "")),
            ca_file=existing_file(environ, "PREEMPTION_REPLY_CA_FILE"),
        )
