# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook awx sends, to a stand-in that records it. No AWX can be had here, so none is asked."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.ansible import Ansible
from support.awx import AWX, TOKEN
from support.paths import CHECKOUT

from .conftest import Site

# Names of collections are packages; a parent that is not there is an error of its own.
HAS_AWX = importlib.util.find_spec("ansible_collections") and importlib.util.find_spec("ansible_collections.awx")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not HAS_AWX, reason="the package ansible of this Python comes without awx.awx"),
    # A run is some twenty modules, one after the other.
    pytest.mark.timeout(1800),
]

T = "Spot"
SECRETS = {"api_key": "key-7f3a", "client_key": "-----BEGIN secret-9d1e", "password": "word-4c2b"}
NAMES = {"awx_prefix": T, "awx_plan_template": "Who would go", "awx_schedule_template": "status"}


def site_of(awx: AWX, folder: Path) -> Site:
    variables = {
        "awx_host": awx.url,
        "awx_token": TOKEN,
        "awx_project_url": "https://git.example.com/preemption.git",
        "awx_image": "registry.example.com/preemption-ee:1",
        "awx_variables": {"preemption_tag": "preemptible"},
        "awx_temporal": {
            "address": "temporal.example.com:7233",
            "api_key": SECRETS["api_key"],
            "client_key": SECRETS["client_key"],
        },
        "awx_vcenter": {"url": "https://vc.example.com", "username": "viewer", "password": SECRETS["password"]},
    }
    return Site(Ansible(folder, {}), variables)


@pytest.fixture
def awx() -> Iterator[AWX]:
    stand_in = AWX()
    yield stand_in
    stand_in.close()


@pytest.fixture
def site(tmp_path: Path, awx: AWX) -> Site:
    return site_of(awx, tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AWX]:
    """All is made once, with some names of the site's own. Do not change it."""
    stand_in = AWX()
    changed, shown = site_of(stand_in, tmp_path_factory.mktemp("awx")).changed("awx", "-vvv", **NAMES)
    assert (changed, secrets_in(shown)) == (11, [])
    yield stand_in
    stand_in.close()


def secrets_in(text: str) -> list[str]:
    return [secret for secret in SECRETS.values() if secret in text]


def test_a_check_only_looks_then_all_is_made_then_nothing_changes_then_all_is_removed(site: Site, awx: AWX) -> None:
    site.variables["awx_temporal"] = {}
    checked, shown = site.changed("awx", "--check", "--diff")
    assert (checked > 0, awx.changes, secrets_in(shown)) == (True, [], [])
    assert site.changed("awx")[0] == 10
    assert set(awx.named("credentials")) == {"vSphere preemption vCenter"}
    assert site.changed("awx", "--check")[0] == 0
    before = len(awx.changes)
    assert site.changed("awx")[0] == 0
    assert awx.changes[before:] == []
    assert site.changed("awx", "--check", awx_state="absent")[0] > 0
    assert set(awx.named("schedules")) == {"vSphere preemption schedule"}
    assert site.changed("awx", awx_state="absent")[0] == 8
    assert {kind for kind, things in awx.things.items() if things} == {"organizations"}
    assert site.changed("awx", awx_state="absent")[0] == 0


def test_the_job_templates_have_playbooks_that_are_there_and_all_credentials(made: AWX) -> None:
    templates = made.named("job_templates")
    assert set(templates) == {"Who would go", *(f"{T} {name}" for name in ("preempt", "restore", "pause", "status"))}
    assert all((CHECKOUT / thing["playbook"]).is_file() for thing in templates.values())
    credentials = {thing["id"] for thing in made.named("credentials").values()}
    assert len(credentials) == 2
    assert all(set(made.linked(thing, "credentials")) == credentials for thing in templates.values())
    [vcenter] = (thing for name, thing in made.named("credentials").items() if name.endswith("vCenter"))
    assert vcenter["credential_type"] == made.named("credential_types")[f"{T} vCenter"]["id"]


def test_the_inventory_has_the_variables_of_the_site_and_the_interpreter_is_left_to_the_job(made: AWX) -> None:
    assert json.loads(made.named("inventories")[T]["variables"]) == {"preemption_tag": "preemptible"}
    [host] = made.named("hosts").values()
    assert json.loads(host["variables"])["ansible_python_interpreter"] == "{{ ansible_playbook_python }}"


def test_the_workflow_plans_then_waits_for_approval_then_preempts(made: AWX) -> None:
    nodes, templates = made.named("workflow_job_template_nodes"), made.named("job_templates")
    assert [made.linked(nodes[name], "success_nodes") for name in ("plan", "approval", "preempt")] == [
        [nodes["approval"]["id"]],
        [nodes["preempt"]["id"]],
        [],
    ]
    assert nodes["plan"]["unified_job_template"] == templates["Who would go"]["id"]
    assert nodes["preempt"]["unified_job_template"] == templates[f"{T} preempt"]["id"]
    assert made.named("workflow_approval_templates")[f"{T} approval"]["timeout"] == 3600
    assert made.named("schedules")[f"{T} schedule"]["unified_job_template"] == templates[f"{T} status"]["id"]


def test_secrets_are_secret_fields_and_no_variables_of_a_job(made: AWX) -> None:
    for kind in made.named("credential_types").values():
        assert kind["kind"] == "cloud"
        fields = {field["id"]: field for field in kind["inputs"]["fields"]}
        secret = {name for name, field in fields.items() if field.get("secret")}
        assert secret == set(fields) & set(SECRETS)
        for value in kind["injectors"]["extra_vars"].values():
            # The path of a file with a secret is none.
            assert not secret & set(re.findall(r"\b\w+\b", re.sub(r"\bif .*", "", value)))
        used = set(re.findall(r"\{\{ (?:'\w*' if )?(\w+)", json.dumps(kind["injectors"]))) - {"tower"}
        assert used <= set(fields)


def test_questions_ask_for_variables_of_the_playbooks_and_all_of_the_workflow_know_them(made: AWX) -> None:
    books = "\n".join(book.read_text() for book in (CHECKOUT / "playbooks").glob("**/*.yml") if "awx" not in book.name)
    surveys = {name: made.survey(template) for name, template in made.named("job_templates").items()}
    for survey in surveys.values():
        assert [q["variable"] for q in survey["spec"] if not re.search(rf"\b{q['variable']}\b", books)] == []
    workflow = made.survey(made.named("workflow_job_templates")[f"{T} preempt with approval"])
    assert workflow == surveys["Who would go"] == surveys[f"{T} preempt"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"awx_state": "gone"}, "Set awx_state to present or absent"),
        ({"awx_image": ""}, "Set awx_state to present or absent"),
        ({"awx_token": "wrong"}, "HTTP 401"),
        ({"awx_image_pull": "sometimes"}, "sometimes"),
    ],
    ids=["state", "image", "token", "pull"],
)
def test_bad_input_is_refused(site: Site, wrong: dict[str, str], said: str) -> None:
    ran = site.run("awx", **wrong)
    assert ran.returncode != 0
    assert said in ran.stdout + ran.stderr
