# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alarms of a simulated vCenter: they are defined, and get a colour, at the word of a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vsphere_preemption.core.inventory import ManagedObject

from .witness import Witness, vim


@dataclass
class AlarmDesk:
    """Makes alarms and sets their colours, as another user."""

    witness: Witness

    def __post_init__(self) -> None:
        stub = self.witness.vm("vm-1")._stub
        self._content: Any = vim.ServiceInstance("ServiceInstance", stub).RetrieveContent()

    def define(self, name: str, kind: str) -> ManagedObject:
        """An alarm on all objects of a type; its reference."""
        event = vim.alarm.EventAlarmExpression
        colours = [
            event(
                eventType=vim.event.EventEx,
                eventTypeId=f"{name}.{colour}",
                objectType=getattr(vim, kind),
                status=colour,
            )
            for colour in ("green", "yellow", "red")
        ]
        setting = vim.alarm.AlarmSetting(toleranceRange=0, reportingFrequency=300)
        spec = vim.alarm.AlarmSpec(
            name=name,
            description="",
            enabled=True,
            setting=setting,
            expression=vim.alarm.OrAlarmExpression(expression=colours),
        )
        alarm = self._content.alarmManager.CreateAlarm(self._content.rootFolder, spec)
        return ManagedObject("Alarm", alarm._moId)

    def mail(self, alarm: str, to: str) -> None:
        """Let an alarm send a mail when it turns red; alarm: the value of its reference."""
        defined = vim.alarm.Alarm(alarm, self._content.alarmManager._stub)
        mail = vim.action.SendEmailAction(toList=to, ccList="", subject="red", body="red")
        switch = vim.alarm.AlarmTriggeringAction.TransitionSpec(startState="yellow", finalState="red", repeats=False)
        found = defined.info
        found.action = vim.alarm.GroupAlarmAction(
            action=[
                vim.alarm.AlarmTriggeringAction(
                    action=mail,
                    transitionSpecs=[switch],
                    green2yellow=False,
                    yellow2red=True,
                    red2yellow=False,
                    yellow2green=False,
                )
            ]
        )
        defined.ReconfigureAlarm(found)

    def paint(self, name: str, entity: ManagedObject, colour: str) -> None:
        """Trigger the alarm on an object, which must exist."""
        self._content.eventManager.PostEvent(
            vim.event.EventEx(
                eventTypeId=f"{name}.{colour}",
                objectType=getattr(vim, entity.type),
                objectId=entity.value,
                severity="warning",
                message="",
                key=0,
                chainId=0,
                createdTime=self.witness.now(),
                userName="",
            )
        )

    def tell(
        self, name: str, alarm: ManagedObject, entity: ManagedObject, colours: tuple[str, str], **more: Any
    ) -> None:
        """Write a change from one colour to another into the event log, which vcsim does not do by itself.

        place: the compute resource of the entity, if it is not the entity itself; None for an alarm without one.
        """
        event, place = vim.event, more.get("place", entity)
        what = getattr(vim, entity.type)(entity.value)
        told = event.AlarmStatusChangedEvent(
            key=0,
            chainId=0,
            createdTime=self.witness.now(),
            userName="",
            alarm=event.AlarmEventArgument(name=name, alarm=vim.Alarm(alarm.value)),
            source=event.ManagedEntityEventArgument(name="Datacenters", entity=self._content.rootFolder),
            entity=event.ManagedEntityEventArgument(name=entity.value, entity=what),
            **{"from": colours[0], "to": colours[1]},
        )
        if place is not None:
            there = getattr(vim, place.type)(place.value)
            told.computeResource = event.ComputeResourceEventArgument(name=place.value, computeResource=there)
        self._content.eventManager.PostEvent(told)
