# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles that preemption needs in vCenter: the desired state, and the changes.

There is one role for privileges on the objects themselves. Privileges that are only effective on the root folder go to
a second, small role there, which does not propagate to children; if the first role is on the root folder anyway, it
contains all privileges. Nothing here contacts vCenter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import InvalidSetting
from ..inventory import ManagedObject
from ..setup_errors import NameTaken, StillInUse
from .privileges import SYSTEM_PRIVILEGES, Where, needed
from .role import (
    Access,
    Change,
    CreateRole,
    DeleteRole,
    DesiredRole,
    GrantRole,
    Permission,
    Principal,
    RevokeRole,
    RolePlan,
    UpdateRole,
)

DEFAULT_ROLE = "vsphere-preemption"
ROOT_SUFFIX = "-root"


def desired_roles(
    name: str,
    features: Iterable[str],
    extra: Iterable[str],
    places: Sequence[ManagedObject],
    root: ManagedObject,
    *,
    propagate: bool,
) -> tuple[DesiredRole, DesiredRole]:
    """The role for the places, and the small one for the root folder. Raises InvalidSetting for an unknown feature."""
    features = list(features)
    at_root = needed(features, where=Where.ROOT)
    together = root in places
    here = needed(features, where=Where.SCOPE) | frozenset(extra) | (at_root if together else frozenset())
    small = DesiredRole(name + ROOT_SUFFIX, at_root, (root,), propagate=False, wanted=bool(at_root) and not together)
    return DesiredRole(name, here - SYSTEM_PRIVILEGES, tuple(places), propagate), small


def plan_presence(
    access: Access, wanted: Sequence[DesiredRole], principal: Principal | None, *, force: bool
) -> RolePlan:
    """The changes to reach the desired roles and permissions.

    Raises NameTaken for a built-in role, StillInUse if the principal has another role on a place, unless `force`, and
    InvalidSetting for a privilege that this vCenter does not have.
    """
    _refuse_system_roles(access, [desired.name for desired in wanted])
    _refuse_unknown(access, frozenset[str]().union(*(desired.privileges for desired in wanted)))
    parts = [_present(access, desired, wanted, principal, force=force) for desired in wanted if desired.wanted]
    parts += [_absent(access, desired.name, principal, force=False) for desired in wanted if not desired.wanted]
    return _in_order(parts)


def plan_absence(access: Access, names: Sequence[str], principal: Principal | None, *, force: bool) -> RolePlan:
    """The changes to remove the roles from the principal, and to delete unused ones; with `force`, all of them.

    Raises NameTaken for a built-in role.
    """
    _refuse_system_roles(access, names)
    return _in_order([_absent(access, name, principal, force=force) for name in names])


def _present(
    access: Access, desired: DesiredRole, wanted: Sequence[DesiredRole], principal: Principal | None, *, force: bool
) -> RolePlan:
    role = access.role(desired.name)
    changes: list[Change] = []
    if role is None:
        changes.append(CreateRole(desired))
    elif role.privileges != desired.privileges:
        changes.append(UpdateRole(role, desired.privileges))
    if principal is None:
        return RolePlan(tuple(changes))
    ours = {entry.name for entry in wanted}
    for place in desired.places:
        held = [entry for entry in access.permissions if entry.place == place and principal.holds(entry)]
        if any(access.name_of(entry.role) == desired.name and entry.propagate == desired.propagate for entry in held):
            continue
        strange = [name for entry in held if (name := access.name_of(entry.role)) not in ours]
        if strange and not force:
            raise _occupied(principal, strange[0], place)
        changes.append(GrantRole(place, principal, desired.name, desired.propagate))
    return RolePlan((*changes, *_revokes(access.of_role(role), principal, but=desired.places)))


def _absent(access: Access, name: str, principal: Principal | None, *, force: bool) -> RolePlan:
    role = access.role(name)
    if role is None:
        return RolePlan(())
    revokes = _revokes(access.of_role(role), principal, but=())
    others = len(access.of_role(role)) - len(revokes)
    if others and not force:
        return RolePlan(revokes, kept=(name,))
    return RolePlan((*revokes, DeleteRole(role, with_permissions=force)))


def _revokes(
    entries: Iterable[Permission], principal: Principal | None, *, but: Sequence[ManagedObject]
) -> tuple[RevokeRole, ...]:
    return tuple(
        RevokeRole(entry.place, entry)
        for entry in entries
        if principal is not None and entry.place is not None and entry.place not in but and principal.holds(entry)
    )


def _in_order(parts: Sequence[RolePlan]) -> RolePlan:
    """Grant privileges before revoking others, because the worker continues in the meantime."""
    changes = [change for part in parts for change in part.changes]
    # A permission that was replaced no longer exists, so it cannot be revoked.
    granted = {change.place for change in changes if isinstance(change, GrantRole)}
    changes = [change for change in changes if not (isinstance(change, RevokeRole) and change.place in granted)]
    order = (CreateRole, UpdateRole, GrantRole, RevokeRole, DeleteRole)
    changes.sort(key=lambda change: next(rank for rank, kind in enumerate(order) if isinstance(change, kind)))
    return RolePlan(tuple(changes), kept=tuple(name for part in parts for name in part.kept))


def _refuse_system_roles(access: Access, names: Iterable[str]) -> None:
    for name in names:
        if not name.strip() or not name.isprintable():
            raise InvalidSetting(
                f"Cannot use the name {name!r} for a role",
                why="it is empty or contains control characters",
                next_step="Use a name of printable characters.",
            )
        role = access.role(name)
        if role is not None and role.system:
            raise NameTaken(
                f"Cannot use the role {name!r}",
                why="it is a built-in vCenter role, which cannot be changed",
                next_step="Choose another name.",
            )


def _refuse_unknown(access: Access, privileges: frozenset[str]) -> None:
    # Administrators have all existing privileges, so their role is the list of them.
    known = frozenset[str]().union(*(role.privileges for role in access.roles if role.system))
    unknown = sorted(privileges - known)
    if unknown:
        raise InvalidSetting(
            "Cannot add the privileges to a role",
            why=f"this vCenter does not have {', '.join(unknown)}",
            next_step="Correct the spelling. Use the API name, such as VirtualMachine.Interact.PowerOff.",
        )


def _occupied(principal: Principal, role: str, place: ManagedObject) -> StillInUse:
    return StillInUse(
        f"Cannot assign the role to {principal.name} on {place}",
        why=f"it has the role {role!r} there, and vCenter allows one role per user or group on each object",
        next_step="Use a dedicated account for the worker, or set force to replace that role.",
    )
