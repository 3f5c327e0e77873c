# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preemption_preflight as users run it: a real Temporal server, and a simulated vCenter behind a proxy.

The simulator gives every account all privileges. So the proxy answers in its place where privileges are asked about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.worker.world import Script

from support.ansible import Ansible
from support.certificates import CertificateAuthority
from support.govc import MARK_ATTRIBUTE
from support.paths import CHECKOUT
from support.ports import LOOPBACK, free_port
from support.preflight import check_of, failures, skips, statuses
from support.sink import Sink
from support.temporal import TemporalServer
from support.vcenter_faults import Swallow
from support.vcenter_proxy import VCenterProxy
from support.vcsim import PASSWORD, WORKER_USER, Model, VCSim

PREFLIGHT = "preemption_preflight"
ASKED: dict[str, Any] = {"tag": "preemptible", "fail": False}
TAGGED = ["DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"]
STOP = ("System.Anonymous", "System.Read", "System.View", "Global.SetCustomField", "VirtualMachine.Interact.PowerOff")
HARMLESS = re.compile(
    r"REST (POST|DELETE) /(rest/com/vmware/cis/session|api/session)|REST GET .*|REST POST .*action=list-.*"
    r"|RetrieveServiceContent|Login|Logout|CurrentTime|RetrieveProperties(Ex)?|FetchUserPrivilegeOnEntities"
)
TEMPORAL = ["temporal_tls", "temporal_access", "temporal_namespace", "worker", "kill_switch", "temporal_clock"]
VCENTER = [
    "vcenter_certificate",
    "vcenter_login",
    "vcenter_version",
    "tag",
    "privileges",
    "custom_attribute",
    "vcenter_clock",
    "protections",
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCSim]:
    """A vCenter that asks for the right password, with tag and attribute; tests here change nothing in it."""
    model = Model(clusters=1, hosts=2, machines=3)
    vcsim = VCSim(tmp_path_factory.mktemp("vcsim"), model=model, strict_login=True).start()
    vcsim.tag_machines(TAGGED)
    vcsim.tag_machines(TAGGED[:1], category="first", tag="twice")
    vcsim.tag_machines(TAGGED[:1], category="second", tag="twice")
    vcsim.govc().run("fields.add", "-type", "VirtualMachine", MARK_ATTRIBUTE)
    yield vcsim
    vcsim.stop()


@pytest.fixture
def proxy(prepared: VCSim) -> Iterator[VCenterProxy]:
    front = VCenterProxy(prepared).start()
    grant(front, prepared, STOP)
    yield front
    front.close()


@pytest.fixture
def looker(tmp_path: Path, proxy: VCenterProxy, temporal: TemporalServer, task_queue: str) -> Ansible:
    """The ansible commands, in the environment of a worker."""
    return Ansible(
        tmp_path,
        {**proxy.client_environment(), "TEMPORAL_ADDRESS": temporal.address, "TEMPORAL_TASKQUEUE": task_queue},
    )


def grant(proxy: VCenterProxy, vcsim: VCSim, on_machines: tuple[str, ...], on_root: tuple[str, ...] = STOP) -> None:
    """Let vCenter say that the account has these privileges, and no others."""
    machines = vcsim.govc().machines()
    holders = [("Folder", "group-d1", on_root)] + [
        ("VirtualMachine", machines[name].ref, on_machines) for name in TAGGED
    ]
    result = "".join(
        f'<returnval><entity type="{kind}">{ref}</entity>'
        + "".join(f"<privileges>{privilege}</privileges>" for privilege in privileges)
        + "</returnval>"
        for kind, ref, privileges in holders
    )
    proxy.clear_rules()
    proxy.on("FetchUserPrivilegeOnEntities", Swallow(result), times=None)


