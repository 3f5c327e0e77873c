# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words become options as the prototype's command line takes them."""

from __future__ import annotations

from argparse import Namespace

import pytest

from vsphere_preemption_worker.preemptctl.command_line import WrongUsage, find, parse, split
from vsphere_preemption_worker.preemptctl.commands import COMMANDS


def options_of(*words: str) -> Namespace:
    path, rest = split(words)
    command = find(path)
    assert command is not None, path
    return parse(command, rest)


def test_the_defaults_of_workflow_run_are_those_of_the_prototype() -> None:
    options = options_of("workflow", "run")
    assert (options.tag, options.criticality, options.event, options.reply_to) == ("preemptible", "LOW", "", "")
    assert (options.workflow_id, options.execution_timeout) == ("preempctl-run", 300.0)
    # The library has these, behind the environment.
    assert (options.server, options.namespace, options.queue) == (None, None, None)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("workflow run --tag x --server h:1", id="long with a blank"),
        pytest.param("workflow run --tag=x --server=h:1", id="long with an equals sign"),
        pytest.param("workflow run -t x -s h:1", id="short with a blank"),
        pytest.param("workflow run -t=x -s=h:1", id="short with an equals sign"),
        pytest.param("workflow run -tx -sh:1", id="short without anything between"),
        pytest.param("workflow -s h:1 run -t x", id="between the words of the command"),
        pytest.param("-s h:1 --tag x workflow run", id="before the command"),
        pytest.param("--json workflow run -t y -t x -s h:1", id="the last one counts"),
    ],
)
def test_a_flag_may_stand_anywhere_and_be_written_in_any_way(words: str) -> None:
    options = options_of(*words.split())
    assert (options.tag, options.server) == ("x", "h:1")


@pytest.mark.parametrize(
    ("letter", "name"),
    [("s", "server"), ("n", "namespace"), ("q", "queue"), ("t", "tag"), ("c", "criticality"), ("e", "event")],
)
def test_the_letters_of_the_prototype_hold(letter: str, name: str) -> None:
    assert getattr(options_of("workflow", "run", f"-{letter}", "value"), name) == "value"


@pytest.mark.parametrize("words", ["-r abc", "--run-id abc", "--run-id=abc", "--execution-run-id abc"])
def test_the_run_id_has_its_letter_and_its_name_where_the_prototype_has_them(words: str) -> None:
    for command in ("status", "cancel"):
        assert options_of("workflow", command, *words.split()).execution_run_id == "abc"


@pytest.mark.parametrize("words", ["--of-run w/a", "--preemption-id=w/a"])
def test_a_restore_takes_the_preemption_id_and_its_earlier_name(words: str) -> None:
    assert options_of("restore", *words.split()).preemption_id == "w/a"
    assert options_of("restore").preemption_id is None


def test_no_earlier_name_of_a_flag_is_the_name_of_another() -> None:
    flags = [flag for command in COMMANDS for flag in command.flags]
    assert {flag.alias for flag in flags if flag.alias} & {flag.name for flag in flags} == set()


def test_a_value_may_begin_with_a_dash_and_be_the_name_of_a_command() -> None:
    assert options_of("workflow", "run", "--tag", "-x").tag == "-x"
    assert options_of("workflow", "run", "--tag", "run").tag == "run"
    assert options_of("explain", "runs").vm == "runs"


@pytest.mark.parametrize(("word", "value"), [("--json", True), ("--json=false", False), ("--json=T", True)])
def test_a_switch_takes_a_value_after_an_equals_sign(word: str, value: bool) -> None:
    assert options_of("runs", word).json is value


def test_what_may_be_given_again_is_collected() -> None:
    options = options_of("plan", "--cluster", "a", "--cluster=b", "--vm", "c")
    assert (options.cluster, options.host, options.vm) == (["a", "b"], [], ["c"])


@pytest.mark.parametrize(("text", "seconds"), [("90", 90.0), ("90s", 90.0), ("5m", 300.0), ("1h30m", 5400.0)])
def test_a_duration_is_written_as_people_do(text: str, seconds: float) -> None:
    assert options_of("watch", "--interval", text).interval == seconds


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param("workflow run --tga x", "--tga=x|--tga", id="unknown flag"),
        pytest.param("workflow run --api-key secret", "--api-key", id="a secret on the command line"),
        pytest.param("workflow run --tag", "expected one argument", id="no value"),
        pytest.param("workflow run --ta x", "--ta", id="shortened flag"),
        pytest.param("workflow run x", "unrecognized arguments: x", id="a word too many"),
        pytest.param("plan --max-vms many", "'many' is not a whole number", id="no number"),
        pytest.param("plan --until-cpu-percent half", "'half' is not a number", id="no fraction"),
        pytest.param("watch --interval soon", "is not a duration", id="no duration"),
        pytest.param("runs --json=perhaps", "neither true nor false", id="no truth"),
        pytest.param("explain", "required: VM", id="no VM"),
    ],
)
def test_what_is_wrong_is_said(words: str, said: str) -> None:
    with pytest.raises(WrongUsage, match=said):
        options_of(*words.split())


def test_a_flag_takes_a_value_in_every_command_or_in_none() -> None:
    """Or flags before the command could not be read."""
    seen: dict[str, bool] = {}
    for command in COMMANDS:
        for flag in command.flags:
            assert seen.setdefault(flag.name, flag.takes_value) is flag.takes_value
