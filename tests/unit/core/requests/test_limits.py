# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits that a request brings along."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsphere_preemption.core.errors import InvalidRequest
from vsphere_preemption.core.policy.model import Place, PlaceKind, Target
from vsphere_preemption.core.requests.limits import Narrowing, read_narrowing
from vsphere_preemption.core.requests.request import read_request

EVERYTHING = Narrowing(
    scope=(Place(PlaceKind.CLUSTER, "DC0_C0"), Place(PlaceKind.FOLDER, "group-v3")),
    max_vms=3,
    target=Target(memory_mib=1024, until_cpu_percent=80.0),
    only=("web-1",),
    dry_run=True,
    reason="drill",
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
PARTS = ["scope", "maxVMs", "target", "only", "dryRun", "reason"]


def test_what_is_written_reads_back_as_itself() -> None:
    assert read_narrowing(EVERYTHING.as_wire()) == EVERYTHING
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "t"}
    request = read_request({"tag": "t", "criticality": "LOW", "event": event, "narrow": EVERYTHING.as_wire()})
    assert read_request(request.as_wire()) == request


def test_no_vm_at_all_is_a_limit_too() -> None:
    assert Narrowing(max_vms=0).as_wire() == {"maxVMs": 0}
    assert read_narrowing({"maxVMs": 0}).max_vms == 0


def test_a_request_of_the_prototype_has_no_limits_and_keeps_its_form() -> None:
    request = read_request({"tag": "t", "criticality": "LOW"})
    assert request.narrowing == Narrowing()
    assert list(request.as_wire()) == ["tag", "criticality", "event", "replyTo"]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ([], "its narrow is a list"),
        ({"maxVms": 3}, "contains maxVms, which this worker does not support"),
        ({"maxVMs": -1}, "its maxVMs is '-1'"),
        ({"maxVMs": True}, "its maxVMs is 'True'"),
        ({"scope": [{"cluster": "a", "host": "b"}]}, "has 2 places"),
        ({"scope": [{"rack": "a"}]}, "contains rack"),
        ({"scope": [{"cluster": " "}]}, "is not text"),
        ({"only": "web-1"}, "its only is a str"),
        ({"only": ["x"] * 201}, "201 entries"),
        ({"dryRun": "yes"}, "its dryRun is 'yes'"),
        ({"target": {"untilMemoryPercent": 101}}, "from 0 to 100"),
        ({"target": {"untilMemoryPercent": float("nan")}}, "from 0 to 100"),
    ],
)
def test_a_limit_that_is_wrong_is_refused_and_named(raw: object, why: str) -> None:
    with pytest.raises(InvalidRequest, match="Cannot accept") as refused:
        read_narrowing(raw)
    assert why in str(refused.value)


@given(json_values | st.dictionaries(st.sampled_from(PARTS), json_values, max_size=6))
def test_whatever_is_sent_is_read_or_refused(raw: object) -> None:
    try:
        read_narrowing(raw)
    except InvalidRequest:
        return