def test_where_all_is_in_order_even_a_strict_look_is_content_and_changes_nothing(
    looker: Ansible, proxy: VCenterProxy, prepared: VCSim, work: Callable[[Script], None], sink: Sink
) -> None:
    work(Script())
    govc = prepared.govc()
    before = (govc.power_states(), govc.marks(), govc.attribute_keys(), govc.tags())
    receiver = {"reply_to": f"{sink.url}?token=hidden-word", "reply_to_allow": LOOPBACK}
    asked = {"tag": "preemptible", "strict": True, **receiver}
    made = looker.module(PREFLIGHT, asked, "-vvv")
    assert set(statuses(made).values()) == {"ok"}, made.output
    assert (made.result["ready"], made.changed) == (True, False)
    assert check_of(made, "tag")[1] == "2 VMs with the tag preemptible, 2 of them powered on."
    assert [name for name in proxy.calls.counts() if not HARMLESS.fullmatch(name)] == []
    assert (govc.power_states(), govc.marks(), govc.attribute_keys(), govc.tags()) == before
    assert sink.events() == []
    assert not any(secret in made.output for secret in (PASSWORD, "hidden-word"))
    again = looker.module(PREFLIGHT, asked, "--check")
    assert statuses(again) == statuses(made)


@pytest.mark.long
def test_without_a_worker_there_is_a_warning_which_only_a_strict_look_fails_for(looker: Ansible) -> None:
    made = looker.module(PREFLIGHT, {"tag": "preemptible"})
    assert (made.code, made.result["ready"], check_of(made, "worker")[0]) == (0, True, "warning")
    assert skips(made) == {"temporal_clock", "reply_address", "reply_receiver"}
    strict = looker.module(PREFLIGHT, {"tag": "preemptible", "strict": True})
    assert (strict.error_code, strict.result["ready"]) == ("preflight_failed", False)
    assert strict.result["msg"].endswith(strict.result["table"])
    assert "1 warning" in strict.result["msg"].splitlines()[0]


@pytest.mark.long
def test_a_paused_preemption_is_seen(looker: Ansible) -> None:
    looker.module("preemption_pause", {"reason": "the migration\nof today", "by": "ops"})
    status, text = check_of(looker.module(PREFLIGHT, ASKED), "kill_switch")
    assert status == "warning"
    assert r"by ops: the migration\nof today" in text


@pytest.mark.long
def test_without_temporal_the_rest_is_looked_at_all_the_same(looker: Ansible) -> None:
    made = looker.module(PREFLIGHT, {**ASKED, "temporal_address": f"{LOOPBACK}:{free_port()}"})
    assert failures(made) == {"temporal_connection"}
    assert skips(made) >= set(TEMPORAL)
    assert statuses(made)["vcenter_login"] == "ok"


def test_only_required_checks_count_and_one_that_could_not_be_made_is_missing(
    looker: Ansible, proxy: VCenterProxy
) -> None:
    nowhere = {**ASKED, "temporal_address": f"{LOOPBACK}:{free_port()}"}
    ready = looker.module(PREFLIGHT, {**nowhere, "required": ["vcenter_login", "vcenter_version"], "fail": True})
    assert (ready.code, ready.result["ready"], ready.result["missing"]) == (0, True, [])
    assert failures(ready) == {"temporal_connection"}
    refused = looker.module(PREFLIGHT, {**nowhere, "required": ["vcenter_login", "temporal_tls"], "fail": True})
    assert (refused.error_code, refused.result["missing"]) == ("preflight_failed", ["temporal_tls"])
    assert refused.result["failure"] == {"preflight_failed": True}
    proxy.calls.clear()
    mistyped = looker.module(PREFLIGHT, {**ASKED, "required": ["vcenter_login", "vcenter_logon"]})
    assert (mistyped.code != 0, "vcenter_logon" in mistyped.result["msg"]) == (True, True)
    assert "ready" not in mistyped.result
    assert proxy.calls.counts() == {}


