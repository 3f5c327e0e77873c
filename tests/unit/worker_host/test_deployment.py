# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment as a whole: what is done in which order, what is left of it, and the way back."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from unit.modules._collection import imported

from .host_double import FakeHost, errors


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def test_check_mode_touches_nothing_and_tells_what_would_be(host: FakeHost) -> None:
    checked = host.deploy(check_mode=True)
    assert (checked.plan.changed, checked.plan.before) == (True, "")
    assert not host.instance.root.exists()
    done = host.deploy()
    assert (done.release, done.plan.after) == (checked.release, checked.plan.after)


def test_the_second_time_nothing_is_done(host: FakeHost) -> None:
    host.deploy()
    before, commands = host.files(), len(host.commands)
    again = host.deploy()
    assert not again.plan.changed
    assert host.detached.done == [f"start {again.release}"]
    assert (host.files(), len(host.commands)) == (before, commands + 1)


def test_only_the_owner_may_read_what_is_secret_and_anybody_the_rest(host: FakeHost) -> None:
    host.deploy(policy="p")
    modes = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in host.instance.folder.rglob("*")}
    assert {name for name, mode in modes.items() if mode & 0o077} == {
        "current",
        "venv",
        "policy.yml",
        "bin",
        "preemptctl",
    }
    assert stat.S_IMODE(host.instance.folder.stat().st_mode) == 0o755
    assert stat.S_IMODE((host.instance.current / "requirements.txt").stat().st_mode) == 0o644


def test_the_worker_is_stopped_before_its_links_lead_elsewhere(host: FakeHost) -> None:
    first = host.deploy("one")
    second = host.deploy("two")
    assert host.detached.done == [f"start {first.release}", f"stop {first.release}", f"start {second.release}"]
    assert second.previous_release == first.release


def test_another_policy_is_read_without_a_restart(host: FakeHost) -> None:
    host.deploy(policy="one")
    host.deploy(policy="two")
    assert host.detached.done[1:] == ["reload two"]


def test_a_policy_that_the_worker_refuses_is_taken_back(host: FakeHost) -> None:
    host.deploy(policy="one")
    host.detached.breaks_with = "two"
    with pytest.raises(errors.ServiceFailed):
        host.deploy(policy="two")
    assert host.detached.done[1:] == ["reload two", "reload one"]
    assert host.instance.policy_file.read_text() == "one"


def test_what_cannot_start_is_rolled_back(host: FakeHost) -> None:
    first = host.deploy("one", policy="old")
    host.detached.breaks_with = host.deploy("two", check_mode=True).release
    with pytest.raises(errors.WorkerNotReady) as failed:
        host.deploy("two", policy="new")
    assert host.detached.done[-1] == f"start {first.release}"
    assert host.instance.policy_file.read_text() == "old"
    assert failed.value.as_result()["rolled_back"]
    assert f"Rolled back to release {first.release}; the previous state was restored." in str(failed.value)
    assert "I cannot go on" in str(failed.value)
    assert not host.deploy("one", policy="old").plan.changed


def test_what_does_not_get_ready_in_time_is_rolled_back_to_nothing(host: FakeHost) -> None:
    with pytest.raises(errors.WorkerNotReady, match=r"/readyz does not respond .* Rolled back to no worker"):
        host.deploy(ready_seconds=5.0)
    assert [done.split()[0] for done in host.detached.done] == ["start", "stop"]
    assert not host.instance.folder.exists()


def test_a_way_back_that_fails_is_said(host: FakeHost) -> None:
    host.detached.breaks_with = host.deploy("one").release
    with pytest.raises(errors.WorkerNotReady, match="the rollback failed") as failed:
        host.deploy("two", ready_seconds=1.0)
    assert not failed.value.as_result()["rolled_back"]


def test_a_release_that_does_not_start_is_never_switched_to(host: FakeHost) -> None:
    first = host.deploy("one")
    host.failing = ("--help",)
    with pytest.raises(errors.ReleaseUnusable, match="it went wrong"):
        host.deploy("two")
    assert host.detached.done == [f"start {first.release}"]
    assert host.instance.current.readlink().name == first.release


