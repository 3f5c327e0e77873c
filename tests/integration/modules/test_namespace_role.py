# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role temporal_namespace, run by `ansible-playbook` on a real Temporal server."""

from __future__ import annotations

import re

import pytest

from support.ansible import Ansible, Completed
from support.certificates import CertificateAuthority
from support.temporal import TemporalServer
from support.temporal_proxy import TemporalProxy

BOOK = """
- name: The namespace
  hosts: localhost
  gather_facts: false
  roles:
    - role: vsphere.preemption.temporal_namespace
      vars:
"""
KEY = "a-key-that-nobody-may-see"


@pytest.fixture
def name(unique: str) -> str:
    return f"namespace-{unique}"


def play(ansible: Ansible, variables: dict[str, str], *flags: str) -> Completed:
    """The role with these variables."""
    return ansible.playbook(BOOK + "".join(f"        {key}: {value}\n" for key, value in variables.items()), *flags)


def changed(done: Completed) -> int:
    """How many tasks changed something, in a play that went well."""
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"changed=(\d+)", done.stdout)
    assert found
    return int(found.group(1))


@pytest.fixture
def shared(temporal: TemporalServer, name: str) -> dict[str, str]:
    """The shared variables of a site."""
    return {"preemption_temporal_address": temporal.address, "preemption_temporal_namespace": name}


def test_check_do_check_again_do_again(
    nameless: Ansible, temporal: TemporalServer, name: str, shared: dict[str, str]
) -> None:
    assert changed(play(nameless, shared, "--check")) == 1
    assert temporal.describe_namespace(name) is None
    assert changed(play(nameless, shared)) == 1
    seen = temporal.describe_namespace(name)
    assert seen is not None
    assert seen["config"]["workflowExecutionRetentionTtl"] == "259200s"
    for flags in (["--check"], []):
        assert changed(play(nameless, shared, *flags)) == 0


@pytest.mark.long
def test_check_do_check_again_do_again_and_it_is_gone(
    nameless: Ansible, temporal: TemporalServer, name: str, shared: dict[str, str]
) -> None:
    temporal.create_namespace(name)
    absent = {**shared, "temporal_namespace_state": "absent"}
    assert changed(play(nameless, absent, "--check")) == 1
    assert temporal.describe_namespace(name) is not None
    assert changed(play(nameless, absent)) == 1
    assert temporal.describe_namespace(name) is None
    for flags in (["--check"], []):
        assert changed(play(nameless, absent, *flags)) == 0


@pytest.mark.long
def test_all_variables_reach_the_server_and_the_key_is_never_shown(
    nameless: Ansible, temporal: TemporalServer, authority: CertificateAuthority, name: str
) -> None:
    proxy = TemporalProxy(temporal.address, authority=authority, client_authority=authority, api_key=KEY).start()
    client = authority.client()
    done = play(
        nameless,
        {
            "preemption_temporal_address": proxy.address,
            "preemption_temporal_ca_file": str(authority.file),
            "preemption_temporal_client_cert_file": str(client.certificate),
            "preemption_temporal_client_key_file": str(client.key),
            "preemption_temporal_api_key": KEY,
            "preemption_temporal_tls": "true",
            "temporal_namespace_name": name,
            "temporal_namespace_retention": "7",
            "temporal_namespace_owner_email": "ops@example.com",
            "temporal_namespace_search_attributes": "{Cluster: Keyword}",
        },
        "-vvv",
    )
    proxy.close()
    assert changed(done) == 1
    assert KEY not in done.stdout + done.stderr
    seen = temporal.describe_namespace(name)
    assert seen is not None
    assert seen["config"]["workflowExecutionRetentionTtl"] == "604800s"
    assert seen["namespaceInfo"]["ownerEmail"] == "ops@example.com"
    assert temporal.search_attributes(name) == {"Cluster": "Keyword"}


@pytest.mark.long
def test_a_variable_that_cannot_be_is_refused_by_the_role(nameless: Ansible, name: str) -> None:
    done = play(nameless, {"temporal_namespace_name": name, "temporal_namespace_state": "gone"})
    assert done.returncode != 0
    assert "temporal_namespace_state" in done.stdout
