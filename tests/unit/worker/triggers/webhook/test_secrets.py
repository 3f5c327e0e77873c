# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens and signatures: who is let in, and who is not."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from support.webhook import binary, signature
from vsphere_preemption.core.errors import InvalidSetting

from .conftest import GOOD, Listen

KEY = "a-key-that-nobody-guesses"


def test_a_token_opens(listen: Listen, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"an-older-token-1234\n{KEY}\n")
    hook = listen(token_file=file)
    assert hook.send.post(GOOD).status == 401
    assert hook.send.post(GOOD).headers["www-authenticate"] == "Bearer"
    for token in ("wrong", KEY[:-1], KEY + "x", "", "ü"):
        headers = {"Authorization": f"Bearer {token}".encode().decode("latin-1")}
        assert hook.send.post(GOOD, headers=headers).status == 401
    assert hook.send.post(GOOD, headers={"Authorization": f"Basic {KEY}"}).status == 401
    assert hook.acts.asked == []
    assert replace(hook.send, token=KEY).post(GOOD).status == 202


def test_a_token_is_read_again_and_without_its_file_nobody_gets_in(listen: Listen, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(KEY)
    hook = listen(token_file=file)
    newer = replace(hook.send, token="a-newer-token-12345")
    assert newer.post(GOOD).status == 401
    file.write_text("a-newer-token-12345\n")
    assert newer.post(GOOD).status == 202
    file.unlink()
    assert newer.post(GOOD).status == 503
    file.write_text("short")
    assert newer.post(GOOD).status == 503


@pytest.mark.parametrize("text", ["", "\n \n", "short", "x" * 70_000])
def test_a_file_without_a_good_secret_stops_the_start(listen: Listen, tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    with pytest.raises(InvalidSetting, match="secret"):
        listen(token_file=file)


def test_a_signature_opens_and_its_replay_is_a_duplicate(listen: Listen, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    hook = listen(hmac_file=file)
    body = json.dumps(GOOD).encode()
    signed = signature(KEY, body)
    assert hook.send.post(body).status == 401
    first = hook.send.post(body, headers=signed)
    again = hook.send.post(body, headers=signed)
    assert (first.status, again.status) == (202, 202)
    assert (first.body, again.headers["x-preemption-duplicate"]) == (again.body, "true")
    assert len(hook.acts.asked) == 1


def test_the_headers_of_an_event_are_signed_with_it(listen: Listen, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    hook = listen(hmac_file=file)
    headers, body = binary(GOOD)
    whole = {**headers, "Content-Type": "application/json"}
    signed = signature(KEY, body, headers=whole)
    assert hook.send.send(body, {**whole, "ce-id": "another", **signed}).status == 401
    assert hook.send.send(body, {**whole, **signed}).status == 202


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"X-Preemption-Timestamp": "1"}, id="another time"),
        pytest.param({"X-Preemption-Timestamp": "soon"}, id="no time"),
        pytest.param({"X-Preemption-Timestamp": ""}, id="empty time"),
        pytest.param({"X-Preemption-Signature": "sha256=" + "0" * 64}, id="forged"),
        pytest.param({"X-Preemption-Signature": "sha1=" + "0" * 40}, id="other method"),
        pytest.param({"X-Preemption-Signature": ""}, id="empty"),
    ],
)
def test_a_bad_signature_does_not_open(listen: Listen, tmp_path: Path, change: dict[str, str]) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    hook = listen(hmac_file=file)
    body = json.dumps(GOOD).encode()
    assert hook.send.post(body, headers={**signature(KEY, body), **change}).status == 401


@pytest.mark.parametrize("seconds", [-301, 302])
def test_an_old_or_early_signature_does_not_open(listen: Listen, tmp_path: Path, seconds: int) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    body = json.dumps(GOOD).encode()
    signed = signature(KEY, body, at=time.time() + seconds)
    assert listen(hmac_file=file).send.post(body, headers=signed).status == 401


def test_with_both_either_opens_but_nothing_wrong_may_be_shown(listen: Listen, tmp_path: Path) -> None:
    token, key = tmp_path / "token", tmp_path / "key"
    token.write_text("the-token-is-12345")
    key.write_text(KEY)
    hook = listen(token_file=token, hmac_file=key)
    body = json.dumps(GOOD).encode()
    signed, bearer = signature(KEY, body), {"Authorization": "Bearer the-token-is-12345"}
    assert hook.send.post(body, headers=bearer).status == 202
    assert hook.send.post(body, headers=signed).status == 202
    assert hook.send.post(body, headers={**signed, **bearer}).status == 202
    assert hook.send.post(body, headers={**signed, "Authorization": "Bearer x"}).status == 401
    forged = {**signed, "X-Preemption-Signature": "sha256=" + "0" * 64}
    assert hook.send.post(body, headers={**forged, **bearer}).status == 401
