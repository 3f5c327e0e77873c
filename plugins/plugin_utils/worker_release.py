# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs the worker of this collection into one reproducible archive.

A release is named after its content: the digest of the uncompressed archive, because not every zlib compresses alike.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = {
    "vsphere_preemption": Path("plugins/module_utils/vsphere_preemption"),
    "vsphere_preemption_worker": Path("roles/worker/files/vsphere_preemption_worker"),
}
REQUIREMENTS = Path("roles/worker/files/requirements.txt")


@dataclass(frozen=True)
class Release:
    """sha256: of the archive. lock_sha256: of the lock file, which is in it. archive: tar, not compressed."""

    sha256: str
    lock_sha256: str
    archive: bytes = field(repr=False)

    def compressed(self) -> bytes:
        """The archive, compressed for transfer."""
        return gzip.compress(self.archive, mtime=0)


def pack(collection: Path) -> Release:
    """Pack the worker of the collection in the folder. Raises FileNotFoundError if a part of it is missing."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, source in _members(collection):
            data = source.read_bytes()
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(data), 0o644, 0
            archive.addfile(member, io.BytesIO(data))
    lock = (collection / REQUIREMENTS).read_bytes()
    packed = content.getvalue()
    return Release(hashlib.sha256(packed).hexdigest(), hashlib.sha256(lock).hexdigest(), packed)


def _members(collection: Path) -> Iterator[tuple[str, Path]]:
    """Names in the archive with their files, in the order of the archive."""
    for package, folder in sorted(PACKAGES.items()):
        if not (collection / folder / "__init__.py").is_file():
            raise FileNotFoundError(f"the package {package} is not in {collection / folder}")
        sources = {
            path.relative_to(collection / folder).as_posix(): path for path in (collection / folder).rglob("*.py")
        }
        for name in sorted(sources):
            yield f"{package}/{name}", sources[name]
    yield "requirements.txt", collection / REQUIREMENTS
