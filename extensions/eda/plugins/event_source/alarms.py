# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source for ansible-rulebook: changes of vCenter alarms.

vCenter is queried in threads, with one call per check, so the event loop of the rulebook never waits for it. Reported
changes are stored in a file, so a restart neither repeats nor loses a change.
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
short_description: Report changes of vCenter alarms
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Checks vCenter's event log and its list of triggered alarms with one call per second, and sends an event for each
    change of an alarm on an object. The list covers changes that the log has lost.
  - Each event is a CloudEvent in the format of VEBA's C(AlarmStatusChangedEvent). In addition to the CloudEvent
    attributes, it contains C(preemption_alarm) with plain values for conditions; see C(docs/eda.md).
  - After a vCenter failure, the source recovers automatically. Invalid options, or a login that is rejected at the
    first check, stop the rulebook with an error message.
options:
  alarms:
    description:
      - Names of alarms, or shell patterns for them. Case-insensitive.
    type: list
    elements: str
    default: ["*"]
  interval:
    description: Interval between checks in seconds, from 0.2 to 3600.
    type: float
    default: 1.0
  state_file:
    description:
      - File that stores the changes already reported. Only its owner can access it. Each source needs its own file.
      - Without it, the source reports all triggered alarms when it starts, under the same ids as before, and no earlier
        changes.
    type: path
  vcenter_url:
    description:
      - Address of vCenter, such as C(https://vcenter.example.com).
      - If not set, the environment variable E(VCENTER_URL) is used.
    type: str
  vcenter_username:
    description:
      - Name of an account with System.View and System.Read on the root folder.
      - If not set, E(VCENTER_USERNAME) is used.
    type: str
  vcenter_password:
    description:
      - Password of the account.
      - If not set, E(VCENTER_PASSWORD) is used.
    type: str
  vcenter_secret_path:
    description:
      - Directory with the files C(username) and C(password). Defaults to C(/var/bindings/vsphere) if the user name and
        password are not set either.
      - If not set, E(VCENTER_SECRET_PATH) is used.
    type: path
  vcenter_ca_file:
    description:
      - PEM file with the CA that signed vCenter's certificate. By default, the CAs of the system are trusted.
      - If not set, E(VCENTER_CA_FILE) is used.
    type: path
  vcenter_validate_certs:
    description:
      - Whether to validate vCenter's certificate.
      - If this option is not set and the environment variable E(VCENTER_INSECURE) is true, it is not validated.
    type: bool
    default: true
requirements:
  - pyVmomi >= 8.0
"""

EXAMPLES = r"""
- name: Show changes of alarms
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
    """Make the library of this collection importable: ansible-rulebook does not add collections to Python's path."""
    if LIBRARY in sys.modules:
        return
    folder = Path(__file__).resolve().parents[4] / "plugins" / "module_utils" / LIBRARY
    spec = importlib.util.spec_from_file_location(
        LIBRARY, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"the collection is incomplete: {folder} is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules[LIBRARY] = module
    spec.loader.exec_module(module)


load_library()

from vsphere_preemption.core.errors import PreemptionError, VCenterLoginRefused
from vsphere_preemption.vcenter.alarms.events import AlarmEvents, StateFile
from vsphere_preemption.vcenter.alarms.listener_options import ListenerOptions, read_options
from vsphere_preemption.vcenter.client import VCenter

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
CLOSE_SECONDS = 5.0
# Added to the options by ansible-rulebook itself.
FEEDBACK_QUEUE = "eda_feedback_queue"

Result = TypeVar("Result")
log = logging.getLogger("vsphere.preemption.alarms")


class Queue(Protocol):
    """The queue that ansible-rulebook reads events from."""

    async def put(self, event: dict[str, Any]) -> None: ...


class Listener(Protocol):
    """Reads changes from vCenter; `AlarmEvents`."""

    @property
    def state(self) -> dict[str, Any]: ...

    def look(self) -> list[dict[str, Any]]: ...

    def close(self) -> None: ...


class AlarmSource:
    """Checks for changes until it is cancelled. file: stores the changes already reported."""

    def __init__(self, listener: Listener, file: StateFile | None, interval_seconds: float) -> None:
        self._listener = listener
        self._file = file
        self._interval = interval_seconds
        self._kept: dict[str, Any] | None = None
        self._pause = 0.0
        self._trouble = ""

    async def run(self, queue: Queue) -> None:
        """Raises permanent errors of the first check, and errors when writing the state file."""
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
        # Only changes that the rulebook has received are stored: after a crash they are sent again, with the same id.
        state = self._listener.state
        if self._file is not None and state != self._kept:
            await finished(in_thread(partial(self._file.save, state)))
        self._kept, self._pause = state, 0.0
        if self._trouble:
            log.warning("vCenter alarms can be read again")
        self._trouble = ""

    def _failed(self, error: PreemptionError) -> None:
        """Wait longer before the next attempt; the same error is logged once."""
        if self._kept is None and (not error.retryable or isinstance(error, VCenterLoginRefused)):
            raise error
        if self._trouble != error.code:
            log.warning("retrying: %s", error)
        self._trouble = error.code
        self._pause = min(max(2 * self._pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)


async def in_thread(work: Callable[[], Result]) -> Result:
    """Run in a thread. Unlike asyncio's own threads, it does not delay the end of the process when vCenter hangs."""
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
        # If the loop is closed, nothing is waiting for the result any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=run, daemon=True, name="vcenter-alarms").start()
    return await done


async def finished(work: Awaitable[None]) -> None:
    """Wait even when cancelled, as long as for a close: the next source must not find the file still changing."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=CLOSE_SECONDS)
        raise


def _outcome(work: Callable[[], Result]) -> Callable[[], Result]:
    """The outcome of the work: a call that returns its result, or raises its error."""
    try:
        result = work()
    except Exception as error:
        return partial(_raise, error)
    return lambda: result


def _raise(error: Exception) -> NoReturn:
    raise error


def listen(options: ListenerOptions, file: StateFile | None) -> AlarmEvents:
    """The listener for these options, which continues where the previous one ended."""
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
        await AlarmSource(listener, file, options.interval_seconds).run(queue)
    finally:
        # If vCenter hangs, what cannot be released now is released when its session expires.
        with contextlib.suppress(TimeoutError, PreemptionError):
            await asyncio.wait_for(in_thread(listener.close), CLOSE_SECONDS)
