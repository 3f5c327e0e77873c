# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of vCenter's alarms as events, for listeners other than the worker.

Each check takes one call of the alarm tail. vCenter's clock is read at the first check and after errors.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ...core import times
from ...core.alarms.changes import Changes
from ...core.alarms.wire import change_as_event, read_reported, reported_as_wire
from ...core.errors import InvalidSetting, PreemptionError
from ..client import VCenter
from ..transport.soap import SoapSession
from .tail import AlarmTail

# Names of clusters and alarms may change while an alarm fires.
NAMES_BELIEVED_SECONDS = 300.0
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class AlarmEvents:
    """Thread-safe; one check at a time.

    wanted: whether an alarm with this name matters. source: of the events; as `Endpoint.event_source`. kept: the
    `state` of the previous listener; that of another vCenter, or of another version, is ignored.
    """

    def __init__(self, vcenter: VCenter, wanted: Callable[[str], bool], source: str, kept: object = None) -> None:
        known = kept if isinstance(kept, Mapping) and kept.get("source") == source else {}
        self._vcenter = vcenter
        self._source = source
        self._changes = Changes(wanted, read_reported(known.get("told")))
        self._tail = AlarmTail(vcenter.soap, wanted, known.get("mark"))
        self._lock = threading.Lock()
        self._ahead: timedelta | None = None
        self._begun: datetime | None = None
        self._names_read = time.monotonic()

    @property
    def state(self) -> dict[str, Any]:
        """The changes reported so far, as JSON. Store it once the events of the last check are delivered."""
        mark = self._tail.mark
        if not mark and self._begun:
            # The log was empty then, so all later entries are new; to the tail, no mark would mean the opposite.
            mark = [[times.to_wire(self._begun), ""]]
        return {"source": self._source, "mark": mark, "told": reported_as_wire(self._changes.reported)}

    def look(self) -> list[dict[str, Any]]:
        """The events since the previous check, the oldest first. Errors as for all calls; then check again later."""
        with self._lock:
            if time.monotonic() > self._names_read + NAMES_BELIEVED_SECONDS:
                self._names_read = time.monotonic()
                self._tail.forget_names()
            try:
                now = self._now()
                changes = self._changes.take(self._tail.look(), now)
                self._begun = self._begun or now
            except PreemptionError:
                self._ahead = None
                raise
            return [change_as_event(change, self._source) for change in changes]

    def close(self) -> None:
        """Release our resources in vCenter, and log out; a check in progress ends first."""
        with self._lock:
            self._tail.close()
            self._vcenter.close()

    def _now(self) -> datetime:
        """vCenter's time, without querying it each time."""
        if self._ahead is None:
            self._ahead = self._vcenter.soap.attempt(_clock) - _monotonic()
        return _monotonic() + self._ahead


def _monotonic() -> datetime:
    """Our monotonic clock, counted from an arbitrary day."""
    return EPOCH + timedelta(seconds=time.monotonic())


def _clock(session: SoapSession) -> datetime:
    reported: datetime = session.call("CurrentTime", "Cannot read vCenter's time", session.instance().CurrentTime)
    return reported


# More than any of our state; a wrong path may point to a file that fills the memory.
MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class StateFile:
    """path: of the file. Its directory must exist."""

    path: Path

    def load(self) -> object:
        """The content; None if there is no file or it is not JSON. Raises InvalidSetting if it cannot be read."""
        try:
            with self.path.open("rb") as file:
                return json.loads(file.read(MAX_BYTES))
        except FileNotFoundError:
            return None
        except ValueError:
            return None
        except OSError as error:
            raise self._unusable(error) from error

    def save(self, content: object) -> None:
        """Replace the content. Raises InvalidSetting if it cannot be written."""
        unfinished = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
        try:
            self._write(unfinished, json.dumps(content).encode())
            unfinished.replace(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise self._unusable(error) from error

    def _write(self, path: Path, content: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        # Exclusive, so that a planted link is not followed.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def _unusable(self, error: OSError) -> InvalidSetting:
        return InvalidSetting(
            f"Cannot use the state file {self.path}",
            why=error.strerror or type(error).__name__,
            next_step="Use a file in a directory that this account can write to.",
        )
