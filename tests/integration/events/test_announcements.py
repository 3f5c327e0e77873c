# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every type of event over real HTTP, in both content modes, as a consumer gets it."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from support.announcements import NAMES, by_alarm, sample, schema_of
from support.sink import Answer
from support.sink import Sink as Receiver
from vsphere_preemption.core.errors import SinkUnreachable
from vsphere_preemption.events.sink import ContentMode, Sink, SinkSettings
from vsphere_preemption.events.targets import ReplyTargets

CONTENT_TYPE = {ContentMode.BINARY: "application/json", ContentMode.STRUCTURED: "application/cloudevents+json"}


def sender(mode: ContentMode) -> Sink:
    return Sink(SinkSettings(mode, 5.0, ReplyTargets.parse("*"), None))


@pytest.mark.parametrize("mode", list(ContentMode))
@pytest.mark.parametrize("name", NAMES)
def test_a_consumer_gets_every_event_in_either_mode_and_it_fits_its_schema(
    sink: Receiver, name: str, mode: ContentMode
) -> None:
    event = sample(name, by_alarm())
    sender(mode).send(event, sink.url)
    [delivery] = sink.wait_for(1)
    got = delivery.event()
    assert delivery.headers["content-type"].startswith(CONTENT_TYPE[mode])
    assert {part: got[part] for part in ("specversion", "id", "source", "type", "time")} == {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": event.time,
    }
    assert got["data"] == event.data
    assert list(got["data"]) == list(event.data)
    Draft202012Validator(schema_of(name)).validate(got["data"])


@pytest.mark.parametrize("mode", list(ContentMode))
@pytest.mark.parametrize("name", NAMES)
def test_an_event_that_is_told_again_arrives_with_the_same_id_and_bytes(
    sink: Receiver, name: str, mode: ContentMode
) -> None:
    sink.answer(Answer(reset=True))
    with pytest.raises(SinkUnreachable):
        sender(mode).send(sample(name), sink.url)
    sender(mode).send(sample(name), sink.url)
    first, second = sink.wait_for(2)
    assert (first.body, first.event()) == (second.body, second.event())
