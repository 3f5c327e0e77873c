# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event loop and the time-skipping server that all workflow tests share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from support.paths import tool

from .world import Script, World, a_world

Story = Callable[[World], Awaitable[None]]


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    own = asyncio.new_event_loop()
    yield own
    own.close()


def a_server(loop: asyncio.AbstractEventLoop) -> Iterator[WorkflowEnvironment]:
    """For a fixture of any scope."""
    binary = tool("temporal-test-server")
    starting = WorkflowEnvironment.start_time_skipping(test_server_existing_path=str(binary))
    environment = loop.run_until_complete(starting)
    yield environment
    loop.run_until_complete(environment.shutdown())


@pytest.fixture(scope="session")
def server(loop: asyncio.AbstractEventLoop) -> Iterator[WorkflowEnvironment]:
    yield from a_server(loop)


@pytest.fixture
def own_server(loop: asyncio.AbstractEventLoop) -> Iterator[WorkflowEnvironment]:
    """For a test that lets hours pass: what other tests left open would have to live through them too."""
    yield from a_server(loop)


@pytest.fixture
def tell(loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment) -> Callable[..., None]:
    """Run a story: an async function that gets a world with a running worker."""
    return partial(_tell, loop, server)


@pytest.fixture
def tell_apart(loop: asyncio.AbstractEventLoop, own_server: WorkflowEnvironment) -> Callable[..., None]:
    """The same with a server of its own."""
    return partial(_tell, loop, own_server)


def _tell(
    loop: asyncio.AbstractEventLoop, server: WorkflowEnvironment, story: Story, script: Script | None = None
) -> None:
    async def told() -> Any:
        async with a_world(server, script or Script()) as world:
            await asyncio.wait_for(story(world), 20)

    loop.run_until_complete(told())
