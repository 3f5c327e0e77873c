# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source with a vCenter that only the test knows: what it keeps, when it goes on, when it ends."""

from __future__ import annotations

import asyncio
import json
import runpy
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.paths import CHECKOUT
from vsphere_preemption.core.errors import PreemptionError, VCenterPermissionDenied, VCenterUnreachable
from vsphere_preemption.vcenter.alarms.events import StateFile
from vsphere_preemption.vcenter.alarms.listener_options import OPTIONS

FOLDER = CHECKOUT / "extensions/eda"
PLUGIN = runpy.run_path(str(FOLDER / "plugins/event_source/alarms.py"))

Answer = list[dict[str, Any]] | PreemptionError


class Script:
    """A listener that answers each look as it is told; after the last answer it cancels the source."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.state: dict[str, Any] = {"looks": 0}
        self.threads: set[int] = set()
        self.end: Callable[[], object] = lambda: None

    def look(self) -> list[dict[str, Any]]:
        self.threads.add(threading.get_ident())
        if not self.answers:
            self.end()
            return []
        answer = self.answers.pop(0)
        if isinstance(answer, PreemptionError):
            raise answer
        self.state = {"looks": self.state["looks"] + 1}
        return answer

    def close(self) -> None:
        raise AssertionError("who made the listener closes it")


def run(script: Script, file: StateFile | None, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], list[float]]:
    """The events that the source has sent until it was cancelled, and how long it slept each time."""
    slept: list[float] = []
    sleep = asyncio.sleep

    async def at_once(seconds: float) -> None:
        slept.append(round(seconds))
        await sleep(0)

    async def story() -> list[Any]:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        task = asyncio.create_task(PLUGIN["AlarmSource"](script, file, 0.0).run(queue))
        loop = asyncio.get_running_loop()
        script.end = lambda: loop.call_soon_threadsafe(task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return [queue.get_nowait() for _number in range(queue.qsize())]
        raise AssertionError("the source ended by itself")

    monkeypatch.setattr(asyncio, "sleep", at_once)
    return asyncio.run(story()), slept


def unreachable() -> PreemptionError:
    return VCenterUnreachable("Cannot look", why="it is away", next_step="Wait.")


def denied() -> PreemptionError:
    return VCenterPermissionDenied("Cannot look", why="no privilege", next_step="Grant it.")


def test_events_come_in_order_and_vcenter_is_asked_in_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script([{"id": "1"}, {"id": "2"}], [], [{"id": "3"}])
    events, _slept = run(script, None, monkeypatch)
    assert [event["id"] for event in events] == ["1", "2", "3"]
    assert threading.get_ident() not in script.threads


def test_what_was_sent_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.json")
    run(Script([{"id": "1"}], [], []), file, monkeypatch)
    assert file.load() == {"looks": 3}


def test_what_the_rulebook_has_not_taken_is_not_kept(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.json")

    async def story() -> None:
        full: asyncio.Queue[Any] = asyncio.Queue(1)
        await full.put({"id": "0"})
        task = asyncio.create_task(PLUGIN["AlarmSource"](Script([{"id": "1"}]), file, 0.0).run(full))
        await asyncio.wait([task], timeout=0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
    assert file.load() is None


def test_a_source_that_is_cancelled_while_it_saves_ends_when_the_file_is_whole() -> None:
    begun, goes_on, saved = threading.Event(), threading.Event(), threading.Event()

    def save() -> None:
        begun.set()
        assert goes_on.wait(5)
        saved.set()

    async def story() -> None:
        saving = asyncio.create_task(PLUGIN["finished"](PLUGIN["in_thread"](save)))
        await asyncio.to_thread(begun.wait, 5)
        saving.cancel()
        asyncio.get_running_loop().call_soon(asyncio.get_running_loop().call_soon, goes_on.set)
        with pytest.raises(asyncio.CancelledError):
            await saving
        assert saved.is_set()

    asyncio.run(story())


def test_pauses_grow_while_vcenter_is_away_and_end_with_the_first_look(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    script = Script([], *[unreachable() for _number in range(7)], [{"id": "1"}])
    events, slept = run(script, None, monkeypatch)
    assert events == [{"id": "1"}]
    assert slept[:9] == [0, 1, 2, 4, 8, 16, 30, 30, 0]
    # The same trouble is told once.
    assert caplog.text.count("it is away") == 1
    assert "can be read again" in caplog.text


def test_an_error_of_the_first_look_that_time_does_not_cure_ends_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VCenterPermissionDenied):
        run(Script(denied()), None, monkeypatch)


def test_the_same_error_later_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    events, _slept = run(Script(unreachable(), [], denied(), [{"id": "1"}]), None, monkeypatch)
    assert events == [{"id": "1"}]


def test_documentation_schema_and_code_name_the_same_options() -> None:
    documented = yaml.safe_load(PLUGIN["DOCUMENTATION"])["options"]
    schema = json.loads((FOLDER / "plugins/event_source/schemas/alarms.json").read_text())["properties"]
    assert set(documented) == set(schema) == OPTIONS
    for name, option in documented.items():
        assert option.get("default") == schema[name].get("default"), name


def rulebooks() -> list[Path]:
    return sorted((FOLDER / "rulebooks").glob("*.yml"))


@pytest.mark.parametrize("path", rulebooks(), ids=lambda path: path.stem)
def test_a_rulebook_passes_on_nothing_that_people_name_but_in_the_event(path: Path) -> None:
    (rulebook,) = yaml.safe_load(path.read_text())
    (source,) = rulebook["sources"]
    assert set(source["vsphere.preemption.alarms"]) <= OPTIONS
    for rule in rulebook["rules"]:
        action = rule["action"]["run_playbook"]
        playbook = action["name"].removeprefix("vsphere.preemption.")
        assert (CHECKOUT / "playbooks" / f"{playbook}.yml").is_file()
        passed = json.dumps(action["extra_vars"])
        assert "name }}" not in passed
        assert "event.preemption_alarm.cluster }}" in passed


def test_the_restores_and_preemptions_of_one_alarm_are_for_one_workflow() -> None:
    for path in rulebooks():
        (rulebook,) = yaml.safe_load(path.read_text())
        asked = [rule["action"]["run_playbook"]["extra_vars"] for rule in rulebook["rules"]]
        assert len({variables["preemption_workflow_id"] for variables in asked}) == 1
        assert [variables.get("preempt_criticality") for variables in asked] == ["LOW", "HIGH", None]
