# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preemption_plan as users run it: a simulated vCenter that counts the calls, and neither Temporal nor a worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.ansible import Ansible
from support.govc import Govc
from support.ports import LOOPBACK, free_port
from support.vcenter_proxy import VCenterProxy
from support.vcsim import PASSWORD, WORKER_USER, Model, VCSim

PLAN = "preemption_plan"
FIRST = [f"DC0_C0_RP0_VM{number}" for number in range(3)]
SECOND = ["DC0_C1_RP0_VM0"]
READS = re.compile(
    r"REST (GET|POST|DELETE) /(rest/com/vmware/cis/session|api/session)"
    r"|REST GET .*"
    r"|REST POST .*(list-attached|list-tags|~action=list|action=find|filter).*"
    r"|RetrieveServiceContent|Login|Logout|CurrentTime|CreateFilter|DestroyPropertyFilter"
    r"|RetrieveProperties(Ex)?|ContinueRetrievePropertiesEx|CreateContainerView|DestroyView|FindByInventoryPath"
)
POLICY: dict[str, Any] = {
    "version": 1,
    "policies": [{"name": "careful", "protect": {"names": ["*_VM1"]}, "amount": {"max_vms": 2}}],
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCSim]:
    """A vCenter that asks for the right password; tests here change nothing in it."""
    model = Model(clusters=2, hosts=2, machines=5)
    vcsim = VCSim(tmp_path_factory.mktemp("vcsim"), model=model, strict_login=True).start()
    vcsim.tag_machines(FIRST + SECOND)
    yield vcsim
    vcsim.stop()


@pytest.fixture
def proxy(strict: VCSim) -> Iterator[VCenterProxy]:
    front = VCenterProxy(strict).start()
    yield front
    front.close()


@pytest.fixture
def planner(tmp_path: Path, proxy: VCenterProxy) -> Ansible:
    """The ansible commands, in an environment that leads to vCenter and nowhere else."""
    return Ansible(tmp_path, proxy.client_environment())


def refs(govc: Govc, names: list[str]) -> list[str]:
    machines = govc.machines()
    return [machines[name].ref for name in names]


def test_the_plan_is_made_without_a_call_that_changes_anything(
    planner: Ansible, strict: VCSim, proxy: VCenterProxy
) -> None:
    before = strict.govc().power_states()
    made = planner.module(PLAN, {"tag": "preemptible", "criticality": "HIGH"})
    counted = proxy.calls.counts()
    checked = planner.module(PLAN, {"tag": "preemptible", "criticality": "HIGH"}, "--check")
    assert made.result == checked.result
    assert not made.changed
    assert {victim["name"] for victim in made.result["victims"]} == {*FIRST, *SECOND}
    assert [victim["rank"] for victim in made.result["victims"]] == [1, 2, 3, 4]
    assert all(victim["memory_mib"] > 0 for victim in made.result["victims"])
    assert (made.result["policy"]["name"], made.result["method"], made.result["refused"]) == ("built-in", "hard", False)
    assert [name for name in counted if not READS.fullmatch(name)] == []
    assert counted.total() <= 15
    assert (strict.govc().power_states(), strict.govc().marks()) == (before, {})


@pytest.mark.parametrize("form", ["data", "text", "file"])
def test_a_policy_comes_as_data_as_text_or_as_a_file(planner: Ansible, tmp_path: Path, form: str) -> None:
    text = "version: 1\npolicies: [{name: careful, protect: {names: ['*_VM1']}, amount: {max_vms: 2}}]\n"
    (tmp_path / "policy.yml").write_text(text)
    forms: dict[str, dict[str, Any]] = {
        "data": {"policy": POLICY},
        "text": {"policy": text},
        "file": {"policy_path": "policy.yml"},
    }
    given = forms[form]
    made = planner.module(PLAN, {"tag": "preemptible", **given}).result
    assert (made["policy"]["name"], len(made["policy"]["digest"]), len(made["victims"])) == ("careful", 12, 2)
    assert made["left_out_count"] == {"over_cap": 1, "protected_by_name": 1}
    [spared] = [spared for spared in made["left_out"] if spared["reason"] == "protected_by_name"]
    assert spared["name"] == "DC0_C0_RP0_VM1"


def test_a_request_narrows_the_plan(planner: Ansible, strict: VCSim) -> None:
    asked = {"tag": "preemptible", "scope": [{"cluster": "DC0_C0"}, {"folder": "nowhere"}]}
    assert planner.module(PLAN, asked).error_code == "place_not_found"
    scoped = planner.module(PLAN, {"tag": "preemptible", "scope": [{"cluster": "DC0_C0"}]}).result
    assert {victim["name"] for victim in scoped["victims"]} == set(FIRST)
    assert scoped["left_out_count"] == {"out_of_scope": 1}
    by_ref, by_name = refs(strict.govc(), FIRST)[0], FIRST[1]
    named = planner.module(PLAN, {"tag": "preemptible", "vms": [by_ref, by_name]}).result
    assert {victim["name"] for victim in named["victims"]} == {FIRST[0], FIRST[1]}
    target = planner.module(PLAN, {"tag": "preemptible", "target": {"memory_mib": 1}, "max_vms": 3}).result
    assert (len(target["victims"]), target["shortfall"]) == (1, False)
    assert target["target"] == {"memory_mib": 1, "cpu_mhz": None}
    assert target["freed"]["memory_mib"] == target["victims"][0]["memory_mib"] > 0


