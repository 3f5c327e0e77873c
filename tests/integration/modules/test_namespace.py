# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""temporal_namespace as users run it, on a real Temporal server; its own command is the witness."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from support.ansible import Ansible
from support.certificates import CertificateAuthority
from support.ports import LOOPBACK, free_port
from support.temporal import TemporalServer
from support.temporal_proxy import TemporalProxy

MODULE = "temporal_namespace"
ALL_TYPES = {
    "Sure": "Bool",
    "Since": "Datetime",
    "Share": "Double",
    "Count": "Int",
    "Cluster": "Keyword",
    "Tags": "KeywordList",
    "Why": "Text",
}
# All calls that change a namespace; Temporal Cloud refuses them. How it says so was not seen.
CHANGING = (
    "RegisterNamespace",
    "UpdateNamespace",
    "DeleteNamespace",
    "AddSearchAttributes",
    "RemoveSearchAttributes",
    "ListSearchAttributes",
)


@pytest.fixture
def name(unique: str) -> str:
    return f"namespace-{unique}"


def test_check_do_check_again_do_again_and_back(nameless: Ansible, temporal: TemporalServer, name: str) -> None:
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
    gone = {"name": name, "state": "absent"}
    assert nameless.module(MODULE, gone, "--check").changed
    assert temporal.describe_namespace(name) is not None
    deleted = nameless.module(MODULE, gone)
    assert (deleted.changed, deleted.result["namespace"]) == (True, None)
    assert temporal.describe_namespace(name) is None
    for flags in (["--check"], []):
        assert not nameless.module(MODULE, gone, *flags).changed


def test_what_is_not_given_stays(nameless: Ansible, temporal: TemporalServer, name: str) -> None:
    made = nameless.module(MODULE, {"description": "spot", "search_attributes": {"Cluster": "Keyword"}, "name": name})
    assert made.result["namespace"]["retention"] == "3d"
    nameless.module(MODULE, {"name": name, "retention": "1d12h"})
    changed = nameless.module(
        MODULE, {"name": name, "owner_email": "ops@example.com", "description": ""}, "--diff", "-vvv"
    )
    before, after = changed.result["diff"]["before"], changed.result["diff"]["after"]
    assert (before["owner_email"], after["owner_email"]) == ("", "ops@example.com")
    assert changed.result["namespace"] == after
    assert (after["retention"], after["description"]) == ("1d12h", "spot")
    assert temporal.search_attributes(name) == after["search_attributes"] == {"Cluster": "Keyword"}
    assert not nameless.module(MODULE, {"name": name}).changed


def test_search_attributes_of_each_type_are_added_and_only_named_ones_removed(
    nameless: Ansible, temporal: TemporalServer, name: str
) -> None:
    asked = {"name": name, "search_attributes": ALL_TYPES}
    assert nameless.module(MODULE, asked).changed
    assert temporal.search_attributes(name) == ALL_TYPES
    assert not nameless.module(MODULE, asked).changed
    fewer = {"name": name, "remove_search_attributes": ["Why", "NeverThere"]}
    assert nameless.module(MODULE, fewer, "--check").changed
    assert temporal.search_attributes(name) == ALL_TYPES
    assert nameless.module(MODULE, fewer).changed
    assert temporal.search_attributes(name) == {key: kind for key, kind in ALL_TYPES.items() if key != "Why"}
    for flags in (["--check"], []):
        assert not nameless.module(MODULE, fewer, *flags).changed


def test_another_type_is_refused_before_anything_is_changed(
    nameless: Ansible, temporal: TemporalServer, name: str
) -> None:
    nameless.module(MODULE, {"name": name, "search_attributes": {"Cluster": "Keyword"}})
    asked = {"name": name, "retention": "9", "search_attributes": {"Cluster": "Text", "More": "Int"}}
    failed = nameless.module(MODULE, asked)
    assert failed.error_code == "invalid_setting"
    assert "is a Keyword" in failed.result["msg"]
    assert temporal.search_attributes(name) == {"Cluster": "Keyword"}
    assert nameless.module(MODULE, {"name": name}).result["namespace"]["retention"] == "3d"


def test_history_is_deleted_only_when_told_so(nameless: Ansible, temporal: TemporalServer, name: str) -> None:
    nameless.module(MODULE, {"name": name})
    asyncio.run(begin_workflow(temporal, name))
    gone = {"name": name, "state": "absent"}
    for flags in (["--check"], []):
        failed = nameless.module(MODULE, gone, *flags)
        assert failed.error_code == "namespace_not_empty"
        assert "force" in failed.result["msg"]
    assert temporal.describe_namespace(name) is not None
    assert nameless.module(MODULE, {**gone, "force": True}).changed
    assert temporal.describe_namespace(name) is None
    made_anew = nameless.module(MODULE, {"name": name})
    assert made_anew.changed
    asyncio.run(begin_workflow(temporal, name))


