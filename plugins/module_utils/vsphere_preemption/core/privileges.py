# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of our work needs which privileges in vCenter, and where. Pure values: nothing here asks vCenter.

A role for the worker is made from the features that a site uses; a check compares the same list with what an account
really has. Reading needs no privilege of its own: System.View and System.Read are in every role that a person makes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from .errors import InvalidSetting

# Every role that a person makes has these, whether they were asked for or not.
SYSTEM_PRIVILEGES = frozenset({"System.Anonymous", "System.View", "System.Read"})


class Where(StrEnum):
    """Where a privilege has to be held for it to count.

    scope: on the objects that it is used on; a permission on a cluster or folder that is handed down is enough.
    root: on the root folder of vCenter; further down it has no effect.
    everywhere: as a global permission of the single sign-on domain, or on the tag itself. Tags are outside the
        inventory, so no permission on an object of it reaches them.
    """

    SCOPE = "scope"
    ROOT = "root"
    EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Feature:
    """Something that an account does. privileges: what it takes, and where. why: one line for people."""

    name: str
    why: str
    privileges: Mapping[str, Where]


class Comparison(NamedTuple):
    """missing: needed, but not held. excess: held, but not needed for the features."""

    missing: frozenset[str]
    excess: frozenset[str]


def _feature(name: str, why: str, **places: tuple[str, ...]) -> Feature:
    return Feature(
        name, why, {privilege: Where(place) for place, privileges in places.items() for privilege in privileges}
    )


_MARK = "Global.SetCustomField"

# The first five are the worker's, the others belong to the account that sets up.
FEATURES: Mapping[str, Feature] = {
    feature.name: feature
    for feature in (
        _feature(
            "stop",
            "Marks a VM, asks its guest to shut down, and powers it off.",
            scope=("VirtualMachine.Interact.PowerOff", _MARK),
        ),
        _feature("suspend", "Marks a VM and suspends it.", scope=("VirtualMachine.Interact.Suspend", _MARK)),
        _feature(
            "restore",
            "Powers a VM on or resumes it, and writes that into its mark.",
            scope=("VirtualMachine.Interact.PowerOn", _MARK),
        ),
        _feature(
            "notice",
            "Tells the guest before it is stopped, by a guestinfo variable.",
            scope=("VirtualMachine.Config.AdvancedConfig",),
        ),
        _feature("watch", "Reads alarms, usage and events, which every role may."),
        _feature(
            "setup_attribute",
            "Defines the custom attribute for marks. vCenter keeps definitions at its root.",
            root=("Global.ManageCustomFields",),
        ),
        _feature(
            "setup_tag",
            "Makes the tag and its category, and attaches the tag to VMs.",
            everywhere=(
                "InventoryService.Tagging.CreateCategory",
                "InventoryService.Tagging.EditCategory",
                "InventoryService.Tagging.DeleteCategory",
                "InventoryService.Tagging.CreateTag",
                "InventoryService.Tagging.EditTag",
                "InventoryService.Tagging.DeleteTag",
                "InventoryService.Tagging.AttachTag",
            ),
            scope=("InventoryService.Tagging.ObjectAttachable",),
        ),
        _feature(
            "setup_alarm",
            "Makes, changes and removes the alarm on the object that it watches.",
            scope=("Alarm.Create", "Alarm.Edit", "Alarm.Delete"),
        ),
        _feature(
            "setup_role",
            "Makes roles and permissions. A permission takes the privilege on the object and on the one above it.",
            root=("Authorization.ModifyRoles",),
            scope=("Authorization.ModifyPermissions",),
        ),
    )
}


def needed(features: Iterable[str], *, where: Where | None = None) -> frozenset[str]:
    """The privileges that the features need; `where`: only those that have to be held there. InvalidSetting."""
    return frozenset(
        privilege
        for feature in chosen(features)
        for privilege, place in feature.privileges.items()
        if where is None or place is where
    )


def compare(held: Iterable[str], features: Iterable[str]) -> Comparison:
    """What an account lacks for the features, and what it could do without. InvalidSetting.

    What every role has is neither.
    """
    wanted, have = needed(features), frozenset(held)
    return Comparison(missing=wanted - have, excess=have - wanted - SYSTEM_PRIVILEGES)


def chosen(features: Iterable[str]) -> tuple[Feature, ...]:
    """The features of these names, each once. InvalidSetting for a name that there is not."""
    names = list(dict.fromkeys(features))
    unknown = [name for name in names if name not in FEATURES]
    if unknown:
        raise InvalidSetting(
            "Cannot tell which privileges are needed",
            why=f"there is no feature {', '.join(map(repr, unknown))}",
            next_step=f"Choose from {', '.join(FEATURES)}.",
        )
    return tuple(FEATURES[name] for name in names)
