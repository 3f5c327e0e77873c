# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process wrapper leaves nothing behind, also when the test run itself is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from support.paths import CHECKOUT
from support.processes import ProcessFailed, ServerProcess
from support.waiting import WaitedInVain, wait_until

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_stopped_process_is_gone_and_its_temporary_files_too(tmp_path: Path) -> None:
    server = ServerProcess("sleeper", SLEEPER, folder=tmp_path)
    server.start()
    server.wait_ready(lambda: "up" in server.log_text(), 10)
    assert server.running
    assert (tmp_path / "tmp").is_dir()
    assert server.stop() == -signal.SIGTERM
    assert is_gone(server.pid)
    assert not (tmp_path / "tmp").exists()


def test_children_of_a_killed_server_are_killed_as_well(tmp_path: Path) -> None:
    program = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
    server = ServerProcess("parent", [sys.executable, "-c", program], folder=tmp_path)
    server.start()
    child = int(wait_until(server.log_text, 10, "the child's id", until=lambda text: text.endswith("\n")))
    server.kill()
    wait_until(lambda: is_gone(child), 5, "the child to be gone")


def test_a_server_that_ends_before_it_is_ready_shows_its_last_words(tmp_path: Path) -> None:
    server = ServerProcess("broken", [sys.executable, "-c", "raise SystemExit('no licence')"], folder=tmp_path)
    server.start()
    with pytest.raises(ProcessFailed, match=r"(?s)ended with 1.*no licence"):
        server.wait_ready(lambda: False, 10)


def test_waiting_in_vain_tells_what_was_seen_last() -> None:
    with pytest.raises(WaitedInVain, match=r"the moon.*'half'"):
        wait_until(lambda: "half", 0.05, "the moon", until=lambda seen: seen == "full")


def test_servers_end_when_the_test_run_is_killed(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from support.processes import ServerProcess
        server = ServerProcess("sleeper", {SLEEPER!r}, folder=Path({str(tmp_path)!r}))
        server.start()
        print(server.pid, flush=True)
        time.sleep(600)
    """)
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "tests")}
    run = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    server = int(run.stdout.readline())
    assert not is_gone(server)
    run.kill()
    run.wait()
    run.stdout.close()
    wait_until(lambda: is_gone(server), 5, "the server to be gone")


def test_a_server_gets_no_setting_of_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "somewhere-else:7233")
    show = [sys.executable, "-c", "import os; print(sorted(os.environ))"]
    server = ServerProcess("show", show, folder=tmp_path, environment={"TEMPORAL_URL": "here"})
    server.start()
    server.wait_ended(10)
    assert "TEMPORAL_URL" in server.log_text()
    assert "TEMPORAL_ADDRESS" not in server.log_text()
