# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker is packed into the same bytes wherever and whenever that is done."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from support.paths import CHECKOUT
from unit.modules._collection import imported

worker_release = imported("plugins.action.preemption_worker_deploy")


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    copy = tmp_path / "collection"
    for folder in worker_release.PACKAGES.values():
        shutil.copytree(CHECKOUT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / worker_release.REQUIREMENTS, copy / worker_release.REQUIREMENTS)
    return copy


def names(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        return packed.getnames()


def test_other_times_modes_and_leftovers_of_python_do_not_count(collection: Path) -> None:
    before = worker_release.pack(collection)
    for path in collection.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    cache = collection / worker_release.PACKAGES["vsphere_preemption"] / "__pycache__"
    cache.mkdir()
    (cache / "x.cpython-311.pyc").write_bytes(b"x")
    after = worker_release.pack(collection)
    assert (after.sha256, after.compressed()) == (before.sha256, before.compressed())


def test_one_other_byte_makes_another_release(collection: Path) -> None:
    before = worker_release.pack(collection)
    with (collection / worker_release.PACKAGES["vsphere_preemption_worker"] / "__main__.py").open("a") as file:
        file.write("#")
    after = worker_release.pack(collection)
    assert after.sha256 != before.sha256
    assert after.lock_sha256 == before.lock_sha256


def test_another_lock_file_makes_another_release_and_another_virtual_environment(collection: Path) -> None:
    before = worker_release.pack(collection)
    with (collection / worker_release.REQUIREMENTS).open("a") as file:
        file.write("# x")
    after = worker_release.pack(collection)
    assert after.sha256 != before.sha256
    assert after.lock_sha256 != before.lock_sha256


def test_both_packages_and_the_lock_file_are_in_it_and_nothing_else(collection: Path) -> None:
    found = names(worker_release.pack(collection).archive)
    assert {name.split("/")[0] for name in found} == {
        "vsphere_preemption",
        "vsphere_preemption_worker",
        "requirements.txt",
    }
    assert "vsphere_preemption_worker/__main__.py" in found
    assert found == [*sorted(found[:-1], key=lambda name: (name.split("/")[0], name)), "requirements.txt"]


def test_a_missing_package_is_said(collection: Path) -> None:
    shutil.rmtree(collection / worker_release.PACKAGES["vsphere_preemption_worker"])
    with pytest.raises(FileNotFoundError, match="vsphere_preemption_worker"):
        worker_release.pack(collection)


def test_every_requirement_of_the_lock_file_has_a_hash() -> None:
    text = (CHECKOUT / worker_release.REQUIREMENTS).read_text()
    blocks = [block for block in text.replace("\\\n", "").splitlines() if "==" in block]
    assert blocks
    assert [block for block in blocks if "--hash=sha256:" not in block] == []
