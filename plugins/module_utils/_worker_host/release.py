# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases of the worker on its host: unpacked once, named after their content, and never changed.

A manifest with the digest of each file is written last, so that an incomplete or modified release is detected.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import tempfile
import zlib
from pathlib import Path

from . import files
from .errors import ReleaseMissing, ReleaseUnusable

MANIFEST = "manifest.json"
REQUIREMENTS = "requirements.txt"
NAME_LENGTH = 16
_MEMBER = re.compile(r"(?:[A-Za-z0-9_]+/)*[A-Za-z0-9_]+\.(?:py|txt)")


class Releases:
    """The folder of all releases."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "releases"

    def path(self, name: str) -> Path:
        return self.folder / name

    def intact(self, name: str) -> bool:
        """Whether the release exists and is unmodified."""
        folder = self.path(name)
        try:
            listed = json.loads((folder / MANIFEST).read_text())["files"]
            return bool(listed) and all(
                hashlib.sha256((folder / file).read_bytes()).hexdigest() == digest for file, digest in listed.items()
            )
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def install(self, archive: str, sha256: str) -> None:
        """Unpack the release if it is not there yet. archive: the tar.gz, empty if none was sent."""
        name = release_name(sha256)
        if self.intact(name):
            return
        if not archive:
            raise ReleaseMissing(
                f"The release {name} is not in {self.folder}",
                why="it was not sent",
                next_step="Run the task through its action plugin, as vsphere.preemption.preemption_worker_deploy.",
            )
        content = _checked(Path(archive), sha256)
        files.make_folder(self.folder)
        beside = Path(tempfile.mkdtemp(prefix=files.UNFINISHED, dir=self.folder))
        try:
            beside.chmod(0o755)
            self._unpack(content, beside, sha256)
            files.remove_tree(self.path(name))
            beside.rename(self.path(name))
        finally:
            files.remove_tree(beside)

    def mark_used(self, name: str) -> None:
        """Mark the release as the newest, regardless of when it was unpacked."""
        os.utime(self.path(name))

    def _unpack(self, content: bytes, folder: Path, sha256: str) -> None:
        listed = {}
        with tarfile.open(fileobj=io.BytesIO(content)) as packed:
            for member in packed:
                if not member.isfile() or not _MEMBER.fullmatch(member.name):
                    raise _unusable(f"it contains {member.name!r}, which is not a file of a release")
                part = packed.extractfile(member)
                data = part.read() if part else b""
                target = folder / member.name
                files.make_folder(target.parent)
                target.write_bytes(data)
                target.chmod(0o644)
                listed[member.name] = hashlib.sha256(data).hexdigest()
        files.write(folder / MANIFEST, json.dumps({"sha256": sha256, "files": listed}, indent=1) + "\n", 0o644)


def release_name(sha256: str) -> str:
    """Name of the directory of a release, from the digest of its archive."""
    return sha256[:NAME_LENGTH]


def _checked(archive: Path, sha256: str) -> bytes:
    """The uncompressed archive, if its digest matches."""
    try:
        content = gzip.decompress(archive.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _unusable(f"its archive is damaged ({error})") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _unusable("its archive is not the one that was sent")
    return content


def _unusable(why: str) -> ReleaseUnusable:
    return ReleaseUnusable("Cannot use the release", why=why, next_step="Deploy again.")
