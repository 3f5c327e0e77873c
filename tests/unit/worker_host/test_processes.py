# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pid file means one process, and never another one that has got its number."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from unit.modules._collection import imported

Process = imported("plugins.module_utils._worker_host.processes").Process


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: signals.append((pid, number)))
    return signals


def fake_proc(folder: Path, stat: str) -> Path:
    (folder / "7").mkdir()
    (folder / "7" / "stat").write_text(stat)
    (folder / "sys/kernel/random").mkdir(parents=True)
    (folder / "sys/kernel/random/boot_id").write_text("b1\n")
    return folder


def test_this_process_runs_and_is_told(tmp_path: Path, sent: list[tuple[int, int]]) -> None:
    own = Process.with_pid(os.getpid())
    (tmp_path / "pid").write_text(own.as_text())
    found = Process.from_file(tmp_path / "pid")
    found.tell(signal.SIGHUP)
    assert found == own
    assert sent == [(os.getpid(), signal.SIGHUP)]


@pytest.mark.parametrize("other", [{"started": 1}, {"boot": "of yesterday"}], ids=["recycled", "other boot"])
def test_a_number_that_another_process_has_is_never_told(other: dict[str, object], sent: list[tuple[int, int]]) -> None:
    found = replace(Process.with_pid(os.getpid()), **other)
    found.tell(signal.SIGTERM)
    assert not found.runs()
    assert sent == []


def test_a_name_may_hold_anything(tmp_path: Path) -> None:
    fields = " ".join(["S", *(str(number) for number in range(4, 50))])
    found = Process.with_pid(7, proc=fake_proc(tmp_path, f"7 (a) b) Z 1 ({{) {fields}\n"))
    assert (found.started, found.boot) == (22, "b1")


def test_one_that_has_ended_but_is_still_listed_does_not_run(tmp_path: Path) -> None:
    fields = " ".join(["Z", *(str(number) for number in range(4, 50))])
    assert Process.with_pid(7, proc=fake_proc(tmp_path, f"7 (x) {fields}\n")) is None


@pytest.mark.parametrize("text", ["", "12", "{}", '{"pid": 1}', "[]", '{"pid": "x", "started": 1, "boot": ""}'])
def test_a_file_that_names_no_process_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(text)
    assert Process.from_file(tmp_path / "pid") is None
    assert Process.from_file(tmp_path / "not there") is None
