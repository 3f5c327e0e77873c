# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment file: what is written is read again, and what a line cannot hold is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.modules._collection import imported
from vsphere_preemption.core.environment import Environment

env_file = imported("plugins.module_utils._worker_host.env_file")
errors = imported("plugins.module_utils.vsphere_preemption.core.errors")

PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "))


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,9}", fullmatch=True), PRINTABLE))
def test_what_is_written_is_read_again(variables: Environment) -> None:
    assert env_file.read(env_file.written(variables)) == variables


@pytest.mark.parametrize(
    ("value", "line"),
    [
        pytest.param("a b", 'X="a b"', id="space"),
        pytest.param('say "x"', r'X="say \"x\""', id="quote"),
        pytest.param("c:\\d", 'X="c:\\\\d"', id="backslash"),
        pytest.param("$HOME `x`", r'X="\$HOME \`x\`"', id="what a shell would expand"),
        pytest.param("# no comment", 'X="# no comment"', id="hash"),
    ],
)
def test_a_value_is_quoted_as_systemd_reads_it(value: str, line: str) -> None:
    assert env_file.written({"X": value}).splitlines()[-1] == line


@pytest.mark.parametrize("value", ["hunter2\nX=1", "hunter2\r", "hunter2\0", "hunter2\x1b[0m", "hunter2\u2028"])
def test_line_breaks_and_the_like_are_refused_without_showing_the_value(value: str) -> None:
    with pytest.raises(errors.InvalidSetting, match="TEMPORAL_API_KEY") as refused:
        env_file.written({"TEMPORAL_API_KEY": value})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "x", "A B", "A=B", "1A"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(errors.InvalidSetting):
        env_file.written({name: "x"})
