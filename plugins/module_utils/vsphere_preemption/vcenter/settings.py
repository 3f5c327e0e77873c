# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of vCenter, the validation of its certificate, the limits for calls, and the credentials."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from ..core.contract import DEFAULT_SECRET_PATH
from ..core.environment import Environment, boolean, existing_file, seconds, whole_number
from ..core.errors import InvalidSetting, VCenterLoginRefused

URL_VARIABLE = "VCENTER_URL"
INSECURE_VARIABLE = "VCENTER_INSECURE"
CA_VARIABLE = "VCENTER_CA_FILE"
CALLS_VARIABLE = "PREEMPTION_VCENTER_CALLS"
SECONDS_VARIABLE = "PREEMPTION_VCENTER_TIMEOUT_SECONDS"

DEFAULT_CALLS = 5
DEFAULT_CALL_SECONDS = 30.0
SDK_PATH = "/sdk"


@dataclass(frozen=True)
class Endpoint:
    """Where to connect to. secure: with TLS."""

    host: str
    port: int
    secure: bool = True

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def event_source(self) -> str:
        """The source of vCenter's events, in VEBA's format; with the port only if it is not the default."""
        host = str(self).removesuffix(":443")
        return f"https://{host}{SDK_PATH}"


@dataclass(frozen=True)
class VCenterSettings:
    """All settings of a vCenter client except the credentials.

    url: https://host[:port][/sdk], or just the host; http:// only together with `insecure`.
    insecure: any certificate is accepted; the CA file is not used.
    ca_file: certificates to trust, as PEM; None for those that the system trusts.
    calls: maximum number of concurrent calls, of all threads and kinds.
    call_seconds: a call fails if vCenter does not respond for this time.
    """

    url: str
    insecure: bool = False
    ca_file: str | None = None
    calls: int = DEFAULT_CALLS
    call_seconds: float = DEFAULT_CALL_SECONDS

    def __post_init__(self) -> None:
        parse_endpoint(self.url, insecure=self.insecure, label="the address of vCenter")
        if self.calls < 1 or not 0 < self.call_seconds < float("inf"):
            why = f"{self.calls} calls of {self.call_seconds:g} seconds are out of range"
            raise _wrong("the limits for calls to vCenter", why, "Allow at least one call, and a time above zero.")

    @property
    def endpoint(self) -> Endpoint:
        """The parsed address."""
        return parse_endpoint(self.url, insecure=self.insecure, label="the address of vCenter")

    @classmethod
    def from_environment(cls, environ: Environment) -> VCenterSettings:
        """Raises InvalidSetting, which names the invalid variable."""
        insecure = boolean(environ, INSECURE_VARIABLE)
        url = environ.get(URL_VARIABLE, "").strip()
        parse_endpoint(url, insecure=insecure, label=f"the environment variable {URL_VARIABLE}")
        return cls(
            url=url,
            insecure=insecure,
            ca_file=existing_file(environ, CA_VARIABLE),
            calls=whole_number(environ, CALLS_VARIABLE, DEFAULT_CALLS, least=1),
            call_seconds=seconds(environ, SECONDS_VARIABLE, DEFAULT_CALL_SECONDS),
        )


@dataclass(frozen=True)
class Login:
    """A user name and a password. written: differs if the same credentials were stored again."""

    username: str
    password: str = field(repr=False)
    written: str = field(default="", repr=False)


class Credentials(Protocol):
    """The source of credentials; read again for each login."""

    def read(self) -> Login:
        """The current credentials. Raises VCenterLoginRefused if there are none."""


@dataclass(frozen=True)
class FileCredentials:
    """The files `username` and `password` in a directory, as in a mounted Kubernetes secret."""

    folder: str | Path = DEFAULT_SECRET_PATH

    def read(self) -> Login:
        """The content of the files without trailing newlines. Raises VCenterLoginRefused if one is missing or empty."""
        username, user_written = self._read("username")
        password, password_written = self._read("password")
        return Login(username, password, f"{user_written}/{password_written}")

    def _read(self, name: str) -> tuple[str, int]:
        file = Path(self.folder) / name
        try:
            text, written = file.read_text(encoding="utf-8"), file.stat().st_mtime_ns
        except OSError as error:
            raise unusable_login(f"the file {file} cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise unusable_login(f"the file {file} is not UTF-8 text") from error
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            raise unusable_login(f"the file {file} is empty")
        return text, written


@dataclass(frozen=True)
class GivenCredentials:
    """Credentials from the caller, such as a module's options."""

    username: str
    password: str = field(repr=False)

    def read(self) -> Login:
        """The credentials."""
        return Login(self.username, self.password)


def parse_endpoint(url: str, *, insecure: bool, label: str) -> Endpoint:
    """Parse an address. Raises InvalidSetting, with `label` in the message, for an invalid one."""
    if not url:
        raise _wrong(label, "it is not set", "Set it to the address of vCenter, such as https://vcenter.example.com.")
    if "@" in url:
        # Not shown: it may contain a password.
        why = "it contains a user name or a password"
        raise _wrong(label, why, "Store credentials in their files, not in the address.")
    parts = _split(url, label)
    if parts.scheme == "http" and not insecure:
        raise _wrong(label, f"{url!r} is not encrypted", "Use https://, or allow insecure connections explicitly.")
    if parts.scheme not in ("http", "https"):
        raise _wrong(label, f"{url!r} begins with {parts.scheme}://", "Use https://.")
    if parts.path.rstrip("/") not in ("", SDK_PATH) or parts.query or parts.fragment:
        raise _wrong(label, f"{url!r} has more than a host and a port", "Use an address such as https://host:443.")
    secure = parts.scheme == "https"
    return Endpoint(parts.hostname or "", parts.port or (443 if secure else 80), secure)


def _split(url: str, label: str) -> SplitResult:
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        complete = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise _wrong(
            label, f"{url!r} is not a valid address ({error})", "Use an address such as https://host:443."
        ) from error
    if not complete or any(character.isspace() for character in url):
        raise _wrong(label, f"{url!r} has no valid host", "Use an address such as https://host:443.")
    return parts


def _wrong(label: str, why: str, next_step: str) -> InvalidSetting:
    return InvalidSetting(f"Cannot use {label}", why=why, next_step=next_step)


def unusable_login(why: str) -> VCenterLoginRefused:
    """The error for credentials that cannot be used."""
    return VCenterLoginRefused(
        "Cannot log in to vCenter", why=why, next_step="Store a valid user name and password; no restart is needed."
    )