def test_the_shared_option_names_the_namespace_but_deletes_none(
    nameless: Ansible, temporal: TemporalServer, name: str
) -> None:
    assert nameless.module(MODULE, {"temporal_namespace": name}).result["namespace"]["name"] == name
    failed = nameless.module(MODULE, {"temporal_namespace": name, "state": "absent"})
    assert "name" in failed.result["msg"]
    assert temporal.describe_namespace(name) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"name": "with blank!"}, id="name"),
        pytest.param({"name": "temporal-system"}, id="of the server"),
        pytest.param({"name": "n", "retention": "23h"}, id="less than a day"),
        pytest.param({"name": "n", "search_attributes": {"A": "Number"}}, id="type"),
        pytest.param({"name": "n", "timeout": 0}, id="timeout"),
    ],
)
def test_what_cannot_be_is_refused_before_any_call(nameless: Ansible, wrong: dict[str, Any]) -> None:
    # Nobody listens there: a call would end as temporal_unreachable.
    nobody = {"temporal_address": f"{LOOPBACK}:{free_port()}"}
    assert nameless.module(MODULE, {**wrong, **nobody}).error_code == "invalid_setting"
    assert nameless.module(MODULE, {"name": "n", **nobody}).error_code == "temporal_unreachable"


def test_what_the_server_refuses_is_one_clear_line(nameless: Ansible, name: str) -> None:
    failed = nameless.module(MODULE, {"name": name, "search_attributes": {"WorkflowId": "Keyword"}})
    assert failed.error_code == "invalid_setting"
    assert "reserved by system" in failed.result["msg"]
    assert "\n" not in failed.result["msg"]


@pytest.fixture
def cloud(temporal: TemporalServer, authority: CertificateAuthority) -> Iterator[TemporalProxy]:
    proxy = TemporalProxy(temporal.address, authority=authority).start()
    yield proxy
    proxy.close()


@pytest.mark.parametrize("status", ["PERMISSION_DENIED", "UNIMPLEMENTED"])
def test_where_namespaces_are_managed_elsewhere_it_says_so_unless_all_is_as_wanted(
    nameless: Ansible, cloud: TemporalProxy, name: str, status: str
) -> None:
    cloud.refused = dict.fromkeys(CHANGING, status)
    there = {"name": name, "temporal_address": cloud.address, "temporal_ca_file": str(cloud.authority.file)}
    for more in ({}, {"name": f"{name}-2", "search_attributes": {"Cluster": "Keyword"}}):
        failed = nameless.module(MODULE, {**there, **more})
        assert failed.error_code == "namespace_not_managed_here"
        assert "Temporal Cloud" in failed.result["msg"]
    by_console = {"name": name, "search_attributes": ALL_TYPES, "description": "spot"}
    nameless.module(MODULE, by_console)
    assert not nameless.module(MODULE, {**there, **by_console}).changed
    for differing in ({"retention": "9"}, {"state": "absent"}, {"remove_search_attributes": ["Why"]}):
        failed = nameless.module(MODULE, {**there, **differing})
        assert failed.error_code == "namespace_not_managed_here", differing


def test_a_namespace_that_may_not_be_seen_is_not_taken_for_a_missing_one(
    nameless: Ansible, cloud: TemporalProxy, name: str
) -> None:
    cloud.refused = {"DescribeNamespace": "PERMISSION_DENIED"}
    there = {"name": name, "temporal_address": cloud.address, "temporal_ca_file": str(cloud.authority.file)}
    failed = nameless.module(MODULE, there)
    assert failed.error_code == "temporal_access_denied"
    assert "that the namespace exists" in failed.result["msg"]
    assert cloud.calls["RegisterNamespace"] == 0


def test_a_change_that_never_shows_fails_in_time_and_is_complete_at_the_next_run(
    nameless: Ansible, cloud: TemporalProxy, name: str
) -> None:
    cloud.refused = {"CountWorkflowExecutions": "NOT_FOUND"}
    there = {"name": name, "temporal_address": cloud.address, "temporal_ca_file": str(cloud.authority.file)}
    failed = nameless.module(MODULE, {**there, "timeout": 2})
    assert (failed.error_code, failed.result["retryable"]) == ("namespace_not_ready", True)
    assert nameless.module(MODULE, {**there, "wait": False}).changed is False
    cloud.refused = {}
    assert nameless.module(MODULE, there).changed is False


async def begin_workflow(temporal: TemporalServer, namespace: str) -> None:
    client = await temporal.client(namespace)
    await client.start_workflow("NobodyRunsThis", id="w", task_queue="q")
    for _attempt in range(100):
        if (await client.count_workflows()).count:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the workflow was never counted")