def test_what_the_policy_refuses_is_a_result_with_the_reason(planner: Ansible) -> None:
    policy = {"version": 1, "policies": [{"name": "p", "scope": {"vcenter_wide": False}}]}
    made = planner.module(PLAN, {"tag": "preemptible", "policy": policy}, "--diff", "-vvv")
    assert (made.code, made.result["refused"], made.result["reason"]) == (0, True, "not_allowed_by_policy")
    assert "requires a scope" in made.result["message"]
    assert made.result["victims"] == []
    assert made.result["diff"]["after"].startswith("no VM is stopped (not_allowed_by_policy): ")


def test_a_protection_that_names_nothing_is_refused_with_what_to_do(planner: Ansible) -> None:
    policy = {"version": 1, "policies": [{"name": "p", "protect": {"tags": ["safety:never"]}}]}
    made = planner.module(PLAN, {"tag": "preemptible", "policy": policy}).result
    assert (made["refused"], made["reason"], made["victims"]) == (True, "protection_not_found", [])
    assert "the tag 'safety:never'" in made["message"]
    assert "with a slash" in made["message"]


def test_the_difference_shows_the_order_and_who_is_left_out(planner: Ansible) -> None:
    made = planner.module(PLAN, {"tag": "preemptible", "policy": POLICY}, "--diff", "-vvv").result
    before, after = (made["diff"][side].splitlines() for side in ("before", "after"))
    assert before == [f"{v['rank']}. {v['name']} ({v['vm']}): on" for v in made["victims"]]
    assert re.fullmatch(r"1\. .* \(vm-\d+\): off \(soft\), frees \d+ MiB and \d+ MHz", after[0])
    assert after[2] == "left out: over_cap 1, protected_by_name 1"
    assert re.fullmatch(r"  protected_by_name  DC0_C0_RP0_VM1 \(vm-\d+\)", after[3])
    assert "diff" not in planner.module(PLAN, {"tag": "preemptible", "policy": POLICY}, "-vvv").result


def test_name_and_password_win_over_the_files_and_are_never_shown(planner: Ansible, proxy: VCenterProxy) -> None:
    asked = {"tag": "preemptible", "vcenter_url": proxy.url, "vcenter_username": WORKER_USER}
    for password, code in ((PASSWORD, ""), ("wrong" + "word", "vcenter_login_refused")):
        ran = planner.module(PLAN, {**asked, "vcenter_password": password}, "-vvv")
        assert ran.error_code == code
        assert password not in ran.output
    half = planner.module(PLAN, asked)
    assert (half.error_code, "vcenter_password is missing" in half.result["msg"]) == ("invalid_setting", True)


@pytest.mark.long
def test_the_certificate_is_checked_unless_somebody_says_otherwise(planner: Ansible) -> None:
    asked = {"tag": "preemptible"}
    unknown = {"VCENTER_CA_FILE": ""}
    assert planner.module(PLAN, asked, env=unknown).error_code == "vcenter_tls_refused"
    assert planner.module(PLAN, {**asked, "vcenter_validate_certs": False}, env=unknown).code == 0
    assert planner.module(PLAN, asked, env={**unknown, "VCENTER_INSECURE": "true"}).code == 0
    insecure = {**unknown, "VCENTER_INSECURE": "true"}
    strict = planner.module(PLAN, {**asked, "vcenter_validate_certs": True}, env=insecure)
    assert strict.error_code == "vcenter_tls_refused"
    odd = planner.module(PLAN, asked, env={"VCENTER_INSECURE": "maybe"})
    assert "vcenter_validate_certs" in odd.result["msg"]


@pytest.mark.parametrize(
    ("options", "code", "named"),
    [
        pytest.param({"tag": "no-such-tag"}, "tag_not_found", "no-such-tag", id="tag"),
        pytest.param({"policy": "version: 2"}, "invalid_policy", "policy:1:10", id="policy"),
        pytest.param({"policy_path": "none.yml"}, "invalid_policy", "none.yml", id="no policy file"),
        pytest.param({"vcenter_ca_file": "none.pem"}, "invalid_setting", "none.pem", id="no CA file"),
        pytest.param({"vcenter_url": "ftp://x"}, "invalid_setting", "ftp://", id="address"),
        pytest.param(
            {"vcenter_url": f"https://{LOOPBACK}:{free_port()}"}, "vcenter_unreachable", LOOPBACK, id="nobody there"
        ),
        pytest.param({"max_vms": -1}, "invalid_request", "max_vms", id="negative cap"),
    ],
)
def test_what_cannot_be_is_one_clear_line(planner: Ansible, options: dict[str, Any], code: str, named: str) -> None:
    failed = planner.module(PLAN, {"tag": "preemptible", **options})
    assert failed.error_code == code
    assert named in failed.result["msg"]
    assert "Traceback" not in failed.output


def test_without_an_address_and_with_two_places_in_one_entry_nothing_is_asked(planner: Ansible) -> None:
    assert "address of vCenter: it is not set" in planner.module(PLAN, {"tag": "t"}, env={"VCENTER_URL": ""}).output
    both = [{"cluster": "a", "host": "b"}]
    assert "mutually exclusive" in planner.module(PLAN, {"tag": "t", "scope": both}).result["msg"]
    assert "one of the following" in planner.module(PLAN, {"tag": "t", "scope": [{}]}).result["msg"]
