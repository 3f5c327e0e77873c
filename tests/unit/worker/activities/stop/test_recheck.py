# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bulk look before each call: never older than a second, and few calls for many VMs."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from vsphere_preemption.core.errors import VCenterUnreachable
from vsphere_preemption.core.inventory import ManagedObject, PowerState, VirtualMachine
from vsphere_preemption_worker.activities.stop.recheck import MAX_AGE_SECONDS, Recheck

from ...fake_vcenter import FakeClock, vm


class Eyes:
    """Sees all VMs but those that were blinded; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.gone: set[ManagedObject] = set()
        self.errors: list[Exception] = []

    def recheck(self, refs: Sequence[ManagedObject]) -> Mapping[ManagedObject, VirtualMachine]:
        self.asked.append(len(refs))
        if self.errors:
            raise self.errors[0]
        return {ref: VirtualMachine(ref, "", PowerState.ON) for ref in refs if ref not in self.gone}


@pytest.fixture
def eyes() -> Eyes:
    return Eyes()


def test_many_vms_share_one_look(eyes: Eyes) -> None:
    recheck = Recheck(eyes.recheck, [vm(n) for n in range(40)], FakeClock())
    assert all(recheck.current(vm(n)) for n in range(40))
    assert eyes.asked == [40]


def test_a_thousand_vms_take_few_looks(eyes: Eyes) -> None:
    recheck = Recheck(eyes.recheck, [vm(n) for n in range(1000)], FakeClock())
    assert all(recheck.current(vm(n)) for n in range(1000))
    assert len(eyes.asked) <= 10


def test_an_answer_older_than_a_second_is_never_used(eyes: Eyes) -> None:
    clock = FakeClock()
    recheck = Recheck(eyes.recheck, [vm(1), vm(2)], clock)
    assert recheck.current(vm(2))
    eyes.gone.add(vm(2))
    clock.pass_by(MAX_AGE_SECONDS + 0.01)
    assert recheck.current(vm(2)) is None


def test_a_doubtful_vm_is_looked_at_alone_and_at_once(eyes: Eyes) -> None:
    recheck = Recheck(eyes.recheck, [vm(1), vm(2)], FakeClock())
    assert recheck.current(vm(1))
    eyes.gone.add(vm(1))
    assert recheck.fresh(vm(1)) is None
    assert eyes.asked == [2, 1]


def test_what_was_seen_can_be_forgotten_with_one_look_for_all(eyes: Eyes) -> None:
    clock = FakeClock()
    recheck = Recheck(eyes.recheck, [vm(1), vm(2)], clock)
    assert recheck.current(vm(1))
    eyes.gone.update({vm(1), vm(2)})
    clock.pass_by(0.1)
    recheck.forget()
    assert (recheck.current(vm(1)), recheck.current(vm(2))) == (None, None)
    assert eyes.asked == [2, 2]


def test_a_look_that_fails_is_an_error_for_every_thread_and_blocks_none(eyes: Eyes) -> None:
    eyes.errors.append(VCenterUnreachable("Cannot look", why="away", next_step="Wait."))
    recheck = Recheck(eyes.recheck, [vm(n) for n in range(8)], FakeClock())
    start = threading.Barrier(4)

    def look(number: int) -> bool:
        start.wait(5)
        with pytest.raises(VCenterUnreachable):
            recheck.current(vm(number))
        return True

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(look, range(4)))
