# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options for the webhook become variables and secret files of a worker, or are refused; off is off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unit.modules._collection import imported
from vsphere_preemption_worker.triggers.webhook import secrets as of_worker
from vsphere_preemption_worker.triggers.webhook.settings import WebhookSettings

from .test_spec import FOLDER, SHIPPED, ordered

detached = imported("plugins.module_utils._worker_host.detached")
webhook = imported("plugins.module_utils._worker_host.spec")
InvalidSetting = imported("plugins.module_utils.vsphere_preemption.core.errors").InvalidSetting

TOKENS, KEY = ["first-token-of-a-sender", "second-token-of-one"], "a key of a sender"
SENT = {**SHIPPED, "webhook_cert": "CERT", "webhook_key": "KEY"}
REACHED = {"webhook_address": "0.0.0.0:8443", "webhook_tokens": TOKENS}
SOURCES = ["https://vc-1*/sdk", "https://vc-2/sdk"]
EVERYTHING = {
    **REACHED,
    "webhook_hmac_keys": [KEY],
    "webhook_sources": SOURCES,
    "webhook_max_bytes": 4096,
    "webhook_per_second": 5,
    "shipped": SENT,
}


def of_webhook(variables: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in variables.items() if "WEBHOOK" in name}


def test_without_an_address_nothing_else_of_it_counts() -> None:
    off = {name: value for name, value in EVERYTHING.items() if name != "webhook_address"}
    found, least = ordered(**off), ordered()
    assert (found.variables, found.files, found.secrets) == (least.variables, least.files, ())


def test_on_this_machine_alone_an_address_is_enough() -> None:
    for address in ("127.0.0.1:8088", ":8088", "localhost:8088", "[::1]:8088"):
        found = ordered(webhook_address=address)
        assert of_webhook(found.variables) == {"PREEMPTION_WEBHOOK_ADDRESS": address}


def test_everything_that_is_given_reaches_the_worker_and_secrets_only_in_secret_files() -> None:
    found = ordered(**EVERYTHING)
    assert of_webhook(found.variables) == {
        "PREEMPTION_WEBHOOK_ADDRESS": "0.0.0.0:8443",
        "PREEMPTION_WEBHOOK_CERT_FILE": f"{FOLDER}/tls/webhook_cert.pem",
        "PREEMPTION_WEBHOOK_SOURCES": "https://vc-1*/sdk,https://vc-2/sdk",
        "PREEMPTION_WEBHOOK_MAX_BYTES": "4096",
        "PREEMPTION_WEBHOOK_PER_SECOND": "5",
    }
    assert found.secrets == ("webhook_tokens", "webhook_hmac_keys", "webhook_key")
    files = [found.files[f"credentials/{name}"] for name in found.secrets]
    assert [(file.mode, file.secret) for file in files] == [(0o600, True)] * 3
    assert [file.text for file in files] == ["".join(f"{token}\n" for token in TOKENS), f"{KEY}\n", "KEY"]
    assert [word for word in (*TOKENS, KEY) if word in repr(found)] == []


def test_a_detached_worker_is_told_where_its_secret_files_are() -> None:
    found = ordered(**EVERYTHING)
    paths = detached.Detached(found.instance).secret_paths(found.secrets)
    assert of_webhook(paths) == {
        "PREEMPTION_WEBHOOK_TOKEN_FILE": f"{FOLDER}/credentials/webhook_tokens",
        "PREEMPTION_WEBHOOK_HMAC_FILE": f"{FOLDER}/credentials/webhook_hmac_keys",
        "PREEMPTION_WEBHOOK_KEY_FILE": f"{FOLDER}/credentials/webhook_key",
    }


def test_the_worker_takes_what_is_written_for_it(tmp_path: Path) -> None:
    found = ordered(**EVERYTHING)
    named = {**found.variables, **detached.Detached(found.instance).secret_paths(found.secrets)}
    for name, file in found.files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(file.text)
    settings = WebhookSettings.from_environment(
        {key: text.replace(FOLDER, str(tmp_path)) for key, text in named.items()}
    )
    assert settings is not None
    assert settings.token_file is not None
    assert of_worker.SecretFile(settings.token_file).current() == tuple(token.encode() for token in TOKENS)
    assert (settings.sources, settings.per_second) == (tuple(SOURCES), 5)


def test_the_worker_has_the_same_limits() -> None:
    assert (webhook.SHORTEST_SECRET, webhook.MOST_SECRETS) == (of_worker.SHORTEST_SECRET, of_worker.MAX_SECRETS)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        pytest.param({"webhook_address": "8443"}, "webhook_address", id="no address"),
        pytest.param({"webhook_tokens": None}, "any sender could stop VMs", id="open to everybody"),
        pytest.param({"webhook_address": ":x"}, "webhook_address", id="no port"),
        pytest.param({"webhook_address": "worker.example.com:1", "webhook_tokens": []}, "any sender", id="a name"),
        pytest.param({"webhook_tokens": ["short-token"]}, "shorter than 16", id="a short token"),
        pytest.param({"webhook_hmac_keys": [f"{KEY}\n{KEY}"]}, "a non-printable character", id="two lines"),
        pytest.param({"webhook_hmac_keys": [f" {KEY}"]}, "leading or trailing whitespace", id="a blank"),
        pytest.param({"webhook_tokens": [KEY] * 17}, "17 values", id="too many"),
        pytest.param({"shipped": {**SENT, "webhook_key": ""}}, "webhook_key_file", id="no key"),
        pytest.param({"shipped": {**SENT, "webhook_cert": ""}}, "webhook_cert_file", id="no certificate"),
        pytest.param({"environment": {"PREEMPTION_WEBHOOK_TOKEN_FILE": "x"}}, "webhook_tokens", id="a variable"),
    ],
)
def test_what_the_worker_would_refuse_is_refused_without_showing_a_secret(given: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidSetting, match=word) as refused:
        ordered(**{**REACHED, **given})
    assert [secret for secret in ("short-token", KEY) if secret in str(refused.value)] == []
