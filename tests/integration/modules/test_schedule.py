# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preemption_schedule as users run it, on a real Temporal server; the command `temporal` is the witness."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.ansible import Ansible
from support.certificates import CertificateAuthority
from support.temporal import TemporalServer
from support.temporal_proxy import TemporalProxy

SCHEDULE = "preemption_schedule"
SECRET = "a-token-that-nobody-may-see"


@pytest.fixture
def name(unique: str) -> str:
    return f"night-{unique}"


@pytest.fixture
def night(name: str) -> dict[str, Any]:
    """Options of a schedule that never acts while a test runs."""
    return {
        "name": name,
        "action": "preempt",
        "tag": "preemptible",
        "cron": ["0 22 29 feb *"],
        "timezone": "Asia/Tokyo",
    }


@pytest.fixture
def foreign(temporal: TemporalServer, name: str) -> str:
    temporal.create_schedule(name, "--workflow-type", "Other", "--task-queue", "other", "--cron", "0 22 29 feb *")
    return name


def test_check_do_check_again_do_again(
    nameless: Ansible, temporal: TemporalServer, task_queue: str, name: str, night: dict[str, Any]
) -> None:
    asked = {
        **night,
        "criticality": "MEDIUM",
        "max_vms": 3,
        "scope": [{"cluster": "DC0_C0"}],
        "target": {"memory_mib": 1024, "until_cpu_percent": 80},
        "vms": ["a"],
        "jitter": 60,
        "reply_to": f"https://ops:{SECRET}@hooks.example/x?token={SECRET}",
    }
    checked = nameless.module(SCHEDULE, asked, "--check", "--diff")
    assert (checked.code, checked.changed, checked.result["next_times"]) == (0, True, [])
    assert temporal.describe_schedule(name) is None
    done = nameless.module(SCHEDULE, asked, "-vvv")
    assert (done.code, done.changed) == (0, True)
    assert done.result["schedule"] == checked.result["schedule"]
    assert len(done.result["next_times"]) == 5
    # With its jitter.
    assert "-02-29T13:0" in done.result["next_times"][0]
    assert SECRET not in done.output + checked.output
    seen = temporal.describe_schedule(name)
    assert seen is not None
    action = seen["schedule"]["action"]["startWorkflow"]
    assert (action["workflowType"]["name"], action["taskQueue"]["name"]) == ("PreemptionScheduled", task_queue)
    assert action["workflowExecutionTimeout"] == seen["schedule"]["policies"]["catchupWindow"] == "600s"
    assert seen["schedule"]["spec"]["jitter"] == "60s"
    for flags in (["--check"], []):
        again = nameless.module(SCHEDULE, asked, *flags)
        assert (again.changed, again.result["schedule"]) == (False, done.result["schedule"])


def test_a_change_is_shown_made_and_then_there(
    nameless: Ansible, temporal: TemporalServer, name: str, night: dict[str, Any]
) -> None:
    nameless.module(SCHEDULE, night)
    changed = {
        **night,
        "cron": None,
        "calendar": [{"hour": 6, "day_of_month": 29, "month": "feb", "day_of_week": "mon"}],
    }
    changed |= {"catch_up": 3600, "criticality": "HIGH"}
    checked = nameless.module(SCHEDULE, changed, "--check", "--diff")
    assert checked.changed
    assert '-    "catch_up": 600' in checked.output
    assert '+    "catch_up": 3600' in checked.output
    done = nameless.module(SCHEDULE, changed)
    assert (done.changed, done.result["schedule"]) == (True, checked.result["schedule"])
    seen = temporal.describe_schedule(name)
    assert seen is not None
    [calendar] = seen["schedule"]["spec"]["structuredCalendar"]
    assert (calendar["hour"][0]["start"], calendar["dayOfWeek"][0]["start"]) == (6, 1)
    assert not nameless.module(SCHEDULE, changed).changed


def test_what_somebody_changed_by_hand_is_noticed_and_put_right(
    nameless: Ansible, temporal: TemporalServer, name: str, night: dict[str, Any]
) -> None:
    made = nameless.module(SCHEDULE, night)
    temporal.update_schedule(
        name,
        *("--workflow-type", "PreemptionScheduled", "--task-queue", "other", "--cron", "0 23 29 feb *"),
        *("--overlap-policy", "BufferAll", "--interval", "2000h"),
    )
    checked = nameless.module(SCHEDULE, night, "--check", "--diff")
    assert checked.changed
    for trace in ("intervals", "an overlap policy", '"task_queue": "other"', '"hour": "23"'):
        assert trace in checked.output
    done = nameless.module(SCHEDULE, night)
    assert (done.changed, done.result["schedule"]) == (True, made.result["schedule"])


def test_check_do_check_again_do_again_and_it_is_paused_then_resumed(
    nameless: Ansible, temporal: TemporalServer, name: str, night: dict[str, Any]
) -> None:
    made = nameless.module(SCHEDULE, night)
    asked = {"name": name, "state": "paused", "note": "release"}
    assert nameless.module(SCHEDULE, asked, "--check").changed
    assert not temporal.schedule_state(name)["paused"]
    paused = nameless.module(SCHEDULE, asked)
    assert (paused.changed, paused.result["next_times"]) == (True, [])
    assert paused.result["schedule"] == {**made.result["schedule"], "paused": True, "note": "release"}
    assert temporal.schedule_state(name) == {"paused": True, "notes": "release"}
    for flags in (["--check"], []):
        assert not nameless.module(SCHEDULE, asked, *flags).changed
    assert not nameless.module(SCHEDULE, {**night, "state": "paused"}).changed
    resumed = nameless.module(SCHEDULE, night)
    assert (resumed.changed, resumed.result["schedule"]) == (True, made.result["schedule"])
    assert temporal.schedule_state(name) == {"paused": False, "notes": ""}


