# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every error promises to those who pass it on."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.errors import PreemptionError
from vsphere_preemption.core.requests.request import read_request


def all_errors(error: type[PreemptionError] = PreemptionError) -> list[type[PreemptionError]]:
    """Those that are made like the first one; a few take more, and pass it on."""
    ours = [error] if error.__init__ is PreemptionError.__init__ else []
    return [*ours, *(deeper for one in error.__subclasses__() for deeper in all_errors(one))]


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
def test_a_message_can_be_encoded_whatever_was_given(error: type[PreemptionError]) -> None:
    failure = error("Cannot read \ud800", why="it is \udfff", next_step="Rename \ud800.")
    for text in (str(failure), str(failure.as_result()["msg"])):
        assert text.encode() == b"Cannot read \\ud800: it is \\udfff. Rename \\ud800."


def test_a_request_with_an_unknown_limit_is_refused_with_a_message_that_can_be_encoded() -> None:
    event = {"specversion": "1.0", "id": "e1", "source": "test", "type": "Test"}
    with pytest.raises(PreemptionError) as refused:
        read_request({"tag": "t", "criticality": "LOW", "event": event, "narrow": {"\ud800": 1}})
    assert str(refused.value).encode()
