# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an instance consists of: as it is found on the host, and as it shall be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PUBLIC, SECRET = 0o644, 0o600


@dataclass(frozen=True)
class File:
    """secret: its text is never shown."""

    text: str = field(repr=False)
    mode: int = PUBLIC
    secret: bool = False

    @classmethod
    def hidden(cls, text: str) -> File:
        """One that only its owner may read."""
        return cls(text, SECRET, secret=True)


@dataclass(frozen=True)
class State:
    """service: how it is kept running; empty where nothing is there. release, venv: names of their folders, or empty.

    files: by path below the folder of the instance. definition: files of the service manager, by absolute path.
    """

    service: str = ""
    release: str = ""
    venv: str = ""
    files: Mapping[str, File] = field(default_factory=dict)
    definition: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What is on the host.

    damaged: release and virtual environment in use that are not as they were made.
    leftovers: there are releases or virtual environments, and no other instance that they could be for.
    """

    state: State = field(default_factory=State)
    running: bool = False
    damaged: frozenset[str] = frozenset()
    leftovers: bool = False

    @property
    def present(self) -> bool:
        """Whether anything of the instance is there."""
        return self.running or self.state != State()
