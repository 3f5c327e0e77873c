# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of systemd, and what is made of its answers. `make test-systemd` asks a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..modules._collection import imported

systemd = imported("plugins.module_utils._worker_host.systemd")
service = imported("plugins.module_utils._worker_host.service")
clocks = imported("plugins.module_utils._worker_host.clock")
errors = imported("plugins.module_utils._worker_host.errors")

UNIT = "vsphere-preemption-north.service"


class FakeSystemd:
    """systemctl and journalctl of a host with one unit."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.loaded = True
        self.enabled = False
        self.active, self.sub, self.pid = "inactive", "dead", 0
        self.status = ""
        self.version = "systemd 252 (252.39-1~deb12u1)"
        self.refuses = ""
        self.after_start = [("activating", "start", 7)]
        self.answers = True

    def run(self, argv: list[str]) -> tuple[int, str, str]:
        words = [word for word in argv[1:] if word != UNIT]
        if argv[0] == "journalctl":
            return 0, "first\nlast\n", ""
        if words[0] == "show":
            return (0, self._shown(), "") if self.answers else (1, "", "Failed to connect to bus: No such file")
        if words == ["--version"]:
            return 0, f"{self.version}\n+PAM\n", ""
        self.asked.append(" ".join(words))
        if words[0] == self.refuses:
            return 1, "", "Failed to do it:\n Unit is masked.\n"
        self._do(words[0])
        return 0, "", ""

    def _do(self, verb: str) -> None:
        if verb == "stop":
            self.active, self.sub, self.pid = "inactive", "dead", 0
        elif verb in ("enable", "disable"):
            self.enabled = verb == "enable"

    def tick(self) -> None:
        """Time passes."""
        if self.after_start:
            self.active, self.sub, self.pid = self.after_start.pop(0)

    def _shown(self) -> str:
        state = "enabled" if self.enabled else "disabled"
        load = "loaded" if self.loaded else "not-found"
        return (
            f"MainPID={self.pid}\nLoadState={load}\nActiveState={self.active}\nSubState={self.sub}\n"
            f"UnitFileState={state}\nStatusText={self.status}\n"
        )


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    monkeypatch.setattr(systemd, "BOOTED", tmp_path)
    monkeypatch.setattr(systemd.os, "geteuid", lambda: 0)
    monkeypatch.setattr(systemd.shutil, "which", lambda name: f"/usr/bin/{name}")
    return FakeSystemd()


def the_service(host: FakeSystemd, folder: Path, *, root: str = "/opt/vsphere-preemption", user: str = "") -> Any:
    now = iter(range(100_000))

    def sleep(seconds: float) -> None:
        host.tick()

    instance = service.Instance("north", Path(root), "127.0.0.1:8080", user)
    clock = clocks.Clock(lambda: float(next(now)), sleep)
    return systemd.Systemd(instance, host.run, unit_folder=folder, clock=clock)


def test_a_start_takes_up_the_unit_enables_it_and_waits_for_a_process(host: FakeSystemd, tmp_path: Path) -> None:
    found = the_service(host, tmp_path)
    assert not found.running()
    found.start()
    assert host.asked == ["daemon-reload", "enable --quiet", "reset-failed", "start --no-block"]
    assert found.running()


def test_a_restart_waits_for_another_process(host: FakeSystemd, tmp_path: Path) -> None:
    host.active, host.sub, host.pid = "active", "running", 5
    host.after_start = [("deactivating", "stop-sigterm", 5), ("activating", "start", 9)]
    the_service(host, tmp_path).restart()
    assert host.pid == 9


def test_a_worker_that_ends_at_once_is_not_waited_for(host: FakeSystemd, tmp_path: Path) -> None:
    host.after_start = [("activating", "auto-restart", 0)]
    found = the_service(host, tmp_path)
    found.start()
    assert not found.running()


def test_a_systemd_that_never_starts_it_is_an_error(host: FakeSystemd, tmp_path: Path) -> None:
    host.after_start = []
    with pytest.raises(errors.ServiceFailed, match=r"did not start it in time.*journalctl"):
        the_service(host, tmp_path).start()


def test_a_worker_that_would_not_come_with_the_host_does_not_count_as_running(
    host: FakeSystemd, tmp_path: Path
) -> None:
    host.active, host.sub, host.pid = "active", "running", 5
    assert not the_service(host, tmp_path).running()
    host.enabled = True
    assert the_service(host, tmp_path).running()


@pytest.mark.parametrize(("active", "starting"), [("activating", True), ("active", False), ("failed", False)])
def test_it_is_starting_until_systemd_has_heard_that_it_is_ready(
    host: FakeSystemd, tmp_path: Path, active: str, starting: bool
) -> None:
    host.active, host.sub, host.pid = active, "running", 5
    assert the_service(host, tmp_path).starting() is starting


def test_what_systemd_refuses_is_said_in_one_line(host: FakeSystemd, tmp_path: Path) -> None:
    host.refuses = "enable"
    with pytest.raises(errors.ServiceFailed, match=r"systemctl enable failed.*Failed to do it: Unit is masked\."):
        the_service(host, tmp_path).start()


def test_a_policy_is_read_again_and_a_refusal_is_heard(host: FakeSystemd, tmp_path: Path) -> None:
    host.active, host.sub, host.pid = "active", "running", 5
    the_service(host, tmp_path).reload()
    assert host.asked == ["reload"]
    host.status = "ready; the policy file is invalid; the previous policies remain in effect"
    with pytest.raises(errors.ServiceFailed, match="the previous policies remain in effect"):
        the_service(host, tmp_path).reload()


def test_a_worker_that_is_not_ready_yet_is_restarted_instead_of_reloaded(host: FakeSystemd, tmp_path: Path) -> None:
    host.active, host.sub, host.pid = "activating", "start", 5
    the_service(host, tmp_path).reload()
    assert host.asked == ["reset-failed", "restart --no-block"]


def test_removing_takes_the_unit_away_and_a_second_time_does_nothing(host: FakeSystemd, tmp_path: Path) -> None:
    (tmp_path / UNIT).write_text("[Unit]\n")
    found = the_service(host, tmp_path)
    assert list(found.definition().values()) == ["[Unit]\n"]
    found.remove()
    assert host.asked == ["stop", "disable --quiet", "daemon-reload", "reset-failed"]
    assert not (tmp_path / UNIT).exists()
    found.remove()
    assert len(host.asked) == 4


def test_a_systemd_that_does_not_answer_matters_only_where_there_is_a_unit(host: FakeSystemd, tmp_path: Path) -> None:
    host.answers = False
    found = the_service(host, tmp_path)
    found.stop()
    assert not found.running()
    (tmp_path / UNIT).write_text("[Unit]\n")
    with pytest.raises(errors.ServiceFailed, match="Failed to connect to bus"):
        found.running()


def test_nothing_is_stopped_where_there_is_no_unit(host: FakeSystemd, tmp_path: Path) -> None:
    host.loaded = False
    the_service(host, tmp_path).stop()
    assert host.asked == []


def test_the_last_words_are_those_of_the_journal(host: FakeSystemd, tmp_path: Path) -> None:
    assert the_service(host, tmp_path).log_tail() == ["first", "last"]


def test_wanted_is_the_unit_at_its_place(host: FakeSystemd, tmp_path: Path) -> None:
    wanted = the_service(host, tmp_path).wanted(("temporal_client_key",))
    assert list(wanted) == [str(tmp_path / UNIT)]
    assert "temporal_client_key" in wanted[str(tmp_path / UNIT)]


@pytest.mark.parametrize("root", ["/home/me/worker", "/tmp/worker", "/root" + "/worker"])
def test_a_folder_that_the_unit_hides_is_refused(host: FakeSystemd, tmp_path: Path, root: str) -> None:
    with pytest.raises(errors.ServiceFailed, match="hides the directory"):
        the_service(host, tmp_path, root=root).wanted(())


@pytest.mark.parametrize("root", ['/opt/a"b', "/opt/a\\b", "/opt/a\nb"], ids=["quote", "backslash", "line end"])
def test_a_folder_that_no_unit_can_name_is_refused(host: FakeSystemd, tmp_path: Path, root: str) -> None:
    with pytest.raises(errors.ServiceFailed, match="does not support the path"):
        the_service(host, tmp_path, root=root).wanted(())


def test_an_account_that_is_not_there_is_refused(host: FakeSystemd, tmp_path: Path) -> None:
    with pytest.raises(errors.ServiceFailed, match="the account 'nobody-here' does not exist"):
        the_service(host, tmp_path, user="nobody-here").wanted(())


def test_an_old_systemd_is_refused(host: FakeSystemd, tmp_path: Path) -> None:
    host.version = "systemd 249 (249.11)"
    with pytest.raises(errors.ServiceFailed, match="has systemd 249, but 250 or later is required"):
        the_service(host, tmp_path).wanted(())


def test_without_root_nothing_is_begun(host: FakeSystemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd.os, "geteuid", lambda: 1000)
    with pytest.raises(errors.ServiceFailed, match="only root"):
        the_service(host, tmp_path).wanted(())


def test_a_host_without_systemd_is_told_so_and_has_nothing_to_remove(
    host: FakeSystemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "BOOTED", tmp_path / "nowhere")
    found = the_service(host, tmp_path)
    assert (found.running(), dict(found.definition())) == (False, {})
    found.stop()
    found.remove()
    with pytest.raises(errors.ServiceFailed, match="this host does not run systemd"):
        found.wanted(())
