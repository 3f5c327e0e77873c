# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A vCenter with thousands of VMs that starts in seconds.

vcsim needs 13 minutes to build 10,000 VMs but only 10 s to load them. So a model of 200 VMs is built and saved once,
and its VM files are copied, each with a reference, a name and UUIDs of its own; hosts, folders and datastores list
the copies too. `VCSim(folder, load=big_model(cache, 10_000))` starts it.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from .vcsim import Model, VCSim

SEED_MODEL = Model(clusters=2, hosts=2, machines=100)
SEED_MACHINES = SEED_MODEL.clusters * SEED_MODEL.machines
FIRST_COPY = 100_000

MACHINE_LINE = re.compile(
    r'^.*<ManagedObjectReference type="VirtualMachine">(vm-\d+)</ManagedObjectReference>.*\n', re.M
)
NAME = re.compile(r"<name>config</name>.*?<name>([^<]+)</name>", re.S)
UUIDS = re.compile(r"<(uuid|instanceUuid)>[^<]*</\1>")


def big_model(cache: Path, machines: int) -> Path:
    """The folder of a saved model with at least so many VMs in two clusters; made once per number, kept in `cache`."""
    target = cache / f"vcsim-model-{machines}"
    if target.is_dir():
        return target
    seed = _seed(cache)
    unfinished = target.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(seed, unfinished)
    _multiply(unfinished, copies=max(0, -(-machines // SEED_MACHINES) - 1))
    unfinished.rename(target)
    return target


def _seed(cache: Path) -> Path:
    seed = cache / "vcsim-model-seed"
    if not seed.is_dir():
        vcsim = VCSim(cache / "vcsim-model-maker", model=SEED_MODEL).start()
        try:
            vcsim.save(cache / "vcsim-model-seed.unfinished").rename(seed)
        finally:
            vcsim.stop()
    return seed


def _multiply(folder: Path, copies: int) -> None:
    """Copy each VM so many times, and list the copies wherever the original is listed."""
    copied: dict[str, list[str]] = {}
    originals = sorted(folder.glob("*-VirtualMachine-vm-*.xml"))
    for place, file in enumerate(originals):
        ref = file.stem.split("-", 2)[2]
        first = FIRST_COPY + place * copies
        copied[ref] = [f"vm-{number}" for number in range(first, first + copies)]
        _copy_machine(file, ref, copied[ref])
    for file in set(folder.rglob("*.xml")) - set(folder.glob("*-VirtualMachine-vm-*.xml")):
        text = file.read_text()
        if 'type="VirtualMachine">vm-' in text:
            file.write_text(MACHINE_LINE.sub(lambda line: _with_copies(line, copied), text))


def _copy_machine(file: Path, ref: str, copies: list[str]) -> None:
    text = file.read_text()
    found = NAME.search(text)
    if found is None:
        raise ValueError(f"{file} holds no VM as vcsim saves one")
    name = found[1]
    for number, copy in enumerate(copies, start=1):
        own = text.replace(f">{ref}<", f">{copy}<")
        # The folder and the files of a VM are named after it.
        own = re.sub(rf"\b{re.escape(name)}\b", f"{name}-{number}", own)
        own = UUIDS.sub(lambda found: f"<{found[1]}>{uuid.uuid4()}</{found[1]}>", own)
        (file.parent / f"{copy.removeprefix('vm-')}-VirtualMachine-{copy}.xml").write_text(own)


def _with_copies(line: re.Match[str], copied: Mapping[str, list[str]]) -> str:
    return "".join(line[0].replace(line[1], ref) for ref in [line[1], *copied.get(line[1], [])])
