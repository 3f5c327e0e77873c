# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentence about a VM says what its code says, for every code that there is."""

from __future__ import annotations

from typing import Any

import pytest

from ...modules._collection import imported

explanation = imported("plugins.module_utils.vsphere_preemption.core.records.explanation")
reasons = imported("plugins.module_utils.vsphere_preemption.core.reasons")
contract = imported("plugins.module_utils.vsphere_preemption.core.contract")


def a_record(**given: Any) -> dict[str, Any]:
    empty = {"total": 0, "byReason": {}, "vms": []}
    plain = {"runID": "w/1", "requestID": "r1", "finished": "2026-11-24T09:29:51Z", "outcome": "done", "reason": ""}
    return {**plain, "message": "", "tag": "t", "victims": [], "planned": [], "leftOut": empty, "policy": {}, **given}


def vm(number: int = 1, name: str = "web-1", **more: Any) -> dict[str, Any]:
    return {"vm": {"Type": "VirtualMachine", "Value": f"vm-{number}"}, "name": name, **more}


def a_victim(outcome: str = "stopped", reason: str = "", **more: Any) -> dict[str, Any]:
    return vm(outcome=outcome, reason=reason, method="hard", message="", **more)


def left_out(*vms: dict[str, Any], total: int | None = None) -> dict[str, Any]:
    return {"total": len(vms) if total is None else total, "byReason": {}, "vms": list(vms)}


def the_one(record: dict[str, Any], name: str = "web-1") -> dict[str, Any]:
    [found] = explanation.explain([record], name)
    assert isinstance(found, dict)
    return found


def test_every_code_has_its_clause() -> None:
    assert set(explanation.LEFT_OUT) == {reason.value for reason in reasons.LeftOut}
    assert set(explanation.VICTIM) == {reason.value for reason in reasons.VictimReason} - {""}
    assert set(explanation.RUN) == {reason.value for reason in reasons.RunReason} - {""}
    assert set(explanation.HOW) == {method.value for method in contract.StopMethod}


@pytest.mark.parametrize(
    ("record", "what", "reason", "text"),
    [
        pytest.param(
            a_record(victims=[a_victim()]),
            "stopped",
            "",
            "The run for request r1 stopped the VM by power-off.",
            id="stopped",
        ),
        pytest.param(
            a_record(victims=[a_victim("spared", "already_off")]),
            "spared",
            "already_off",
            "The run for request r1 selected the VM but then left it running: "
            "it had been stopped by another user in the meantime.",
            id="spared",
        ),
        pytest.param(
            a_record(victims=[{**a_victim("failed", "stop_refused"), "message": "no\npermission."}]),
            "failed",
            "stop_refused",
            "The run for request r1 could not stop the VM: vCenter rejected the call (no permission).",
            id="failed",
        ),
        pytest.param(
            a_record(leftOut=left_out(vm(reason="protected_by_tag"))),
            "left_out",
            "protected_by_tag",
            "The run for request r1 did not select the VM: a tag protects it.",
            id="left out",
        ),
        pytest.param(
            a_record(outcome="skipped", reason="dry_run", planned=[vm()]),
            "spared",
            "dry_run",
            "The run for request r1 would have stopped the VM, but did not carry out the plan: it was a dry run.",
            id="planned",
        ),
        pytest.param(
            a_record(victims=[a_victim(), vm(2, "db")], leftOut=left_out(vm(3, "x", reason="gone")), outcome="partial"),
            "stopped",
            "",
            "The run for request r1 stopped the VM by power-off.",
            id="among others",
        ),
        pytest.param(
            a_record(outcome="skipped", reason="paused", message="Preemption is paused since yesterday."),
            "not_seen",
            "paused",
            "The run for request r1 did not check any VM: "
            "preemption was paused (Preemption is paused since yesterday).",
            id="nothing was looked at",
        ),
        pytest.param(
            a_record(reason="nothing_eligible"),
            "not_seen",
            "",
            "The run for request r1 found no such VM with the tag t.",
            id="no tag",
        ),
        pytest.param(
            a_record(leftOut=left_out(vm(2, "db", reason="gone"), total=5000)),
            "not_seen",
            "",
            "The run for request r1 handled more VMs than its record lists.",
            id="many",
        ),
        pytest.param(
            a_record(shortened=True),
            "not_seen",
            "",
            "The run for request r1 handled more VMs than its record lists.",
            id="an old record",
        ),
    ],
)
def test_one_sentence_for_each_run(record: dict[str, Any], what: str, reason: str, text: str) -> None:
    found = the_one(record)
    assert (found["what"], found["reason"], found["text"]) == (what, reason, text)
    assert found["preemption_id"] == found["run_id"]
    assert (found["run_id"], found["outcome"], found["finished"]) == ("w/1", record["outcome"], record["finished"])


def test_the_newest_run_comes_first_and_a_vm_is_named_by_name_or_reference() -> None:
    older = a_record(runID="w/1", victims=[a_victim()], policy={"name": "p"})
    newer = a_record(runID="w/2", leftOut=left_out(vm(reason="already_off")))
    for name in ("web-1", "vm-1"):
        found = explanation.explain([older, newer], name)
        assert [(entry["run_id"], entry["what"], entry["vm"]) for entry in found] == [
            ("w/2", "left_out", "vm-1"),
            ("w/1", "stopped", "vm-1"),
        ]
        assert [entry["policy"] for entry in found] == ["", "p"]
    assert [entry["what"] for entry in explanation.explain([older, newer], "web-10")] == ["not_seen", "not_seen"]
    assert explanation.explain([], "web-1") == []


def test_two_vms_of_one_name_have_an_entry_each() -> None:
    record = a_record(victims=[a_victim()], leftOut=left_out(vm(2, "web-1", reason="over_cap")))
    assert [(entry["vm"], entry["what"]) for entry in explanation.explain([record], "web-1")] == [
        ("vm-1", "stopped"),
        ("vm-2", "left_out"),
    ]
