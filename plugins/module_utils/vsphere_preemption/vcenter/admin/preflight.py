# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about a vCenter for the preflight. Read-only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ...core.contract import ATTRIBUTE_NAME
from ...core.inventory import ManagedObject
from ...core.preflight.rules import Holdings, Product
from ..inventory.marks import FIELDS
from ..inventory.properties import read_properties, reference
from ..transport.requests import Query
from ..transport.soap import Soap, SoapSession

# vCenter returns all privileges of the account for each VM, nearly 500 for an administrator.
VMS_ASKED = 50
SIMULATOR = "govmomi simulator"


def read_product(soap: Soap) -> Product:
    """The product at the address; logs in if necessary."""
    session = soap.session()
    about = session.content.about
    simulated = SIMULATOR in about.fullName
    return Product(about.name, about.version, about.build, about.apiType, session.user, simulated)


def read_clock_skew(soap: Soap) -> float:
    """How many seconds vCenter's clock is ahead of ours, not counting the duration of the call."""

    def work(session: SoapSession) -> float:
        began = datetime.now(UTC)
        theirs: datetime = session.call("CurrentTime", "Cannot read vCenter's time", session.instance().CurrentTime)
        ended = datetime.now(UTC)
        if began <= theirs <= ended:
            return 0.0
        return (theirs - (ended if theirs > ended else began)).total_seconds()

    return soap.attempt(work)


def read_attribute_kinds(soap: Soap) -> frozenset[str]:
    """The object types that have a custom attribute with our name; the empty text for all types."""

    def work(session: SoapSession) -> frozenset[str]:
        manager = reference(session.content.customFieldsManager)
        found = read_properties(session, Query([manager], FIELDS), "Cannot read the custom attributes")
        fields = found.get(manager, {}).get("field") or ()
        return frozenset(field.get("managedObjectType", "") for field in fields if field["name"] == ATTRIBUTE_NAME)

    return soap.attempt(work)


def read_holdings(soap: Soap, machines: Sequence[ManagedObject]) -> Holdings:
    """The privileges of our account on the root folder, and on the first 50 of the VMs; one call. Needs System.View.

    Permissions of the account's groups and global permissions count as well.
    """

    def work(session: SoapSession) -> Holdings:
        root, manager = session.content.rootFolder, session.content.authorizationManager
        entities = [root, *(session.object(machine) for machine in machines[:VMS_ASKED])]
        answer = session.call(
            "FetchUserPrivilegeOnEntities",
            f"Cannot read the privileges of {session.user}",
            lambda: manager.FetchUserPrivilegeOnEntities(entities=entities, userName=session.user),
        )
        held = {reference(entry.entity): frozenset(entry.privileges or ()) for entry in answer or ()}
        return Holdings(held.pop(reference(root), frozenset()), held)

    return soap.attempt(work)
