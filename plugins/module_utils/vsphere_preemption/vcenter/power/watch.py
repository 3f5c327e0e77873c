# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until VMs are off, suspended or on: all of them with one subscription.

A VM has reached the state when its task has succeeded, even if another user has changed it back in the meantime. If
there is no task result (a guest that shuts down, a task that failed or is no longer known), the power state decides;
the user who changed the VM is then not known here. A watch survives the loss of its session, and an outage shorter than
the time limit of two calls: it subscribes again, and vCenter then reports the current state.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from ...core.errors import VCenterError, VCenterFault, VCenterObjectGone
from ...core.inventory import VIRTUAL_MACHINE, ManagedObject, PowerChanges, PowerState
from ..inventory.machines import POWER_STATE, power_state
from ..inventory.properties import Properties
from ..transport.soap import Soap
from ..transport.soap_codec import Paths
from .updates import FilterUpdates, News, PolledUpdates

TASK = "Task"
TASK_STATE, TASK_ERROR, TASK_ENDED = "info.state", "info.error", "info.completeTime"
MACHINE_PATHS: Paths = {VIRTUAL_MACHINE: (POWER_STATE,)}
TASK_PATHS: Paths = {TASK: (TASK_STATE, TASK_ERROR, TASK_ENDED)}

# More objects than this (VMs and tasks together) are polled.
FILTER_OBJECTS = 60
# Many victims stop at nearly the same time; one reply should cover several of them.
GATHER_SECONDS = 0.03
FEW_MACHINES = 20
LONGEST_WAIT_SECONDS = 10
SHORT_PAUSE_SECONDS = 0.1
POLL_SECONDS, POLL_SECONDS_PER_OBJECT = 0.25, 0.0005
TASKS_EVERY = 4


