# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies of every kind that a file can hold, for hypothesis."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from vsphere_preemption.core.contract import Criticality, StopMethod
from vsphere_preemption.core.policy.model import (
    Action,
    Actions,
    AlarmScope,
    Amount,
    Events,
    GroupBudget,
    Match,
    Measure,
    Mode,
    Notice,
    OnShortfall,
    Place,
    PlaceKind,
    Policy,
    Priority,
    Protection,
    Restore,
    ScopeRules,
    Target,
    TimeWindow,
    Waves,
    Windows,
)

# Texts that YAML takes for something else where they are not quoted.
TRAPS = ("no", "5", "0x1", "~", "*memory*", "a: b", "safety/never", "2026-11-24", "[x]", "1:30", "=", "<<", "#", "!x")
TEXTS = st.sampled_from(TRAPS) | st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
SOME_TEXTS = st.lists(TEXTS, max_size=3).map(tuple)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
SECONDS = st.integers(0, 400_000).map(float) | st.floats(0.1, 1000).map(lambda number: round(number, 2))
SOME_SECONDS = st.integers(1, 400_000).map(float)
SHARES = st.integers(0, 200).map(lambda number: number / 2)
COUNTS = st.integers(1, 1000)
PLACES = st.lists(st.builds(Place, st.sampled_from(PlaceKind), TEXTS), max_size=3).map(tuple)
LIMITS = st.one_of(
    st.fixed_dictionaries({"keep": st.integers(0, 9)}),
    st.fixed_dictionaries({"max_off_percent": SHARES}),
    st.fixed_dictionaries({"keep": st.integers(0, 9), "max_off_percent": SHARES}),
)
GROUPS = st.builds(
    lambda key, text, limits, strict: GroupBudget(**{key: text, **limits}, strict=strict),
    st.sampled_from(["category", "attribute"]),
    TEXTS,
    LIMITS,
    st.booleans(),
)
WINDOWS = st.lists(
    st.builds(
        TimeWindow,
        st.sampled_from(["0 8 * * mon-fri", "*/5 * * * *", "0 0 29 2 *"]),
        st.integers(1, 7 * 86400).map(float),
        st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns"]),
    ),
    max_size=2,
).map(tuple)
SOFT = st.builds(Action, st.sampled_from([StopMethod.SOFT, StopMethod.SOFT_THEN_HARD]), SECONDS)
OTHER = st.builds(Action, st.sampled_from([StopMethod.HARD, StopMethod.SUSPEND]))
PRIORITIES = st.just(Priority()) | st.builds(
    Priority, TEXTS, st.lists(TEXTS, min_size=1, max_size=3, unique=True).map(tuple), st.sampled_from(["first", "last"])
)
TARGETS = st.builds(
    Target,
    st.none() | st.integers(1, 2**40),
    st.none() | st.integers(1, 2**40),
    st.none() | SHARES,
    st.none() | SHARES,
)
NOTICES = st.builds(
    Notice, SECONDS, st.lists(st.sampled_from(Criticality), max_size=3).map(tuple), st.booleans(), st.booleans()
).map(lambda notice: replace(notice, event=notice.event or not notice.guestinfo))
PROTECTIONS = st.builds(
    Protection,
    SOME_TEXTS,
    SOME_TEXTS,
    st.lists(st.integers(0, 10**9).map("vm-{}".format), max_size=2).map(tuple),
    SECONDS,
    st.lists(GROUPS, max_size=2).map(tuple),
)
POLICIES = st.builds(
    Policy,
    name=NAMES,
    match=st.builds(Match, SOME_TEXTS, PLACES),
    mode=st.sampled_from(Mode),
    approval_seconds=SOME_SECONDS,
    tags=SOME_TEXTS,
    scope=st.builds(ScopeRules, st.sampled_from(AlarmScope), st.booleans(), PLACES),
    protection=PROTECTIONS,
    priority=PRIORITIES,
    amount=st.builds(
        Amount,
        st.integers(1, 2000),
        st.none() | COUNTS,
        st.none() | COUNTS,
        TARGETS,
        st.sampled_from(OnShortfall),
        st.sampled_from(Measure),
    ),
    actions=st.builds(Actions, SOFT | OTHER, SOFT | OTHER, SOFT | OTHER),
    notice=NOTICES,
    events=st.builds(Events, st.booleans(), st.booleans()),
    waves=st.builds(Waves, st.integers(0, 2000), SECONDS),
    windows=st.builds(Windows, WINDOWS, WINDOWS),
    restore=st.builds(Restore, st.booleans(), SECONDS, COUNTS, SECONDS, SHARES, SHARES, SOME_SECONDS),
    rerun_window_seconds=st.integers(0, 400_000).map(float),
).map(lambda policy: replace(policy, tags=tuple(tag for tag in policy.tags if tag not in policy.protection.tags)))
