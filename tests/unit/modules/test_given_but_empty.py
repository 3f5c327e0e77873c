# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An option that limits and is set but empty is refused by its name, in each module that asks for something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ._collection import imported

plan = imported("plugins.modules.preemption_plan")
restore = imported("plugins.modules.preemption_restore")
scheduling = imported("plugins.module_utils._modules.schedule")
signal = imported("plugins.modules.preemption_signal")
tag = imported("plugins.modules.preemption_tag")
tagging = imported("plugins.module_utils._modules.tag")
webhook = imported("plugins.module_utils._worker_host.spec")
errors = imported("plugins.module_utils.vsphere_preemption.core.errors")

# These say when, what happened, and by which policy.
NO_LIMITS = ("cron", "calendar", "event_data", "policy")
TEXTS = ("run_id",)


def defaults(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: option.get("default") for name, option in spec.items()}


def ask_to_preempt(params: dict[str, Any]) -> Any:
    return signal.request_of({**defaults(signal.OPTIONS), "tag": "t", **params})


def ask_for_a_plan(params: dict[str, Any]) -> Any:
    return plan.request_of({**defaults(plan.OPTIONS), "tag": "t", **params})


def ask_to_restore(params: dict[str, Any]) -> Any:
    return restore.request_of({**defaults(restore.OPTIONS), "tag": "t", **params}, dry_run=False)


def schedule(action: str) -> Any:
    def wanted(params: dict[str, Any]) -> Any:
        when = {"name": "night", "action": action, "cron": ["0 22 * * *"]}
        return scheduling.wanted_of({**defaults(scheduling.schedule_options()), "tag": "t", **when, **params})

    return wanted


ASKS = {
    "preemption_signal": (signal.OPTIONS, ask_to_preempt),
    "preemption_plan": (plan.OPTIONS, ask_for_a_plan),
    "preemption_restore": (restore.OPTIONS, ask_to_restore),
    "preemption_schedule preempt": (scheduling.schedule_options(), schedule("preempt")),
    "preemption_schedule restore": (scheduling.schedule_options(), schedule("restore")),
}


def limits() -> Iterator[Any]:
    """Each option of each module that can be empty, unless it is known to be no limit; with each way to be empty."""
    for module, (spec, ask) in ASKS.items():
        for name, option in spec.items():
            empties: dict[str, list[Any]] = {"list": [[], [""]], "dict": [{}], "raw": [{}, []]}
            given = empties.get(option["type"], [""] if name in TEXTS else [])
            for empty in given if name not in NO_LIMITS else []:
                # Ansible has filled in what a mapping does not name.
                value = dict.fromkeys(option.get("options", {})) if empty == {} else empty
                foreign = name == "target" and module.endswith("restore")
                if not foreign:
                    yield pytest.param(ask, name, value, id=f"{module} {name} {empty!r}")


@pytest.mark.parametrize(("ask", "name", "empty"), list(limits()))
def test_an_option_that_is_given_but_empty_is_refused_by_its_name(ask: Any, name: str, empty: Any) -> None:
    with pytest.raises(errors.GivenButEmpty) as refused:
        ask({name: empty})
    result = refused.value.as_result()
    assert (result["error_code"], result["retryable"]) == ("invalid_request", False)
    assert f"{name} is set but empty" in result["msg"]
    assert f"Omit {name} to apply no limit, or skip the task if the list is empty." in result["msg"]


@pytest.mark.parametrize("ask", [ask for _spec, ask in ASKS.values()], ids=ASKS)
def test_an_option_that_is_not_given_is_no_limit_and_is_not_sent(ask: Any) -> None:
    asked = ask({})
    order = asked.schedule.workflow_input if hasattr(asked, "schedule") else asked.as_wire()
    sent = order.get("restore") or order.get("request") or order
    assert not {"only", "places", "run_id"} & sent.keys()
    assert sent.get("narrow", {}).keys() <= {"reason"}


@pytest.mark.parametrize("option", ["folder", "pattern"])
def test_vms_are_not_chosen_by_an_empty_place_or_pattern(option: str) -> None:
    attach = {**defaults(tag.ATTACH), "pattern": "batch-*", "folder": "batch", option: ""}
    with pytest.raises(errors.GivenButEmpty, match=f"attach.{option} is set but empty"):
        tagging.checked_attach(attach)
    assert tagging.checked_attach({**attach, option: None})[option] is None


def test_a_webhook_that_may_hear_nobody_is_refused() -> None:
    params = dict.fromkeys(webhook.OPTIONS_OF_VARIABLES.values()) | {"webhook_address": "127.0.0.1:8088"}
    with pytest.raises(errors.InvalidSetting, match="webhook_sources: it is set but empty"):
        webhook.webhook_variables({**params, "webhook_sources": []}, None, ())
    assert webhook.webhook_variables({**params}, None, ())["PREEMPTION_WEBHOOK_SOURCES"] == ""
