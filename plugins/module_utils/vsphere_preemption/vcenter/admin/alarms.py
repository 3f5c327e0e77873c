# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Administration of alarm definitions of one vCenter, for setup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ...core.errors import InvalidSetting, VCenterFault
from ...core.inventory import ManagedObject
from ...core.setup.alarm import AlarmAction, AlarmDefinition, DefinedAlarm, Metric, Threshold, UsageThresholds
from ..inventory.properties import read_properties, reference
from ..inventory.tree import Places
from ..transport import _pyvmomi
from ..transport.soap import Soap, SoapSession
from ..transport.soap_codec import Query

INFO, COUNTERS = "info", "perfCounter"
ABOVE, ANY_OF, MEASURED = "isAbove", "OrAlarmExpression", "MetricAlarmExpression"
READ = "Cannot read the definitions of alarms"


class AlarmAdmin:
    """Reads and changes alarm definitions."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap
        self._places = Places(soap)

    def find(self, scope: str) -> tuple[ManagedObject, str]:
        """The object with this path, name or reference, and its path. Raises PlaceNotFound, PlaceAmbiguous."""
        return self._places.find([scope])[0]

    def counter(self, metric: Metric) -> int:
        """The id of the counter of average usage. Raises VCenterFault if there is none."""

        def work(session: SoapSession) -> int:
            manager = reference(session.content.perfManager)
            what = "Cannot read the performance counters"
            found = read_properties(session, Query([manager], {manager.type: (COUNTERS,)}), what)
            for entry in found.get(manager, {}).get(COUNTERS) or ():
                kind = (entry["groupInfo"]["key"], entry["nameInfo"]["key"], entry["rollupType"])
                if kind == (metric.value, "usage", "average"):
                    return int(entry["key"])
            why = f"it has none for {metric.value}.usage.average"
            raise VCenterFault(what, why=why, next_step="Check that the account has System.View on the root folder.")

        return self._soap.attempt(work)

    def read(self) -> list[DefinedAlarm]:
        """All alarms that the account may see. Two calls."""

        def work(session: SoapSession) -> list[DefinedAlarm]:
            manager = session.content.alarmManager
            alarms = [reference(alarm) for alarm in session.call("GetAlarm", READ, manager.GetAlarm) or ()]
            if not alarms:
                return []
            found = read_properties(session, Query(alarms, {"Alarm": (INFO,)}), READ)
            return [_defined(ref, properties[INFO]) for ref, properties in found.items() if INFO in properties]

        return self._soap.attempt(work)

    def apply(
        self, action: AlarmAction, now: DefinedAlarm | None, wanted: AlarmDefinition, entity: ManagedObject
    ) -> None:
        """Carry out the action. When an alarm is changed, actions that users added, such as an email, are kept."""

        def work(session: SoapSession) -> None:
            if now is not None and action in (AlarmAction.REMOVE, AlarmAction.REPLACE):
                alarm = session.object(now.ref)
                session.call("RemoveAlarm", _what("remove", wanted), alarm.RemoveAlarm)
            if action in (AlarmAction.CREATE, AlarmAction.REPLACE):
                _create(session, wanted, entity)
            if now is not None and action is AlarmAction.CHANGE:
                _change(session, now.ref, wanted)

        self._soap.attempt(work)


def _create(session: SoapSession, wanted: AlarmDefinition, entity: ManagedObject) -> None:
    manager, what = session.content.alarmManager, _what("create", wanted)
    spec = _spec(wanted)
    with _refusal_explained(what):
        session.call("CreateAlarm", what, lambda: manager.CreateAlarm(session.object(entity), spec))


def _change(session: SoapSession, ref: ManagedObject, wanted: AlarmDefinition) -> None:
    alarm, what = session.object(ref), _what("change", wanted)
    before = session.call("RetrievePropertiesEx", what, lambda: alarm.info)
    spec = _spec(wanted)
    spec.action, spec.actionFrequency = before.action, before.actionFrequency
    with _refusal_explained(what):
        session.call("ReconfigureAlarm", what, lambda: alarm.ReconfigureAlarm(spec))


@contextmanager
def _refusal_explained(what: str) -> Iterator[None]:
    """Raise InvalidSetting if vCenter does not accept the definition; other faults stay as they are."""
    try:
        yield
    except VCenterFault as error:
        if error.fault != "InvalidArgument":
            raise
        step = "Set watches to hosts, and define the alarm on a folder, datacenter or cluster above them."
        raise InvalidSetting(what, why=f"vCenter rejected it: {error.why}", next_step=step) from error


def _what(verb: str, wanted: AlarmDefinition) -> str:
    return f"Cannot {verb} the alarm {wanted.name!r}"


def _spec(wanted: AlarmDefinition) -> Any:
    alarm, usage = _pyvmomi.vim.alarm, wanted.usage
    if usage is None:
        raise InvalidSetting(_what("create", wanted), why="it has no threshold", next_step="Set yellow, red or both.")
    measured = alarm.MetricAlarmExpression(
        operator=ABOVE,
        type=getattr(_pyvmomi.vim, usage.watched),
        metric=_pyvmomi.vim.PerformanceManager.MetricId(counterId=usage.counter, instance=""),
    )
    for colour, limit in (("yellow", usage.yellow), ("red", usage.red)):
        if limit is not None:
            setattr(measured, colour, limit.level)
            setattr(measured, f"{colour}Interval", limit.seconds)
    return alarm.AlarmSpec(
        name=wanted.name,
        description=wanted.description,
        enabled=wanted.enabled,
        expression=alarm.OrAlarmExpression(expression=[measured]),
        setting=alarm.AlarmSetting(toleranceRange=wanted.tolerance, reportingFrequency=wanted.frequency),
    )


def _defined(ref: ManagedObject, info: Mapping[str, Any]) -> DefinedAlarm:
    setting = info.get("setting") or {}
    definition = AlarmDefinition(
        name=info["name"],
        description=info.get("description", ""),
        enabled=_is_true(info.get("enabled")),
        usage=_usage(info.get("expression")),
        tolerance=int(setting.get("toleranceRange", 0)),
        frequency=int(setting.get("reportingFrequency", 0)),
    )
    return DefinedAlarm(ref, info["entity"], definition, system=bool(info.get("systemName")))


def _usage(expression: Any) -> UsageThresholds | None:
    """The thresholds of an alarm with the same structure as ours; None for any other."""
    if not isinstance(expression, Mapping):
        return None
    # If there is only one alternative, vCenter may return it without the enclosing expression.
    only = expression.get("expression") if expression.get("kind") == ANY_OF else expression
    if not isinstance(only, Mapping) or (only.get("kind"), only.get("operator")) != (MEASURED, ABOVE):
        return None
    metric = only["metric"]
    if metric.get("instance"):
        return None
    return UsageThresholds(only["type"], int(metric["counterId"]), _threshold(only, "yellow"), _threshold(only, "red"))


def _threshold(expression: Mapping[str, Any], colour: str) -> Threshold | None:
    if colour not in expression:
        return None
    return Threshold(int(expression[colour]), int(expression.get(f"{colour}Interval", 0)))


def _is_true(value: object) -> bool:
    return value in (True, "true", "1")
