# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the vCenter client that stopping and settling need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Protocol

from vsphere_preemption.core.inventory import (
    LastStop,
    ManagedObject,
    PowerChanges,
    PowerState,
    TaggedObjects,
    VirtualMachine,
)
from vsphere_preemption.core.policy.references import References
from vsphere_preemption.core.sending import Confirm


class PowerSubscription(Protocol):
    """One subscription to the changes of all watched VMs."""

    def __enter__(self) -> PowerSubscription: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def wait(self, seconds: float) -> PowerChanges: ...


class PowerClient(Protocol):
    """The part of the vCenter client that stopping VMs needs.

    confirm: see `core/sending.py`. Only a mark of what has been done already is written without.
    """

    @property
    def user(self) -> str: ...

    @property
    def concurrency(self) -> int: ...

    def read(self, refs: Sequence[ManagedObject]) -> Mapping[ManagedObject, VirtualMachine]: ...

    def missing(self, references: References) -> References: ...

    def recheck(
        self,
        tag: str,
        refs: Sequence[ManagedObject],
        *,
        labels: bool,
        placed: bool = True,
        protecting: Sequence[str] = (),
    ) -> Mapping[ManagedObject, VirtualMachine]: ...

    def tagged(self, tag: str, *, labels: bool, placed: bool = True, sized: bool = True) -> TaggedObjects: ...

    def write_mark(self, vm: ManagedObject, value: str, confirm: Confirm | None = None) -> None: ...

    def power_off(self, vm: ManagedObject, confirm: Confirm) -> ManagedObject: ...

    def suspend(self, vm: ManagedObject, confirm: Confirm) -> ManagedObject: ...

    def shut_down_guest(self, vm: ManagedObject, confirm: Confirm) -> None: ...

    def watch(
        self, *, machines: Iterable[ManagedObject], tasks: Mapping[ManagedObject, ManagedObject], until: PowerState
    ) -> PowerSubscription: ...

    def last_stops(self, machines: Iterable[ManagedObject], since: datetime) -> Mapping[ManagedObject, LastStop]: ...
