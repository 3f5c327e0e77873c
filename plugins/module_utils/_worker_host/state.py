# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of an instance: the current state on the host, and the desired state."""

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
        """A file that only its owner can read."""
        return cls(text, SECRET, secret=True)


@dataclass(frozen=True)
class State:
    """service: how the worker is run; empty if there is none. release, venv: names of their directories, or empty.

    files: by path in the directory of the instance. definition: files of the service manager, by absolute path.
    """

    service: str = ""
    release: str = ""
    venv: str = ""
    files: Mapping[str, File] = field(default_factory=dict)
    definition: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HostState:
    """The current state on the host.

    damaged: the release and virtual environment in use if they were modified.
    leftovers: there are releases or virtual environments that no other instance uses.
    """

    state: State = field(default_factory=State)
    running: bool = False
    damaged: frozenset[str] = frozenset()
    leftovers: bool = False

    @property
    def present(self) -> bool:
        """Whether any part of the instance exists."""
        return self.running or self.state != State()
