# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of a preflight as values: their table, their order when one of them failed, and the verdict."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.errors import TemporalTlsRefused
from vsphere_preemption.core.preflight.check import (
    Check,
    Status,
    blocked_by,
    failed,
    in_the_way,
    listed,
    passed,
    skipped,
    summary,
    table,
    warned,
)

ALL_KINDS = [
    passed("python", "Python 3.11.7."),
    warned("kill_switch", "Paused.", "Let it go on."),
    failed("tag", "There is none.", "Create it."),
    skipped("privileges", "Cannot tell."),
]


def test_the_table_has_a_line_for_each_check_in_columns_that_says_what_to_do() -> None:
    assert table(ALL_KINDS).splitlines() == [
        "ok       python       Python 3.11.7.",
        "warning  kill_switch  Paused. -> Let it go on.",
        "failed   tag          There is none. -> Create it.",
        "skipped  privileges   Cannot tell.",
    ]
    assert table([]) == ""


@pytest.mark.parametrize("hostile", ["a\nfailed  x", "a\x1b[2Jb", "a\r\n", "a\u202eb", "tab\tbed", "\u2028"])
def test_a_name_from_elsewhere_cannot_break_the_table(hostile: str) -> None:
    check = warned("tag", f"No VM carries {hostile}.", f"Attach {hostile}.")
    [line] = table([check]).splitlines()
    assert line.isprintable()
    assert all(text.isprintable() for text in check.as_result().values())


@pytest.mark.parametrize(
    ("status", "ready", "strictly"),
    [
        (Status.OK, True, True),
        (Status.SKIPPED, True, True),
        (Status.WARNING, True, False),
        (Status.FAILED, False, False),
    ],
)
def test_only_a_failure_is_in_the_way_unless_warnings_count_too(status: Status, ready: bool, strictly: bool) -> None:
    checks = [passed("python", ""), Check("tag", status, "")]
    assert in_the_way(checks) == ([] if ready else ["tag"])
    assert in_the_way(checks, strict=True) == ([] if strictly else ["tag"])


@pytest.mark.parametrize(
    ("required", "missing", "strictly"),
    [
        pytest.param(["python"], [], [], id="ok"),
        pytest.param(["kill_switch"], [], ["kill_switch"], id="warning"),
        pytest.param(["tag"], ["tag"], ["tag"], id="failed"),
        pytest.param(["privileges"], ["privileges"], ["privileges"], id="skipped, so unknown"),
        pytest.param(["nonsense"], ["nonsense"], ["nonsense"], id="not among the checks"),
        pytest.param(["tag", "python", "tag"], ["tag"], ["tag"], id="twice"),
        pytest.param([], ["tag"], ["kill_switch", "tag"], id="an empty list requires no less than none"),
    ],
)
def test_of_required_checks_each_has_to_be_ok_and_no_other(
    required: list[str], missing: list[str], strictly: list[str]
) -> None:
    assert in_the_way(ALL_KINDS, required) == missing
    assert in_the_way(ALL_KINDS, required, strict=True) == strictly


def test_what_builds_on_a_failed_check_is_skipped_and_says_on_which() -> None:
    error = TemporalTlsRefused("Cannot connect", why="the CA is unknown", next_step="Give the CA file.")
    known = [passed("connection", "It answers."), passed("later", "Not known yet.")]
    checks = blocked_by(("connection", "tls", "namespace", "worker"), "tls", error, known=known)
    assert checks == [
        known[0],
        failed("tls", "Cannot connect: the CA is unknown.", "Give the CA file."),
        skipped("namespace", "Not checked: tls must pass first."),
        skipped("worker", "Not checked: tls must pass first."),
    ]


def test_the_summary_counts_each_status_that_there_is() -> None:
    assert summary(ALL_KINDS) == "1 ok, 1 warning, 1 failed, 1 skipped"
    assert summary(ALL_KINDS[:1]) == "1 ok"


def test_of_many_names_only_the_first_are_listed() -> None:
    assert listed(["b", "a"]) == "a, b"
    assert listed("gfedcba", most=3) == "a, b, c and 4 more"
