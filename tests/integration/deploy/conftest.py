# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers that are deployed to this host by the ansible commands, from a copy of the collection that stays as it is."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sanity.checkout import copy_into

from support.ansible import Ansible, Ran
from support.ports import LOOPBACK, free_port
from support.temporal import NAMESPACE, TemporalServer
from support.vcenter_proxy import VCenterProxy
from support.vcsim import VCSim

from .wheels import alone, index_environment, lend_venvs, wheelhouse

MODULE = "preemption_worker_deploy"


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as it is now: other people's edits must not make another release in the middle of a test."""
    return copy_into(tmp_path_factory.mktemp("collection"))


class FrozenAnsible(Ansible):
    """The ansible commands with one copy of the collection, which can be exchanged."""

    seconds = 300.0

    def __init__(self, folder: Path, environment: dict[str, str], collection: Path) -> None:
        super().__init__(folder, environment, collection=collection)
        self._link = folder / "links" / "ansible_collections" / "vsphere" / "preemption"

    def use(self, collection: Path) -> None:
        """From now on with this collection."""
        self._link.unlink()
        self._link.symlink_to(collection)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory, collection: Path) -> Path:
    """A filled wheelhouse. The first time it is fetched with the playbook for that."""
    folder = wheelhouse(collection)
    with alone():
        if not folder.is_dir():
            ansible = FrozenAnsible(tmp_path_factory.mktemp("wheels"), index_environment(), collection)
            unfinished = folder.with_name(f"{folder.name}.part")
            ran = ansible.named_playbook("wheelhouse", {"wheelhouse_folder": str(unfinished)})
            assert ran.returncode == 0, ran.stdout + ran.stderr
            unfinished.rename(folder)
    return folder


class Host:
    """A folder for workers on this host, and the task that deploys to it."""

    def __init__(self, folder: Path, ansible: FrozenAnsible, collection: Path, options: dict[str, Any]) -> None:
        self.root = folder / "opt"
        self.ansible = ansible
        self.collection = collection
        self.options = {"service": "detached", "directory": str(self.root), **options}
        self._folder = folder

    def run(self, *flags: str, **options: Any) -> Ran:
        """Run the task, whatever comes of it."""
        return self.ansible.module(MODULE, {**self.options, **options}, *flags)

    def deploy(self, *flags: str, **options: Any) -> Ran:
        ran = self.run(*flags, **options)
        assert ran.code == 0, ran.output
        return ran

    def remove(self, **options: Any) -> Ran:
        return self.deploy(state="absent", **options)

    def other_release(self, name: str, file: str, old: str, new: str) -> None:
        """From now on deploy a worker in which a text of a file is another one."""
        copy = self._folder / name
        shutil.copytree(self.collection, copy, symlinks=True)
        path = copy / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        self.ansible.use(copy)

    def pid(self, instance: str = "default") -> int:
        return int(json.loads((self.root / "instances" / instance / "worker.pid").read_text())["pid"])

    def processes(self) -> list[int]:
        """All processes that run from the folder."""
        return [pid for pid, words in command_lines().items() if str(self.root) in words[:200]]

    def log(self, instance: str = "default") -> str:
        return (self.root / "instances" / instance / "worker.log").read_text()


def command_lines() -> dict[int, str]:
    """The argument lists of all processes of this host."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


@pytest.fixture
def bare_host(
    tmp_path: Path,
    collection: Path,
    temporal: TemporalServer,
    vcenter_proxy: VCenterProxy,
    vcsim: VCSim,
    task_queue: str,
) -> Iterator[Host]:
    """A host on which nothing is yet."""
    ansible = FrozenAnsible(tmp_path, index_environment(), collection)
    vcenter = vcenter_proxy.client_environment()
    credentials = Path(vcenter["VCENTER_SECRET_PATH"])
    options = {
        "temporal_address": temporal.address,
        "temporal_namespace": NAMESPACE,
        "task_queue": task_queue,
        "vcenter_url": vcenter["VCENTER_URL"],
        "vcenter_username": (credentials / "username").read_text(),
        "vcenter_password": (credentials / "password").read_text(),
        "vcenter_ca_file": vcenter["VCENTER_CA_FILE"],
        "health_address": f"{LOOPBACK}:{free_port()}",
        "window_seconds": 0,
    }
    host = Host(tmp_path, ansible, collection, options)
    yield host
    for pid in host.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)


@pytest.fixture
def host(bare_host: Host, wheels: Path) -> Host:
    """A host that has the virtual environment already, so that a deployment takes seconds."""
    lend_venvs(bare_host.collection, wheels, bare_host.root)
    return bare_host
