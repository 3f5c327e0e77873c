# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The completion scripts name every command and every flag."""

from __future__ import annotations

import pytest

from vsphere_preemption_worker.preemptctl.__main__ import main
from vsphere_preemption_worker.preemptctl.commands import COMMANDS, SHELLS
from vsphere_preemption_worker.preemptctl.completion import next_words


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_names_every_command_and_flag(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for command in COMMANDS:
        assert all(word in script for word in command.path)
        for flag in command.flags:
            assert (f"-l {flag.name}" if shell == "fish" else f"--{flag.name}") in script


def test_the_words_that_may_follow() -> None:
    words = next_words()
    assert words["workflow"] == ["run", "status", "cancel"]
    assert {"workflow", "plan", "restore", "pause", "resume", "runs", "watch", "explain"} <= set(words[""])


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "ksh"]) == 2
    assert "bash, zsh, fish" in capsys.readouterr().err


def test_help_is_there_for_everything(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        assert main([*command.path, "--help"]) == 0
        shown = capsys.readouterr().out
        assert all(f"--{flag.name}" in shown for flag in command.flags)
    for words in ([], ["help"], ["--help"], ["workflow"], ["help", "workflow"]):
        assert main(words) == 0
        assert "workflow run" in capsys.readouterr().out
    assert main(["workflow", "walk"]) == 2
    assert "'workflow walk'" in capsys.readouterr().err
