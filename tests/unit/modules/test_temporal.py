# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connecting for a module takes no longer than it may."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ._collection import imported

options = imported("plugins.module_utils._modules.temporal")
errors = imported("plugins.module_utils.vsphere_preemption.core.errors")


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A port on which somebody listens and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("tls", [False, True])
def test_a_server_that_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch, silent_server: str, *, tls: bool
) -> None:
    async def never(client: object) -> None:
        raise RuntimeError(f"there can be no client, but here is {client!r}")

    monkeypatch.setattr(options.blocking, "CONNECT_SECONDS", 0.2)
    given: dict[str, Any] = dict.fromkeys(options.temporal_options())
    given |= {"temporal_address": silent_server, "temporal_namespace": "n", "temporal_tls": tls}
    with pytest.raises(errors.TemporalUnreachable, match=silent_server) as failure:
        options.with_client(given, never)
    assert failure.value.as_result()["error_code"] == "temporal_unreachable"