@pytest.mark.long
def test_a_namespace_that_does_not_exist_is_told_from_a_server_that_does_not_answer(looker: Ansible) -> None:
    made = looker.module(PREFLIGHT, {**ASKED, "temporal_namespace": "elsewhere"})
    assert failures(made) == {"temporal_namespace"}
    assert [statuses(made)[name] for name in TEMPORAL] == ["ok", "ok", "failed", "skipped", "skipped", "skipped"]


@pytest.mark.long
def test_an_address_or_a_file_that_cannot_be_is_a_failed_check_and_no_exception(looker: Ansible) -> None:
    made = looker.module(PREFLIGHT, {**ASKED, "temporal_address": "nowhere", "vcenter_ca_file": "none.pem"})
    assert failures(made) == {"temporal_connection", "vcenter_connection"}
    assert "none.pem" in check_of(made, "vcenter_connection")[1]


def test_without_vcenter_the_rest_is_looked_at_all_the_same(looker: Ansible) -> None:
    made = looker.module(PREFLIGHT, {**ASKED, "vcenter_url": f"https://{LOOPBACK}:{free_port()}"})
    assert failures(made) == {"vcenter_connection"}
    assert skips(made) >= set(VCENTER)
    assert statuses(made)["temporal_namespace"] == "ok"


@pytest.mark.long
def test_a_wrong_ca_a_wrong_password_and_a_missing_one_are_three_things(
    looker: Ansible, proxy: VCenterProxy, authority: CertificateAuthority
) -> None:
    mistrusted = looker.module(PREFLIGHT, {**ASKED, "vcenter_ca_file": str(authority.file)})
    assert failures(mistrusted) == {"vcenter_certificate"}
    assert statuses(mistrusted)["vcenter_connection"] == "ok"
    wrong = {**ASKED, "vcenter_username": WORKER_USER, "vcenter_password": "wrong" + "word"}
    refused = looker.module(PREFLIGHT, wrong, "-vvv")
    assert failures(refused) == {"vcenter_login"}
    assert [statuses(refused)[name] for name in ("vcenter_connection", "vcenter_certificate")] == ["ok", "ok"]
    assert "wrongword" not in refused.output
    proxy.calls.clear()
    without = looker.module(PREFLIGHT, {**ASKED, "vcenter_secret_path": "nowhere"})
    assert failures(without) == {"vcenter_login"}
    assert proxy.calls.count("Login") == 0
    unchecked = looker.module(PREFLIGHT, {**ASKED, "vcenter_validate_certs": False})
    assert check_of(unchecked, "vcenter_certificate")[0] == "warning"


@pytest.mark.long
@pytest.mark.parametrize(
    ("tag", "status", "said"),
    [
        pytest.param("none\x1b[2J", "failed", r"none\x1b[2J", id="none"),
        pytest.param("twice", "failed", "first/twice, second/twice", id="two of them"),
        pytest.param("second/twice", "ok", "1 VM with", id="with its category"),
    ],
)
def test_the_tag_has_to_be_there_once(looker: Ansible, tag: str, status: str, said: str) -> None:
    found, text = check_of(looker.module(PREFLIGHT, {**ASKED, "tag": tag}), "tag")
    assert found == status
    assert said in text


@pytest.mark.long
def test_in_a_bare_vcenter_the_attribute_and_the_tag_are_missing(looker: Ansible, vcsim: VCSim) -> None:
    options = {**ASKED, "vcenter_url": vcsim.url, "vcenter_ca_file": str(vcsim.ca_file)}
    assert failures(looker.module(PREFLIGHT, options)) == {"tag", "custom_attribute"}
    vcsim.govc().run("fields.add", "-type", "HostSystem", MARK_ATTRIBUTE)
    status, text = check_of(looker.module(PREFLIGHT, options), "custom_attribute")
    assert (status, "HostSystem" in text) == ("failed", True)
    assert list(vcsim.govc().attribute_keys().values()) == [MARK_ATTRIBUTE]


