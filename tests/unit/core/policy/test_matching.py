# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which policy a request falls under."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.policy.matching import choose_policy
from vsphere_preemption.core.policy.model import Match, Place, PlaceKind, Policy, PolicySet

ONE, TWO = Place(PlaceKind.CLUSTER, "one"), Place(PlaceKind.CLUSTER, "two")
FOLDER_ONE = Place(PlaceKind.FOLDER, "one")


def policies(**matches: Match) -> PolicySet:
    """A set of policies in this order, and one more as the default."""
    named = {name: Policy(name=name, match=match) for name, match in matches.items()}
    return PolicySet({"fallback": Policy(name="fallback"), **named}, default="fallback")


FILE = policies(
    memory_in_one=Match(alarms=("*memory*",), places=(ONE,)),
    memory=Match(alarms=("*MEMORY*", "Host [0-9]*")),
    two=Match(places=(TWO,)),
    late=Match(alarms=("*",), places=(ONE, TWO)),
)


@pytest.mark.parametrize(
    ("alarm", "places", "name"),
    [
        pytest.param("Host memory usage", [ONE], "memory_in_one", id="alarm and place"),
        pytest.param("Host memory usage", [TWO], "memory", id="alarm, another place"),
        pytest.param("host MeMory", [], "memory", id="alarm without a place, in any case"),
        pytest.param("host 7 cpu", [], "memory", id="the second pattern"),
        pytest.param("CPU usage", [TWO], "two", id="a policy with places alone is for alarms too"),
        pytest.param("CPU usage", [ONE], "late", id="a later one"),
        pytest.param("CPU usage", [FOLDER_ONE], "fallback", id="the same name of another kind"),
        pytest.param("CPU usage", [], "fallback", id="no policy for this alarm"),
        pytest.param("", [], "fallback", id="by hand, all of vCenter"),
        pytest.param("", [ONE], "memory_in_one", id="by hand: its alarms do not matter"),
        pytest.param("", [FOLDER_ONE, TWO], "two", id="by hand: one of its places is enough"),
        pytest.param("", [FOLDER_ONE], "fallback", id="by hand: none of its places"),
    ],
)
def test_a_request_falls_under(alarm: str, places: list[Place], name: str) -> None:
    assert choose_policy(FILE, alarm=alarm, places=places).name == name


def test_without_a_file_everything_falls_under_the_built_in_policy() -> None:
    assert choose_policy(PolicySet(), alarm="Host memory usage", places=[ONE]) == Policy()
