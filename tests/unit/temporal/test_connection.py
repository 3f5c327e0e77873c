# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a connection takes its values from, and what it refuses to connect with."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.temporal.connection import TemporalConnection

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment without any configuration file of the person who runs the tests."""
    return {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}


@pytest.mark.parametrize(
    ("environ", "address", "namespace"),
    [
        ({}, "localhost:7233", "vsphere-preemption"),
        ({"TEMPORAL_URL": "a:1", "TEMPORAL_NAMESPACE": "n"}, "a:1", "n"),
        ({"TEMPORAL_ADDRESS": "b:2"}, "b:2", "vsphere-preemption"),
        ({"TEMPORAL_URL": "a:1", "TEMPORAL_ADDRESS": "b:2"}, "a:1", "vsphere-preemption"),
    ],
)
def test_the_first_that_is_set_wins(
    home: dict[str, str], environ: dict[str, str], address: str, namespace: str
) -> None:
    connection = TemporalConnection.from_environment({**home, **environ})
    assert (connection.address, connection.namespace) == (address, namespace)
    assert connection.tls is None


def test_a_profile_of_temporal_is_used(home: dict[str, str], tmp_path: Path) -> None:
    config = tmp_path / "temporal.toml"
    config.write_text('[profile.prod]\naddress = "prod:7233"\nnamespace = "spot"\napi_key = "sesame"\n')
    environ = {**home, "TEMPORAL_CONFIG_FILE": str(config), "TEMPORAL_PROFILE": "prod"}
    connection = TemporalConnection.from_environment(environ)
    assert (connection.address, connection.namespace, connection.api_key) == ("prod:7233", "spot", "sesame")
    assert connection.tls is True


def test_an_api_key_turns_tls_on_and_is_never_shown(home: dict[str, str]) -> None:
    connection = TemporalConnection.from_environment({**home, "TEMPORAL_API_KEY": "sesame"})
    assert connection.tls is True
    assert "sesame" not in repr(connection)


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"TEMPORAL_CONFIG_FILE": "/no/such/file.toml"}, id="configuration file that is not there"),
        pytest.param({"TEMPORAL_TLS": "maybe"}, id="TLS neither on nor off"),
        pytest.param({"TEMPORAL_TLS": "false", "TEMPORAL_API_KEY": "sesame"}, id="key in clear text"),
        pytest.param({"TEMPORAL_TLS_CLIENT_CERT_PATH": "/no/such/cert.pem"}, id="certificate that is not there"),
        pytest.param({"TEMPORAL_URL": "http://localhost:7233"}, id="address with a scheme"),
        pytest.param({"TEMPORAL_URL": "localhost"}, id="address without a port"),
        pytest.param({"TEMPORAL_URL": "localhost:99999"}, id="port that cannot be"),
        pytest.param({"TEMPORAL_TLS": "0", "TEMPORAL_TLS_SERVER_CA_CERT_DATA": "x"}, id="TLS files without TLS"),
        pytest.param({"TEMPORAL_PROFILE": "nobody"}, id="unknown profile"),
    ],
)
def test_a_connection_that_cannot_be_meant_is_refused(home: dict[str, str], environ: dict[str, str]) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        TemporalConnection.from_environment({**home, **environ})
    assert "sesame" not in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[profile.default]\napi_key = sesame\n", id="unquoted"),
        pytest.param('[profile.default]\napi_key = "sesame\n', id="unterminated"),
        pytest.param('[profile.default]\napi_key = "sesame"\napi_key = "sesame"\n', id="twice"),
        pytest.param('[profile.default]\nadress = "a:1"\napi_key = "sesame"\n', id="unknown name"),
    ],
)
def test_a_broken_configuration_file_is_refused_without_a_word_of_its_secrets(
    home: dict[str, str], tmp_path: Path, text: str
) -> None:
    config = tmp_path / "temporal.toml"
    config.write_text(text)
    with pytest.raises(InvalidSetting) as refusal:
        TemporalConnection.from_environment({**home, "TEMPORAL_CONFIG_FILE": str(config)})
    assert "sesame" not in "".join(traceback.format_exception(refusal.value))
    assert "\n" not in str(refusal.value)


def test_a_key_is_used_without_the_line_end_of_its_file() -> None:
    connection = TemporalConnection.from_options(address="a:1", namespace="n", api_key="sesame\n")
    assert connection.api_key == "sesame"


def test_options_alone_decide_and_any_tls_file_turns_tls_on(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(PEM)
    connection = TemporalConnection.from_options(address="a:1", namespace="n", ca_file=str(ca_file))
    assert connection.tls.server_root_ca_cert == PEM.encode()


@pytest.mark.parametrize(
    "options",
    [
        {"client_cert_file": "c.pem"},
        {"client_key_file": "k.pem"},
        {"ca_file": "missing.pem"},
        {"api_key": "sesame", "tls": False},
        {"server_name": "a.example", "tls": False},
    ],
    ids=str,
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidSetting):
        TemporalConnection.from_options(address="a:1", namespace="n", **options)  # type: ignore[arg-type]


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text("hello")
    with pytest.raises(InvalidSetting, match="PEM"):
        TemporalConnection.from_options(address="a:1", namespace="n", ca_file=str(ca_file))
