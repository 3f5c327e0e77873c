# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example of a site is a valid one, and docs/deploy.md names the variables that there are, and no others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jinja2.nativetypes
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from support.paths import CHECKOUT
from vsphere_preemption.policy_file.reading import read_policies

ROLES = ("worker", "vcenter", "temporal_namespace", "schedule")
PLAYBOOKS = ("deploy", "upgrade", "uninstall", "preflight")
# What follows a dot is the name of a module.
SHARED = re.compile(r"(?<![.\w])(?:preemption|uninstall)_[a-z_]+\b")
GROUP = "preemption_workers"
LEFT_OUT = "<left out>"


def _yaml(path: str) -> Any:
    return yaml.safe_load((CHECKOUT / path).read_text())


@pytest.fixture
def example() -> dict[str, Any]:
    return dict(_yaml("docs/examples/site.yml"))


def _of_the_role(role: str, site: dict[str, Any]) -> dict[str, Any]:
    """The variables of a role as Ansible fills them in for a site."""
    templates = jinja2.nativetypes.NativeEnvironment()
    filled = {
        name: templates.from_string(value).render(**site, omit=LEFT_OUT) if isinstance(value, str) else value
        for name, value in _yaml(f"roles/{role}/defaults/main.yml").items()
    }
    own = {name: value for name, value in site.items() if name in filled}
    return {name: value for name, value in {**filled, **own}.items() if value != LEFT_OUT}


def _spec(role: str) -> dict[str, Any]:
    return dict(_yaml(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"])


@pytest.mark.parametrize("role", ROLES)
def test_each_role_accepts_the_example(role: str, example: dict[str, Any]) -> None:
    checked = ArgumentSpecValidator(_spec(role)).validate(_of_the_role(role, example))
    assert checked.error_messages == []


def test_a_role_would_refuse_a_wrong_example(example: dict[str, Any]) -> None:
    wrong = {**example, "preemption_features": {"stop": True}}
    checked = ArgumentSpecValidator(_spec("vcenter")).validate(_of_the_role("vcenter", wrong))
    assert "vcenter_role_features" in " ".join(checked.error_messages)


def test_the_policy_of_the_example_is_valid_and_an_alarm_that_is_made_has_a_rule(example: dict[str, Any]) -> None:
    policies = read_policies(json.dumps(example["preemption_policy"]))
    made = {alarm["name"] for alarm in _of_the_role("vcenter", example)["vcenter_alarms"]}
    assert made & {pattern for rule in policies.alarms for pattern in rule.alarms}


def test_every_variable_of_the_example_exists(example: dict[str, Any]) -> None:
    known = _shared() | {name for role in ROLES for name in _spec(role)}
    assert set(example) - known == set()


def _shared() -> set[str]:
    """The variables that roles and playbooks read, by a look at their text."""
    files = [CHECKOUT / "roles" / role / "defaults" / "main.yml" for role in ROLES]
    files += [CHECKOUT / "playbooks" / f"{name}.yml" for name in PLAYBOOKS]
    files += [CHECKOUT / "playbooks" / "vars" / f"{name}.yml" for name in ("operations", "installation")]
    lines = (line for file in files for line in file.read_text().splitlines())
    return {name for line in lines if not line.lstrip().startswith("#") for name in SHARED.findall(line)} - {GROUP}


def test_the_page_names_every_variable_that_there_is() -> None:
    page = (CHECKOUT / "docs" / "deploy.md").read_text()
    table = set(re.findall(r"`((?:preemption|uninstall|worker|vcenter|temporal_namespace)_[a-z_]+)`", page))
    assert _shared() - table == set()
    known = _shared() | {name for role in ROLES for name in _spec(role)} | {GROUP}
    assert table - known == set()


SECRET = re.compile(r"password|api_key|token|hmac_keys|secret")
# Names of files and objects, not their content.
NO_SECRETS = {"worker_kubernetes_image_pull_secrets", "worker_kubernetes_credentials_secret"}


def _options(spec: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, option in spec.items():
        yield name, option
        yield from _options(option.get("options", {}))


def _not_masked(spec: dict[str, Any]) -> list[str]:
    named = [(name, option) for name, option in _options(spec) if SECRET.search(name) and option["type"] != "path"]
    return [name for name, option in named if name not in NO_SECRETS and not option.get("no_log")]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_logs_a_secret(role: str) -> None:
    assert _not_masked(_spec(role)) == []


def test_a_secret_that_is_logged_would_be_found_at_any_depth() -> None:
    inner = {"api_key": {"type": "str"}, "token_file": {"type": "path"}}
    assert _not_masked({"outer": {"type": "dict", "options": inner}}) == ["api_key"]
