# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is made of: a small Debian in an archive, and a folder of wheels. Made once, and kept in the cache."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

from support.paths import CACHE, CHECKOUT

SUITE = "bookworm"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "iproute2", "openssh-server"),
    *("python3", "python3-venv", "ca-certificates"),
)
# Programs by the Debian package that has them.
NEEDED = {"systemd-nspawn": "systemd-container", "debootstrap": "debootstrap", "ssh": "openssh-client"}
REQUIREMENTS = CHECKOUT / "roles/worker/files/requirements.txt"
PYTHON_OF_SUITE = "3.11"
INSTALL_SECONDS, BOOTSTRAP_SECONDS, DOWNLOAD_SECONDS = 600, 1200, 900

log = logging.getLogger("systemd")


class NoHost(RuntimeError):
    """This machine cannot have a systemd host."""


def make_possible() -> None:
    """Install what a host needs; NoHost where that cannot be."""
    if os.geteuid() != 0:
        raise NoHost("`make test-systemd` boots a host with systemd-nspawn, which needs root. Run it as root.")
    missing = sorted(package for program, package in NEEDED.items() if shutil.which(program) is None)
    if not missing:
        return
    log.info("installing %s", " ".join(missing))
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "-qq", "--no-install-recommends", *missing]
    for command in (["apt-get", "update", "-qq"], install):
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
        except FileNotFoundError as error:
            raise NoHost(f"{', '.join(missing)} must be installed first, and there is no apt-get to do it.") from error
        if done.returncode != 0:
            raise NoHost(f"{' '.join(command)} failed: {done.stderr.strip()}")


def base_archive() -> Path:
    """The archive of the base system."""
    what = " ".join((SUITE, *PACKAGES))
    archive = CACHE / "systemd" / f"base-{_digest(what.encode())}.tar"
    if archive.exists():
        return archive
    log.info("making a base system with debootstrap; this takes some minutes, and is done once")
    root = archive.with_suffix(".root")
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BOOTSTRAP_SECONDS, check=False)
    if done.returncode != 0:
        raise NoHost(f"debootstrap failed:\n{(done.stdout + done.stderr)[-2000:]}")
    part = archive.with_suffix(".part")
    subprocess.run(["tar", "--numeric-owner", "-C", str(root), "-cf", str(part), "."], check=True)
    part.replace(archive)
    shutil.rmtree(root)
    return archive


def wheelhouse() -> Path:
    """A folder with the wheels of the lock file, so that the host needs no package index."""
    folder = CACHE / "systemd" / f"wheels-{_digest(REQUIREMENTS.read_bytes())}"
    if folder.exists():
        return folder
    log.info("filling a wheelhouse; this is done once")
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    pip = CACHE / "systemd" / "pip"
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(pip)], check=True)
    done = subprocess.run(
        [
            *(str(pip / "bin" / "python"), "-m", "pip", "download", "--quiet", "--require-hashes"),
            *("--only-binary", ":all:", "--python-version", PYTHON_OF_SUITE),
            *("--requirement", str(REQUIREMENTS), "--dest", str(part)),
        ],
        capture_output=True,
        text=True,
        timeout=DOWNLOAD_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise NoHost(f"The wheels cannot be downloaded: {done.stderr.strip()}")
    part.replace(folder)
    return folder


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
