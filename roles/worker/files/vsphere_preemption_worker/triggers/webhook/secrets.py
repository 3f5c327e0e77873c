# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that may change while the worker is running, because secrets and certificates are rotated."""

from __future__ import annotations

import logging
from pathlib import Path

from vsphere_preemption.core.errors import InvalidSetting

# Long enough to resist guessing.
SHORTEST_SECRET = 16
MAX_BYTES = 64 * 1024
MAX_SECRETS = 16

log = logging.getLogger(__name__)


class Changing:
    """Detects whether files were changed, created or deleted since the last check."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._seen: list[tuple[int, int, int] | None] | None = None

    def changed(self) -> bool:
        now = [_stamp(path) for path in self._paths]
        before, self._seen = self._seen, now
        return now != before


class SecretFile:
    """Secrets, one per line, so that the old and the new one can both be valid during rotation.

    Raises InvalidSetting if the file is not usable at first. Later, an unusable file rejects all requests.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changing = Changing(path)
        self._changing.changed()
        self._secrets = _read(path)

    def current(self) -> tuple[bytes, ...]:
        """The current secrets; empty if the file is not usable."""
        if self._changing.changed():
            try:
                self._secrets = _read(self._path)
                log.info("webhook secrets reloaded", extra={"file": str(self._path)})
            except InvalidSetting as error:
                self._secrets = ()
                log.error("webhook is rejecting all requests: no usable secret", extra={"error": str(error)})
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
        raise _unusable(path, f"it contains {len(secrets)} secrets; 1 to {MAX_SECRETS} are allowed")
    if any(len(secret) < SHORTEST_SECRET for secret in secrets):
        raise _unusable(path, f"it contains a secret with fewer than {SHORTEST_SECRET} characters")
    return secrets


def _unusable(path: Path, why: str) -> InvalidSetting:
    return InvalidSetting(
        f"Cannot use the webhook's secrets in {path}",
        why=why,
        next_step="Make it a readable file with one secret of at least 16 characters per line.",
    )
