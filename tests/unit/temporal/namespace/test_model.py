# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a namespace to make it as wanted, and what is refused before."""

from __future__ import annotations

from typing import Any

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.temporal.namespace.model import (
    DAY_SECONDS,
    Namespace,
    WantedNamespace,
    duration_text,
    plan_absent,
    plan_present,
)

FOUND = Namespace("n", 30 * DAY_SECONDS, "spot", "ops@example.com", {"Cluster": "Keyword", "Why": "Text"})


def wanted(**given: Any) -> WantedNamespace:
    return WantedNamespace.from_options(**{"name": "n", **given})


def test_a_new_namespace_keeps_history_for_three_days() -> None:
    plan = plan_present(None, wanted())
    assert plan.changed
    assert plan.after == Namespace("n", 3 * DAY_SECONDS)


def test_nothing_given_changes_nothing() -> None:
    for nothing in (wanted(), wanted(retention="", description="", owner_email="", search_attributes={})):
        assert not plan_present(FOUND, nothing).changed


def test_only_what_is_given_changes() -> None:
    plan = plan_present(FOUND, wanted(retention="7", search_attributes={"More": "Int"}))
    assert plan.after is not None
    assert (plan.after.retention_seconds, plan.after.description) == (7 * DAY_SECONDS, "spot")
    assert (plan.added_attributes, plan.removed_attributes) == ({"More": "Int"}, [])


def test_only_named_attributes_are_removed() -> None:
    plan = plan_present(FOUND, wanted(remove_search_attributes=["Why", "NeverThere", "Why"]))
    assert (plan.added_attributes, plan.removed_attributes) == ({}, ["Why"])


def test_another_type_is_refused() -> None:
    with pytest.raises(InvalidSetting, match=r"Why .* of type Text"):
        plan_present(FOUND, wanted(search_attributes={"Why": "Keyword"}))


def test_absent_removes_no_attribute_by_itself() -> None:
    plan = plan_absent(FOUND)
    assert (plan.changed, plan.removed_attributes) == (True, [])
    assert not plan_absent(None).changed


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("1", DAY_SECONDS, "1d"),
        ("3d", 3 * DAY_SECONDS, "3d"),
        ("72h", 3 * DAY_SECONDS, "3d"),
        ("1d12h", 36 * 3600, "1d12h"),
        ("1440m", DAY_SECONDS, "1d"),
        ("25h30m5s", 91805, "1d1h30m5s"),
    ],
)
def test_a_retention_is_a_number_of_days_or_a_duration(text: str, seconds: int, shown: str) -> None:
    assert wanted(retention=text).retention_seconds == seconds
    assert duration_text(seconds) == shown
    assert wanted(retention=shown).retention_seconds == seconds


@pytest.mark.parametrize("text", ["0", "23h", "86399s", "-1", "1.5d", "1w", "3 d", "h", "9" * 30, "4000d", "\u0663"])
def test_a_retention_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting):
        wanted(retention=text)


@pytest.mark.parametrize("name", ["a", "vsphere-preemption", "prod.a1b2c", "9_lives", "x" * 255])
def test_a_name_may_have_dots_dashes_and_underscores(name: str) -> None:
    assert wanted(name=name).name == name


@pytest.mark.parametrize("name", ["", " ", "a b", "a!", "-a", "a/b", "a\n", "n\u00e4", "x" * 256, "temporal-system"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(InvalidSetting):
        wanted(name=name)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"search_attributes": {"a b": "Int"}}, id="name with a blank"),
        pytest.param({"search_attributes": {"`": "Int"}}, id="name that would end a quote"),
        pytest.param({"search_attributes": {"A": "int"}}, id="type in small letters"),
        pytest.param({"search_attributes": {"A": None}}, id="no type"),
        pytest.param({"search_attributes": {"A": ["Int"]}}, id="list of types"),
        pytest.param({"remove_search_attributes": [""]}, id="nameless"),
        pytest.param({"search_attributes": {"A": "Int"}, "remove_search_attributes": ["A"]}, id="both"),
    ],
)
def test_a_search_attribute_that_cannot_be_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting):
        wanted(**given)
