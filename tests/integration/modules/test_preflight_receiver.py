# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preemption_preflight says about the receiver of reply events, where neither Temporal nor vCenter answers."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest

from support.ansible import Ansible
from support.certificates import CertificateAuthority
from support.ports import LOOPBACK, free_port
from support.preflight import check_of, failures
from support.sink import Sink

PREFLIGHT = "preemption_preflight"
ASKED: dict[str, Any] = {"tag": "preemptible", "fail": False}
ELSEWHERE = {"temporal_connection", "vcenter_connection"}


@pytest.fixture
def blind(tmp_path: Path) -> Ansible:
    """The ansible commands, where only the receiver can answer."""
    nobody = f"{LOOPBACK}:{free_port()}"
    return Ansible(tmp_path, {"TEMPORAL_ADDRESS": nobody, "VCENTER_URL": f"https://{nobody}"})


def test_the_receiver_has_to_be_allowed_and_to_listen(blind: Ansible, sink: Sink) -> None:
    denied = blind.module(PREFLIGHT, {**ASKED, "reply_to": sink.url})
    assert failures(denied) == ELSEWHERE | {"reply_address"}
    allowed = {**ASKED, "reply_to_allow": [LOOPBACK]}
    silent = blind.module(PREFLIGHT, {**allowed, "reply_to": f"http://{LOOPBACK}:{free_port()}"})
    assert failures(silent) == ELSEWHERE | {"reply_receiver"}
    unknown = blind.module(PREFLIGHT, {**ASKED, "reply_to": "http://nobody.invalid/"})
    assert failures(unknown) == ELSEWHERE | {"reply_address"}
    odd = blind.module(PREFLIGHT, {**ASKED, "reply_to": sink.url, "reply_to_allow": "no/name"})
    assert failures(odd) == ELSEWHERE | {"reply_address"}
    assert sink.events() == []


@pytest.mark.long
def test_the_certificate_of_the_receiver_is_checked(blind: Ansible, authority: CertificateAuthority) -> None:
    server = authority.server("receiver")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)
    with socket.create_server((LOOPBACK, 0)) as listener:
        threading.Thread(target=_shake_hands, args=(listener, context), daemon=True).start()
        options = {
            **ASKED,
            "reply_to": f"https://{LOOPBACK}:{listener.getsockname()[1]}/",
            "reply_to_allow": LOOPBACK,
        }
        mistrusted = blind.module(PREFLIGHT, options)
        trusted = blind.module(PREFLIGHT, {**options, "reply_to_ca_file": str(authority.file)})
    assert "not trusted" in check_of(mistrusted, "reply_receiver")[1]
    assert check_of(trusted, "reply_receiver")[0] == "ok"


def _shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Accept TLS connections until the listener is closed."""
    while True:
        try:
            connection, _peer = listener.accept()
            with connection, context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1)
        except ssl.SSLError:
            continue
        except OSError:
            return
