# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids that are made of other ids fit into Temporal's limit, and name one thing each."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.workflow_ids import MOST_BYTES, child_id, is_child, shortened
from vsphere_preemption.temporal.alarm_workflows import raise_id, watch_id
from vsphere_preemption.temporal.claims import claims_id
from vsphere_preemption.temporal.kill_switch import kill_switch_id
from vsphere_preemption.temporal.preemptions import preemption_id_of

KEY = "0123456789abcdef" * 2


@pytest.mark.parametrize("length", [1, 900, 967])
def test_an_id_that_fits_is_what_it_always_was(length: int) -> None:
    assert preemption_id_of("w" * length, KEY) == f"{'w' * length}/{KEY}"


@pytest.mark.parametrize("length", [968, 1000, 5000])
@pytest.mark.parametrize("character", ["w", "é", "\U0001f5a5"])
def test_an_id_that_does_not_fit_is_shortened_and_still_its_own(length: int, character: str) -> None:
    parent = character * length
    found = preemption_id_of(parent, KEY)
    assert len(found.encode()) <= MOST_BYTES
    assert found.startswith(character * 200)
    assert found.endswith(f"/{KEY}")
    assert found != preemption_id_of(parent + character, KEY)
    assert is_child(found, parent)
    assert not is_child(found, parent + character)


@pytest.mark.parametrize("make", [claims_id, watch_id, kill_switch_id, lambda queue: raise_id(queue, "red")])
def test_ids_of_a_task_queue_fit(make: object) -> None:
    assert callable(make)
    assert make("q").count("~") == 0
    assert len(make("q" * 1000)) == MOST_BYTES
    assert make("q" * 1000) != make("q" * 1001)


def test_a_child_of_a_child_fits() -> None:
    run = preemption_id_of("w" * 1000, KEY)
    assert len(child_id(run, "restore")) == MOST_BYTES
    assert len(child_id("w" * 1000, f"restore/{'n' * 2000}")) == MOST_BYTES
    assert shortened("\ud800" * 10, 40) != shortened("\ud801" * 10, 40)
