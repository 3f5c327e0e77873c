# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that may change while the worker runs: secrets and certificates rotate."""

from __future__ import annotations

import logging
from pathlib import Path

from vsphere_preemption.core.errors import InvalidSetting

# Long enough that nobody tries them all.
SHORTEST_SECRET = 16
MAX_BYTES = 64 * 1024
MAX_SECRETS = 16

log = logging.getLogger(__name__)


class Changing:
    """Tells whether files changed since the last question; also where one is gone or has come."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._seen: list[tuple[int, int, int] | None] | None = None

    def changed(self) -> bool:
        now = [_stamp(path) for path in self._paths]
        before, self._seen = self._seen, now
        return now != before


class SecretFile:
    """Secrets, one on each line, so that the old and the new one may hold side by side while they rotate.

    InvalidSetting where the file cannot be used when this is made. Later that means no secrets, so nobody gets in.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changing = Changing(path)
        self._changing.changed()
        self._secrets = _read(path)

    def current(self) -> tuple[bytes, ...]:
        """The secrets as they are now; empty where the file cannot be used."""
        if self._changing.changed():
            try:
                self._secrets = _read(self._path)
                log.info("the webhook's secrets were read", extra={"file": str(self._path)})
            except InvalidSetting as error:
                self._secrets = ()
                log.error("the webhook lets nobody in", extra={"error": str(error)})
        return self._secrets


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> tuple[bytes, ...]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    secrets = tuple(line.strip() for line in content.splitlines() if line.strip())
    if not secrets or len(content) > MAX_BYTES or len(secrets) > MAX_SECRETS:
        raise _unusable(path, f"it holds {len(secrets)} secrets, and one to {MAX_SECRETS} are allowed")
    if any(len(secret) < SHORTEST_SECRET for secret in secrets):
        raise _unusable(path, f"a secret in it has less than {SHORTEST_SECRET} characters")
    return secrets


def _unusable(path: Path, why: str) -> InvalidSetting:
    return InvalidSetting(
        f"Cannot use the webhook's secrets in {path}",
        why=why,
        next_step="Write secrets of at least 16 characters into it, one a line, readable for the worker.",
    )
