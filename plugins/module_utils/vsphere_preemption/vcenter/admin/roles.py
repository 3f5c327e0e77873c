# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Administration of roles and permissions of one vCenter. For administrators, never for the worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import InvalidSetting, VCenterFault
from ...core.inventory import ManagedObject
from ...core.setup.privileges import SYSTEM_PRIVILEGES
from ...core.setup.role import (
    Access,
    Change,
    CreateRole,
    DeleteRole,
    GrantRole,
    Permission,
    RevokeRole,
    Role,
    RolePlan,
    UpdateRole,
)
from ..inventory.properties import read_properties, reference
from ..inventory.tree import Places
from ..transport import _pyvmomi
from ..transport.soap import Soap, SoapSession
from ..transport.soap_codec import Query

ROLES, ENTITY_PERMISSIONS, ROLE_PERMISSIONS = "roleList", "RetrieveEntityPermissions", "RetrieveRolePermissions"
READ = "Cannot read the roles and permissions"


@dataclass(frozen=True)
class RolePlaces:
    """paths: of the requested places, in order. root: the root folder."""

    paths: Mapping[ManagedObject, str]
    root: ManagedObject


class RoleAdmin:
    """Reads and changes roles and permissions."""

    def __init__(self, soap: Soap) -> None:
        self._soap = soap
        self._places = Places(soap)

    def find(self, scope: Sequence[str]) -> RolePlaces:
        """The objects with these paths, names or references. Raises PlaceNotFound, PlaceAmbiguous."""
        root = reference(self._soap.session().content.rootFolder)
        return RolePlaces(dict(self._places.find(scope)) if scope else {}, root)

    def read(self, names: Sequence[str], places: Iterable[ManagedObject]) -> Access:
        """All roles, the permissions with these roles, and all permissions on the places. One call each, plus one."""

        def work(session: SoapSession) -> Access:
            roles = _roles(session)
            here = [entry for place in dict.fromkeys(places) for entry in _on(session, place)]
            seen = {(entry.place, _who(entry)) for entry in here}
            ours = [entry for role in roles if role.name in names for entry in _with(session, role)]
            return Access(
                roles, (*here, *(entry for entry in _named(ours, here) if (entry.place, _who(entry)) not in seen))
            )

        return self._soap.attempt(work)

    def apply(self, plan: RolePlan) -> None:
        """Apply the changes, one after the other. Changes before an error are kept; repeating all of them is safe."""
        for change in plan.changes:
            self._soap.attempt(lambda session, change=change: _make(session, change))  # type: ignore[misc]


def _roles(session: SoapSession) -> tuple[Role, ...]:
    manager = reference(session.content.authorizationManager)
    properties = read_properties(session, Query([manager], {manager.type: (ROLES,)}), READ)
    return tuple(map(_role, properties.get(manager, {}).get(ROLES) or ()))


def _role(entry: Mapping[str, Any]) -> Role:
    privileges = entry.get("privilege") or []
    names = frozenset([privileges] if isinstance(privileges, str) else privileges)
    return Role(entry["name"], int(entry["roleId"]), names - SYSTEM_PRIVILEGES, entry.get("system") in ("true", "1"))


def _on(session: SoapSession, place: ManagedObject) -> list[Permission]:
    manager, entity = session.content.authorizationManager, session.object(place)
    entries = session.call(ENTITY_PERMISSIONS, READ, lambda: manager.RetrieveEntityPermissions(entity, False))
    return [_permission(entry, place) for entry in entries or ()]


def _with(session: SoapSession, role: Role) -> list[Permission]:
    manager = session.content.authorizationManager
    entries = session.call(ROLE_PERMISSIONS, READ, lambda: manager.RetrieveRolePermissions(role.key))
    return [_permission(entry) for entry in entries or ()]


def _permission(entry: Any, place: ManagedObject | None = None) -> Permission:
    where = place if place is not None else reference(entry.entity) if entry.entity is not None else None
    return Permission(where, entry.principal, bool(entry.group), int(entry.roleId), bool(entry.propagate))


def _who(entry: Permission) -> tuple[str, bool, int]:
    return (entry.principal, entry.group, entry.role)


def _named(entries: Iterable[Permission], here: Iterable[Permission]) -> list[Permission]:
    """Without those that have no place (the simulator's) but are known from reading a place."""
    known = [_who(entry) for entry in here]
    left = []
    for entry in entries:
        if entry.place is None and _who(entry) in known:
            known.remove(_who(entry))
        else:
            left.append(entry)
    return left


def _make(session: SoapSession, change: Change) -> None:
    manager = session.content.authorizationManager
    if isinstance(change, CreateRole):
        name, privileges = change.desired.name, sorted(change.desired.privileges)
        what = f"Cannot create the role {name!r}"
        session.call("AddAuthorizationRole", what, lambda: manager.AddAuthorizationRole(name, privileges))
    elif isinstance(change, UpdateRole):
        role, privileges = change.role, sorted(change.privileges)
        what = f"Cannot change the role {role.name!r}"
        update = manager.UpdateAuthorizationRole
        session.call("UpdateAuthorizationRole", what, lambda: update(role.key, role.name, privileges))
    elif isinstance(change, DeleteRole):
        key, fail_if_used = change.role.key, not change.with_permissions
        what = f"Cannot remove the role {change.role.name!r}"
        session.call("RemoveAuthorizationRole", what, lambda: manager.RemoveAuthorizationRole(key, fail_if_used))
    elif isinstance(change, RevokeRole):
        held, entity = change.permission, session.object(change.place)
        what = f"Cannot remove the permission of {held.principal} on {change.place}"
        remove = manager.RemoveEntityPermission
        session.call("RemoveEntityPermission", what, lambda: remove(entity, held.principal, held.group))
    else:
        _grant(session, change)


def _grant(session: SoapSession, change: GrantRole) -> None:
    manager, entity = session.content.authorizationManager, session.object(change.place)
    what = f"Cannot assign the role {change.role!r} to {change.principal.name} on {change.place}"
    key = next(role.key for role in _roles(session) if role.name == change.role)
    permission = _pyvmomi.vim.AuthorizationManager.Permission(
        principal=change.principal.name, group=change.principal.group, roleId=key, propagate=change.propagate
    )
    try:
        session.call("SetEntityPermissions", what, lambda: manager.SetEntityPermissions(entity, [permission]))
    except VCenterFault as error:
        if error.fault != "UserNotFound":
            raise
        kind = "group" if change.principal.group else "user"
        step = f"Create the {kind} first, or correct the name; use the format DOMAIN\\name."
        raise InvalidSetting(what, why=f"vCenter has no such {kind}", next_step=step) from error
