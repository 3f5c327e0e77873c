# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which privileges each feature needs in vCenter, and where. Pure values: nothing here contacts vCenter.

The role for the worker is built from the features that a site uses; a check compares the same list with the privileges
that an account has. Reading needs no additional privilege: every custom role has System.View and System.Read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ..errors import InvalidSetting

# Every custom role has these, whether or not they were requested.
SYSTEM_PRIVILEGES = frozenset({"System.Anonymous", "System.View", "System.Read"})


class Where(StrEnum):
    """Where a privilege must be granted to be effective.

    scope: on the objects that it is used on; a permission on a cluster or folder that propagates to children is enough.
    root: on the root folder of vCenter; further down it has no effect.
    everywhere: as a global permission of the single sign-on domain, or on the tag itself. Tags are outside the
        inventory, so permissions on inventory objects do not apply to them.
    """

    SCOPE = "scope"
    ROOT = "root"
    EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Feature:
    """Something that an account is used for. privileges: required, and where. why: a one-line description."""

    name: str
    why: str
    privileges: Mapping[str, Where]


class Comparison(NamedTuple):
    """missing: needed, but not granted. excess: granted, but not needed for the features."""

    missing: frozenset[str]
    excess: frozenset[str]


def _feature(name: str, why: str, **places: tuple[str, ...]) -> Feature:
    return Feature(
        name, why, {privilege: Where(place) for place, privileges in places.items() for privilege in privileges}
    )


_MARK = "Global.SetCustomField"

# The first five are for the worker, the others for the account that sets up vCenter.
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
            "Powers on or resumes a VM, and records that in its mark.",
            scope=("VirtualMachine.Interact.PowerOn", _MARK),
        ),
        _feature(
            "notice",
            "Notifies the guest before it is stopped, through a guestinfo variable.",
            scope=("VirtualMachine.Config.AdvancedConfig",),
        ),
        _feature("watch", "Reads alarms, usage and events, which every role allows."),
        _feature(
            "setup_attribute",
            "Defines the custom attribute for marks. vCenter stores definitions on the root folder.",
            root=("Global.ManageCustomFields",),
        ),
        _feature(
            "setup_tag",
            "Creates the tag and its category, and attaches the tag to VMs.",
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
            "Creates, changes and removes the alarm on the object that it monitors.",
            scope=("Alarm.Create", "Alarm.Edit", "Alarm.Delete"),
        ),
        _feature(
            "setup_role",
            "Creates roles and permissions. A permission requires the privilege on the object and on its parent.",
            root=("Authorization.ModifyRoles",),
            scope=("Authorization.ModifyPermissions",),
        ),
    )
}


def needed(features: Iterable[str], *, where: Where | None = None) -> frozenset[str]:
    """The privileges that the features need; `where`: only those that must be granted there. Raises InvalidSetting."""
    return frozenset(
        privilege
        for feature in chosen(features)
        for privilege, place in feature.privileges.items()
        if where is None or place is where
    )


def compare(held: Iterable[str], features: Iterable[str]) -> Comparison:
    """The missing and excess privileges of an account for the features. Raises InvalidSetting.

    Privileges that every role has are neither.
    """
    wanted, have = needed(features), frozenset(held)
    return Comparison(missing=wanted - have, excess=have - wanted - SYSTEM_PRIVILEGES)


def chosen(features: Iterable[str]) -> tuple[Feature, ...]:
    """The features with these names, each once. Raises InvalidSetting for an unknown name."""
    names = list(dict.fromkeys(features))
    unknown = [name for name in names if name not in FEATURES]
    if unknown:
        raise InvalidSetting(
            "Cannot determine the required privileges",
            why=f"there is no feature {', '.join(map(repr, unknown))}",
            next_step=f"Choose from {', '.join(FEATURES)}.",
        )
    return tuple(FEATURES[name] for name in names)
