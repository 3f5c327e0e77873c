# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies travel as JSON between workflow and activities."""

from __future__ import annotations

import json
from dataclasses import asdict

from hypothesis import given

from vsphere_preemption.core.codec import read
from vsphere_preemption.core.policy.model import Mode, Policy

from .strategies import POLICIES


@given(POLICIES)
def test_every_policy_travels_as_itself(policy: Policy) -> None:
    assert read(Policy, json.loads(json.dumps(asdict(policy)))) == policy


def test_a_run_of_an_older_version_has_the_built_in_policy_and_what_it_knew() -> None:
    assert read(Policy, {}) == Policy()
    assert read(Policy, {"name": "x", "mode": "dry_run", "unheard_of": 1}) == Policy(name="x", mode=Mode.DRY_RUN)
