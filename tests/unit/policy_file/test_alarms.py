# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which alarms ask for a preemption, as the policy file says it."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.contract import Criticality
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.policy.alarm_rule import AlarmRule, WhenGreen, rule_for
from vsphere_preemption.core.policy.model import Place, PlaceKind, PolicySet, choose_policy
from vsphere_preemption.core.policy.problems import InvalidPolicy
from vsphere_preemption.policy_file.reading import read_policies

C0 = ManagedObject("ClusterComputeResource", "domain-c7")


def policies(*rules: str, other: str = "") -> PolicySet:
    """A file with the policies `standard` and `gentle`, and these rules."""
    lines = ["version: 1", "default: standard", "policies:", "  - {name: standard}", f"  - {{name: gentle{other}}}"]
    return read_policies("\n".join([*lines, "alarms:", *(f"  - {rule}" for rule in rules)]))


def alarm(name: str, cluster: str = "C0") -> AlarmEvent:
    return AlarmEvent(name=name, compute_resource=C0, compute_resource_name=cluster)


def test_without_the_section_no_alarm_asks_for_anything() -> None:
    assert read_policies("version: 1\npolicies: [{name: x}]").alarms == ()
    assert PolicySet().alarms == ()


def test_yellow_is_soft_and_red_is_hard_unless_the_rule_says_otherwise() -> None:
    (rule,) = policies("{name: memory, alarms: ['*memory*'], tag: preemptible}").alarms
    assert rule == AlarmRule("memory", ("*memory*",), "preemptible")
    assert rule.criticality == {"yellow": Criticality.LOW, "red": Criticality.HIGH}


def test_a_rule_says_all_it_can() -> None:
    (rule,) = policies(
        "{name: m, alarms: [a, b], tag: t, clusters: [C*], policy: gentle, criticality: {yellow: null, red: MEDIUM},"
        " raise_delay: 30s, repeat_after: 10m, when_green: restore, reply_to: https://sink.example.com}"
    ).alarms
    assert rule == AlarmRule(
        "m",
        ("a", "b"),
        "t",
        ("C*",),
        "gentle",
        {"red": Criticality.MEDIUM},
        30.0,
        600.0,
        WhenGreen.RESTORE,
        "https://sink.example.com",
    )


def test_the_first_rule_for_an_alarm_counts() -> None:
    rules = policies(
        "{name: one, alarms: [Cluster Memory], tag: a, clusters: [C0]}", "{name: two, alarms: ['*memory'], tag: b}"
    ).alarms
    found = {place: rule_for(rules, alarm("cluster MEMORY", place)) for place in ("C0", "C1")}
    assert {place: rule.name if rule else "" for place, rule in found.items()} == {"C0": "one", "C1": "two"}
    assert rule_for(rules, alarm("cpu")) is None
    assert rule_for(rules, alarm("")) is None


def test_a_cluster_is_known_by_its_reference_too() -> None:
    (rule,) = policies("{name: one, alarms: ['*'], tag: a, clusters: [domain-c7]}").alarms
    assert rule.is_for(alarm("x", "renamed"))
    assert not rule.is_for(AlarmEvent(name="x"))


def test_the_policy_that_a_rule_names_is_for_its_alarms() -> None:
    named = policies("{name: m, alarms: ['*memory*'], tag: t, policy: gentle}")
    assert choose_policy(named, alarm="Cluster memory", places=()).name == "gentle"
    assert choose_policy(named, alarm="Cluster cpu", places=()).name == "standard"


def test_a_policy_for_places_keeps_to_them() -> None:
    named = policies("{name: m, alarms: [memory], tag: t, policy: gentle}", other=", match: {places: [{cluster: C0}]}")
    inside, outside = Place(PlaceKind.CLUSTER, "C0"), Place(PlaceKind.CLUSTER, "C1")
    assert choose_policy(named, alarm="memory", places=[inside]).name == "gentle"
    assert choose_policy(named, alarm="cpu", places=[inside]).name == "gentle"
    assert choose_policy(named, alarm="memory", places=[outside]).name == "standard"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{alarms: [a], tag: t}", "name is missing"),
        ("{name: m, tag: t}", "alarms is missing"),
        ("{name: m, alarms: [], tag: t}", "must not be empty"),
        ("{name: m, alarms: [a]}", "tag is missing"),
        ("{name: m, alarms: [a], tag: t, policy: gentel}", "did you mean gentle?"),
        ("{name: m, alarms: [a], tag: t, criticality: {green: LOW}}", "there is no colour 'green'"),
        ("{name: m, alarms: [a], tag: t, criticality: {red: SEVERE}}", "SEVERE"),
        ("{name: m, alarms: [a], tag: t, criticality: {red: null, yellow: null}}", "this rule does nothing"),
        ("{name: m, alarms: [a], tag: t, when_green: dance}", "dance"),
    ],
)
def test_mistakes_are_named_with_their_place(rule: str, message: str) -> None:
    with pytest.raises(InvalidPolicy) as raised:
        policies(rule)
    (problem,) = raised.value.problems
    assert message in problem.message
    assert problem.line == 7


def test_two_rules_cannot_have_one_name() -> None:
    rule = "{name: m, alarms: [a], tag: t}"
    with pytest.raises(InvalidPolicy, match="there is already an alarm rule 'm', in line 7"):
        policies(rule, rule)
