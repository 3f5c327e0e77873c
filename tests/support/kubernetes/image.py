# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image is built of without a registry and without a container engine: Debian, wheels and buildah.

The base image is a Debian tree of debootstrap. buildah keeps images in the cache, and runs commands in a chroot.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from setup.places import python_environment
from setup.steps import Command, SetupFailed, alone, run

from support.paths import CHECKOUT

from .programs import FOLDER, say

BASE = "localhost/debian-with-python:12"
SUITE = "bookworm"
SUITE_PYTHON = "3.11"
IN_BASE = "python3,python3-venv,ca-certificates"
PROGRAMS = ("buildah", "debootstrap")
RUNTIME_LOCK = CHECKOUT / "roles" / "worker" / "files" / "requirements.txt"


def buildah_environment() -> dict[str, str]:
    """What makes buildah work inside the cache: no kernel features, no registry, no settings of the machine."""
    folder = FOLDER / "images"
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "storage.conf"
    settings.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/store"\nrunroot = "{folder}/run"\n')
    return {"CONTAINERS_STORAGE_CONF": str(settings), "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}


def buildah(*arguments: str | Path) -> str:
    """What buildah says; SetupFailed with its last lines where it fails."""
    return run(["buildah", *arguments], {**os.environ, **buildah_environment()})


def prepare_image_parts(lock: Path = RUNTIME_LOCK) -> None:
    """Programs, wheels of a lock file, and base image, each made once."""
    with alone(FOLDER / "image.lock"):
        _install_programs()
        _fill_wheelhouse(lock)
        _make_base_image()


def wheelhouse(lock: Path = RUNTIME_LOCK) -> Path:
    """The folder with the wheels of a lock file of the worker."""
    return FOLDER / f"wheels-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"


def _install_programs() -> None:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if not missing:
        return
    if os.geteuid() or shutil.which("apt-get") is None:
        raise SetupFailed(
            f"Building an image needs {' and '.join(missing)}. Install them, or run this as root on Debian."
        )
    say(f"installing {', '.join(missing)}")
    run(["apt-get", "install", "--yes", "--no-install-recommends", *missing], {**os.environ, "LC_ALL": "C.UTF-8"})


def _fill_wheelhouse(lock: Path) -> None:
    folder = wheelhouse(lock)
    if folder.exists():
        return
    say("fetching the wheels of the worker")
    unfinished = folder.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    python = getattr(sys, "_base_executable", sys.executable)
    download: Command = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    wanted: Command = ["--only-binary", ":all:", "--python-version", SUITE_PYTHON, "--dest", unfinished]
    run([*download, *wanted, "--requirement", lock], python_environment())
    unfinished.rename(folder)


def _make_base_image() -> None:
    found = subprocess.run(
        ["buildah", "images", "--quiet", BASE],
        env={**os.environ, **buildah_environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode == 0 and found.stdout.strip():
        return
    tree = FOLDER / "base"
    if not tree.exists():
        say("unpacking Debian (two minutes)")
        unfinished = FOLDER / "base.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        run(["debootstrap", "--variant=minbase", f"--include={IN_BASE}", SUITE, unfinished], dict(os.environ))
        unfinished.rename(tree)
    say("making the base image")
    container = buildah("from", "scratch").strip()
    buildah("add", "--quiet", container, tree, "/")
    buildah("commit", "--quiet", container, BASE)
    buildah("rm", container)
