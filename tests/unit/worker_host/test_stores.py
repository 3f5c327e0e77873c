# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases, virtual environments, links and the lock on a host, one by one."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from unit.modules._collection import imported

from .host_double import FakeClock, archive, errors

release = imported("plugins.module_utils._worker_host.release")
venv = imported("plugins.module_utils._worker_host.venv")
files = imported("plugins.module_utils._worker_host.files")
locking = imported("plugins.module_utils._worker_host.locking")
readiness = imported("plugins.module_utils._worker_host.readiness")


def sent(folder: Path, content: dict[str, str]) -> tuple[str, str]:
    packed = archive(content)
    (folder / "sent").write_bytes(gzip.compress(packed))
    return str(folder / "sent"), sha256(packed).hexdigest()


@pytest.mark.parametrize("name", ["../x.py", "/x.py", "a/../../x.py", "x.sh", ".x.py", "a//x.py"])
def test_a_release_with_a_file_that_does_not_belong_there_is_refused(name: str, tmp_path: Path) -> None:
    packed, digest = sent(tmp_path, {"a/x.py": "", name: ""})
    with pytest.raises(errors.ReleaseUnusable, match="not a file of a release"):
        release.Releases(tmp_path).install(packed, digest)
    assert list((tmp_path / "releases").iterdir()) == []


def test_a_release_that_is_another_one_than_was_meant_is_refused(tmp_path: Path) -> None:
    packed, _digest = sent(tmp_path, {"a/x.py": ""})
    with pytest.raises(errors.ReleaseUnusable, match="not the one"):
        release.Releases(tmp_path).install(packed, "0" * 64)
    Path(packed).write_bytes(Path(packed).read_bytes()[:-9])
    with pytest.raises(errors.ReleaseUnusable, match="damaged"):
        release.Releases(tmp_path).install(packed, "0" * 64)


def test_a_release_without_its_manifest_is_not_there(tmp_path: Path) -> None:
    packed, digest = sent(tmp_path, {"a/x.py": "1"})
    releases = release.Releases(tmp_path)
    releases.install(packed, digest)
    name = release.release_name(digest)
    assert releases.intact(name)
    (releases.path(name) / release.MANIFEST).unlink()
    assert not releases.intact(name)
    releases.install(packed, digest)
    assert releases.intact(name)


def answering(answer: Any, code: int = 0) -> Any:
    return lambda args, environ_update=None: (code, answer if isinstance(answer, str) else json.dumps(answer), "")


@pytest.mark.parametrize("answer", [[[3, 10], "/usr/bin/python3.10"], [[2, 7], ""]])
def test_a_python_that_is_too_old_is_refused(answer: Any) -> None:
    with pytest.raises(errors.VenvFailed, match="it is Python"):
        venv.probe_python("/usr/bin/python3", answering(answer))


def test_a_python_that_is_not_there_is_refused() -> None:
    def missing(args: list[str], environ_update: Any = None) -> Any:
        raise FileNotFoundError(2, "No such file", args[0])

    for run in (missing, answering("", 1)):
        with pytest.raises(errors.VenvFailed, match="does not run"):
            venv.probe_python("/usr/bin/python9", run)


def test_a_virtual_environment_is_named_after_its_lock_file_and_its_python() -> None:
    a, b = (venv.probe_python("p", answering([[3, minor], f"/usr/bin/python3.{minor}"])) for minor in (11, 12))
    assert len({venv.venv_name("l1", a), venv.venv_name("l2", a), venv.venv_name("l1", b)}) == 3
    assert venv.venv_name("l1", a) == venv.venv_name("l1", a)


def test_a_link_is_flipped_and_its_target_is_told(tmp_path: Path) -> None:
    for target in ("../a/one", "../a/two"):
        files.link(tmp_path / "current", target)
        assert files.leads_to(tmp_path / "current") == target.rpartition("/")[2]
    assert [path.name for path in tmp_path.iterdir()] == ["current"]


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    files.write(tmp_path / "x", "old", 0o600)
    with pytest.raises(UnicodeEncodeError):
        files.write(tmp_path / "x", "\ud800", 0o600)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x", "old")]


def test_a_second_deployment_waits_and_then_says_that_it_cannot(tmp_path: Path) -> None:
    time = FakeClock()
    with (
        locking.host_lock(tmp_path / "opt", seconds=600, clock=time.clock),
        pytest.raises(errors.DeployInProgress),
        locking.host_lock(tmp_path / "opt", seconds=600, clock=time.clock),
    ):
        pass
    assert time.time >= 600
    with locking.host_lock(tmp_path / "opt", seconds=0, clock=time.clock):
        pass


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("127.0.0.1:1", ("127.0.0.1", 1)),
        ("0.0.0.0:80", ("127.0.0.1", 80)),
        (":80", ("127.0.0.1", 80)),
        ("[::]:80", ("::1", 80)),
        ("[fe80::1]:80", ("fe80::1", 80)),
        ("host:80", ("host", 80)),
    ],
)
def test_an_address_for_all_is_asked_on_this_host(address: str, asked: tuple[str, int]) -> None:
    assert readiness.split(address) == asked


@pytest.mark.parametrize("address", ["80", "host", "host:0", "host:x", "host:70000", ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        readiness.split(address)


@dataclass
class Kept:
    """Who keeps the worker running. waits: so many more times it says that it waits for it."""

    runs: bool = True
    waits: int = 0

    def running(self) -> bool:
        return self.runs

    def starting(self) -> bool:
        self.waits -= 1
        return self.waits >= 0


def test_a_worker_that_ended_is_not_waited_for() -> None:
    time = FakeClock()
    assert readiness.wait_ready("127.0.0.1:1", Kept(runs=False), seconds=100, clock=time.clock) == "it exited"
    assert time.time == 0


def test_a_worker_that_does_not_answer_is_waited_for_as_long_as_was_said() -> None:
    time = FakeClock()
    assert "does not respond" in readiness.wait_ready("127.0.0.1:1", Kept(), seconds=5, clock=time.clock)
    assert 5 <= time.time < 6


def test_a_worker_is_ready_when_its_service_manager_has_heard_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "trouble", lambda _address: "")
    time, slow = FakeClock(), Kept(waits=3)
    assert readiness.wait_ready("127.0.0.1:1", slow, seconds=5, clock=time.clock) == ""
    assert slow.waits == -1
    assert "service manager" in readiness.wait_ready("127.0.0.1:1", Kept(waits=99), seconds=5, clock=time.clock)
