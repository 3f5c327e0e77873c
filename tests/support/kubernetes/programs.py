# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server of Kubernetes, its store and the Python client, built or fetched once into the cache.

All of it is pinned with hashes: tools/kubernetes/*/go.sum and requirements/kubernetes.txt.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from setup.places import go_environment, python_environment
from setup.steps import Command, alone, find_go, run

from support.paths import CACHE, CHECKOUT

FOLDER = CACHE / "kubernetes"
UV = CHECKOUT / ".venv" / "bin" / "uv"
CLIENT_LOCK = CHECKOUT / "requirements" / "kubernetes.txt"


@dataclass(frozen=True)
class GoProgram:
    """name: of the program. module: folder with its go.mod and go.sum. package: what to build. takes: for people."""

    name: str
    module: str
    package: str
    takes: str

    @property
    def folder(self) -> Path:
        return CHECKOUT / "tools" / "kubernetes" / self.module

    @property
    def digest(self) -> str:
        """Changes with everything that decides what is built."""
        parts = [self.package.encode(), *((self.folder / name).read_bytes() for name in ("go.mod", "go.sum"))]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]

    @property
    def path(self) -> Path:
        """Where the program is, once `built` has returned."""
        return FOLDER / "bin" / self.digest / self.name


ETCD = GoProgram("etcd", "etcd", "go.etcd.io/etcd/server/v3", "two minutes")
API_SERVER = GoProgram("kube-apiserver", "apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", "ten minutes")
KUBECTL = GoProgram("kubectl", "apiserver", "k8s.io/kubernetes/cmd/kubectl", "three minutes")


def say(text: str) -> None:
    print(f"kubernetes: {text}", flush=True)


def built(program: GoProgram) -> Path:
    """The program, built now where it is not in the cache yet. SetupFailed with the compiler's last lines."""
    with alone(FOLDER / "build.lock"):
        if not program.path.exists():
            say(f"building {program.name} ({program.takes} on two cores; it stays in the cache)")
            start = time.monotonic()
            program.path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = program.path.with_suffix(".new")
            command: Command = [find_go(UV), "build", "-trimpath", "-o", unfinished, program.package]
            run(command, go_environment(), program.folder)
            unfinished.rename(program.path)
            say(f"{program.name} was built in {time.monotonic() - start:.0f} s")
    return program.path


def kubectl() -> Path:
    """The witness: the machine's own kubectl, or one that is built here."""
    found = shutil.which("kubectl")
    return Path(found) if found else built(KUBECTL)


def python_client() -> Path:
    """A folder for PYTHONPATH with the Python client that kubernetes.core needs."""
    digest = hashlib.sha256(CLIENT_LOCK.read_bytes()).hexdigest()[:16]
    folder = FOLDER / f"python-{digest}"
    with alone(FOLDER / "build.lock"):
        if not folder.exists():
            say("fetching the Python client of Kubernetes")
            unfinished = folder.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            install: Command = [
                UV,
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--require-hashes",
                "--target",
                unfinished,
            ]
            python = CHECKOUT / ".venv" / "bin" / "python"
            run([*install, "--python", python, "--requirement", CLIENT_LOCK], python_environment())
            unfinished.rename(folder)
    return folder
