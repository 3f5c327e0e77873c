# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preemption_schedule as users run it, on a real Temporal server; the command `temporal` is the witness."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.ansible import Ansible
from support.certificates import CertificateAuthority
from support.temporal import TemporalServer
from support.temporal_proxy import TemporalProxy

# Many runs of the ansible commands; some tests have more than one.
pytestmark = pytest.mark.timeout(600)
SCHEDULE = "preemption_schedule"
SECRET = "a-token-that-nobody-may-see"


@dataclass(frozen=True)
class Task:
    """One use of the module. check: in check mode."""

    options: dict[str, Any]
    check: bool = False


Results = list[dict[str, Any]]
InOnePlay = Callable[..., Results]


@pytest.fixture
def in_one_play(nameless: Ansible, tmp_path: Path) -> InOnePlay:
    """The results of tasks that one play does, which takes a fraction of the time; with their differences."""

    def play(*tasks: Task) -> Results:
        file = tmp_path / "results.json"
        book = [
            {
                f"vsphere.preemption.{SCHEDULE}": task.options,
                "check_mode": task.check,
                "diff": True,
                "ignore_errors": True,
                "register": f"result_{number}",
            }
            for number, task in enumerate(tasks)
        ]
        results = "{{ [" + ", ".join(f"result_{number}" for number in range(len(tasks))) + "] | to_json }}"
        keep = {"ansible.builtin.copy": {"content": results, "dest": str(file)}, "check_mode": False, "no_log": True}
        done = nameless.playbook(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [*book, keep]}]))
        assert done.returncode == 0, done.stdout + done.stderr
        found: Results = json.loads(file.read_text())
        return found

    return play


def changes(results: Results) -> list[bool]:
    assert not [result["msg"] for result in results if result.get("failed")]
    return [result["changed"] for result in results]


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
    temporal.create_schedule(name, "--type", "Other", "--task-queue", "other", "--cron", "0 22 29 feb *")
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


@pytest.mark.long
def test_a_change_is_shown_made_and_then_there(
    in_one_play: InOnePlay, temporal: TemporalServer, name: str, night: dict[str, Any]
) -> None:
    day = {"hour": 6, "day_of_month": 29, "month": "feb", "day_of_week": "mon"}
    changed = {**night, "calendar": [day], "catch_up": 3600, "criticality": "HIGH"}
    del changed["cron"]
    made, checked, done, again = in_one_play(Task(night), Task(changed, check=True), Task(changed), Task(changed))
    assert changes([made, checked, done, again]) == [True, True, True, False]
    assert checked["diff"] == done["diff"] == {"before": made["schedule"], "after": done["schedule"]}
    assert checked["schedule"] == done["schedule"] == again["schedule"]
    assert (made["schedule"]["catch_up"], done["schedule"]["catch_up"]) == (600, 3600)
    seen = temporal.describe_schedule(name)
    assert seen is not None
    [calendar] = seen["schedule"]["spec"]["structuredCalendar"]
    assert (calendar["hour"][0]["start"], calendar["dayOfWeek"][0]["start"]) == (6, 1)


@pytest.mark.long
def test_what_somebody_changed_by_hand_is_noticed_and_put_right(
    in_one_play: InOnePlay, temporal: TemporalServer, name: str, night: dict[str, Any]
) -> None:
    [made] = in_one_play(Task(night))
    temporal.update_schedule(
        name,
        *("--type", "PreemptionScheduled", "--task-queue", "other", "--cron", "0 23 29 2 *"),
        *("--overlap-policy", "BufferAll", "--interval", "2000h"),
    )
    checked, done, again = in_one_play(Task(night, check=True), Task(night), Task(night))
    assert changes([checked, done, again]) == [True, True, False]
    before = checked["diff"]["before"]
    assert {"intervals", "an overlap policy", "a time limit"} <= set(before["additions"])
    assert (before["task_queue"], before["calendar"][0]["hour"]) == ("other", "23")
    assert done["schedule"] == again["schedule"] == made["schedule"]


