# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What temporal_namespace does on a real Temporal server, and on one that refuses what Temporal Cloud refuses.

The module's own function is called here, without the `ansible` command around it, which takes seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleSpec, ScheduleState
from unit.modules._collection import imported

from support.certificates import CertificateAuthority
from support.ports import LOOPBACK, free_port
from support.temporal import TemporalServer
from support.temporal_proxy import TemporalProxy

module = imported("plugins.modules.temporal_namespace")
options = imported("plugins.module_utils._modules.temporal")
errors = imported("plugins.module_utils.vsphere_preemption.core.errors")

Result = dict[str, Any]
Bring = Callable[..., Result]

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


@pytest.fixture
def bring(temporal: TemporalServer, name: str) -> Bring:
    """Run the module for the test's own namespace; the result, or the failure as its result."""
    specs = {**options.temporal_options(), **module.OPTIONS}
    defaults = {option: spec.get("default") for option, spec in specs.items()}

    def run(check: bool = False, **given: Any) -> Result:
        params = {**defaults, "temporal_address": temporal.address, "name": name, **given}
        try:
            result: Result = module.bring_about(params, check_mode=check)
        except errors.PreemptionError as error:
            failure: Result = error.as_result()
            assert "\n" not in failure["msg"]
            return failure
        return result

    return run


def test_what_is_not_given_stays(bring: Bring, temporal: TemporalServer, name: str) -> None:
    made = bring(description="spot", search_attributes={"Cluster": "Keyword"})
    assert made["namespace"]["retention"] == "3d"
    bring(retention="1d12h")
    changed = bring(owner_email="ops@example.com", description="")
    before, after = changed["diff"]["before"], changed["diff"]["after"]
    assert (before["owner_email"], after["owner_email"]) == ("", "ops@example.com")
    assert (after["retention"], after["description"]) == ("1d12h", "spot")
    assert temporal.search_attributes(name) == after["search_attributes"] == {"Cluster": "Keyword"}
    unchanged = bring()
    assert (unchanged["changed"], unchanged["namespace"]) == (False, after)


def test_search_attributes_of_each_type_are_added_and_only_named_ones_removed(
    bring: Bring, temporal: TemporalServer, name: str
) -> None:
    assert bring(search_attributes=ALL_TYPES)["changed"]
    assert temporal.search_attributes(name) == ALL_TYPES
    assert not bring(search_attributes=ALL_TYPES)["changed"]
    fewer = ["Why", "NeverThere"]
    assert bring(check=True, remove_search_attributes=fewer)["changed"]
    assert temporal.search_attributes(name) == ALL_TYPES
    assert bring(remove_search_attributes=fewer)["changed"]
    assert temporal.search_attributes(name) == {key: kind for key, kind in ALL_TYPES.items() if key != "Why"}
    for check in (True, False):
        assert not bring(check=check, remove_search_attributes=fewer)["changed"]


def test_another_type_is_refused_before_anything_is_changed(bring: Bring, temporal: TemporalServer, name: str) -> None:
    bring(search_attributes={"Cluster": "Keyword"})
    failed = bring(retention="9", search_attributes={"Cluster": "Text", "More": "Int"})
    assert failed["error_code"] == "invalid_setting"
    assert "of type Keyword" in failed["msg"]
    assert temporal.search_attributes(name) == {"Cluster": "Keyword"}
    assert bring()["namespace"]["retention"] == "3d"


def test_history_is_deleted_only_when_told_so(bring: Bring, temporal: TemporalServer, name: str) -> None:
    bring()
    asyncio.run(begin_workflow(temporal, name))
    for check in (True, False):
        failed = bring(check=check, state="absent")
        assert failed["error_code"] == "namespace_not_empty"
        assert "force" in failed["msg"]
    assert temporal.describe_namespace(name) is not None
    assert bring(state="absent", force=True)["changed"]
    assert temporal.describe_namespace(name) is None
    assert bring()["changed"]
    asyncio.run(begin_workflow(temporal, name))


def test_schedules_count_as_history(bring: Bring, temporal: TemporalServer, name: str) -> None:
    bring()
    asyncio.run(make_schedule(temporal, name))
    assert bring(state="absent")["error_code"] == "namespace_not_empty"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"name": "with blank!"}, id="name"),
        pytest.param({"name": "temporal-system"}, id="of the server"),
        pytest.param({"retention": "23h"}, id="less than one day"),
        pytest.param({"search_attributes": {"A": "Number"}}, id="type"),
        pytest.param({"timeout": 0}, id="timeout"),
    ],
)
def test_what_cannot_be_is_refused_before_any_call(bring: Bring, wrong: dict[str, Any]) -> None:
    # Nobody listens there: a call would end as temporal_unreachable.
    nobody = f"{LOOPBACK}:{free_port()}"
    assert bring(temporal_address=nobody, **wrong)["error_code"] == "invalid_setting"


