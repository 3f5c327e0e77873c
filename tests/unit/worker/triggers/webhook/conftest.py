# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A webhook in this process, on real sockets, before actors that only write down what they were asked."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.runtime import Runtime

from support.ports import LOOPBACK, free_port
from support.webhook import Sender, alarm_data, of_knative
from vsphere_preemption.core.alarm_event import AlarmEvent
from vsphere_preemption.core.event import TriggerEvent
from vsphere_preemption.core.policy.alarm_rule import AlarmRule, WhenGreen
from vsphere_preemption.core.requests.alarm_requests import workflow_id_for
from vsphere_preemption.temporal.dispatcher import Accepted
from vsphere_preemption_worker.service.address import Address
from vsphere_preemption_worker.triggers.webhook.server import Webhook
from vsphere_preemption_worker.triggers.webhook.settings import WebhookSettings

ALARM, CLUSTER = "Cluster memory", "domain-c7"
GOOD = of_knative("1", alarm_data(ALARM, CLUSTER))
GREEN = of_knative("2", alarm_data(ALARM, CLUSTER, ("red", "green")))
SOURCE = "https://vcenter.example/sdk"


def a_rule(**more: Any) -> AlarmRule:
    return AlarmRule(
        "memory", **{"alarms": ("*memory*",), "tag": "preemptible", "when_green": WhenGreen.CANCEL, **more}
    )


@dataclass
class FakeActs:
    """Stands for Temporal. trouble: raised instead. running: there is something to end."""

    task_queue: str = "queue"
    asked: list[TriggerEvent] = field(default_factory=list)
    ended: list[AlarmEvent] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    trouble: Exception | None = None
    running: bool = True
    colour: str = "green"

    async def ask(self, rule: AlarmRule, alarm: AlarmEvent, event: TriggerEvent) -> Accepted | None:
        if self.trouble:
            raise self.trouble
        self.asked.append(event)
        return Accepted(workflow_id_for(alarm, self.task_queue), "execution", "preemption")

    async def ask_later(self, rule: AlarmRule, alarm: AlarmEvent, event: TriggerEvent) -> None:
        if self.trouble:
            raise self.trouble
        self.waiting.append(alarm.to_colour)

    async def calm(self, alarm: AlarmEvent, *colours: str) -> bool:
        waited = set(colours) & set(self.waiting)
        self.waiting = [colour for colour in self.waiting if colour not in colours]
        return bool(waited)

    async def end(self, rule: AlarmRule, alarm: AlarmEvent) -> bool:
        if self.trouble:
            raise self.trouble
        self.ended.append(alarm)
        return self.running

    def colour_of(self, alarm: AlarmEvent) -> str:
        return self.colour


@dataclass
class Listening:
    """The webhook, who acts for it, and somebody who sends."""

    webhook: Webhook
    acts: FakeActs
    send: Sender


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


Listen = Callable[..., Listening]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Start a webhook; settings as those of WebhookSettings, and the rules."""
    thread = LoopThread()
    open_ones: list[Webhook] = []

    def start(rules: tuple[AlarmRule, ...] = (a_rule(),), *, port: int = 0, **settings: Any) -> Listening:
        port, acts = port or free_port(), FakeActs()

        async def make() -> Webhook:
            own = WebhookSettings(Address(LOOPBACK, port), **settings)
            runtime = Runtime.default()
            return Webhook(own, lambda: rules, acts, acts.colour_of, source=SOURCE, runtime=runtime)

        webhook: Webhook = thread.do(make())
        open_ones.append(webhook)
        return Listening(webhook, acts, Sender(port))

    yield start
    for webhook in open_ones:
        thread.do(webhook.close())
    thread.close()


def raw(port: int, data: bytes) -> bytes:
    """What comes back for these bytes, until the other side ends the connection."""
    with socket.create_connection((LOOPBACK, port), 10) as connection:
        connection.sendall(data)
        answer = b""
        while more := connection.recv(65536):
            answer += more
            if answer.endswith(b"}\n"):
                break
    return answer
