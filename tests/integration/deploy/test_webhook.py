# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role turns the webhook of a worker on and off. The witness sends events as the documentation says."""

from __future__ import annotations

import json
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.ansible import Completed
from support.certificates import CertificateAuthority
from support.ports import LOOPBACK, free_port
from support.webhook import STRUCTURED, Sender, alarm_data, of_knative, signature

from .conftest import Host, command_lines

pytestmark = [pytest.mark.timeout(600), pytest.mark.long]
BOOK = """
- name: Run a worker
  hosts: localhost
  gather_facts: false
  roles: [vsphere.preemption.worker]
"""
TOKEN, NEWER, KEY = "t0ken-of-a-sender-s3cret", "newer-t0ken-of-it-s3cret", "k3y of a sender s3cret"
EVENT = of_knative("one", alarm_data("Cluster memory", "domain-c1"))
NO_RULE = {"ignored": "no_rule"}


@dataclass
class Play:
    """Runs the role with the variables of one worker."""

    host: Host
    port: int

    def run(self, *flags: str, **more: Any) -> Completed:
        variables = {f"worker_{name}": value for name, value in self.host.options.items()}
        return self.host.ansible.playbook(BOOK, *flags, "-e", json.dumps({**variables, **more}))

    def changed(self, *flags: str, **more: Any) -> int:
        """It has to succeed; the number of changed tasks."""
        ran = self.run(*flags, **more)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return int(ran.stdout.rpartition("changed=")[2].split()[0])

    @property
    def on(self) -> dict[str, Any]:
        return {"worker_webhook_address": f"{LOOPBACK}:{self.port}", "worker_webhook_tokens": [TOKEN]}

    @property
    def folder(self) -> Path:
        return self.host.root / "instances" / "default"


@pytest.fixture
def play(host: Host) -> Play:
    return Play(host, free_port())


def test_check_do_check_do_and_off_again(play: Play) -> None:
    assert play.changed() == 1
    off = {path.name for path in play.folder.rglob("*")}
    pid = play.host.pid()
    assert (play.changed("--check", **play.on), play.host.pid()) == (1, pid)
    with pytest.raises(ConnectionRefusedError):
        Sender(play.port).post(EVENT)
    assert play.changed(**play.on) == 1
    assert Sender(play.port).post(EVENT).status == 401
    answer = Sender(play.port, TOKEN).post(EVENT)
    assert (answer.status, answer.body) == (200, NO_RULE)
    pid = play.host.pid()
    assert (play.changed("--check", **play.on), play.changed(**play.on), play.host.pid()) == (0, 0, pid)
    assert play.changed(**{**play.on, "worker_webhook_tokens": [NEWER]}) == 1
    assert [Sender(play.port, token).post(EVENT).status for token in (TOKEN, NEWER)] == [401, 200]
    # Without an address the secrets alone leave nothing behind.
    assert play.changed(worker_webhook_tokens=[NEWER]) == 1
    assert {path.name for path in play.folder.rglob("*")} == off
    with pytest.raises(ConnectionRefusedError):
        Sender(play.port).post(EVENT)


def test_with_a_certificate_and_a_key_for_signatures(play: Play, authority: CertificateAuthority) -> None:
    server = authority.server()
    assert play.changed(
        worker_webhook_address=f"0.0.0.0:{play.port}",
        worker_webhook_hmac_keys=[KEY],
        worker_webhook_cert_file=str(server.certificate),
        worker_webhook_key_file=str(server.key),
    )
    sender = Sender(play.port, tls=ssl.create_default_context(cafile=str(authority.file)))
    body = json.dumps(EVENT).encode()
    assert sender.post(body, STRUCTURED, signature(KEY, body)).body == NO_RULE
    assert sender.post(body, STRUCTURED, signature("another key of somebody", body)).status == 401


def test_no_secret_of_it_is_shown_or_lies_open(play: Play, authority: CertificateAuthority) -> None:
    server = authority.server()
    files = {"worker_webhook_cert_file": str(server.certificate), "worker_webhook_key_file": str(server.key)}
    secret = {**play.on, **files, "worker_webhook_hmac_keys": [KEY]}
    output = ""
    for more in (secret, {**secret, "worker_webhook_tokens": [NEWER]}, {"worker_state": "absent"}):
        if "worker_state" in more:
            _look_at_files(play.folder)
            shown = [line for line in command_lines().values() if "s3cret" in line]
            assert shown == []
        # By a file, because what is on a command line is shown by ps.
        extra = play.host.root.parent / "extra.json"
        extra.write_text(json.dumps(more))
        ran = play.run("-vvv", "--diff", "-e", f"@{extra}")
        assert ran.returncode == 0, ran.stdout
        output += ran.stdout + ran.stderr
    private = server.key.read_text().splitlines()[2]
    assert [word for word in (TOKEN, NEWER, KEY, "s3cret", private) if word in output] == []
    assert "(hidden, changed)" in output


def _look_at_files(folder: Path) -> None:
    """The secrets are in the files for them, which nobody else may read, and in no other."""
    holding = {path for path in folder.rglob("*") if path.is_file() and _is_secret(path.read_text())}
    assert {path.name for path in holding} == {"webhook_tokens", "webhook_hmac_keys", "webhook_key"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in holding} == {0o600}
    assert {path.parent.name for path in holding} == {"credentials"}
    assert stat.S_IMODE((folder / "credentials").stat().st_mode) == 0o700


def _is_secret(text: str) -> bool:
    return "s3cret" in text or "PRIVATE KEY" in text


def test_one_that_anybody_could_reach_is_refused_and_nothing_is_done(play: Play) -> None:
    ran = play.run(worker_webhook_address=f"0.0.0.0:{play.port}")
    assert ran.returncode
    assert "any sender could stop VMs" in ran.stdout
    assert play.host.processes() == []
