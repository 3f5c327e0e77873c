# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong around a command: no server, no worker, no access, no reader, Ctrl-C."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.certificates import CertificateAuthority
from support.ports import LOOPBACK, free_port
from support.preemptctl import ARGV, Preemptctl, interrupted
from support.temporal import TemporalServer
from support.temporal_proxy import TemporalProxy
from support.vcsim import VCSim
from support.waiting import wait_until

API_KEY = "sesame-4711"


@pytest.mark.parametrize(
    ("words", "code", "error_code"),
    [
        pytest.param(["runs", "-s", "CLOSED"], 6, "temporal_unreachable", id="no server"),
        pytest.param(["runs", "-n", "no-such-namespace"], 3, "namespace_not_found", id="no namespace"),
        pytest.param(["workflow", "status", "-w", "none"], 8, "workflow_not_found", id="no workflow"),
        pytest.param(["workflow", "cancel", "-w", "none"], 8, "workflow_not_found", id="nothing to cancel"),
        pytest.param(["workflow", "run", "-c", "urgent"], 2, "invalid_request", id="wrong criticality"),
        pytest.param(["workflow", "run", "-q", ""], 2, "invalid_setting", id="empty queue"),
        pytest.param(["explain"], 2, "wrong_usage", id="no VM"),
        pytest.param(["restore", "--tag", ""], 2, "invalid_request", id="restore without tag"),
        pytest.param(["workflow", "run", "--vm", ""], 2, "invalid_request", id="run for an empty name"),
        pytest.param(["restore", "--preemption-id", ""], 2, "invalid_request", id="restore of an empty id"),
        pytest.param(["restore", "--of-run", ""], 2, "invalid_request", id="restore of an empty id by its old flag"),
        pytest.param(["watch", "no-such-run", "-w", "none"], 8, "workflow_not_found", id="no run to watch"),
        pytest.param(["plan"], 2, "invalid_setting", id="no vCenter"),
    ],
)
def test_a_failure_is_one_line_and_its_exit_code(
    preemptctl: Preemptctl, words: list[str], code: int, error_code: str
) -> None:
    words = [f"{LOOPBACK}:{free_port()}" if word == "CLOSED" else word for word in words]
    failed = preemptctl(*words, "--json")
    assert (failed.code, failed.error["error_code"], failed.out) == (code, error_code, "")
    assert failed.err.count("\n") == 1


def test_without_a_worker_a_request_is_stored_and_a_question_goes_without_answer(
    preemptctl: Preemptctl, workflow_id: str
) -> None:
    sent = preemptctl("workflow", "run", "-w", workflow_id)
    assert (sent.code, sent.err) == (0, "")
    asked = preemptctl("workflow", "status", "-w", workflow_id)
    assert (asked.code, "[no_worker]" in asked.err) == (7, True)
    waited = preemptctl("workflow", "run", "-w", workflow_id, "--wait", "--timeout", "1")
    assert (waited.code, "[no_worker]" in waited.err) == (7, True)


def test_an_unreachable_vcenter_has_its_exit_code(preemptctl: Preemptctl, shared_vcsim: VCSim) -> None:
    environment = {**shared_vcsim.client_environment(), "VCENTER_URL": f"https://{LOOPBACK}:{free_port()}"}
    assert preemptctl("plan", env=environment).code == 6


@pytest.fixture
def secured(temporal: TemporalServer, authority: CertificateAuthority) -> Iterator[TemporalProxy]:
    proxy = TemporalProxy(temporal.address, authority=authority, client_authority=authority, api_key=API_KEY).start()
    yield proxy
    proxy.close()


