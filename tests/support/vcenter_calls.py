# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that went through the vCenter proxy, and what can be counted about them."""

from __future__ import annotations

import fnmatch
import re
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from .http_wire import Message

SOAP_METHOD = re.compile(rb"<(?:[\w.-]+:)?Body[^>]*>\s*<(?:[\w.-]+:)?(\w+)")
REST_ID = re.compile(r"(id:|urn:)[^/?]*")

# A wait is an open question, not work that vCenter is asked to do.
LONG_POLLS = ("WaitForUpdatesEx", "WaitForUpdates")


@dataclass(frozen=True)
class Call:
    """One call. name: the SOAP method, or `REST METHOD path` with ids replaced. started, ended: epoch seconds.

    outcome: `forwarded`, or what the proxy did instead. status: HTTP status of the answer; None where none was given.
    """

    name: str
    started: float
    ended: float
    outcome: str
    status: int | None


def call_name(request: Message) -> str:
    """PowerOffVM_Task for SOAP; `REST POST /rest/com/vmware/cis/tagging/tag/{id}?~action=…` for anything else."""
    method, path = request.first_line.split(" ")[:2]
    if path.startswith("/sdk") and method == "POST":
        found = SOAP_METHOD.search(request.body)
        return found[1].decode() if found else "unknown SOAP call"
    return f"REST {method} {REST_ID.sub('{id}', path)}"


class CallLog:
    """All calls, in the order in which they ended."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def add(self, call: Call) -> None:
        """Record a call that ended."""
        with self._lock:
            self._calls.append(call)

    def clear(self) -> None:
        """Forget everything, as before a round of a benchmark."""
        with self._lock:
            self._calls.clear()

    def all(self, pattern: str = "*") -> list[Call]:
        """The calls whose name fits the shell pattern, such as `REST*`."""
        with self._lock:
            calls = list(self._calls)
        return [call for call in calls if fnmatch.fnmatchcase(call.name, pattern)]

    def counts(self) -> Counter[str]:
        """Number of calls by name."""
        return Counter(call.name for call in self.all())

    def count(self, pattern: str = "*") -> int:
        """Number of calls whose name fits the shell pattern."""
        return len(self.all(pattern))

    def most_at_once(self, pattern: str = "*") -> int:
        """The most calls that were open at the same moment. Waits for updates do not count, unless named exactly."""
        return most_at_once(call for call in self.all(pattern) if call.name == pattern or call.name not in LONG_POLLS)


def most_at_once(calls: Iterable[Call]) -> int:
    """The highest number of calls that overlap in time."""
    edges = [edge for call in calls for edge in ((call.started, 1), (call.ended, -1))]
    open_calls = most = 0
    # At the same instant an end sorts before a start: one after the other is not at once.
    for _moment, change in sorted(edges):
        open_calls += change
        most = max(most, open_calls)
    return most
