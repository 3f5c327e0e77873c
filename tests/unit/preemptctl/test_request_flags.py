# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request that flags describe, on the wire of the prototype."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.paths import CHECKOUT
from vsphere_preemption.core.errors import GivenButEmpty, InvalidInput, InvalidRequest, PreemptionError
from vsphere_preemption_worker.preemptctl.command_line import find, parse, split
from vsphere_preemption_worker.preemptctl.commands import EVERYWHERE, REASON, REPLY_TO, TAG, TEMPORAL, VCENTER, WORKFLOW
from vsphere_preemption_worker.preemptctl.request_flags import request_of
from vsphere_preemption_worker.preemptctl.restore import restore_of

RECORDED = CHECKOUT / "tests" / "fixtures" / "wire" / "request-preemptctl.json"
EVENT = '{"specversion":"1.0","id":"4711","source":"https://ci","type":"T","data":{"a":1}}'


def options_of(*words: str, command: str = "workflow run") -> Namespace:
    path, rest = split([*command.split(), *words])
    found = find(path)
    assert found is not None
    return parse(found, rest)


def test_without_flags_it_has_exactly_the_fields_that_the_prototype_sends() -> None:
    wire, recorded = request_of(options_of()).as_wire(), json.loads(RECORDED.read_text())
    assert list(wire) == list(recorded)
    assert list(wire["event"]) == list(recorded["event"])
    told_apart = {"id": "", "time": ""}
    assert {**wire, "event": {**wire["event"], **told_apart}} == {
        **recorded,
        "event": {**recorded["event"], **told_apart},
    }


def test_criticality_may_be_written_small_and_an_event_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text(EVENT)
    by_flag = request_of(options_of("-c", "high", "-e", EVENT))
    by_file = request_of(options_of("-c", "HIGH", "--event-file", str(file)))
    assert by_flag == by_file
    assert (by_flag.criticality, by_flag.event.as_wire()) == ("HIGH", json.loads(EVENT))


def test_limits_narrow_the_request() -> None:
    words = "--cluster c1 --resource-pool p --vm web-1 --max-vms 3 --memory-mib 64 --until-cpu-percent 75.5 --dry-run"
    assert request_of(options_of(*words.split())).as_wire()["narrow"] == {
        "scope": [{"cluster": "c1"}, {"resource_pool": "p"}],
        "maxVMs": 3,
        "target": {"memoryMiB": 64, "untilCpuPercent": 75.5},
        "only": ["web-1"],
        "dryRun": True,
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["-c", "urgent"], "URGENT|urgent", id="criticality"),
        pytest.param(["-e", "{"], "not valid JSON", id="no JSON"),
        pytest.param(["-e", "[1]"], "not a JSON object", id="no object"),
        pytest.param(["-e", '{"id":"1"}'], "no specversion, source, type", id="no CloudEvent"),
        pytest.param(["-e", EVENT, "--event-file", "x"], "both --event and --event-file", id="two events"),
        pytest.param(["--event-file", "no-such-file"], "cannot be read", id="no file"),
        pytest.param(["--max-vms", "0"], "--max-vms is 0", id="no VM at all"),
        pytest.param(["--tag", " "], "--tag: it is empty", id="no tag"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(words: list[str], said: str) -> None:
    with pytest.raises(PreemptionError, match=said):
        request_of(options_of(*words))


# These narrow nothing: who is asked, how urgently, why, how long it may take, and how it is shown. Nor does an empty
# `--event`, which is the prototype's way to give none.
NO_LIMITS = {
    *(flag.name for flag in (*TEMPORAL, *EVERYWHERE, *WORKFLOW, *TAG, *REPLY_TO, *REASON, *VCENTER)),
    *("criticality", "event", "request-id", "timeout", "execution-timeout"),
}


def limits() -> Iterator[tuple[str, str]]:
    """Each flag that limits, of the commands that ask for something."""
    for path in ("workflow run", "plan", "restore"):
        command = find(tuple(path.split()))
        for flag in command.flags if command else ():
            if flag.takes_value and flag.name not in NO_LIMITS:
                yield path, flag.name


@pytest.mark.parametrize(("command", "flag"), list(limits()))
def test_a_flag_that_limits_and_is_given_but_empty_is_refused_by_its_name(command: str, flag: str) -> None:
    ask = restore_of if command == "restore" else request_of
    with pytest.raises(InvalidInput, match=f"--{flag}") as refused:
        ask(options_of(f"--{flag}", "", command=command))
    if isinstance(refused.value, GivenButEmpty):
        assert f"Omit --{flag} to apply no limit, or do not run the command" in refused.value.next_step


def test_an_empty_name_beside_others_is_refused_too() -> None:
    with pytest.raises(InvalidRequest):
        request_of(options_of("--vm", "web-1", "--vm", ""))


def test_an_event_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        request_of(options_of("-e", "[" * 100_000))
