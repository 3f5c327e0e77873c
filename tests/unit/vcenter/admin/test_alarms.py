# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A refused alarm definition keeps its cause, whether or not it is explained."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from vsphere_preemption.core.errors import InvalidSetting, VCenterFault
from vsphere_preemption.core.inventory import ManagedObject
from vsphere_preemption.core.setup.alarm import AlarmAction, AlarmDefinition, DefinedAlarm, Threshold, UsageThresholds
from vsphere_preemption.vcenter.admin.alarms import AlarmAdmin
from vsphere_preemption.vcenter.transport.soap import Soap

FOLDER, ALARM = ManagedObject("Folder", "group-d1"), ManagedObject("Alarm", "alarm-1")
USAGE = UsageThresholds("ClusterComputeResource", 24, None, Threshold(9500, 300))
WANTED = AlarmDefinition("memory", "", enabled=True, usage=USAGE, tolerance=0, frequency=300)
NOW = DefinedAlarm(ALARM, FOLDER, WANTED)


class FakeSoap:
    """Runs work in a session whose calls fail with this fault, except for reads."""

    content = SimpleNamespace(alarmManager=SimpleNamespace(CreateAlarm=None))

    def __init__(self, error: VCenterFault) -> None:
        self._error = error

    def attempt(self, work: Callable[[Any], Any]) -> Any:
        return work(self)

    def object(self, ref: ManagedObject) -> Any:
        return SimpleNamespace(ReconfigureAlarm=None, info=SimpleNamespace(action=None, actionFrequency=0))

    def call(self, name: str, what: str, action: Callable[[], Any]) -> Any:
        if name == "RetrievePropertiesEx":
            return action()
        raise self._error from OSError("of the wire")


@pytest.mark.parametrize("action", [AlarmAction.CREATE, AlarmAction.CHANGE])
@pytest.mark.parametrize(
    ("fault", "raised"), [("InvalidArgument", InvalidSetting), ("DuplicateName", VCenterFault)], ids=str
)
def test_a_refusal_keeps_its_cause(action: AlarmAction, fault: str, raised: type[Exception]) -> None:
    error = VCenterFault("Cannot", why="vCenter refused", next_step="Check.", fault=fault)
    admin = AlarmAdmin(cast("Soap", FakeSoap(error)))
    with pytest.raises(raised) as failure:
        admin.apply(action, NOW, WANTED, FOLDER)
    caused_by = failure.value.__cause__ if raised is InvalidSetting else failure.value
    assert caused_by is error
    assert isinstance(error.__cause__, OSError)