@pytest.mark.long
def test_check_do_check_again_do_again_and_it_is_paused_then_resumed(
    in_one_play: InOnePlay, temporal: TemporalServer, name: str, night: dict[str, Any]
) -> None:
    asked = {"name": name, "state": "paused", "note": "release"}
    made, checked = in_one_play(Task(night), Task(asked, check=True))
    assert checked["changed"]
    assert temporal.schedule_state(name) == {"paused": False, "notes": ""}
    also = {**night, "state": "paused"}
    done, *again = in_one_play(Task(asked), Task(asked, check=True), Task(asked), Task(also))
    assert changes([done, *again]) == [True, False, False, False]
    assert done["schedule"] == {**made["schedule"], "paused": True, "note": "release"}
    assert done["next_times"] == []
    assert temporal.schedule_state(name) == {"paused": True, "notes": "release"}
    resumed, again_resumed = in_one_play(Task(night), Task({"name": name}))
    assert changes([resumed, again_resumed]) == [True, False]
    assert resumed["schedule"] == made["schedule"]
    assert temporal.schedule_state(name) == {"paused": False, "notes": ""}


@pytest.mark.long
def test_check_do_check_again_do_again_and_it_is_gone(
    in_one_play: InOnePlay, temporal: TemporalServer, name: str, night: dict[str, Any]
) -> None:
    other, absent = f"other-{name}", {"name": name, "state": "absent"}
    made = in_one_play(Task({**night, "state": "paused"}), Task({**night, "name": other}), Task(absent, check=True))
    assert changes(made) == [True, True, True]
    assert temporal.describe_schedule(name) is not None
    gone, *again = in_one_play(Task(absent), Task(absent, check=True), Task(absent))
    assert changes([gone, *again]) == [True, False, False]
    assert (gone["schedule"], gone["next_times"]) == (None, [])
    assert temporal.describe_schedule(name) is None
    assert temporal.describe_schedule(other) is not None


def test_a_schedule_of_somebody_else_is_left_alone(
    in_one_play: InOnePlay, temporal: TemporalServer, foreign: str, night: dict[str, Any]
) -> None:
    before = temporal.describe_schedule(foreign)
    refused = in_one_play(
        Task(night), Task({"name": foreign, "state": "paused"}), Task({"name": foreign, "state": "absent"})
    )
    assert [result["error_code"] for result in refused] == ["schedule_taken"] * 3
    assert "Other" in refused[0]["msg"]
    after = temporal.describe_schedule(foreign)
    assert before is not None
    assert after is not None
    assert after["schedule"] == before["schedule"]


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"cron": ["0 25 * * *"]}, "invalid_setting", "'25' is no hour"),
    ({"cron": ["@daily"]}, "invalid_setting", "1 fields, not five"),
    ({"cron": None, "calendar": [{"hour": "x"}]}, "invalid_setting", "is no hour"),
    ({"cron": None}, "invalid_setting", "only some of action, tag"),
    ({"tag": None}, "invalid_setting", "only some of action, tag"),
    ({"timezone": "Mars/Olympus"}, "invalid_setting", "no time zone 'Mars/Olympus'"),
    ({"name": "a b"}, "invalid_setting", "letters"),
    ({"jitter": -1}, "invalid_setting", "-1 seconds"),
    ({"catch_up": 5}, "invalid_setting", "5 seconds"),
    ({"force": True}, "invalid_setting", "force"),
    ({"action": "restore", "max_vms": 1}, "invalid_setting", "max_vms"),
    ({"max_vms": 0}, "invalid_request", "max_vms is 0"),
    ({"tag": " "}, "invalid_request", "no tag"),
    ({"vms": [" "]}, "invalid_request", "no text"),
]


