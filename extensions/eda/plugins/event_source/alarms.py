# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source for ansible-rulebook: changes of vCenter's alarms.

vCenter is asked in threads, one call a look, so the loop of the rulebook never waits for it. What was told is kept in a
file, so a restart neither repeats a change nor loses one.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

DOCUMENTATION = r"""
module: alarms
short_description: Tell of changes of vCenter's alarms
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Looks at vCenter's event log and at its list of triggered alarms with one call a second, and sends an event for each
    change of an alarm on an object. The list shows what the log has lost.
  - Each event is a CloudEvent in the shape of VEBA's C(AlarmStatusChangedEvent). Beside its attributes stands
    C(preemption_alarm), plain values to write conditions on; see C(docs/eda.md).
  - After trouble with vCenter it goes on by itself. Options that cannot be used, or a login that is refused at the
    first look, end the rulebook with an error that says why.
options:
  alarms:
    description:
      - Names of alarms, or shell patterns for them. Upper and lower case are alike.
    type: list
    elements: str
    default: ["*"]
  interval:
    description: Seconds from one look to the next, from 0.2 to 3600.
    type: float
    default: 1.0
  state_file:
    description:
      - File that remembers what was told. It is written for its owner alone. Each source needs one of its own.
      - Without it, a start tells of all that fires then, under the same ids as before, and of no earlier change.
    type: path
  vcenter_url:
    description:
      - Address of vCenter, such as C(https://vcenter.example.com).
      - Read from the environment variable E(VCENTER_URL) if it is not given.
    type: str
  vcenter_username:
    description:
      - Name of an account with System.View and System.Read on the root folder.
      - Read from E(VCENTER_USERNAME) if it is not given.
    type: str
  vcenter_password:
    description:
      - Password of the account.
      - Read from E(VCENTER_PASSWORD) if it is not given.
    type: str
  vcenter_secret_path:
    description:
      - Folder with the files C(username) and C(password). C(/var/bindings/vsphere), if neither this nor name and
        password are known.
      - Read from E(VCENTER_SECRET_PATH) if it is not given.
    type: path
  vcenter_ca_file:
    description:
      - PEM file with the CA that signed the certificate of vCenter. The CAs of the system, if not given.
      - Read from E(VCENTER_CA_FILE) if it is not given.
    type: path
  vcenter_validate_certs:
    description:
      - Whether to check the certificate of vCenter.
      - If it is not given and the environment variable E(VCENTER_INSECURE) is true, it is not checked.
    type: bool
    default: true
requirements:
  - pyVmomi >= 8.0
"""

EXAMPLES = r"""
- name: Show what happens to alarms
  hosts: localhost
  sources:
    - vsphere.preemption.alarms:
        vcenter_url: https://vcenter.example.com
        vcenter_secret_path: /etc/vsphere-preemption/vcenter
        alarms: ["Cluster memory*"]
        state_file: /var/lib/vsphere-preemption/alarms.json
  rules:
    - name: Red
      condition: event.preemption_alarm.to_colour == "red"
      action:
        print_event:
          pretty: true
"""

LIBRARY = "vsphere_preemption"


