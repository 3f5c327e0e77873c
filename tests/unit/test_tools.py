# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools of the house must not pass when they did nothing, nor be done when something is missing."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from sanity import __main__ as sanity
from sanity import checkout, lint
from setup import __main__ as setup
from setup import newest, places, steps

ONE_TEST = 'Running sanity test "pep8"\n'


def test_a_full_run_of_the_sanity_tests_is_counted() -> None:
    assert sanity.check_that_tests_ran(ONE_TEST * 24) == 24


@pytest.mark.parametrize(
    "output",
    [
        pytest.param("", id="nothing"),
        pytest.param(ONE_TEST * (sanity.FEWEST_TESTS - 1), id="too few tests"),
        pytest.param(ONE_TEST * 24 + "WARNING: All targets skipped.\n", id="no files seen"),
    ],
)
def test_a_run_of_the_sanity_tests_that_tested_nothing_is_a_failure(output: str) -> None:
    with pytest.raises(sanity.NothingTested):
        sanity.check_that_tests_ran(output)


def test_the_copy_for_ansible_test_has_sources_only(tmp_path: Path) -> None:
    copy = checkout.copy_into(tmp_path)
    assert (copy / "galaxy.yml").is_file()
    assert not [name for name in (".venv", ".tools", ".cache", ".git") if (copy / name).exists()]


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A checkout in which setup has just ended; its fingerprint."""
    venv, tools = tmp_path / "venv", tmp_path / "tools"
    names = [
        venv / "bin" / "python",
        venv / "bin" / "preemptctl",
        *(tools / name for name in steps.FROM_WHEELS + steps.FROM_GO),
    ]
    for name in names:
        name.parent.mkdir(parents=True, exist_ok=True)
        name.touch()
    monkeypatch.setattr(setup, "VENV", venv)
    monkeypatch.setattr(setup, "TOOLS", tools)
    monkeypatch.setattr(setup, "STAMP", venv / "stamp")
    wanted = setup.fingerprint()
    setup.STAMP.write_text(wanted)
    return wanted


def test_setup_is_done_when_its_stamp_fits_and_everything_is_there(finished: str) -> None:
    assert setup.is_done(finished)


def test_setup_is_not_done_after_a_lock_file_changed(
    finished: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "dev.txt"
    lock.write_text("other==1\n")
    monkeypatch.setattr(setup, "LOCK", lock)
    assert not setup.is_done(setup.fingerprint())


@pytest.mark.parametrize("name", steps.FROM_WHEELS + steps.FROM_GO)
def test_setup_is_not_done_while_a_program_is_missing(name: str, finished: str, tmp_path: Path) -> None:
    (tmp_path / "tools" / name).unlink()
    assert not setup.is_done(finished)


def test_a_failed_step_says_what_failed_and_why() -> None:
    with pytest.raises(steps.SetupFailed, match=r"'sh -c' exited with code 3:\n  no room left"):
        steps.run(["sh", "-c", "echo no room left >&2; exit 3"], {})


@pytest.mark.parametrize(
    ("made_in", "foreign"),
    [pytest.param("{venv}", False, id="here"), pytest.param("/elsewhere/.venv", True, id="elsewhere")],
)
def test_an_environment_is_known_by_the_folder_it_was_made_in(made_in: str, foreign: bool, tmp_path: Path) -> None:
    script = tmp_path / "bin" / "activate"
    script.parent.mkdir()
    script.write_text(f"VIRTUAL_ENV='{made_in.format(venv=tmp_path)}'\n")
    assert steps.is_from_another_folder(tmp_path) is foreign


def test_a_second_setup_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, order = tmp_path / "cache" / "setup.lock", []
    waits = threading.Event()
    monkeypatch.setattr(steps, "say", lambda text: waits.set() if "waiting" in text else None)

    def second() -> None:
        with steps.alone(lock):
            order.append("second")

    thread = threading.Thread(target=second)
    with steps.alone(lock):
        thread.start()
        assert waits.wait(10)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


@pytest.fixture
def only_pyenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose PATH has nothing but a pyenv shim; the folder of pyenv's versions."""
    shim = tmp_path / "shims" / f"python{newest.PYTHON}"
    versions = tmp_path / "pyenv" / "versions"
    for folder in (shim.parent, versions):
        folder.mkdir(parents=True)
    write_program(shim, 127)
    monkeypatch.setenv("PATH", str(shim.parent))
    monkeypatch.setenv("PYENV_ROOT", str(versions.parent))
    return versions


def write_program(path: Path, code: int) -> None:
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)


def test_the_second_lane_takes_a_python_of_pyenv_behind_a_shim_that_does_not_run(only_pyenv: Path) -> None:
    python = only_pyenv / f"{newest.PYTHON}.1" / "bin" / f"python{newest.PYTHON}"
    python.parent.mkdir(parents=True)
    write_program(python, 0)
    assert newest.find_python() == str(python)


def test_without_its_python_the_second_lane_says_what_to_install(only_pyenv: Path) -> None:
    with pytest.raises(steps.SetupFailed, match=f"no Python {newest.PYTHON}.*\n.*Install it"):
        newest.find_python()


def test_the_second_lane_runs_what_ships() -> None:
    pins = r"^[\w.-]+==\S+"
    shipped = checkout.CHECKOUT / "roles" / "worker" / "files" / "requirements.txt"
    wanted = set(re.findall(pins, shipped.read_text(), re.MULTILINE))
    assert wanted <= set(re.findall(pins, places.NEWEST_LOCK.read_text(), re.MULTILINE))


def test_the_command_of_an_environment_is_that_of_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = tmp_path / ".cache" / "newest" / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    package = tmp_path / "roles" / "worker" / "files" / "vsphere_preemption_worker" / "preemptctl"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text("def main() -> int:\n    return 7\n")
    monkeypatch.setattr(steps, "CHECKOUT", tmp_path)
    steps.write_launcher(venv)
    assert subprocess.run([venv / "bin" / steps.LAUNCHER], check=False).returncode == 7


def test_the_hooks_of_pre_commit_fetch_nothing_and_run_what_is_there() -> None:
    config = yaml.safe_load((checkout.CHECKOUT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert {repository["repo"] for repository in config["repos"]} == {"local"}
    assert {hook["language"] for hook in hooks} == {"system"}
    paths = {word for hook in hooks for word in hook["entry"].split() if "/" in word and "=" not in word}
    assert {
        path for path in paths if not path.startswith((".venv/", ".cache/")) and not (checkout.CHECKOUT / path).exists()
    } == set()


def test_the_hooks_check_the_types_of_what_lint_checks() -> None:
    config = yaml.safe_load((checkout.CHECKOUT / ".pre-commit-config.yaml").read_text())
    (entry,) = [hook["entry"] for hook in config["repos"][0]["hooks"] if hook["id"] == "mypy"]
    assert tuple(entry.split()[1:]) == lint.TYPED
