# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request that is too large is refused before it is sent."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest

from vsphere_preemption.core.errors import InvalidRequest, RequestTooLarge
from vsphere_preemption.core.requests.limits import MAX_NAMES
from vsphere_preemption.core.requests.request import MAX_REQUEST_BYTES, read_request
from vsphere_preemption.temporal.dispatcher import preempt_and_wait, signal_request

MONITOR = "\U0001f5a5"


def raw(names: int, **more: Any) -> dict[str, Any]:
    return {"tag": "t", "criticality": "LOW", "narrow": {"only": [MONITOR * 500] * names}, **more}


def test_a_request_of_ordinary_size_is_accepted() -> None:
    event = {"id": "e", "data": "x" * 200_000}
    assert read_request(raw(20, event=event)).event.id == "e"


def test_a_request_that_is_too_large_is_refused_and_told_how_large_it_may_be() -> None:
    with pytest.raises(RequestTooLarge) as refused:
        read_request(raw(MAX_NAMES))
    assert refused.value.code == InvalidRequest.code
    assert f"the maximum is {MAX_REQUEST_BYTES}" in str(refused.value)


def test_one_that_was_accepted_before_is_still_read() -> None:
    assert len(read_request(raw(MAX_NAMES), stored=True).narrowing.only) == MAX_NAMES


def test_no_sender_sends_it() -> None:
    request, client = read_request(raw(MAX_NAMES), stored=True), Mock()
    for sending in (
        signal_request(client, request, workflow_id="w", task_queue="q"),
        preempt_and_wait(client, request, workflow_id="w", task_queue="q", timeout_seconds=1),
    ):
        with pytest.raises(RequestTooLarge):
            asyncio.run(sending)
    assert client.mock_calls == []
