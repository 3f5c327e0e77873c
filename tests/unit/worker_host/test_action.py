# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The half of preemption_worker_deploy on the controller sends the release again where the host's is damaged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.basic import remove_values

from unit.modules._collection import imported

action = imported("plugins.action.preemption_worker_deploy")
worker_errors = imported("plugins.module_utils._worker_host.errors")

SENT = "/tmp/of-the-host/release.tar.gz"


class Host(action.ActionModule):  # type: ignore[misc, name-defined]
    """A host that has the release, though not as it was. secret: what Ansible masks in results there."""

    def __init__(self, secret: str) -> None:
        self._task = SimpleNamespace(check_mode=False)
        self._secret = secret
        self.archives: list[str] = []

    def _is_there(self, *_wanted: object) -> bool:
        return True

    def _sent(self, _release: object) -> str:
        return SENT

    def _module(self, arguments: dict[str, Any], _task_vars: object) -> dict[str, Any]:
        self.archives.append(arguments["shipped"]["archive"])
        if self.archives[-1]:
            return {"changed": True}
        error = worker_errors.ReleaseMissing("Cannot deploy", why="it is damaged", next_step="Send it.")
        return {"failed": True, **remove_values(error.as_result(), {self._secret})}


@pytest.mark.parametrize("secret", ["hard to guess", "release", "_", "e"])
def test_a_damaged_release_is_sent_whatever_is_masked(secret: str) -> None:
    host = Host(secret)
    assert host._deployed({"vcenter_password": secret}, {}) == {"changed": True}
    assert host.archives == ["", SENT]
