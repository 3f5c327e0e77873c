# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connecting to Temporal: address, namespace, TLS and API key, from the environment or from options.

Temporal's own variables, profiles and configuration file are read by its SDK. Errors that the SDK silently ignores are
checked here, because each of them results in a connection that differs from the intended one: a missing configuration
file, an unreadable certificate, and an API key that would be sent in clear text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.contract import DEFAULT_ADDRESS, DEFAULT_NAMESPACE
from ..core.errors import InvalidSetting
from ._temporalio import part
from .faults import namespace_missing, translate

if TYPE_CHECKING:
    from temporalio.client import Client
    from temporalio.runtime import Runtime

_FALSE = ("false", "0")
_TRUTHS = ("true", "1", *_FALSE)


@dataclass(frozen=True)
class TemporalConnection:
    """The connection to one namespace.

    address: host:port of the frontend. tls: None without TLS. Secrets are not part of the repr.
    """

    address: str
    namespace: str
    tls: Any = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> TemporalConnection:
        """The prototype's TEMPORAL_URL and TEMPORAL_NAMESPACE on top of Temporal's own configuration.

        The first value that is set applies: TEMPORAL_URL, TEMPORAL_ADDRESS, the profile, the default. Raises
        InvalidSetting.
        """
        _check_environment(environ)
        profiles = part("envconfig").ClientConfigProfile
        own = {name: value for name, value in environ.items() if name.startswith("TEMPORAL_") and value}
        if environ.get("TEMPORAL_URL"):
            own["TEMPORAL_ADDRESS"] = environ["TEMPORAL_URL"]
        own.update({name: environ[name] for name in ("HOME", "XDG_CONFIG_HOME") if environ.get(name)})
        try:
            profile = profiles.load(override_env_vars=own, config_file_strict=True)
            tls = profile.tls.to_connect_tls_config() if profile.tls else bool(profile.api_key)
        except (RuntimeError, OSError, TypeError, ValueError) as error:
            # Not chained: the SDK quotes the invalid lines of the file, and one of them may be the API key.
            raise _unusable_configuration(error) from None
        return cls(
            address=_checked_address(profile.address or DEFAULT_ADDRESS),
            namespace=profile.namespace or DEFAULT_NAMESPACE,
            tls=tls or None,
            api_key=_checked_key(profile.api_key, tls=bool(tls)),
            metadata=profile.grpc_meta,
        )

    @classmethod
    def from_options(
        cls,
        *,
        address: str,
        namespace: str,
        tls: bool | None = None,
        ca_file: str | None = None,
        client_cert_file: str | None = None,
        client_key_file: str | None = None,
        server_name: str | None = None,
        api_key: str | None = None,
    ) -> TemporalConnection:
        """From single values; None means not set. Any TLS file or an API key enables TLS."""
        files = {"ca_file": ca_file, "client_cert_file": client_cert_file, "client_key_file": client_key_file}
        if bool(client_cert_file) != bool(client_key_file):
            raise _invalid(
                "client_cert_file", "client_cert_file and client_key_file must be used together", "Set both."
            )
        given = any(files.values()) or bool(server_name)
        if tls is False and given:
            raise _invalid("the TLS options", "TLS is disabled", "Enable TLS, or omit the TLS options.")
        wanted = given or bool(api_key) if tls is None else tls
        config = None
        if wanted:
            config = part("service").TLSConfig(
                domain=server_name,
                server_root_ca_cert=_read("ca_file", ca_file),
                client_cert=_read("client_cert_file", client_cert_file),
                client_private_key=_read("client_key_file", client_key_file),
            )
        return cls(
            address=_checked_address(address),
            namespace=namespace,
            tls=config,
            api_key=_checked_key(api_key, tls=wanted),
        )

    async def connect(self, *, runtime: Runtime | None = None) -> Client:
        """A connected client. Raises TemporalUnreachable, TemporalTlsRefused or TemporalAccessDenied."""
        try:
            client: Client = await part("client").Client.connect(
                self.address,
                namespace=self.namespace,
                tls=self.tls or False,
                api_key=self.api_key,
                rpc_metadata=dict(self.metadata),
                runtime=runtime,
            )
        except (RuntimeError, ValueError, part("service").RPCError) as error:
            what = f"Cannot connect to Temporal at {self.address}"
            raise translate(error, what=what, secure=bool(self.tls)) from error
        return client


async def check_namespace(client: Client) -> None:
    """Raises NamespaceNotFound if the client's namespace does not exist; connecting alone does not check it."""
    service = part("service")
    request = part("workflowservice").DescribeNamespaceRequest(namespace=client.namespace)
    what = f"Cannot use the Temporal namespace {client.namespace}"
    try:
        await client.workflow_service.describe_namespace(request)
    except service.RPCError as error:
        if error.status is service.RPCStatusCode.NOT_FOUND:
            raise namespace_missing(client.namespace) from error
        raise translate(error, what=what) from error


def _check_environment(environ: Mapping[str, str]) -> None:
    """Reject settings that the SDK silently accepts although they cannot be intended."""
    config_file = environ.get("TEMPORAL_CONFIG_FILE")
    if config_file and not Path(config_file).is_file():
        raise _invalid(
            "TEMPORAL_CONFIG_FILE", f"the file {config_file} does not exist", "Correct the path, or unset it."
        )
    tls = environ.get("TEMPORAL_TLS")
    if tls and tls.lower() not in _TRUTHS:
        raise _invalid("TEMPORAL_TLS", f"{tls!r} is neither true nor false", "Set it to true or false.")
    files = [name for name in environ if name.startswith("TEMPORAL_TLS_") and environ[name]]
    if tls and tls.lower() in _FALSE and files:
        raise _invalid("TEMPORAL_TLS", f"it disables TLS, but {files[0]} is set", f"Enable TLS, or unset {files[0]}.")


def _checked_address(address: str) -> str:
    host, colon, port = address.rpartition(":")
    if "://" in address or not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise _invalid("the address of Temporal", f"{address!r} is not host:port", "Use the format localhost:7233.")
    return address


def _checked_key(api_key: str | None, *, tls: bool) -> str | None:
    key = (api_key or "").strip()
    if key and not tls:
        raise _invalid("the API key", "without TLS, it would be sent in clear text", "Enable TLS, or omit the key.")
    return key or None


def _unusable_configuration(error: Exception) -> InvalidSetting:
    place = re.search(r"line (\d+), column (\d+)", str(error))
    quotes_file = place is not None or "\n" in str(error)
    why = str(error) if not quotes_file else f"the file is not valid TOML ({place.group() if place else 'unreadable'})"
    return InvalidSetting(
        "Cannot use the Temporal configuration",
        why=why,
        next_step="Correct the TEMPORAL_* variable, the profile or the configuration file.",
    )


def _read(name: str, path: str | None) -> bytes | None:
    if not path:
        return None
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise _invalid(name, str(error), "Use a readable file.") from error
    if b"-----BEGIN" not in content:
        raise _invalid(name, f"{path} is not a PEM file", "Use a file in PEM format.")
    return content


def _invalid(name: str, why: str, next_step: str) -> InvalidSetting:
    return InvalidSetting(f"Cannot use {name}", why=why, next_step=next_step)
