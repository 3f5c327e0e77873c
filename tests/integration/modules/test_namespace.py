# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""temporal_namespace as users run it, on a real Temporal server; its own command is the witness."""

from __future__ import annotations

import pytest

from support.ansible import Ansible
from support.ports import LOOPBACK, free_port
from support.temporal import TemporalServer

MODULE = "temporal_namespace"


@pytest.fixture
def name(unique: str) -> str:
    return f"namespace-{unique}"


def test_check_do_check_again_do_again(nameless: Ansible, temporal: TemporalServer, name: str) -> None:
    asked = {"name": name, "retention": "7", "description": "spot", "owner_email": "ops@example.com"}
    checked = nameless.module(MODULE, asked, "--check")
    assert checked.changed
    assert temporal.describe_namespace(name) is None
    done = nameless.module(MODULE, asked)
    assert (done.changed, done.result["namespace"]) == (True, checked.result["namespace"])
    seen = temporal.describe_namespace(name)
    assert seen is not None
    assert seen["config"]["workflowExecutionRetentionTtl"] == "604800s"
    assert (seen["namespaceInfo"]["description"], seen["namespaceInfo"]["ownerEmail"]) == ("spot", "ops@example.com")
    for flags in (["--check"], []):
        again = nameless.module(MODULE, asked, *flags)
        assert (again.changed, again.result["namespace"]) == (False, done.result["namespace"])


def test_check_do_check_again_do_again_and_it_is_gone(nameless: Ansible, temporal: TemporalServer, name: str) -> None:
    temporal.create_namespace(name)
    gone = {"name": name, "state": "absent"}
    assert nameless.module(MODULE, gone, "--check").changed
    assert temporal.describe_namespace(name) is not None
    deleted = nameless.module(MODULE, gone)
    assert (deleted.changed, deleted.result["namespace"]) == (True, None)
    assert temporal.describe_namespace(name) is None
    for flags in (["--check"], []):
        assert not nameless.module(MODULE, gone, *flags).changed


@pytest.mark.long
def test_the_shared_option_names_the_namespace_but_deletes_none(
    nameless: Ansible, temporal: TemporalServer, name: str
) -> None:
    assert nameless.module(MODULE, {"temporal_namespace": name}).result["namespace"]["name"] == name
    failed = nameless.module(MODULE, {"temporal_namespace": name, "state": "absent"})
    assert "name" in failed.result["msg"]
    assert temporal.describe_namespace(name) is not None


@pytest.mark.long
def test_the_difference_shows_both_sides(nameless: Ansible, name: str) -> None:
    done = nameless.module(MODULE, {"name": name}, "--diff", "--check", "-vvv")
    assert done.result["diff"] == {"before": {}, "after": done.result["namespace"]}
    assert "diff" not in nameless.module(MODULE, {"name": name}, "--check", "-vvv").result


def test_a_server_that_is_down_is_one_clear_line(nameless: Ansible) -> None:
    failed = nameless.module(MODULE, {"name": "n", "temporal_address": f"{LOOPBACK}:{free_port()}"})
    assert failed.error_code == "temporal_unreachable"
    assert "\n" not in failed.result["msg"]
