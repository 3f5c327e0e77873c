# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces of a Temporal server: read one, and carry out a plan.

The client may be connected for any namespace, even for one that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...core.errors import InvalidSetting, PreemptionError, TemporalAccessDenied, TemporalError
from .._temporalio import part
from ..faults import translate
from .errors import NamespaceNotEmpty, NamespaceNotManagedHere
from .model import Namespace, NamespacePlan
from .wait import wait_until_gone, wait_until_usable

if TYPE_CHECKING:
    from temporalio.client import Client

CALL_LIMIT = timedelta(seconds=10)
_NOT_FOR_US = ("PERMISSION_DENIED", "UNIMPLEMENTED")
_TYPE_PREFIX = "INDEXED_VALUE_TYPE_"
# Schedules are workflows in a separate division, which a plain query omits.
_EVERYTHING = "TemporalNamespaceDivision IS NULL OR TemporalNamespaceDivision IS NOT NULL"


async def read_namespace(client: Client, name: str) -> Namespace | None:
    """The namespace, None if there is none. Raises TemporalAccessDenied if the account may not read it."""
    service = part("service")
    what = f"Cannot read the Temporal namespace {name}"
    request = part("workflowservice").DescribeNamespaceRequest(namespace=name)
    try:
        found = await client.workflow_service.describe_namespace(request, timeout=CALL_LIMIT)
    except service.RPCError as error:
        if error.status is service.RPCStatusCode.NOT_FOUND:
            return None
        if error.status is service.RPCStatusCode.PERMISSION_DENIED:
            raise _hidden(what, error) from error
        raise translate(error, what=what) from error
    info, config = found.namespace_info, found.config
    if info.state == part("enums").NamespaceState.NAMESPACE_STATE_DELETED:
        return None
    return Namespace(
        name=name,
        retention_seconds=config.workflow_execution_retention_ttl.seconds,
        description=info.description,
        owner_email=info.owner_email,
        search_attributes=await _read_attributes(client, name, config.custom_search_attribute_aliases),
    )


async def check_deletable(client: Client, name: str) -> None:
    """Raises NamespaceNotEmpty if the namespace contains workflows, open or closed, or schedules.

    The server counts the entries of its visibility store, which may lag slightly behind.
    """
    request = part("workflowservice").CountWorkflowExecutionsRequest(namespace=name, query=_EVERYTHING)
    what = f"Cannot check whether the Temporal namespace {name} is empty"
    with _translated(what):
        count = (await client.workflow_service.count_workflow_executions(request, timeout=CALL_LIMIT)).count
    if count:
        raise NamespaceNotEmpty(
            f"Will not delete the Temporal namespace {name}",
            why=f"it contains {count} workflow(s) and schedule(s), and their history would be lost",
            next_step="Keep it, or set force: true to delete the history as well.",
        )


async def carry_out(client: Client, plan: NamespacePlan, *, timeout_seconds: float, wait: bool = True) -> None:
    """Carry out the plan on the server.

    wait: until the change is visible; then a worker can start, or the same name can be created again. Raises
    NamespaceNotReady after the timeout, and NamespaceNotManagedHere if the server does not allow it.
    """
    before, after = plan.before, plan.after
    if after is not None:
        await _make(client, plan, after, timeout_seconds)
        if wait:
            new = before is None or bool(plan.added_attributes)
            await wait_until_usable(client, after, timeout_seconds=timeout_seconds, steadily=new)
    elif before is not None:
        await _delete(client, before.name)
        if wait:
            await wait_until_gone(client, before.name, timeout_seconds=timeout_seconds)


async def _make(client: Client, plan: NamespacePlan, after: Namespace, timeout_seconds: float) -> None:
    before = plan.before
    if before is None:
        await _register(client, after)
        if plan.added_attributes:
            # The next call may reach a frontend that does not have the namespace yet.
            bare = replace(after, search_attributes={})
            await wait_until_usable(client, bare, timeout_seconds=timeout_seconds)
    elif replace(before, search_attributes=after.search_attributes) != after:
        await _update(client, before, after)
    await _change_attributes(client, plan, after.name)


async def _register(client: Client, wanted: Namespace) -> None:
    request = part("workflowservice").RegisterNamespaceRequest(
        namespace=wanted.name, description=wanted.description, owner_email=wanted.owner_email
    )
    request.workflow_execution_retention_period.FromSeconds(wanted.retention_seconds)
    with _translated(f"Cannot create the Temporal namespace {wanted.name}"):
        await client.workflow_service.register_namespace(request, timeout=CALL_LIMIT)


