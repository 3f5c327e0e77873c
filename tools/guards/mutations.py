# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guards of the invariants (docs/design.md), each with its removal and the test that must fail without it."""

from __future__ import annotations

from dataclasses import dataclass

LIBRARY = "plugins/module_utils/vsphere_preemption"
WORKER = "roles/worker/files/vsphere_preemption_worker"
TESTS = "tests/unit"


@dataclass(frozen=True)
class Mutation:
    """invariant: its id. In `file`, `guard` is replaced by `without`; then `test` (words for pytest) must fail."""

    invariant: str
    file: str
    guard: str
    without: str
    test: str


MUTATIONS = (
    Mutation(
        "I1",
        f"{LIBRARY}/core/planning/eligibility.py",
        "return None if limits.scope.holds(machine) else LeftOut.OUT_OF_SCOPE",
        "return None",
        f"{TESTS}/core/planning/test_plan_eligibility.py",
    ),
    Mutation(
        "I1",
        f"{LIBRARY}/core/planning/eligibility.py",
        "if any(_carries(machine.tags, tag) for tag in protection.tags):",
        "if False:",
        f"{TESTS}/core/planning/test_plan_eligibility.py",
    ),
    Mutation(
        "I1",
        f"{LIBRARY}/core/planning/decision.py",
        "if alarm and rules.alarm is AlarmScope.COMPUTE_RESOURCE and alarm.compute_resource is None:",
        "if False:",
        f"{TESTS}/core/planning/test_decision.py",
    ),
    Mutation(
        "I1",
        f"{LIBRARY}/core/planning/decision.py",
        "    if not lost:\n",
        "    if True:\n",
        f"{TESTS}/core/planning/test_decision.py",
    ),
    Mutation(
        "I2",
        f"{LIBRARY}/core/planning/eligibility.py",
        "if machine.lost_protections:",
        "if False:",
        f"{TESTS}/worker/activities/stop/test_pipeline.py",
    ),
    Mutation(
        "I2",
        f"{WORKER}/activities/stop/pipeline.py",
        "verdict = self._judge(victim, self._recheck.current(victim.vm), marked=self._input.marked)",
        "verdict = None",
        f"{TESTS}/worker/activities/stop/test_pipeline.py",
    ),
    Mutation(
        "I3",
        f"{WORKER}/activities/stop/pipeline.py",
        "        unmarked = self.mark(victim)\n        if unmarked:\n            return unmarked\n",
        "",
        f"{TESTS}/worker/activities/stop/test_pipeline.py",
    ),
    Mutation(
        "I4",
        f"{WORKER}/activities/stop/requested.py",
        "if stop.user == self._vcenter.user",
        "if vm in stops",
        f"{TESTS}/worker/activities/stop/test_pipeline.py",
    ),
    Mutation(
        "I5",
        f"{LIBRARY}/core/planning/selection.py",
        "if len(self.chosen) >= self.max_vms:",
        "if False:",
        f"{TESTS}/core/planning/test_plan.py",
    ),
    Mutation(
        "I5",
        f"{LIBRARY}/core/planning/limits.py",
        "return any(group.budget.strict and not group.bears_one_less() for group in self._of_machine[vm])",
        "return False",
        f"{TESTS}/core/planning/test_plan_amount.py",
    ),
    Mutation(
        "I5",
        f"{WORKER}/activities/stop/shared_limits.py",
        "late = self._too_many(input, refused)",
        "late: dict[ManagedObject, LeftOut] = {}",
        f"{TESTS}/worker/activities/stop/test_shared_limits.py",
    ),
    Mutation(
        "I6",
        f"{WORKER}/activities/support/claims.py",
        "        if asked is not None and vm not in asked.result().machines:\n            return False\n",
        "",
        f"{TESTS}/worker/workflows/test_claims.py",
    ),
    Mutation(
        "I6",
        f"{WORKER}/activities/restore/batch.py",
        "ours = {vm for vm in vms if self._claims.take(vm, self._input.restore_id)}",
        "ours = set(vms)",
        f"{TESTS}/worker/activities/restore/test_batch.py",
    ),
    Mutation(
        "I6",
        f"{LIBRARY}/events/event_types.py",
        'id=f"{workflow_id}-{event_id}",',
        'id=f"{workflow_id}-{event_id}-{time}",',
        f"{TESTS}/events",
    ),
    Mutation(
        "I7",
        f"{WORKER}/workflows/dispatcher.py",
        "self._state.record_outcome(rejected_record(workflow.info().workflow_id, error, self._now()))",
        "return",
        f"{TESTS}/worker/workflows/test_dispatcher.py -k wedges",
    ),
    Mutation(
        "I8",
        f"{WORKER}/workflows/dispatcher.py",
        "id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE",
        "id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE",
        f"{TESTS}/worker/workflows/test_dispatcher.py -k restarted",
    ),
    Mutation(
        "I9",
        f"{LIBRARY}/core/restore/candidates.py",
        "return NotRestored.NONE if user == us else NotRestored.CHANGED",
        "return NotRestored.NONE",
        f"{TESTS}/core/restore/test_candidates.py",
    ),
    Mutation(
        "I10",
        f"{LIBRARY}/core/planning/eligibility.py",
        "if age < limits.policy.restore.hold_seconds:",
        "if False:",
        f"{TESTS}/core/planning/test_plan_eligibility.py",
    ),
    Mutation(
        "I10",
        f"{LIBRARY}/core/restore/candidates.py",
        "return NotRestored.HOLD_TIME if not limits.force and _hold_left(machine, limits) > 0 else NotRestored.NONE",
        "return NotRestored.NONE",
        f"{TESTS}/core/restore/test_candidates.py",
    ),
    Mutation(
        "I11",
        f"{WORKER}/workflows/run.py",
        "if planned.policy.mode is Mode.DRY_RUN:",
        "if False:",
        f"{TESTS}/worker/workflows/test_modes.py -k dry_run",
    ),
    Mutation(
        "I12",
        f"{WORKER}/activities/stop/confirmation.py",
        "allowed = self._input.method is StopMethod.SOFT_THEN_HARD and self._ending is None",
        "allowed = self._ending is None",
        f"{TESTS}/worker/activities/stop/test_pipeline.py",
    ),
    Mutation(
        "I13",
        f"{WORKER}/activities/stop/confirmation.py",
        "(self._input.grace_seconds if self._is_soft(request) else TASK_SECONDS)",
        "1e9",
        f"{TESTS}/worker/activities/stop/test_pipeline.py -k ignores --timeout 5",
    ),
    Mutation(
        "I14",
        f"{WORKER}/messages/run.py",
        'STOP = "StopVictims"',
        'STOP = "StopThem"',
        f"{TESTS}/worker/workflows/test_replay.py",
    ),
    Mutation(
        "I17",
        f"{WORKER}/activities/stop/pipeline.py",
        "                return self.outcome(victim, VictimStatus.SPARED, closed.reason, marked=marked)\n",
        "                pass\n",
        f"{TESTS}/worker/activities/stop/test_pipeline.py -k between_the_mark_and_the_stop",
    ),
    Mutation(
        "I17",
        f"{WORKER}/activities/stop/gate.py",
        "        self._heartbeat.raise_if_handed_over()\n        return self.closed()",
        "        return None",
        f"{TESTS}/worker/activities/stop/test_gate.py",
    ),
    Mutation(
        "I17",
        f"{WORKER}/activities/stop/gate.py",
        "            return call(gate.confirm)",
        "            return call(lambda: None)",
        f"{TESTS}/worker/activities/stop/test_waiting_calls.py",
    ),
    Mutation(
        "I17",
        f"{WORKER}/workflows/cancellation.py",
        "                if workflow.patched(patch):\n                    self.cancelled = True",
        "                if False:\n                    self.cancelled = True",
        f"{TESTS}/worker/workflows/test_cancellation.py -k escalation",
    ),
    Mutation(
        "I17",
        f"{LIBRARY}/temporal/run_control.py",
        "if current is not None and current.workflow_extended_info.cancel_requested:",
        "if False:",
        f"{TESTS}/temporal/test_run_control.py",
    ),
    Mutation(
        "I17",
        f"{LIBRARY}/vcenter/transport/http.py",
        "            if confirm:\n                confirm()\n",
        "",
        f"{TESTS}/vcenter/transport/test_http.py",
    ),
    Mutation(
        "I17",
        f"{LIBRARY}/vcenter/transport/login.py",
        "if session_lost or not repeat:",
        "if session_lost:",
        f"{TESTS}/vcenter/transport/test_login.py",
    ),
    Mutation(
        "I15",
        f"{LIBRARY}/temporal/connection.py",
        "api_key: str | None = field(default=None, repr=False)",
        "api_key: str | None = field(default=None)",
        f"{TESTS}/temporal/test_connection.py",
    ),
    Mutation(
        "I16",
        f"{LIBRARY}/core/planning/selection.py",
        "            if self.needed.met_by(without):",
        "            if False:",
        f"{TESTS}/core/planning/test_plan_amount.py",
    ),
    Mutation(
        "I18",
        f"{LIBRARY}/core/alarms/repeats.py",
        "    if reason in _OVER_SOON:\n        return finished\n",
        "    if reason in _OVER_SOON:\n        return math.inf\n",
        f"{TESTS}/worker/activities/test_alarm_watch.py",
    ),
    Mutation(
        "I18",
        f"{WORKER}/activities/alarm_watch.py",
        "if is_due and session.tracker.may_repeat(last, step):",
        "if is_due:",
        f"{TESTS}/worker/activities/test_alarm_watch.py",
    ),
    Mutation(
        "I18",
        f"{WORKER}/workflows/dispatcher.py",
        "        self._eased = self._state.active_key\n",
        "",
        f"{TESTS}/worker/workflows/test_dispatcher.py -k green",
    ),
    Mutation(
        "I20",
        f"{WORKER}/workflows/run.py",
        "            record.urgency = phase.applied\n",
        "            record.urgency = self._urgency\n",
        f"{TESTS}/worker/workflows/test_escalation.py -k too_late",
    ),
    Mutation(
        "I23",
        f"{WORKER}/workflows/raw_input.py",
        "    if len(payloads) != 1:\n",
        "    if False:\n",
        f"{TESTS}/worker/workflows/test_any_input.py -k 'no_signal and PreemptionClaims'",
    ),
    Mutation(
        "I23",
        f"{WORKER}/service/checked_start.py",
        "        if why:\n",
        "        if False:\n",
        f"{TESTS}/worker/workflows/test_any_input.py -k 'wrong_input and criticality'",
    ),
    Mutation(
        "I23",
        f"{LIBRARY}/core/workflow_ids.py",
        "    if _size(whole) <= MOST_BYTES:\n",
        "    if True:\n",
        f"{TESTS}/worker/workflows/test_dispatcher.py -k long_id",
    ),
    Mutation(
        "I23",
        f"{LIBRARY}/temporal/claims.py",
        "    ended = [run for run in grant.held_by if not await _is_open(client, run)]\n",
        "    ended: list[str] = []\n",
        f"{TESTS}/worker/workflows/test_claims.py -k ends_with_its_run",
    ),
    Mutation(
        "I23",
        f"{WORKER}/workflows/claims.py",
        "not 0 <= seconds <= LONGEST_NUMBER",
        "False",
        f"{TESTS}/worker/workflows/test_claims.py -k no_claim_is_refused",
    ),
    Mutation(
        "I23",
        f"{WORKER}/workflows/inbox.py",
        "number < PER_TASK and size < BYTES_PER_TASK",
        "True",
        f"{TESTS}/worker/workflows/test_inbox.py -k what_gathered",
    ),
    Mutation(
        "I23",
        f"{WORKER}/workflows/dispatcher.py",
        "if self._steps % PER_TASK == 0 and workflow.patched(STORED):",
        "if False:",
        f"{TESTS}/worker/workflows/test_inbox.py -k waited_behind_a_run",
    ),
    Mutation(
        "I23",
        f"{LIBRARY}/core/bounded.py",
        "        entries = [_cut(entry, name, length) for entry in entries]\n",
        "        pass\n",
        f"{TESTS}/core/test_bounded.py",
    ),
    Mutation(
        "I23",
        f"{LIBRARY}/core/requests/request.py",
        "    if size > MAX_REQUEST_BYTES:\n",
        "    if False:\n",
        f"{TESTS}/core/requests/test_request_size.py",
    ),
)
