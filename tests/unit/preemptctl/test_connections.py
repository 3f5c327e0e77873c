# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags go before the environment; secrets come from files and the environment alone."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption_worker.preemptctl.command_line import find, parse, split
from vsphere_preemption_worker.preemptctl.commands import TEMPORAL, VCENTER
from vsphere_preemption_worker.preemptctl.connections import task_queue, temporal_connection


def options_of(*words: str) -> Namespace:
    path, rest = split(["resume", *words])
    command = find(path)
    assert command is not None
    return parse(command, rest)


def test_without_flags_and_environment_the_defaults_are_the_prototypes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEMPORAL_TASKQUEUE", raising=False)
    found = temporal_connection(options_of(), {})
    assert (found.address, found.namespace) == ("localhost:7233", "vsphere-preemption")
    assert task_queue(options_of()) == "vsphere-preemption"


def test_a_flag_wins_over_the_environment_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"TEMPORAL_URL": "env:1", "TEMPORAL_NAMESPACE": "env"}
    monkeypatch.setenv("TEMPORAL_TASKQUEUE", "env")
    found = temporal_connection(options_of(), environ)
    assert (found.address, found.namespace, task_queue(options_of())) == ("env:1", "env", "env")
    given = options_of("-s", "flag:2", "-n", "flag", "-q", "flag")
    found = temporal_connection(given, environ)
    assert (found.address, found.namespace, task_queue(given)) == ("flag:2", "flag", "flag")


def test_the_api_key_comes_from_a_file_and_turns_tls_on(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sesame\n")
    found = temporal_connection(options_of("--api-key-file", str(key)), {})
    assert (found.api_key, bool(found.tls), "sesame" in repr(found)) == ("sesame", True, False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["--api-key-file", "no-such-file"], "no-such-file cannot be read", id="no file"),
        pytest.param(["--server", ""], "--server: it is empty", id="empty"),
        pytest.param(["--server", "host"], "is not host:port", id="no port"),
        pytest.param(["--tls=false", "--tls-ca-file", "x"], "disables TLS", id="TLS off and a CA"),
    ],
)
def test_what_cannot_be_is_refused(words: list[str], said: str) -> None:
    with pytest.raises(InvalidSetting, match=said):
        temporal_connection(options_of(*words), {})


def test_no_flag_takes_a_secret() -> None:
    names = {flag.name for flag in (*TEMPORAL, *VCENTER)}
    assert not {name for name in names if "password" in name or name.endswith(("api-key", "username"))}