def test_mutual_tls_and_an_api_key_by_flags_and_by_environment(
    preemptctl: Preemptctl, secured: TemporalProxy, authority: CertificateAuthority, tmp_path: Path
) -> None:
    own = authority.client("operator")
    key = tmp_path / "key"
    key.write_text(API_KEY)
    flags = ["resume", "--json", "-s", secured.address, "--tls-ca-file", str(authority.file)]
    flags += ["--tls-cert-file", str(own.certificate), "--tls-key-file", str(own.key)]
    assert preemptctl(*flags, "--api-key-file", str(key)).code == 0
    assert preemptctl(*flags, env={"TEMPORAL_API_KEY": API_KEY}).code == 0
    refused = preemptctl(*flags, env={"TEMPORAL_API_KEY": "guess"})
    assert (refused.code, refused.error["error_code"]) == (4, "temporal_access_denied")
    assert "guess" not in refused.out + refused.err


def test_watch_ends_with_ctrl_c_and_its_words_hold_no_secret(preemptctl: Preemptctl, workflow_id: str) -> None:
    preemptctl.environment["TEMPORAL_GRPC_META_X"] = API_KEY
    child = preemptctl.start("watch", "-w", workflow_id)
    assert child.stdout is not None
    assert child.stdout.readline() == "No active run; waiting for one.\n"
    assert API_KEY.encode() not in Path(f"/proc/{child.pid}/cmdline").read_bytes()
    done = interrupted(child)
    assert (done.code, done.err) == (130, "")


def test_on_a_terminal_watch_draws_again_in_its_place(preemptctl: Preemptctl, workflow_id: str) -> None:
    ours, theirs = pty.openpty()
    child = preemptctl.start("watch", "-w", workflow_id, "--interval", "0.1", stdout=theirs)
    os.close(theirs)
    seen = b""

    def drawn_twice() -> bool:
        nonlocal seen
        seen += os.read(ours, 4096)
        return b"\x1b[1F\x1b[JNo active run" in seen

    wait_until(drawn_twice, 60, "the second drawing")
    assert interrupted(child).code == 130
    os.close(ours)


def test_a_reader_that_goes_away_is_no_crash(preemptctl: Preemptctl) -> None:
    command = f"{' '.join(ARGV)} completion bash | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", f"{command}"], env=preemptctl.environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("141\n", "")


def test_the_completion_works_in_bash(preemptctl: Preemptctl) -> None:
    script = preemptctl("completion", "bash").out
    ask = 'COMP_WORDS=({words}); COMP_CWORD={place}; COMPREPLY=(); _preemptctl; echo "${{COMPREPLY[*]}}"\n'
    asked = [
        (("preemptctl", '""'), "workflow"),
        (("preemptctl", "workflow", '""'), "run status cancel"),
        (("preemptctl", "workflow", "run", "--crit"), "--criticality"),
        (("preemptctl", "workflow", "run", "-c", '""'), "LOW MEDIUM HIGH"),
        (("preemptctl", "completion", "z"), "zsh"),
    ]
    text = script + "".join(ask.format(words=" ".join(words), place=len(words) - 1) for words, _reply in asked)
    done = subprocess.run(["bash", "-u"], input=text, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    replies = done.stdout.splitlines()
    assert replies[0].startswith(asked[0][1])
    assert replies[1:] == [reply for _words, reply in asked[1:]]


def test_help_and_completion_load_neither_temporal_nor_vcenter_and_no_command_loads_the_worker(
    preemptctl: Preemptctl,
) -> None:
    look = "import sys; from {module} import *; print([name for name in {names} if name in sys.modules])"
    package = "vsphere_preemption_worker.preemptctl"
    heavy = ["temporalio", "pyVmomi", "yaml"]
    worker = ["temporalio.worker", "vsphere_preemption_worker.workflows", "vsphere_preemption_worker.service"]
    for modules, names in (("__main__",), heavy), (("workflow", "plan", "restore", "watch"), worker):
        for module in modules:
            code = look.format(module=f"{package}.{module}", names=names)
            done = subprocess.run(
                [ARGV[0], "-c", code], env=preemptctl.environment, capture_output=True, text=True, check=True
            )
            assert done.stdout == "[]\n", module


def test_setup_has_put_the_command_beside_python() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "preemptctl", "workflow"],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "workflow status" in done.stdout
