# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""State that a program must keep across restarts, as JSON in a file that only its owner can read.

Readers see either the old or the new content, never a part of it.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from .errors import InvalidSetting

# More than any of our state; a wrong path may point to a file that fills the memory.
MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class StateFile:
    """path: of the file. Its directory must exist."""

    path: Path

    def load(self) -> object:
        """The content; None if there is no file or it is not JSON. Raises InvalidSetting if it cannot be read."""
        try:
            with self.path.open("rb") as file:
                return json.loads(file.read(MAX_BYTES))
        except FileNotFoundError:
            return None
        except ValueError:
            return None
        except OSError as error:
            raise self._unusable(error) from error

    def save(self, content: object) -> None:
        """Replace the content. Raises InvalidSetting if it cannot be written."""
        unfinished = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
        try:
            self._write(unfinished, json.dumps(content).encode())
            unfinished.replace(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise self._unusable(error) from error

    def _write(self, path: Path, content: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        # Exclusive, so that a planted link is not followed.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def _unusable(self, error: OSError) -> InvalidSetting:
        return InvalidSetting(
            f"Cannot use the state file {self.path}",
            why=error.strerror or type(error).__name__,
            next_step="Use a file in a directory that this account can write to.",
        )