def test_privileges_that_are_missing_or_in_excess_are_named(
    looker: Ansible, proxy: VCenterProxy, prepared: VCSim
) -> None:
    grant(proxy, prepared, STOP[:-1])
    status, text = check_of(looker.module(PREFLIGHT, ASKED), "privileges")
    assert status == "failed"
    assert "VirtualMachine.Interact.PowerOff on 2 of 2 VMs" in text
    grant(proxy, prepared, (*STOP, "VirtualMachine.Inventory.Delete"), on_root=STOP[:3])
    status, text = check_of(looker.module(PREFLIGHT, ASKED), "privileges")
    assert (status, text) == (
        "warning",
        "The account has more privileges than it needs: VirtualMachine.Inventory.Delete.",
    )
    more = looker.module(PREFLIGHT, {**ASKED, "features": ["stop", "restore"]})
    assert "VirtualMachine.Interact.PowerOn" in check_of(more, "privileges")[1]
    proxy.clear_rules()
    everything = check_of(looker.module(PREFLIGHT, ASKED), "privileges")[1]
    assert re.search(r" and \d{3} more\.$", everything)


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        pytest.param({"policy": "version: 2"}, "failed", "policy:1:10", id="broken"),
        pytest.param({"policy_path": "none.yml"}, "failed", "none.yml", id="no file"),
        pytest.param({"policy": {"version": 1, "policies": [{"name": "careful"}]}}, "ok", "careful", id="valid"),
        pytest.param(
            {"policy": {"version": 1, "policies": [{"name": "p", "restore": {"automatic": True}}]}},
            "warning",
            "restore",
            id="wants more than the features",
        ),
    ],
)
def test_the_policy_is_read(looker: Ansible, options: dict[str, Any], status: str, said: str) -> None:
    found, text = check_of(looker.module(PREFLIGHT, {**ASKED, **options}), "policy")
    assert found == status
    assert said in text


@pytest.mark.parametrize(
    ("protect", "status", "said"),
    [
        pytest.param({"tags": ["first/twice"], "groups": [{"category": "second", "keep": 1}]}, "ok", "first/twice"),
        pytest.param({"tags": ["twice", "safety:never"]}, "failed", "protects VMs by the tag 'safety:never'"),
        pytest.param({"groups": [{"attribute": "Owner", "keep": 1}]}, "failed", "the custom attribute 'Owner'"),
    ],
    ids=["all there", "tag", "attribute"],
)
def test_what_the_policy_protects_by_is_looked_for(
    looker: Ansible, protect: dict[str, Any], status: str, said: str
) -> None:
    policy = {"version": 1, "policies": [{"name": "p", "protect": protect}]}
    found, text = check_of(looker.module(PREFLIGHT, {**ASKED, "policy": policy}), "protections")
    assert (found, said in text) == (status, True), text


@pytest.mark.long
def test_the_playbook_shows_the_table_and_fails_where_something_is_wrong(
    looker: Ansible, temporal: TemporalServer, proxy: VCenterProxy
) -> None:
    variables = {
        "preemption_temporal_address": temporal.address,
        "preemption_vcenter_url": proxy.url,
        "preemption_vcenter_username": WORKER_USER,
        "preemption_vcenter_password": PASSWORD,
        "preemption_vcenter_ca_file": str(proxy.ca_file),
    }
    good = looker.named_playbook("preflight", variables)
    assert good.returncode == 0, good.stdout
    assert re.search(r"ok +vcenter_login +Logged in as", good.stdout)
    assert "changed=0" in good.stdout
    bad = looker.named_playbook("preflight", {**variables, "preemption_tag": "none", "preflight_strict": True})
    assert bad.returncode != 0
    assert re.search(r"failed +tag +Cannot find the tag 'none'", bad.stdout)
    assert PASSWORD not in good.stdout + bad.stdout


@pytest.mark.long
def test_every_check_has_its_row_in_the_documentation(looker: Ansible) -> None:
    page = (CHECKOUT / "docs" / "preflight.md").read_text().partition("## The checks")[2]
    documented = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert documented == [check["name"] for check in looker.module(PREFLIGHT, ASKED).result["checks"]]