def test_packages_that_cannot_be_installed_leave_nothing_and_the_worker_alone(host: FakeHost) -> None:
    first = host.deploy("one")
    host.failing = ("--require-hashes",)
    with pytest.raises(errors.VenvFailed, match="it went wrong"):
        host.deploy("two", lock_sha256="c")
    assert host.detached.done == [f"start {first.release}"]
    assert len(list((host.instance.root / "venvs").iterdir())) == 1


def test_the_address_of_the_index_is_in_no_argument_list(host: FakeHost) -> None:
    source = imported_source(index_url="https://user:hunter2@index/simple")
    host.deploy(source=source)
    assert "hunter2" not in repr(source) + repr(host.commands)
    assert {"PIP_INDEX_URL": "https://user:hunter2@index/simple"} in host.environments


def test_a_wheelhouse_is_all_that_is_asked(host: FakeHost) -> None:
    host.deploy(source=imported_source(wheelhouse="/srv/wheels"))
    [install] = [command for command in host.commands if "--require-hashes" in command]
    assert install[-3:] == ["--no-index", "--find-links", "/srv/wheels"]


def test_a_release_that_somebody_edited_is_made_anew(host: FakeHost) -> None:
    first = host.deploy()
    program = host.instance.current / "vsphere_preemption_worker" / "__main__.py"
    program.write_text("edited")
    done = host.deploy()
    assert "(damaged)" in done.plan.before
    assert host.detached.done == [f"start {first.release}", f"stop {first.release}", f"start {first.release}"]
    assert program.read_text() == "one"


def test_an_archive_that_is_needed_and_was_not_sent_is_said_and_nothing_is_touched(host: FakeHost) -> None:
    first = host.deploy("one")
    with pytest.raises(errors.ReleaseMissing):
        host.deploy("two", archive="")
    assert host.detached.done == [f"start {first.release}"]


def test_so_many_releases_stay_and_those_in_use(host: FakeHost) -> None:
    releases = [host.deploy(release).release for release in ("one", "two", "three")]
    kept = {path.name for path in (host.instance.root / "releases").iterdir()}
    assert kept == set(releases[1:])
    back = host.deploy("two")
    assert back.release == releases[1]
    other = FakeHost(host.root, name="other")
    other.deploy("four", keep=1)
    kept = {path.name for path in (host.instance.root / "releases").iterdir()}
    assert len(kept) == 2
    assert releases[1] in kept


def test_another_way_to_run_it_replaces_the_first(host: FakeHost) -> None:
    release = host.deploy().release
    host.deploy(service="systemd")
    assert (host.detached.is_running, host.systemd.is_running) == (False, True)
    host.deploy()
    assert (host.detached.is_running, host.systemd.is_running) == (True, False)
    assert host.systemd.done == [f"start {release}", f"stop {release}", "remove"]


def test_what_runs_no_more_is_started_again(host: FakeHost) -> None:
    host.deploy()
    host.detached.is_running = False
    assert host.deploy().plan.action.value == "started"


def test_removing_one_of_two_leaves_the_other(host: FakeHost) -> None:
    other = FakeHost(host.root, name="other")
    host.deploy()
    other.deploy(service="systemd")
    assert host.remove(check_mode=True).plan.changed
    assert host.detached.is_running
    assert host.remove().plan.changed
    assert (host.detached.is_running, other.systemd.is_running) == (False, True)
    assert not other.deploy(service="systemd").plan.changed
    assert not host.remove().plan.changed


def test_removing_the_last_one_leaves_nothing(host: FakeHost) -> None:
    host.deploy(service="systemd")
    host.remove()
    assert not host.instance.root.exists()
    assert not host.systemd.definition()
    assert not host.remove().plan.changed


def test_what_somebody_else_put_there_stays(host: FakeHost) -> None:
    host.deploy()
    (host.instance.root / "notes.txt").write_text("mine")
    host.remove()
    assert host.files() == ["notes.txt"]
    assert not host.remove().plan.changed


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "opt").write_text("a file")
    with pytest.raises(errors.HostNotWritable, match="opt"):
        FakeHost(tmp_path).deploy()


def imported_source(**given: str) -> object:
    return imported("plugins.module_utils._worker_host.venv").PackageSource(**given)
