# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A limit that is set but empty is refused on the wire, whichever it is; one that was stored is read all the same."""

from __future__ import annotations

from typing import Any

import pytest

from vsphere_preemption.core.errors import GivenButEmpty, InvalidRequest
from vsphere_preemption.core.requests.empty_limits import is_empty, refuse_empty
from vsphere_preemption.core.requests.limits import LIMITS, TARGETS, Narrowing, read_narrowing
from vsphere_preemption.core.requests.request import read_request

EMPTY: list[object] = [None, [], {}, "", " ", [""], [None]]
NAMED = {"only": ["web-1"], "scope": [{"cluster": "c1"}], "maxVMs": 3, "target": {"memoryMiB": 64}}


def a_request(narrow: object) -> dict[str, Any]:
    return {"tag": "t", "criticality": "HIGH", "narrow": narrow}


@pytest.mark.parametrize("empty", EMPTY, ids=repr)
@pytest.mark.parametrize("name", [*LIMITS, *(f"target.{part}" for part in TARGETS)])
def test_each_limit_that_is_given_but_empty_is_refused_and_named(name: str, empty: object) -> None:
    part, _dot, within = name.partition(".")
    narrow: dict[str, Any] = {**NAMED, part: {within: empty} if within else empty}
    with pytest.raises(GivenButEmpty) as refused:
        read_request(a_request(narrow))
    assert f"narrow.{name} is set but empty" in refused.value.why
    assert f"Omit narrow.{name} to apply no limit" in refused.value.next_step
    assert (refused.value.code, refused.value.retryable) == ("invalid_request", False)


@pytest.mark.parametrize("empty", [False, 0], ids=repr)
@pytest.mark.parametrize("name", ["only", "scope"])
def test_false_and_zero_are_no_list_of_limits(name: str, empty: object) -> None:
    with pytest.raises(GivenButEmpty, match=f"narrow.{name} is set but empty"):
        read_request(a_request({name: empty}))


@pytest.mark.parametrize("empty", [None, {}, "", []], ids=repr)
@pytest.mark.parametrize("spelling", ["narrow", "Narrow"])
def test_limits_as_a_whole_that_are_given_but_empty_are_refused(spelling: str, empty: object) -> None:
    with pytest.raises(GivenButEmpty, match="narrow is set but empty"):
        read_request({"tag": "t", "criticality": "HIGH", spelling: empty})


def test_all_that_is_empty_is_named_at_once() -> None:
    with pytest.raises(GivenButEmpty, match=r"narrow\.scope, narrow\.only are set but empty"):
        read_request(a_request({"scope": [], "only": []}))


def test_a_part_that_nobody_knows_is_not_repeated_at_length() -> None:
    with pytest.raises(InvalidRequest, match="does not support") as refused:
        read_request(a_request({"target": {"x" * 10_000: None}}))
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    "narrow", [None, {}, {"only": []}, {"scope": [], "target": {}}, {"maxVMs": None, "target": {"memoryMiB": None}}]
)
def test_what_was_accepted_and_stored_before_is_read_as_it_was_meant_then(narrow: object) -> None:
    assert read_request(a_request(narrow), stored=True).narrowing == Narrowing()


@pytest.mark.parametrize("narrow", [{"dryRun": False}, {"maxVMs": 0}, {"reason": "", "dryRun": True}])
def test_zero_and_false_are_not_empty_and_a_reason_is_no_limit(narrow: dict[str, Any]) -> None:
    assert read_request(a_request(narrow)).narrowing == read_narrowing(narrow)


def test_what_is_not_given_stays_open_and_is_not_sent() -> None:
    request = read_request({"tag": "t", "criticality": "HIGH"})
    assert request.narrowing == Narrowing()
    assert "narrow" not in request.as_wire()


@pytest.mark.parametrize("value", [0, False, 1.5, "x", ["", "x"], [0], {"a": 0}], ids=repr)
def test_what_says_something_is_not_empty(value: object) -> None:
    assert not is_empty(value)
    refuse_empty("Cannot do it", {"a": value})


def test_a_value_that_is_nested_without_end_is_only_looked_at_so_far() -> None:
    nested: list[Any] = []
    for _level in range(5000):
        nested = [nested]
    with pytest.raises(InvalidRequest):
        read_request(a_request({"only": nested}))
