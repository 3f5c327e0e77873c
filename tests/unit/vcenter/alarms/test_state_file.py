# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept in a state file is there again, whole, and for its owner alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.vcenter.alarms.events import StateFile


def test_the_content_comes_back(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.json")
    assert file.load() is None
    for content in ({"a": [1, None]}, {"a": 2}):
        file.save(content)
        assert file.load() == content
    assert os.listdir(tmp_path) == ["state.json"]  # noqa: PTH208
    assert file.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_what_is_no_json_counts_as_nothing(tmp_path: Path, content: bytes) -> None:
    file = StateFile(tmp_path / "state.json")
    file.path.write_bytes(content)
    assert file.load() is None


def test_a_link_in_the_place_of_the_unfinished_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    file = StateFile(tmp_path / "state.json")
    (tmp_path / f".state.json.{os.getpid()}.new").symlink_to(victim)
    file.save([1])
    assert (victim.read_text(), file.load()) == ("untouched", [1])


def test_a_disk_that_fails_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = StateFile(tmp_path / "state.json")
    file.save([1])

    def fails(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(InvalidSetting, match="No space left"):
        file.save([2])
    assert (file.load(), [entry.name for entry in tmp_path.iterdir()]) == ([1], ["state.json"])


def test_a_folder_in_its_place_is_refused_with_its_path(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    for use in (file.load, lambda: file.save(1)):
        with pytest.raises(InvalidSetting, match=str(tmp_path)):
            use()
