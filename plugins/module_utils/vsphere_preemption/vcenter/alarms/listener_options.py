# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of an alarm listener, from a rulebook: validated, and completed from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ...core.contract import DEFAULT_SECRET_PATH
from ...core.environment import Environment, boolean
from ...core.errors import InvalidSetting
from ..settings import (
    CA_VARIABLE,
    INSECURE_VARIABLE,
    URL_VARIABLE,
    Credentials,
    FileCredentials,
    GivenCredentials,
    VCenterSettings,
)

DEFAULT_INTERVAL_SECONDS = 1.0
SHORTEST_INTERVAL_SECONDS, LONGEST_INTERVAL_SECONDS = 0.2, 3600.0
# A listener can afford to wait, but ending it should not take too long.
CALL_SECONDS = 10.0
# By option; that of validate_certs has the opposite meaning.
VARIABLES = {
    "vcenter_url": URL_VARIABLE,
    "vcenter_username": "VCENTER_USERNAME",
    "vcenter_password": "VCENTER_PASSWORD",
    "vcenter_secret_path": "VCENTER_SECRET_PATH",
    "vcenter_ca_file": CA_VARIABLE,
}
OPTIONS = frozenset({*VARIABLES, "vcenter_validate_certs", "alarms", "interval", "state_file"})

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True)
class ListenerOptions:
    """settings, credentials: for the client. alarms: patterns for names. interval_seconds: between checks.

    state_file: where to store the changes already reported; None: nowhere.
    """

    settings: VCenterSettings
    credentials: Credentials
    alarms: tuple[str, ...]
    interval_seconds: float
    state_file: Path | None

    def wants(self, name: str) -> bool:
        """Whether an alarm with this name matches; case-insensitive."""
        return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in self.alarms)


def read_options(raw: Mapping[str, Any], environ: Environment) -> ListenerOptions:
    """The options. Raises InvalidSetting, which names the invalid one. Null or empty options count as not set."""
    given = {name: value for name, value in raw.items() if value is not None and value != ""}
    unknown = sorted(map(str, given.keys() - OPTIONS))
    if unknown:
        raise _refused(unknown[0], "there is no such option", f"Use one of {', '.join(sorted(OPTIONS))}.")
    texts = {name: _text(given, name) or environ.get(variable, "") for name, variable in VARIABLES.items()}
    return ListenerOptions(
        settings=_settings(texts, insecure=_insecure(given, environ)),
        credentials=_credentials(texts),
        alarms=_patterns(given.get("alarms", ["*"])),
        interval_seconds=_interval(given.get("interval", DEFAULT_INTERVAL_SECONDS)),
        state_file=_path(_text(given, "state_file")),
    )


def _settings(texts: Mapping[str, str], *, insecure: bool) -> VCenterSettings:
    ca_file = texts["vcenter_ca_file"]
    if ca_file and not Path(ca_file).is_file():
        raise _refused("vcenter_ca_file", f"the file {ca_file} does not exist", "Correct the path, or omit it.")
    url = texts["vcenter_url"].strip()
    return VCenterSettings(url=url, insecure=insecure, ca_file=ca_file or None, call_seconds=CALL_SECONDS)


def _credentials(texts: Mapping[str, str]) -> Credentials:
    """The user name and password if they are set, otherwise the files."""
    username, password = texts["vcenter_username"], texts["vcenter_password"]
    if username and password:
        return GivenCredentials(username, password)
    if username or password:
        missing = "vcenter_password" if username else "vcenter_username"
        raise _refused(missing, "it is missing", "Set user name and password, or vcenter_secret_path.")
    return FileCredentials(texts["vcenter_secret_path"] or DEFAULT_SECRET_PATH)


def _insecure(given: Mapping[str, Any], environ: Environment) -> bool:
    value = given.get("vcenter_validate_certs")
    if value is None:
        return boolean(environ, INSECURE_VARIABLE)
    text = str(value).lower()
    if text not in _TRUE + _FALSE:
        raise _refused("vcenter_validate_certs", f"{text!r} is neither true nor false", "Use true or false.")
    return text in _FALSE


def _patterns(value: object) -> tuple[str, ...]:
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list) or not patterns or not all(isinstance(one, str) and one for one in patterns):
        raise _refused("alarms", "it is not a list of patterns", "Use names or patterns, such as ['Cluster memory*'].")
    return tuple(patterns)


def _interval(value: object) -> float:
    try:
        seconds = -1.0 if isinstance(value, bool) else float(str(value))
    except ValueError:
        seconds = -1.0
    if not SHORTEST_INTERVAL_SECONDS <= seconds <= LONGEST_INTERVAL_SECONDS:
        bounds = f"{SHORTEST_INTERVAL_SECONDS:g} to {LONGEST_INTERVAL_SECONDS:g}"
        raise _refused("interval", f"{value!r} is not a number of seconds from {bounds}", "Use seconds, such as 1.")
    return seconds


def _path(text: str) -> Path | None:
    return Path(text).expanduser() if text else None


def _text(given: Mapping[str, Any], name: str) -> str:
    """A text; the value is not shown, as it may be a secret."""
    value = given.get(name, "")
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise _refused(name, f"it is a {type(value).__name__}, not text", "Use text.")
    return str(value)


def _refused(name: str, why: str, next_step: str) -> InvalidSetting:
    return InvalidSetting(f"Cannot use the option {name}", why=why, next_step=next_step)
