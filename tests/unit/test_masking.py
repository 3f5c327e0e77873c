# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No playbook, role or rulebook decides by a text or number that Ansible may have masked; nor does what users copy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import remove_values

from support.paths import CHECKOUT
from vsphere_preemption.core import errors, setup_errors
from vsphere_preemption.core.preflight import check

from .masking import Source, comparisons
from .modules._collection import imported

YAML = ("playbooks/**/*.yml", "roles/*/[!mf]*/**/*.yml", "extensions/eda/rulebooks/*.yml")
TEMPLATES = ("playbooks/**/*.j2", "roles/*/templates/**/*.j2")
FENCE = re.compile(r"^```ya?ml\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = re.compile(r'^EXAMPLES = r?"""\n(.*?)^"""', re.MULTILINE | re.DOTALL)

# Comparisons that may stay, each with the reason why a masked value does no harm there.
ALLOWED = {
    ("playbooks/templates/restore.txt.j2", "'not_preempted_by_us'"): "it only leaves out lines; a masked one is shown",
    # The role gives kubernetes.core no secret as an option. If a play does, by module_defaults:
    ("roles/worker/vars/kubernetes/objects.yml", "== 'vsphere.preemption'"): "masked, the namespace is left alone",
    ("roles/worker/tasks/kubernetes/prune.yml", "not in worker_kubernetes_kept"): "no object has a masked name",
    ("roles/worker/tasks/kubernetes/apply.yml", "not in _worker_kubernetes_own_names"): "masked, it looks once more",
}

PREFLIGHT = "vsphere.preemption.preemption_preflight"


def sources(*patterns: str, is_template: bool = False) -> list[Source]:
    paths = sorted(path for pattern in patterns for path in CHECKOUT.glob(pattern))
    return [Source(str(path.relative_to(CHECKOUT)), path.read_text(), is_template) for path in paths]


def allowed(source: str, text: str) -> bool:
    return any(source == file and part in text for file, part in ALLOWED)


def test_nothing_decides_by_a_value_that_may_be_masked() -> None:
    found = comparisons([*sources(*YAML), *sources(*TEMPLATES, is_template=True)])
    assert [pair for pair in found if not allowed(*pair)] == []
    assert [one for one in ALLOWED if not any(one[0] == file and one[1] in text for file, text in found)] == []


def test_nothing_that_users_copy_decides_by_a_value_that_may_be_masked() -> None:
    texts = sources("docs/*.md", "README.md")
    pages = [Source(page.name, fence) for page in texts for fence in FENCE.findall(page.text)]
    modules = [
        Source(module.name, text)
        for module in sources("plugins/modules/*.py")
        for text in EXAMPLES.findall(module.text)
    ]
    assert len(pages) > 20
    assert len(modules) > 15
    assert [pair for one in (*pages, *modules) for pair in comparisons([one])] == []


BOOK = """
- hosts: all
  tasks:
    - vsphere.preemption.preemption_query:
      register: answer
    - ansible.builtin.stat: {path: /x}
      register: file
    - ansible.builtin.debug:
        msg: "{{ lookup('ansible.builtin.template', 'x.j2') }}"
      vars: {shown: "{{ answer.runs }}", many: "{{ answer.runs | length }}"}
    - ansible.builtin.assert:
        that: >-
          CONDITION
    - ansible.builtin.debug:
        msg: >-
          {{ item.name if CONDITION else '' }}
      loop: "{{ shown }}"
"""


@pytest.mark.parametrize(
    "condition",
    [
        "answer.outcome == 'done'",
        "answer.error_code | default('') != 'no_worker'",
        "'web-1' in answer.names",
        "answer.waiting > 0",
        "answer.waiting | int > 0",
        "answer.ready | bool",
        "answer.msg is search('denied')",
        "answer.msg is not match('x')",
        "answer.msg.startswith('x')",
        "answer.runs | selectattr('outcome', 'eq', 'done') | length == 1",
        "answer.names | reject('match', 'x') | length == 1",
        "answer.runs | map(attribute='outcome') | select('equalto', 'done') | list",
        "answer.names | intersect(['a']) | length > 0",
        "known[answer.outcome]",
        "known.get(answer.outcome)",
        "shown[0].outcome == 'done'",
        "hostvars['localhost'].anything == 'done'",
        "item.outcome == 'done'",
        "(answer.names | join) ~ '/' not in kept",
    ],
)
def test_the_rule_on_masked_values_bites(condition: str) -> None:
    assert comparisons([Source("x.yml", BOOK.replace("CONDITION", condition))])


@pytest.mark.parametrize(
    "condition",
    [
        "answer.ready | default(false)",
        "answer is failed and not (answer.failure.no_worker | default(false))",
        "answer is changed",
        "answer.restore is defined",
        "answer.runs | length == 1",
        "answer.victims | selectattr('stopped') | length == 1",
        "answer.victims | selectattr('error_code', 'defined') | list",
        "many == 1",
        "file.stat.size > 5",
        "wanted == 'present'",
        "answer.reason or answer.method",
    ],
)
def test_the_rule_on_masked_values_spares_what_is_never_masked(condition: str) -> None:
    book = BOOK.replace("item.name if CONDITION", "item.name if true").replace("CONDITION", condition)
    assert comparisons([Source("x.yml", book)]) == []


def test_the_rule_on_masked_values_follows_a_result_into_a_template() -> None:
    book = Source("x.yml", BOOK.replace("CONDITION", "true"))
    text = "{% for run in shown %}{% set word = run.outcome %}{{ 'all' if word == 'done' }}{% endfor %}"
    assert comparisons([book, Source("x.j2", text, is_template=True)]) == [("x.j2", text)]


def _gates() -> Iterator[tuple[str, list[dict[str, Any]], bool]]:
    """For each preflight: name of the playbook, tasks from there on, and whether a shut gate ends the whole playbook.

    A preflight in check mode only is no gate: it finds out what can be shown.
    """
    for path in sorted((CHECKOUT / "playbooks").glob("*.yml")):
        plays = yaml.safe_load(path.read_text())
        for number, play in enumerate(plays):
            for place, task in enumerate(play.get("tasks", [])):
                if PREFLIGHT in task and task.get("when") != "ansible_check_mode":
                    tells_others = play["hosts"] != "localhost" and number + 1 < len(plays)
                    ends_all = play.get("any_errors_fatal", False) or not tells_others
                    yield path.name, play["tasks"][place:], ends_all


def test_each_preflight_of_a_playbook_shows_its_table_and_its_gate_is_shut_unless_it_is_open() -> None:
    gates = list(_gates())
    assert [name for name, _tasks, _ends_all in gates] == ["deploy.yml", "deploy.yml", "preflight.yml"]
    for name, (look, *after), ends_all in gates:
        result = look["register"]
        table, gate = after[:2]
        assert look[PREFLIGHT]["fail"] is False, name
        assert table["ansible.builtin.debug"]["msg"] == f"{{{{ {result}.table.splitlines() }}}}", name
        assert gate["ansible.builtin.assert"]["that"] == f"{result}.ready | default(false)", name
        # A preflight that was left out must not leave out its gate.
        assert gate.get("when", "") in ("", "not ansible_check_mode"), name
        assert ends_all, name


SECRETS = [
    *("connection", "temporal", "vcenter", "_", "e", "ok", "failed", "ready", "missing", "true", "True", "false"),
    *("False", "done", "present", "worker", "paused", "stopped", "1", "0", "12", "still_in_use", "use", "not", "name"),
]


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_opens_the_gate_or_hides_a_failure(secret: str) -> None:
    module = imported("plugins.module_utils._modules.preflight")
    shut = [check.failed(name, "Cannot connect.", "Correct it.") for name in module.NAMES]
    for required in ([], ["vcenter_connection"], list(module.NAMES)):
        result = remove_values(module.as_result(shut, required=required), {secret})
        assert result["ready"] is False
        assert len(result["missing"]) == len(required or module.NAMES)
    for kind in (errors.WorkflowNotFound, setup_errors.StillInUse, errors.NoWorker):
        shown = remove_values(kind("Cannot", why="no", next_step="Wait.").as_result(), {secret})
        assert shown["failure"] == {kind.code: True}


def test_the_names_that_can_be_required_are_those_of_the_checks() -> None:
    module = imported("plugins.module_utils._modules.preflight")
    page = (CHECKOUT / "docs" / "preflight.md").read_text().partition("## The checks")[2]
    assert list(module.NAMES) == re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert module.preflight_options()["required"]["choices"] == list(module.NAMES)
