# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a worker under systemd, in the order of its stories: each begins where the one before has ended."""

from __future__ import annotations

from typing import Any

from support.dispatcher import a_request
from support.vcenter_faults import Swallow
from support.vcsim import PASSWORD
from support.waiting import wait_until
from support.webhook import Sender, alarm_data, of_knative

from .conftest import ACCOUNT, UNIT, Site, credentials_folder

FIRST = {"DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"}
LATER = {"DC0_C0_RP0_VM2", "DC0_C0_RP0_VM3"}
READY = '"worker": "" if self._polling else "not polling"'
BROKEN = '"worker": "broken on purpose"'
LIFECYCLE = "service/lifecycle.py"
WEBHOOK_TOKEN = "a-token-that-nobody-guesses"
MOST_EXPOSED = "20"  # ten times the score of systemd-analyze


def a_policy(*, max_vms: int) -> dict[str, object]:
    return {"version": 1, "policies": [{"name": "standard", "amount": {"max_vms": max_vms}}]}


def test_a_worker_is_deployed_and_a_second_run_changes_nothing(site: Site) -> None:
    foreseen = site.controller.deploy("--check", "--diff")
    assert foreseen.changed == 1
    assert PASSWORD not in foreseen.output
    assert site.host.files() == site.before
    assert site.controller.deploy().changed == 1
    assert site.host.unit(UNIT, "ActiveState", "StatusText") == {"ActiveState": "active", "StatusText": "ready"}
    assert site.host.unit(UNIT, "UnitFileState", "NRestarts") == {"UnitFileState": "enabled", "NRestarts": "0"}
    assert site.controller.deploy("--check").changed == 0
    assert site.controller.deploy().changed == 0


def test_systemd_finds_nothing_wrong_with_the_unit_nor_too_much_that_it_may_do(site: Site) -> None:
    path = f"/etc/systemd/system/{UNIT}"
    assert site.host.run("systemd-analyze", "verify", path, "2>&1") == ""
    rating = site.host.run("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", path)
    print(rating.strip().splitlines()[-1])


def test_the_worker_is_not_root_and_its_secrets_are_nowhere_to_be_read(site: Site) -> None:
    pid = site.main_pid()
    status = site.host.run("grep", "^Uid:", f"/proc/{pid}/status").split()
    assert "0" not in status[1:]
    readable = "".join(
        site.host.run(command)
        for command in (
            f"systemctl show {UNIT}",
            f"systemctl cat {UNIT}",
            f"cat /proc/{pid}/cmdline /proc/{pid}/environ",
        )
    )
    assert PASSWORD not in readable + site.host.journal(UNIT)
    folder = credentials_folder(site.host.root)
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in folder.iterdir()} == {
        "username": "0o600",
        "password": "0o600",
    }


def test_it_preempts(site: Site) -> None:
    govc = site.vcsim.govc()
    before = govc.powered_on()
    site.vcsim.tag_machines(sorted(FIRST))
    record = site.dispatcher.run(a_request("HIGH"))
    assert record["outcome"] == "done"
    assert before - govc.powered_on() == FIRST


def test_a_policy_that_changes_is_read_by_the_running_worker(site: Site) -> None:
    site.controller.deploy(worker_policy=a_policy(max_vms=5))
    pid = site.main_pid()
    assert site.controller.deploy(worker_policy=a_policy(max_vms=6)).changed == 1
    assert site.main_pid() == pid
    assert "policies reloaded" in site.host.journal(UNIT)
    assert site.controller.deploy().changed == 1


def test_a_worker_that_is_killed_comes_back(site: Site) -> None:
    pid = site.main_pid()
    site.host.run(f"kill -9 {pid}")
    site.host.wait("another process", f"test $(systemctl show -P MainPID {UNIT}) -gt {pid}")
    site.wait_ready()
    assert site.host.unit(UNIT, "NRestarts", "StatusText") == {"NRestarts": "1", "StatusText": "ready"}


def test_a_worker_that_hangs_is_ended_by_the_watchdog_and_comes_back(site: Site) -> None:
    pid = site.main_pid()
    site.host.run(f"kill -STOP {pid}")
    site.host.wait("another process", f"test $(systemctl show -P MainPID {UNIT}) -gt {pid}", seconds=120)
    assert "Watchdog timeout" in site.host.journal(UNIT)
    site.wait_ready()