class PowerWatch:
    """A subscription to VMs whose power state changes; for one thread. Each VM is reported once as off or gone.

    tasks: the task that changes a VM, by VM. until: the power state to wait for, which is the result of all tasks.
    call_seconds: the time limit of a call.
    """

    def __init__(
        self,
        soap: Soap,
        machines: Iterable[ManagedObject],
        tasks: Mapping[ManagedObject, ManagedObject],
        *,
        call_seconds: float,
        until: PowerState = PowerState.OFF,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._soap = soap
        self._machines = dict.fromkeys(machines)
        self._tasks = {vm: task for vm, task in tasks.items() if vm in self._machines}
        self._until = until
        self._call_seconds = call_seconds
        # One call without a response in time is tolerated.
        self._patience_seconds = 2 * call_seconds
        self._clock = clock
        self._pause = pause
        self._seen: dict[ManagedObject, dict[str, Any]] = {}
        self._filter: FilterUpdates | None = None
        self._polls = 0
        self._next_look = clock()
        self._last_answer = clock()

    def __enter__(self) -> PowerWatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        opened, self._filter = self._filter, None
        if opened is not None:
            # Nothing needs to wait for it, least of all a run that has ended.
            threading.Thread(target=opened.close, daemon=True, name="vcenter-unsubscribe").start()

    def wait(self, seconds: float) -> PowerChanges:
        """The first changes, or none after `seconds`, plus up to half a second.

        An outage is tolerated up to the time limit of two calls; then its error is raised.
        """
        deadline = self._clock() + seconds
        while self._machines:
            left = max(0.0, deadline - self._clock())
            try:
                changes = self._take_in(self._look(left))
                self._last_answer = self._clock()
            except VCenterError as error:
                self._bear(error, left)
                changes = PowerChanges()
            if changes or self._clock() >= deadline:
                return changes
        return PowerChanges()

    def _look(self, left: float) -> News:
        """Get changes from vCenter, for up to `left` seconds."""
        early = self._next_look - self._clock()
        if early > 0:
            self._pause(min(early, left))
            if early > left:
                return News()
        if len(self._machines) + len(self._tasks) > FILTER_OBJECTS:
            return self._poll()
        return self._filtered(max(0.0, left - max(0.0, early)))

    def _filtered(self, left: float) -> News:
        if self._filter is None:
            refs = [*self._machines, *self._tasks.values()]
            self._filter = FilterUpdates.open(self._soap, refs, {**MACHINE_PATHS, **TASK_PATHS})
        # vCenter only waits for whole seconds.
        whole = round(min(left, LONGEST_WAIT_SECONDS, self._call_seconds / 2))
        news = self._filter.news(whole)
        many = len(self._machines) > FEW_MACHINES
        self._next_look = self._clock() + (GATHER_SECONDS if many else 0.0)
        if not news and not whole:
            self._pause(min(left, SHORT_PAUSE_SECONDS))
        return news

    def _poll(self) -> News:
        """The power state of all VMs, and the task results of those that have reached it; of others only sometimes."""
        updates = PolledUpdates(self._soap)
        news = updates.news(list(self._machines), MACHINE_PATHS)
        with_all = self._polls % TASKS_EVERY == TASKS_EVERY - 1
        self._polls += 1
        tasks = [task for vm, task in self._tasks.items() if with_all or self._is_there(news.properties.get(vm, {}))]
        self._next_look = self._clock() + POLL_SECONDS + POLL_SECONDS_PER_OBJECT * len(self._machines)
        return news.and_also(updates.news(tasks, TASK_PATHS))

    def _take_in(self, news: News) -> PowerChanges:
        if not news:
            return PowerChanges()
        for ref, properties in news.properties.items():
            self._seen.setdefault(ref, {}).update(properties)
        # A task that vCenter no longer knows has no result.
        self._tasks = {vm: task for vm, task in self._tasks.items() if task not in news.missing}
        off = {vm: self._ended(vm) for vm in self._machines if self._has_arrived(vm)}
        gone = frozenset(vm for vm in news.missing if vm in self._machines and vm not in off)
        failed = {vm: self._failure(vm) for vm in self._tasks if vm not in off and self._task_state(vm) == "error"}
        for vm in (*off, *gone):
            del self._machines[vm]
        for vm in {*off, *gone, *failed}:
            self._tasks.pop(vm, None)
        return PowerChanges(off, gone, failed)

    def _has_arrived(self, vm: ManagedObject) -> bool:
        if self._task_state(vm) == "success":
            return True
        task_will_tell = vm in self._tasks and self._task_state(vm) != "error"
        return self._is_there(self._seen.get(vm, {})) and not task_will_tell

    def _is_there(self, properties: Properties) -> bool:
        return power_state(properties) is self._until

    def _task_state(self, vm: ManagedObject) -> str:
        return str(self._task(vm).get(TASK_STATE, ""))

    def _ended(self, vm: ManagedObject) -> datetime | None:
        moment = self._task(vm).get(TASK_ENDED) if self._task_state(vm) == "success" else None
        return moment.astimezone(UTC) if isinstance(moment, datetime) else None

    def _failure(self, vm: ManagedObject) -> str:
        fault = self._task(vm).get(TASK_ERROR)
        return str(fault) if fault is not None else "vCenter reported no reason"

    def _task(self, vm: ManagedObject) -> Mapping[str, Any]:
        task = self._tasks.get(vm)
        return self._seen.get(task, {}) if task is not None else {}

    def _bear(self, error: VCenterError, left: float) -> None:
        """Subscribe again after a temporary error; raise any other error, and one that persists."""
        # Not closed: the collector has ended with its session, or cannot be reached.
        self._filter = None
        unknown = isinstance(error, VCenterFault) and error.fault == "InvalidCollectorVersion"
        lost_collector = isinstance(error, VCenterObjectGone) or unknown
        is_passing = error.retryable or lost_collector
        if not is_passing or self._clock() - self._last_answer > self._patience_seconds:
            raise error
        self._pause(min(left, SHORT_PAUSE_SECONDS))