async def _update(client: Client, before: Namespace, after: Namespace) -> None:
    """Only changed values are sent: the server keeps all others."""
    request = part("workflowservice").UpdateNamespaceRequest(namespace=after.name)
    if after.description != before.description:
        request.update_info.description = after.description
    if after.owner_email != before.owner_email:
        request.update_info.owner_email = after.owner_email
    if after.retention_seconds != before.retention_seconds:
        request.config.workflow_execution_retention_ttl.FromSeconds(after.retention_seconds)
    with _translated(f"Cannot change the Temporal namespace {after.name}"):
        await client.workflow_service.update_namespace(request, timeout=CALL_LIMIT)


async def _change_attributes(client: Client, plan: NamespacePlan, name: str) -> None:
    messages, kinds = part("operatorservice"), part("enums").IndexedValueType
    with _translated(f"Cannot change the search attributes of the Temporal namespace {name}"):
        if plan.removed_attributes:
            removal = messages.RemoveSearchAttributesRequest(namespace=name, search_attributes=plan.removed_attributes)
            await client.operator_service.remove_search_attributes(removal, timeout=CALL_LIMIT)
        if plan.added_attributes:
            added = {attribute: kinds.Value(_enum_name(kind)) for attribute, kind in plan.added_attributes.items()}
            addition = messages.AddSearchAttributesRequest(namespace=name, search_attributes=added)
            await client.operator_service.add_search_attributes(addition, timeout=CALL_LIMIT)


async def _delete(client: Client, name: str) -> None:
    request = part("operatorservice").DeleteNamespaceRequest(namespace=name)
    with _translated(f"Cannot delete the Temporal namespace {name}"):
        await client.operator_service.delete_namespace(request, timeout=CALL_LIMIT)


async def _read_attributes(client: Client, name: str, aliases: Mapping[str, str]) -> dict[str, str]:
    """The custom search attributes of the namespace, name to type.

    aliases: of the description, such as Keyword01 for a name. If the list may not be read, they are equivalent.
    """
    service = part("service")
    request = part("operatorservice").ListSearchAttributesRequest(namespace=name)
    try:
        found = await client.operator_service.list_search_attributes(request, timeout=CALL_LIMIT)
    except service.RPCError as error:
        if error.status.name not in _NOT_FOR_US:
            raise translate(error, what=f"Cannot read the search attributes of the namespace {name}") from error
        return {alias: column.rstrip("0123456789") for column, alias in aliases.items()}
    kinds = part("enums").IndexedValueType
    return {attribute: _type_name(kinds.Name(kind)) for attribute, kind in found.custom_attributes.items()}


def _type_name(enum_name: str) -> str:
    return "".join(word.capitalize() for word in enum_name.removeprefix(_TYPE_PREFIX).split("_"))


def _enum_name(kind: str) -> str:
    return _TYPE_PREFIX + ("KEYWORD_LIST" if kind == "KeywordList" else kind.upper())


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except part("service").RPCError as error:
        raise _refusal(error, what) from error


def _refusal(error: Any, what: str) -> PreemptionError:
    status, text = error.status.name, " ".join(error.message.split()).rstrip(".")
    if status in _NOT_FOR_US:
        return NamespaceNotManagedHere(
            what,
            why=f"permission denied by the server ({text or status.lower()})",
            next_step="Ask the Temporal administrator to do this (Temporal Cloud: in its console, or with tcld), and"
            " run the task again; it changes nothing if the namespace is already as specified.",
        )
    if status == "ALREADY_EXISTS":
        step = "Another client changed it at the same time. Run the task again."
        return TemporalError(what, why=text, next_step=step, retryable=True)
    if status in ("INVALID_ARGUMENT", "FAILED_PRECONDITION"):
        return InvalidSetting(what, why=text, next_step="Correct the value named in the message, and run it again.")
    return translate(error, what=what)


def _hidden(what: str, error: Any) -> TemporalAccessDenied:
    return TemporalAccessDenied(
        what,
        why=" ".join(error.message.split()).rstrip(".") or "access was denied",
        next_step="Check the permissions of the API key or the client certificate, and that the namespace exists:"
        " Temporal Cloud, where this module cannot create one, reports both in the same way.",
    )
