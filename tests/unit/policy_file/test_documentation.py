# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/policy.md says what the reader does."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from support.paths import CHECKOUT
from vsphere_preemption.policy_file.how import _WRITTEN, WINDOW
from vsphere_preemption.policy_file.readers import Section
from vsphere_preemption.policy_file.reading import POLICY, read_policies
from vsphere_preemption.policy_file.whom import GROUP

PAGE = (CHECKOUT / "docs" / "policy.md").read_text()
FIRST_CELLS = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
DOCUMENTED = {word for cell in FIRST_CELLS for word in re.findall(r"`([a-z_.]+)`", cell)}
TESTED_ELSEWHERE = {"actions"}


def keys_of(section: Section, prefix: str = "") -> Iterator[str]:
    """The full names of all keys, without those of list elements."""
    for key, (_attribute, reader) in section.fields.items():
        if isinstance(reader, Section) and key not in TESTED_ELSEWHERE:
            yield from keys_of(reader, f"{prefix}{key}.")
        elif key not in TESTED_ELSEWHERE:
            yield f"{prefix}{key}"


@pytest.mark.parametrize("key", [*keys_of(POLICY), *GROUP.fields, *WINDOW.fields, *_WRITTEN.fields])
def test_every_key_is_documented(key: str) -> None:
    assert key in DOCUMENTED


DEFAULTS = re.findall(r"^\| `([a-z_.]+)` \| `([^`|]+)` \|", PAGE, re.MULTILINE)
IN_A_POLICY = [(key, default) for key, default in DEFAULTS if key in set(keys_of(POLICY))]


def nested(key: str, value: str) -> str:
    """`amount.max_vms` and 10 as YAML on one line."""
    outer, _dot, inner = key.partition(".")
    return f"{outer}: {{{nested(inner, value)}}}" if inner else f"{outer}: {value}"


@pytest.mark.parametrize(("key", "default"), IN_A_POLICY)
def test_a_default_of_the_page_is_that_of_the_model(key: str, default: str) -> None:
    nothing = read_policies("version: 1\npolicies: [{name: x}]").policies["x"]
    written = read_policies(f"version: 1\npolicies:\n  - name: x\n    {nested(key, default)}\n").policies["x"]
    assert written == nothing


def test_most_defaults_are_on_the_page() -> None:
    assert len(IN_A_POLICY) > 25


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(version.*?)```", PAGE, re.DOTALL))
def test_the_examples_of_the_page_are_read(text: str) -> None:
    assert read_policies(text).default == "standard"
