# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names as vCenter writes them, and as people do: both mean the same VM."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.names import fits, names_tag, spellings
from vsphere_preemption.core.planning.plan import why_not
from vsphere_preemption.core.policy.model import Policy, Protection
from vsphere_preemption.core.reasons import LeftOut
from vsphere_preemption.core.restore.candidates import RestoreLimits, why_not_restored
from vsphere_preemption.core.restore.record import NotRestored

from .machines import NOW, a_vm, some_limits


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        pytest.param("db/*", "db%2fprod-1", id="slash"),
        pytest.param("DB/*", "db%2Fprod-1", id="capitals"),
        pytest.param("db%2f*", "db%2fprod-1", id="both as vCenter writes it"),
        pytest.param("db%2F*", "db/prod-1", id="pattern as vCenter writes it"),
        pytest.param("x\\y", "x%5cy", id="backslash"),
        pytest.param("100%", "100%25", id="percent"),
        pytest.param("100%25", "100%25", id="percent as vCenter writes it"),
        pytest.param("a%2fb", "a%252fb", id="a name that looks escaped itself"),
        pytest.param("*%*", "db%2fprod-1", id="a pattern that fitted before"),
        pytest.param("db?2fprod-1", "db%2fprod-1", id="a sign of the escape that was left open"),
    ],
)
def test_a_pattern_protects_a_name_in_whichever_spelling(pattern: str, name: str) -> None:
    assert fits(name, pattern)
    limits = some_limits(policy=Policy(protection=Protection(names=(pattern,))))
    assert why_not(a_vm(1, name=name), limits) is LeftOut.PROTECTED_NAME


@pytest.mark.parametrize(("pattern", "name"), [("db/*", "db-prod"), ("db%2f", "db"), ("db/*", "old-db%2fprod")])
def test_another_name_is_another_one(pattern: str, name: str) -> None:
    assert not fits(name, pattern)


@pytest.mark.parametrize("asked", ["db/prod-1", "db%2fprod-1", "vm-1"])
def test_a_vm_is_asked_for_by_either_spelling(asked: str) -> None:
    machine, only = a_vm(1, name="db%2fprod-1"), frozenset({asked})
    assert why_not(machine, some_limits(only=only)) is None
    assert why_not(machine, some_limits(only=frozenset({"db"}))) is LeftOut.NOT_REQUESTED
    assert why_not_restored(machine, RestoreLimits(NOW, 0.0, only=only)) is NotRestored.NOT_PREEMPTED
    assert why_not_restored(machine, RestoreLimits(NOW, 0.0, only=frozenset({"db"}))) is NotRestored.NOT_REQUESTED


def test_each_sign_is_read_once() -> None:
    assert spellings("a%252fb") == {"a%252fb", "a%2fb"}
    assert spellings("plain") == {"plain"}


@pytest.mark.parametrize(
    ("wanted", "label", "meant"),
    [
        ("never", "safety/never", True),
        ("safety/never", "safety/never", True),
        ("safety:never", "safety/never", False),
        ("safety:never", "any/safety:never", True),
        ("Never", "safety/never", False),
        ("never", "safety/nevermore", False),
    ],
)
def test_a_tag_is_meant_by_its_name_or_with_its_category(wanted: str, label: str, meant: bool) -> None:
    assert names_tag(wanted, label) is meant
