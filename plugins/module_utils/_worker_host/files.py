# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, links and directories of a worker on its host. All changes are atomic."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import HostNotWritable

UNFINISHED = ".new-"


@contextmanager
def report_os_errors(root: Path) -> Iterator[None]:
    """Report operations that the file system rejects as HostNotWritable."""
    try:
        yield
    except OSError as error:
        raise HostNotWritable(
            f"Cannot deploy to {root}",
            why=f"{error.filename or root}: {error.strerror or error}",
            next_step="Deploy with another account (become: true), or to another directory.",
        ) from error


def write(path: Path, text: str, mode: int) -> None:
    """Write a file atomically: readers see either the old file or the new one, with the mode set from the start."""
    number, name = tempfile.mkstemp(prefix=UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(number, "w", encoding="utf-8", newline="") as file:
            os.fchmod(number, mode)
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def link(path: Path, target: str) -> None:
    """Point a link at a target, replacing the previous link."""
    beside = path.with_name(f"{UNFINISHED}{path.name}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(path)


def leads_to(path: Path) -> str:
    """Name of the target of a link; empty if there is no link."""
    return path.readlink().name if path.is_symlink() else ""


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Create a directory and its parents, with this mode regardless of the umask."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(mode)


def remove_tree(path: Path) -> None:
    """Remove a directory with its content, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)


def remove_if_empty(path: Path) -> None:
    """Remove a directory if it is empty."""
    if path.is_dir() and not any(path.iterdir()):
        path.rmdir()


def superfluous(folder: Path, *, in_use: Iterable[str], keep: int) -> list[Path]:
    """The directories in a store that are not in use and not among the newest `keep`, and unfinished ones."""
    if not folder.is_dir():
        return []
    entries = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    finished = [path for path in entries if not path.name.startswith(UNFINISHED)]
    kept = {*in_use, *(path.name for path in finished[:keep])}
    return [path for path in entries if path.name not in kept]
