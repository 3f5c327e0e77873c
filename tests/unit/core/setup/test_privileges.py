# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which features need which privileges."""

from __future__ import annotations

import re

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.core.setup.privileges import FEATURES, SYSTEM_PRIVILEGES, Comparison, Where, compare, needed

STOP = {"VirtualMachine.Interact.PowerOff", "Global.SetCustomField"}


def test_stopping_takes_two_privileges_and_watching_none() -> None:
    assert needed(["stop"]) == STOP
    assert needed(["watch"]) == frozenset()
    assert needed([]) == frozenset()


def test_features_share_privileges() -> None:
    assert needed(["restore", "stop", "suspend", "stop"]) == STOP | {
        "VirtualMachine.Interact.PowerOn",
        "VirtualMachine.Interact.Suspend",
    }


def test_each_feature_that_touches_a_vm_may_mark_it() -> None:
    for name in ("stop", "suspend", "restore"):
        assert "Global.SetCustomField" in needed([name]), name


def test_definitions_belong_to_the_root_and_tags_to_no_object() -> None:
    features = ["stop", "setup_attribute", "setup_tag"]
    assert needed(features, where=Where.ROOT) == {"Global.ManageCustomFields"}
    assert needed(features, where=Where.SCOPE) == STOP | {"InventoryService.Tagging.ObjectAttachable"}
    assert {name.split(".")[0] for name in needed(features, where=Where.EVERYWHERE)} == {"InventoryService"}
    split = [needed(features, where=where) for where in Where]
    assert frozenset().union(*split) == needed(features)


def test_the_worker_needs_nothing_at_the_root() -> None:
    worker = ["stop", "suspend", "restore", "notice", "watch"]
    assert needed(worker) == needed(worker, where=Where.SCOPE)


def test_a_comparison_tells_what_is_missing_and_what_is_too_much() -> None:
    held = {"VirtualMachine.Interact.PowerOff", "VirtualMachine.Interact.Reset"}
    compared = compare(held, ["stop"])
    assert compared.missing == {"Global.SetCustomField"}
    assert compared.excess == {"VirtualMachine.Interact.Reset"}


def test_what_every_role_has_is_never_too_much() -> None:
    assert compare(STOP | SYSTEM_PRIVILEGES, ["stop"]) == Comparison(frozenset(), frozenset())


@pytest.mark.parametrize("features", [["halt"], ["stop", "Stop"], [""]])
def test_an_unknown_feature_is_refused_by_name(features: list[str]) -> None:
    with pytest.raises(InvalidSetting, match=re.escape(repr(features[-1]))) as refused:
        needed(features)
    assert "setup_role" in str(refused.value)
    with pytest.raises(InvalidSetting):
        compare(STOP, features)


def test_features_say_why_in_one_sentence_and_privileges_look_like_those_of_vcenter() -> None:
    for name, feature in FEATURES.items():
        assert feature.name == name
        assert re.fullmatch(r"[A-Z].*\.", feature.why)
        assert all(re.fullmatch(r"[A-Z]\w+(\.[A-Z]\w+)+", privilege) for privilege in feature.privileges)