@pytest.mark.long
def test_what_cannot_be_is_refused_before_anything_is_sent(in_one_play: InOnePlay, night: dict[str, Any]) -> None:
    nowhere = {**night, "temporal_address": "127.0.0.1:1"}
    given = [
        {name: value for name, value in {**nowhere, **wrong}.items() if value is not None} for wrong, *_rest in WRONG
    ]
    refused = in_one_play(*(Task(options, check=True) for options in given))
    assert [result["error_code"] for result in refused] == [code for _wrong, code, _words in WRONG]
    assert [
        words for result, (_wrong, _code, words) in zip(refused, WRONG, strict=True) if words not in result["msg"]
    ] == []


def test_what_is_not_there_cannot_be_paused_and_is_absent_even_where_its_namespace_is_missing(
    in_one_play: InOnePlay, name: str
) -> None:
    paused, absent = {"name": name, "state": "paused"}, {"name": name, "state": "absent"}
    nowhere = {"temporal_namespace": f"none-{name}"}
    here, there, gone = in_one_play(Task(paused), Task({**paused, **nowhere}), Task({**absent, **nowhere}))
    assert "there is no schedule with this name" in here["msg"]
    assert [here["error_code"], there["error_code"]] == ["invalid_setting", "namespace_not_found"]
    assert (gone["changed"], gone["schedule"]) == (False, None)


def test_a_schedule_with_a_limit_that_is_given_but_empty_is_refused_and_not_made(
    nameless: Ansible, in_one_play: InOnePlay, temporal: TemporalServer, name: str, night: dict[str, Any]
) -> None:
    restore = {**night, "action": "restore"}
    empty = [{**night, "vms": []}, {**night, "scope": []}, {**night, "target": {}}, {**restore, "vms": []}]
    results = in_one_play(*map(Task, empty))
    assert [result["error_code"] for result in results] == ["invalid_request"] * len(empty)
    assert all("set but empty" in result["msg"] for result in results)
    limits: list[dict[str, Any]] = [{"vms": None}, {"scope": []}, {"target": {}}, {"max_vms": None}]
    for limit in limits:
        site = {"schedule_list": [{**night, **limit}], "preemption_temporal_address": temporal.address}
        ran = nameless.named_playbook("schedule", site)
        assert ran.returncode != 0
        assert f"{name}, {next(iter(limit))} is set but empty" in " ".join(ran.stdout.split()), ran.stdout
    assert temporal.describe_schedule(name) is None


@pytest.mark.long
def test_the_role_makes_a_night_over_a_secure_connection_and_takes_it_back(
    nameless: Ansible,
    temporal: TemporalServer,
    authority: CertificateAuthority,
    name: str,
    task_queue: str,
    tmp_path: Path,
) -> None:
    proxy = TemporalProxy(temporal.address, authority=authority, api_key=SECRET).start()
    stop, give_back = f"{name}-stop", f"{name}-restore"
    pair = [
        {"name": stop, "action": "preempt", "cron": ["0 22 29 feb *"], "criticality": "MEDIUM"},
        {"name": give_back, "action": "restore", "calendar": [{"day_of_month": 29, "month": 2}], "state": "paused"},
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
    absent = {**site, "schedule_state": "absent"}
    play = {"hosts": "localhost", "gather_facts": False, "roles": ["vsphere.preemption.schedule"]}
    do_check_do = json.dumps([play, {**play, "check_mode": True}, play])
    for variables, there in ((site, True), (absent, False)):
        checked = nameless.named_playbook("schedule", variables, "--check")
        assert "changed=1 " in checked.stdout, checked.stdout + checked.stderr
        assert [temporal.describe_schedule(one) is None for one in (stop, give_back)] == [there, there]
        done = nameless.playbook(do_check_do, "-e", f"@{_file(tmp_path, variables)}", "-vvv")
        assert (done.returncode, "changed=1 " in done.stdout) == (0, True), done.stdout + done.stderr
        assert SECRET not in checked.stdout + done.stdout + done.stderr
        assert [temporal.describe_schedule(one) is not None for one in (stop, give_back)] == [there, there]
    proxy.close()


def _file(folder: Path, variables: dict[str, Any]) -> Path:
    """Not on the command line, which -vvv shows."""
    file = folder / "variables.json"
    file.write_text(json.dumps(variables))
    return file