def test_check_do_check_again_do_again_and_it_is_gone(
    nameless: Ansible, temporal: TemporalServer, name: str, night: dict[str, Any]
) -> None:
    nameless.module(SCHEDULE, {**night, "state": "paused"})
    other = f"other-{name}"
    nameless.module(SCHEDULE, {**night, "name": other})
    absent = {"name": name, "state": "absent"}
    assert nameless.module(SCHEDULE, absent, "--check").changed
    assert temporal.describe_schedule(name) is not None
    gone = nameless.module(SCHEDULE, absent)
    assert (gone.changed, gone.result["schedule"], gone.result["next_times"]) == (True, None, [])
    assert temporal.describe_schedule(name) is None
    for flags in (["--check"], []):
        assert not nameless.module(SCHEDULE, absent, *flags).changed
    assert temporal.describe_schedule(other) is not None


def test_a_schedule_of_somebody_else_is_left_alone(
    nameless: Ansible, temporal: TemporalServer, foreign: str, night: dict[str, Any]
) -> None:
    before = temporal.describe_schedule(foreign)
    for options in (night, {"name": foreign, "state": "paused"}, {"name": foreign, "state": "absent"}):
        refused = nameless.module(SCHEDULE, options)
        assert refused.error_code == "schedule_taken"
        assert "Other" in refused.result["msg"]
    after = temporal.describe_schedule(foreign)
    assert before is not None
    assert after is not None
    assert after["schedule"] == before["schedule"]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"cron": ["0 25 * * *"]}, "invalid_setting", "'25' is no hour"),
        ({"cron": ["@daily"]}, "invalid_setting", "1 fields, not five"),
        ({"cron": None, "calendar": [{"hour": "x"}]}, "invalid_setting", "is no hour"),
        ({"cron": None}, "invalid_setting", "only given in part"),
        ({"tag": None}, "invalid_setting", "only given in part"),
        ({"timezone": "Mars/Olympus"}, "invalid_setting", "no time zone 'Mars/Olympus'"),
        ({"name": "a b"}, "invalid_setting", "letters"),
        ({"jitter": -1}, "invalid_setting", "-1 seconds"),
        ({"catch_up": 5}, "invalid_setting", "5 seconds"),
        ({"force": True}, "invalid_setting", "force"),
        ({"action": "restore", "max_vms": 1}, "invalid_setting", "max_vms"),
        ({"max_vms": 0}, "invalid_request", "max_vms is 0"),
        ({"tag": " "}, "invalid_request", "no tag"),
        ({"vms": [" "]}, "invalid_request", "no text"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    nameless: Ansible, night: dict[str, Any], options: dict[str, Any], code: str, words: str
) -> None:
    given = {option: value for option, value in {**night, **options}.items() if value is not None}
    refused = nameless.module(SCHEDULE, {**given, "temporal_address": "127.0.0.1:1"}, "--check")
    assert refused.error_code == code
    assert words in refused.result["msg"]


def test_what_is_not_there_cannot_be_paused(nameless: Ansible, name: str) -> None:
    refused = nameless.module(SCHEDULE, {"name": name, "state": "paused"})
    assert refused.error_code == "invalid_setting"
    assert "there is none of this name" in refused.result["msg"]


def test_the_role_makes_a_night_over_a_secure_connection_and_takes_it_back(
    nameless: Ansible, temporal: TemporalServer, authority: CertificateAuthority, name: str, task_queue: str
) -> None:
    proxy = TemporalProxy(temporal.address, authority=authority, api_key=SECRET).start()
    pair = [
        {"name": f"{name}-stop", "action": "preempt", "cron": ["0 22 29 feb *"], "criticality": "MEDIUM"},
        {"name": f"{name}-restore", "action": "restore", "calendar": [{"day_of_month": 29, "month": 2}]},
    ]
    site = {
        "preemption_temporal_address": proxy.address,
        "preemption_temporal_ca_file": str(authority.file),
        "preemption_temporal_api_key": SECRET,
        "preemption_task_queue": task_queue,
        "preemption_reply_to": f"https://hooks.example/x?token={SECRET}",
        "schedule_timezone": "Europe/Berlin",
        "schedule_list": pair,
    }
    absent = {**site, "schedule_list": [{"name": entry["name"], "state": "absent"} for entry in pair]}
    for variables, there in ((site, True), (absent, False)):
        for flags, changes in ((["--check"], 1), (["-vvv"], 1), (["--check"], 0), ([], 0)):
            done = nameless.named_playbook("schedule", variables, *flags)
            assert done.returncode == 0, done.stdout + done.stderr
            assert f"changed={changes} " in done.stdout, done.stdout
            assert SECRET not in done.stdout.replace(json.dumps(site["preemption_reply_to"]), "")
        assert all((temporal.describe_schedule(entry["name"]) is not None) is there for entry in pair)
    proxy.close()