def test_what_the_server_refuses_is_told_in_its_words(bring: Bring) -> None:
    failed = bring(search_attributes={"WorkflowId": "Keyword"})
    assert failed["error_code"] == "invalid_setting"
    assert "reserved by system" in failed["msg"]


@pytest.fixture
def cloud(temporal: TemporalServer, authority: CertificateAuthority) -> Iterator[TemporalProxy]:
    proxy = TemporalProxy(temporal.address, authority=authority).start()
    yield proxy
    proxy.close()


@pytest.fixture
def there(cloud: TemporalProxy) -> dict[str, Any]:
    """The options that lead over `cloud`."""
    return {"temporal_address": cloud.address, "temporal_ca_file": str(cloud.authority.file)}


@pytest.mark.parametrize("status", ["PERMISSION_DENIED", "UNIMPLEMENTED"])
def test_where_namespaces_are_managed_elsewhere_it_says_so_unless_all_is_as_wanted(
    bring: Bring, cloud: TemporalProxy, there: dict[str, Any], status: str
) -> None:
    cloud.refused = dict.fromkeys(CHANGING, status)
    failed = bring(**there)
    assert failed["error_code"] == "namespace_not_managed_here"
    assert "Temporal Cloud" in failed["msg"]
    by_console = {"search_attributes": ALL_TYPES, "description": "spot"}
    assert bring(**by_console)["changed"]
    assert bring(**there, **by_console)["changed"] is False
    differing: list[dict[str, Any]] = [
        {"retention": "9"},
        {"state": "absent"},
        {"remove_search_attributes": ["Why"]},
        {"search_attributes": {"More": "Int"}},
    ]
    for wanted in differing:
        assert bring(**there, **wanted)["error_code"] == "namespace_not_managed_here", wanted


def test_a_namespace_that_may_not_be_seen_is_not_taken_for_a_missing_one(
    bring: Bring, cloud: TemporalProxy, there: dict[str, Any]
) -> None:
    cloud.refused = {"DescribeNamespace": "PERMISSION_DENIED"}
    for state in ("present", "absent"):
        failed = bring(**there, state=state)
        assert failed["error_code"] == "temporal_access_denied"
        assert "that the namespace exists" in failed["msg"]
    assert cloud.calls["RegisterNamespace"] == 0


def test_a_change_that_never_shows_fails_in_time_and_is_complete_at_the_next_run(
    bring: Bring, cloud: TemporalProxy, there: dict[str, Any]
) -> None:
    cloud.refused = {"CountWorkflowExecutions": "NOT_FOUND"}
    failed = bring(**there, timeout=2)
    assert (failed["error_code"], failed["retryable"]) == ("namespace_not_ready", True)
    assert bring(**there, wait=False)["changed"] is False
    cloud.refused = {}
    assert bring(**there)["changed"] is False


def test_somebody_who_was_faster_is_a_reason_to_run_again(
    bring: Bring, cloud: TemporalProxy, there: dict[str, Any]
) -> None:
    cloud.refused = {"RegisterNamespace": "ALREADY_EXISTS"}
    failed = bring(**there)
    assert (failed["error_code"], failed["retryable"]) == ("temporal_error", True)


async def begin_workflow(temporal: TemporalServer, namespace: str) -> None:
    client = await temporal.client(namespace)
    await client.start_workflow("NobodyRunsThis", id="w", task_queue="q")
    await _counted(client, "")


async def make_schedule(temporal: TemporalServer, namespace: str) -> None:
    client = await temporal.client(namespace)
    action = ScheduleActionStartWorkflow("NobodyRunsThis", id="w", task_queue="q")
    paused = ScheduleState(paused=True)
    await client.create_schedule("s", Schedule(action=action, spec=ScheduleSpec(), state=paused))
    await _counted(client, "TemporalNamespaceDivision = 'TemporalScheduler'")


async def _counted(client: Client, query: str) -> None:
    for _attempt in range(100):
        if (await client.count_workflows(query)).count:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it was never counted")