def load_library() -> None:
    """Make the library of this collection importable: ansible-rulebook does not put collections on Python's path."""
    if LIBRARY in sys.modules:
        return
    folder = Path(__file__).resolve().parents[4] / "plugins" / "module_utils" / LIBRARY
    spec = importlib.util.spec_from_file_location(
        LIBRARY, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"the collection is not complete: {folder} is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules[LIBRARY] = module
    spec.loader.exec_module(module)


load_library()

from vsphere_preemption.core.errors import PreemptionError, VCenterLoginRefused
from vsphere_preemption.core.state_file import StateFile
from vsphere_preemption.vcenter.alarm_events import AlarmEvents
from vsphere_preemption.vcenter.client import VCenter
from vsphere_preemption.vcenter.listener_options import ListenerOptions, read_options

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
CLOSE_SECONDS = 5.0
# What ansible-rulebook itself puts beside the options.
FEEDBACK_QUEUE = "eda_feedback_queue"

Result = TypeVar("Result")
log = logging.getLogger("vsphere.preemption.alarms")


class Queue(Protocol):
    """Where ansible-rulebook takes events from."""

    async def put(self, event: dict[str, Any]) -> None: ...


class Listener(Protocol):
    """Who looks at vCenter; `AlarmEvents`."""

    @property
    def state(self) -> dict[str, Any]: ...

    def look(self) -> list[dict[str, Any]]: ...

    def close(self) -> None: ...


class Source:
    """Looks again and again until it is cancelled. file: where to remember what was told."""

    def __init__(self, listener: Listener, file: StateFile | None, interval_seconds: float) -> None:
        self._listener = listener
        self._file = file
        self._interval = interval_seconds
        self._kept: dict[str, Any] | None = None
        self._pause = 0.0
        self._trouble = ""

    async def run(self, queue: Queue) -> None:
        """Errors of the first look that come again by all means, and a state file that cannot be written."""
        while True:
            began = time.monotonic()
            try:
                await self._look(queue)
            except PreemptionError as error:
                self._failed(error)
            await asyncio.sleep(max(self._pause, began + self._interval - time.monotonic()))

    async def _look(self, queue: Queue) -> None:
        for event in await in_thread(self._listener.look):
            await queue.put(event)
        # Only what the rulebook has got is remembered: after a crash it is told again, under the same id.
        state = self._listener.state
        if self._file is not None and state != self._kept:
            await finished(in_thread(partial(self._file.save, state)))
        self._kept, self._pause = state, 0.0
        if self._trouble:
            log.warning("vCenter's alarms can be seen again")
        self._trouble = ""

    def _failed(self, error: PreemptionError) -> None:
        """Take a longer pause; the same trouble is told once."""
        if self._kept is None and (not error.retryable or isinstance(error, VCenterLoginRefused)):
            raise error
        if self._trouble != error.code:
            log.warning("trying again: %s", error)
        self._trouble = error.code
        self._pause = min(max(2 * self._pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)


async def in_thread(work: Callable[[], Result]) -> Result:
    """Do it in a thread. Unlike asyncio's own, it does not hold up the end of the process when vCenter hangs."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(result: Callable[[], Result]) -> None:
        if done.cancelled():
            return
        try:
            done.set_result(result())
        except Exception as error:
            done.set_exception(error)

    def run() -> None:
        result = _outcome(work)
        # Nobody waits any more where the loop is closed.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=run, daemon=True, name="vcenter-alarms").start()
    return await done


async def finished(work: Awaitable[None]) -> None:
    """Wait for it also when cancelled, as long as for a close: who comes next must not find the file still changing."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=CLOSE_SECONDS)
        raise


def _outcome(work: Callable[[], Result]) -> Callable[[], Result]:
    """What the work came to: a call that returns its result, or raises its error."""
    try:
        result = work()
    except Exception as error:
        return partial(_raise, error)
    return lambda: result


def _raise(error: Exception) -> NoReturn:
    raise error


def listen(options: ListenerOptions, file: StateFile | None) -> AlarmEvents:
    """The listener for these options, which goes on where the one before has ended."""
    vcenter = VCenter(options.settings, options.credentials)
    kept = file.load() if file else None
    return AlarmEvents(vcenter, options.wants, options.settings.endpoint.event_source, kept)


async def main(queue: Queue, args: Mapping[str, Any]) -> None:
    """Send events until the rulebook ends. args: as documented above."""
    given = {name: value for name, value in args.items() if name != FEEDBACK_QUEUE}
    options = await in_thread(lambda: read_options(given, os.environ))
    file = StateFile(options.state_file) if options.state_file else None
    listener = await in_thread(lambda: listen(options, file))
    try:
        await Source(listener, file, options.interval_seconds).run(queue)
    finally:
        # What a vCenter that hangs cannot take back now ends with its session.
        with contextlib.suppress(TimeoutError, PreemptionError):
            await asyncio.wait_for(in_thread(listener.close), CLOSE_SECONDS)
