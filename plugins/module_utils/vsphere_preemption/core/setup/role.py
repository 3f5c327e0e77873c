# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles and permissions of vCenter as values, the possible changes, and their result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ..errors import InvalidSetting
from ..inventory import ManagedObject


@dataclass(frozen=True)
class Role:
    """A role. key: its id. privileges: without those that every role has. system: it is a built-in role."""

    name: str
    key: int
    privileges: frozenset[str]
    system: bool = False


@dataclass(frozen=True)
class Permission:
    """A principal has a role on an object. place: None if vCenter does not report the object."""

    place: ManagedObject | None
    principal: str
    group: bool
    role: int
    propagate: bool


@dataclass(frozen=True)
class Access:
    """roles: all of them. permissions: those with the requested roles, and all on the requested places."""

    roles: tuple[Role, ...]
    permissions: tuple[Permission, ...]

    def role(self, name: str) -> Role | None:
        return next((role for role in self.roles if role.name == name), None)

    def name_of(self, key: int) -> str:
        return next((role.name for role in self.roles if role.key == key), str(key))

    def of_role(self, role: Role | None) -> tuple[Permission, ...]:
        return tuple(entry for entry in self.permissions if role is not None and entry.role == role.key)


@dataclass(frozen=True)
class Principal:
    """A user or group that a role is assigned to. name: as DOMAIN\\name, or without a domain."""

    name: str
    group: bool = False

    @classmethod
    def written(cls, text: str, *, group: bool) -> Principal:
        """From DOMAIN\\name, name@domain or a bare name. Raises InvalidSetting."""
        name, at, domain = text.strip().rpartition("@")
        whole = f"{domain.upper()}\\{name}" if at and "\\" not in text else text.strip()
        if not whole.isprintable() or not all(whole.split("\\")) or whole.count("\\") > 1:
            raise InvalidSetting(
                f"Cannot use {text!r} as a user or group",
                why="it is not in the format DOMAIN\\name, name@domain or name",
                next_step="Use the name as shown in vCenter's list of permissions.",
            )
        return cls(whole, group)

    def holds(self, entry: Permission) -> bool:
        """Whether a permission belongs to this principal; vCenter ignores case."""
        return (
            entry.group == self.group and Principal.written(entry.principal, group=entry.group)._folded == self._folded
        )

    @property
    def _folded(self) -> str:
        return self.name.casefold()


@dataclass(frozen=True)
class DesiredRole:
    """A role that must exist, or must not. places: where the principal must have it, and nowhere else."""

    name: str
    privileges: frozenset[str]
    places: tuple[ManagedObject, ...]
    propagate: bool
    wanted: bool = True


@dataclass(frozen=True)
class CreateRole:
    desired: DesiredRole


@dataclass(frozen=True)
class UpdateRole:
    role: Role
    privileges: frozenset[str]


@dataclass(frozen=True)
class GrantRole:
    """Replaces another permission of the principal on the same object."""

    place: ManagedObject
    principal: Principal
    role: str
    propagate: bool


@dataclass(frozen=True)
class RevokeRole:
    place: ManagedObject
    permission: Permission


@dataclass(frozen=True)
class DeleteRole:
    """with_permissions: also remove the permissions that still use it."""

    role: Role
    with_permissions: bool


Change: TypeAlias = "CreateRole | UpdateRole | GrantRole | RevokeRole | DeleteRole"


@dataclass(frozen=True)
class RolePlan:
    """changes: in a safe order. kept: roles that are not deleted because other accounts use them."""

    changes: tuple[Change, ...]
    kept: tuple[str, ...] = ()


def after(access: Access, plan: RolePlan) -> Access:
    """The result of the changes. New roles get ids below all others."""
    for change in plan.changes:
        access = _step(access, change)
    return access


def _step(access: Access, change: Change) -> Access:
    if isinstance(change, CreateRole):
        key = min((role.key for role in access.roles), default=0) - 1
        return replace(access, roles=(*access.roles, Role(change.desired.name, key, change.desired.privileges)))
    if isinstance(change, UpdateRole):
        changed = replace(change.role, privileges=change.privileges)
        return replace(access, roles=tuple(changed if role == change.role else role for role in access.roles))
    if isinstance(change, DeleteRole):
        return Access(
            roles=tuple(role for role in access.roles if role != change.role),
            permissions=tuple(entry for entry in access.permissions if entry.role != change.role.key),
        )
    if isinstance(change, RevokeRole):
        return replace(access, permissions=tuple(e for e in access.permissions if e != change.permission))
    role = access.role(change.role)
    given = Permission(
        change.place, change.principal.name, change.principal.group, role.key if role else 0, change.propagate
    )
    rest = [e for e in access.permissions if e.place != change.place or not change.principal.holds(e)]
    return replace(access, permissions=(*rest, given))


def shown(access: Access, names: Sequence[str], paths: Mapping[ManagedObject, str]) -> dict[str, Any]:
    """The roles and their permissions, for results and diffs. paths: inventory path by object."""
    roles = [role for name in names if (role := access.role(name)) is not None]
    return {
        role.name: {
            "privileges": sorted(role.privileges),
            "permissions": sorted(
                (
                    {
                        "scope": paths.get(entry.place, str(entry.place)) if entry.place else "",
                        "principal": entry.principal,
                        "group": entry.group,
                        "propagate": entry.propagate,
                    }
                    for entry in access.of_role(role)
                ),
                key=lambda entry: (str(entry["scope"]), str(entry["principal"])),
            ),
        }
        for role in roles
    }
