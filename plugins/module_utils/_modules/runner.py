# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How every module starts and ends: the argument spec, the one path for errors, and what is masked. Private to this
collection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..vsphere_preemption.core.errors import PreemptionError
from ..vsphere_preemption.core.redaction import split_address, without_secrets

SHORTEST_MASKED = 4


def run(work: Callable[[AnsibleModule], dict[str, Any]], spec: dict[str, Any], **rules: Any) -> None:
    """Run a module in check mode or for real, and exit.

    work: returns the result, or raises PreemptionError. A result with an `error_code` fails the task; its `diff` is
    shown in diff mode only. rules: further arguments of AnsibleModule, such as `mutually_exclusive`.
    """
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True, **rules)
    if module.params.get("reply_to"):
        _mask_reply_to(module)
    try:
        result = work(module)
    except PreemptionError as error:
        result = without_secrets(error.as_result())
    if not module._diff:
        result.pop("diff", None)
    leave = module.fail_json if "error_code" in result else module.exit_json
    leave(**result)


def secrets_of(address: str) -> set[str]:
    """The parts of an address that Ansible must mask everywhere."""
    parts = split_address(address)
    if parts is None:
        return {address}
    user = parts.netloc.rpartition("@")[0]
    values = {field.partition("=")[2] for field in parts.query.split("&")}
    found = {user, user.partition(":")[2], parts.query, parts.fragment, *values}
    return {part for part in found if len(part) >= SHORTEST_MASKED}


def _mask_reply_to(module: AnsibleModule) -> None:
    """Mask only the secrets in the address. Ansible masks all of it, but a result needs the host to be useful."""
    module.no_log_values.discard(module.params["reply_to"])
    module.no_log_values.update(secrets_of(module.params["reply_to"]))
