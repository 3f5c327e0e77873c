# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every text and every policy."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from support.paths import CHECKOUT
from vsphere_preemption.core.policy.model import Policy, PolicySet
from vsphere_preemption.core.policy.problems import InvalidPolicy
from vsphere_preemption.policy_file.reading import load_policy_file, read_policies

from .strategies import POLICIES
from .writing import as_plain

EXAMPLE = (CHECKOUT / "docs" / "examples" / "policy.yml").read_text()
PIECES = st.sampled_from(
    r"""version: 1
policies:
- name: x
amount
windows: {never: [{cron: "
&a [*a]
*a
<<:
? |
!!python/object:os.system x
!!int x
!!set {a, b}
!
%YAML 1.2
---
...
"\UFFFFFFFF"
"\ud800"
0x1_0
1:99
.nan
~""".splitlines()
    + list("[]{}:-,#'\"|>@`=\t\n\0\ud800\ufeff\u2028\x85")
    + ["  ", "\n  ", ": ", "- ", "9" * 5000]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
KEYS = st.sampled_from(["version", "policies", "name", "default", "amount", "max_vms", "windows", "never", "cron"])
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=3) | st.integers(), inner),
    max_leaves=20,
)


def read_or_refuse(text: str) -> PolicySet | None:
    """Whatever else happens is a failure of the test."""
    try:
        return read_policies(text, file="policy.yml")
    except InvalidPolicy as error:
        refused = error
    assert refused.problems
    assert list(refused.problems) == sorted(refused.problems)
    assert len(str(refused).splitlines()) == 1 + len(refused.problems)
    return None


@settings(deadline=None, max_examples=150)
@given(st.lists(PIECES | st.text(max_size=5), max_size=20).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_refuse(text)


@settings(deadline=None, max_examples=100)
@given(TREES)
def test_any_yaml_is_read_or_refused(tree: object) -> None:
    read_or_refuse(yaml.safe_dump(tree))


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32), st.sampled_from(["", "x", "[", ":", "- ", "9", "%", "\n", "&a ", "*a", "!x "]))
def test_the_example_with_something_broken_is_read_or_refused(seed: int, instead: str) -> None:
    start = random.Random(seed).randrange(len(EXAMPLE))
    read_or_refuse(EXAMPLE[:start] + instead + EXAMPLE[start + 1 + seed % 5 :])


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = Path(tmp_path_factory.getbasetemp()) / "policy.yml"
    file.write_bytes(content)
    with pytest.raises(InvalidPolicy):
        load_policy_file(file)


@settings(deadline=None, max_examples=30)
@given(st.lists(POLICIES, min_size=1, max_size=2, unique_by=lambda policy: policy.name), st.data())
def test_what_is_written_reads_back_as_itself(policies: list[Policy], data: st.DataObject) -> None:
    default = data.draw(st.sampled_from(policies)).name
    plain = {"version": 1, "default": default, "policies": [as_plain(policy) for policy in policies]}
    flow = data.draw(st.sampled_from([True, False, None]))
    found = read_policies(yaml.safe_dump(plain, default_flow_style=flow, allow_unicode=True, sort_keys=False))
    assert list(found.policies.values()) == policies
    assert list(found.policies) == [policy.name for policy in policies]
    assert found.default == default
