# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vCenter options of modules that access it directly, and calls with a client. Private to this collection.

The options are documented in doc_fragments/vcenter.py. They are in a separate file because importing pyVmomi takes as
long as everything else in a module that does not need it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ansible.module_utils.basic import AnsibleModule, env_fallback
from ansible.module_utils.common.parameters import AnsibleFallbackNotFound
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE

from ..vsphere_preemption.core.contract import DEFAULT_SECRET_PATH
from ..vsphere_preemption.core.errors import InvalidSetting
from ..vsphere_preemption.vcenter.settings import (
    CA_VARIABLE,
    INSECURE_VARIABLE,
    URL_VARIABLE,
    Credentials,
    FileCredentials,
    GivenCredentials,
    VCenterSettings,
)

Seen = TypeVar("Seen")


def vcenter_options(*, required: bool = False) -> dict[str, dict[str, Any]]:
    """The part of an argument spec for the connection to vCenter.

    required: whether the module cannot do without vCenter.
    """
    return {
        "vcenter_url": {"type": "str", "required": required, **_from(URL_VARIABLE)},
        "vcenter_username": {"type": "str", **_from("VCENTER_USERNAME")},
        "vcenter_password": {"type": "str", "no_log": True, **_from("VCENTER_PASSWORD")},
        "vcenter_secret_path": {"type": "path", "no_log": False, **_from("VCENTER_SECRET_PATH")},
        "vcenter_ca_file": {"type": "path", **_from(CA_VARIABLE)},
        "vcenter_validate_certs": {"type": "bool", "default": True, "fallback": (_not_insecure, [INSECURE_VARIABLE])},
    }


def with_vcenter(params: Mapping[str, Any], look: Callable[[Any], Seen]) -> Seen:
    """The result of the call. It gets a `vcenter.client.VCenter` for the options, which is closed afterwards.

    Raises InvalidSetting for invalid options; otherwise errors of vCenter, and of the call.
    """
    from ..vsphere_preemption.vcenter.client import VCenter

    with VCenter(_settings(params), _credentials(params)) as vcenter:
        return look(vcenter)


def on_vcenter(work: Callable[..., dict[str, Any]]) -> Callable[[AnsibleModule], dict[str, Any]]:
    """For `runner.run`: the work of a module, called with a `vcenter.client.VCenter`, `params` and `check_mode`."""

    def run(module: AnsibleModule) -> dict[str, Any]:
        return with_vcenter(module.params, lambda client: work(client, module.params, check_mode=module.check_mode))

    return run


def _settings(params: Mapping[str, Any]) -> VCenterSettings:
    ca_file = params["vcenter_ca_file"]
    if ca_file and not Path(ca_file).is_file():
        raise InvalidSetting(
            "Cannot use vcenter_ca_file",
            why=f"the file {ca_file} does not exist",
            next_step="Correct the path, or omit it.",
        )
    return VCenterSettings(
        url=(params["vcenter_url"] or "").strip(),
        insecure=not params["vcenter_validate_certs"],
        ca_file=ca_file or None,
    )


def _credentials(params: Mapping[str, Any]) -> Credentials:
    """The user name and password if they are set, otherwise the files."""
    username, password = params["vcenter_username"], params["vcenter_password"]
    if username and password:
        return GivenCredentials(username, password)
    if username or password:
        missing = "vcenter_password" if username else "vcenter_username"
        raise InvalidSetting(
            "Cannot log in to vCenter", why=f"{missing} is missing", next_step="Set both, or set vcenter_secret_path."
        )
    return FileCredentials(params["vcenter_secret_path"] or DEFAULT_SECRET_PATH)


def _not_insecure(variable: str) -> Any:
    """The worker's variable has the opposite meaning. A value that is not a boolean is left to Ansible to reject."""
    text = os.environ.get(variable, "").strip()
    if not text:
        raise AnsibleFallbackNotFound
    if text.lower() in BOOLEANS_TRUE:
        return False
    return True if text.lower() in BOOLEANS_FALSE else text


def _from(*variables: str) -> dict[str, Any]:
    return {"fallback": (env_fallback, list(variables))}