def test_an_upgrade_in_mid_run_hands_the_run_to_the_new_worker(site: Site) -> None:
    govc, witness = site.vcsim.govc(), site.vcsim.witness()
    site.vcsim.tag_machines(sorted(LATER))
    forced = site.asked("PowerOff*")
    # The guests go down only when the newer worker is there.
    site.proxy.on("ShutdownGuest", Swallow(), times=None)
    request = a_request("LOW")
    site.dispatcher.send(request)
    wait_until(lambda: site.asked("ShutdownGuest"), 30, "the guests asked", until=lambda count: count == len(LATER))
    pid = site.main_pid()
    site.controller.change_release("__main__.py", "EXIT_OK", "EXIT_WELL")
    assert site.controller.deploy().changed == 1
    assert site.main_pid() != pid
    assert "timed out" not in site.host.journal(UNIT), "the old worker did not end in time"
    assert govc.powered_on() >= LATER
    for name in LATER:
        witness.vm(govc.machine(name).ref).ShutdownGuest()
    witness.close()
    record = site.dispatcher.outcome_of(request["event"]["id"], seconds=90)
    assert (record["outcome"], sorted(victim["name"] for victim in record["victims"])) == ("done", sorted(LATER))
    assert site.asked("ShutdownGuest") == len(LATER), "the newer worker asked a guest again"
    assert site.asked("PowerOff*") == forced
    assert {name for name in LATER if name in govc.marks()} == LATER
    assert not govc.powered_on() & LATER


def test_a_release_that_does_not_get_ready_is_taken_back(site: Site) -> None:
    current = site.host.run("readlink /opt/vsphere-preemption/instances/default/current")
    site.controller.change_release(LIFECYCLE, READY, BROKEN)
    failed = site.controller.deploy(fails=True, worker_ready_timeout=20)
    assert "worker_not_ready" in failed.output
    assert "broken on purpose" in failed.output
    site.controller.change_release(LIFECYCLE, BROKEN, READY)
    assert site.host.run("readlink /opt/vsphere-preemption/instances/default/current") == current
    site.wait_ready()
    assert site.controller.deploy().changed == 0


def test_a_setting_that_cannot_be_used_is_taken_back_at_once(site: Site) -> None:
    failed = site.controller.deploy(fails=True, worker_environment={"PREEMPTION_REPLY_MODE": "loud"})
    assert "PREEMPTION_REPLY_MODE" in failed.output
    site.wait_ready()
    assert site.controller.deploy().changed == 0


def test_the_webhook_gets_its_secrets_as_credentials(site: Site) -> None:
    webhook: dict[str, Any] = {
        "worker_webhook_address": f"127.0.0.1:{site.spare_port}",
        "worker_webhook_tokens": [WEBHOOK_TOKEN],
    }
    event = of_knative("one", alarm_data("Cluster memory", "domain-c1"))
    changed = site.controller.deploy("--diff", **webhook)
    assert changed.changed == 1
    senders = [Sender(site.spare_port), Sender(site.spare_port, WEBHOOK_TOKEN)]
    assert [sender.post(event).status for sender in senders] == [401, 200]
    pid = site.main_pid()
    shown = site.host.run(f"systemctl cat {UNIT}; cat /proc/{pid}/cmdline /proc/{pid}/environ")
    assert "PREEMPTION_WEBHOOK_TOKEN_FILE=/run/credentials/" in shown
    assert WEBHOOK_TOKEN not in shown + changed.output + site.host.journal(UNIT)
    tokens = credentials_folder(site.host.root) / "webhook_tokens"
    assert oct(tokens.stat().st_mode & 0o777) == "0o600"
    assert site.controller.deploy(**webhook).changed == 0
    assert site.controller.deploy().changed == 1
    assert not tokens.exists()


def test_a_second_instance_runs_beside_the_first_under_an_account_of_its_own(site: Site) -> None:
    pid = site.main_pid()
    south: dict[str, Any] = {
        "worker_name": "south",
        "worker_user": ACCOUNT,
        "worker_task_queue": "south",
        "worker_health_address": f"127.0.0.1:{site.spare_port}",
    }
    assert site.controller.deploy(**south).changed == 1
    unit = "vsphere-preemption-south.service"
    assert site.host.unit(unit, "ActiveState", "User") == {"ActiveState": "active", "User": ACCOUNT}
    assert site.controller.deploy(**south).changed == 0
    assert site.controller.deploy(**south, worker_state="absent").changed == 1
    assert site.main_pid() == pid


def test_uninstalling_leaves_nothing_behind(site: Site) -> None:
    assert site.controller.deploy("--check", worker_state="absent").changed == 1
    assert site.controller.deploy().changed == 0
    assert site.controller.deploy(worker_state="absent").changed == 1
    assert site.controller.deploy(worker_state="absent").changed == 0
    assert site.host.unit(UNIT, "LoadState") == {"LoadState": "not-found"}
    after = site.host.files()
    left, gone = after.keys() - site.before.keys(), site.before.keys() - after.keys()
    changed = {name for name in after.keys() & site.before.keys() if after[name] != site.before[name]}
    assert (left, gone, changed) == (set(), set(), set())
