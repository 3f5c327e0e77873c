# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preflight checks of vCenter. Private to this collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..vsphere_preemption.core.errors import InvalidInput, PreemptionError, VCenterTlsRefused
from ..vsphere_preemption.core.policy.references import references_of
from ..vsphere_preemption.core.preflight.check import Check, blocked_by, failed_with, passed, skipped, warned
from ..vsphere_preemption.core.preflight.rules import (
    check_attribute,
    check_privileges,
    check_product,
    check_tag,
    check_vcenter_clock,
    judge_protections,
)
from ..vsphere_preemption.vcenter.admin import preflight
from .request import policies_of
from .vcenter import with_vcenter

if TYPE_CHECKING:
    from ..vsphere_preemption.core.inventory import ManagedObject
    from ..vsphere_preemption.vcenter.client import VCenter

CONNECTION, CERTIFICATE, LOGIN, VERSION = (
    "vcenter_connection",
    "vcenter_certificate",
    "vcenter_login",
    "vcenter_version",
)
TAG, PRIVILEGES, ATTRIBUTE, CLOCK = "tag", "privileges", "custom_attribute", "vcenter_clock"
PROTECTIONS = "protections"
NAMES = (CONNECTION, CERTIFICATE, LOGIN, VERSION, TAG, PRIVILEGES, ATTRIBUTE, CLOCK, PROTECTIONS)


def vcenter_checks(params: Mapping[str, Any]) -> list[Check]:
    """All checks of NAMES, in that order. params: with the options for vCenter and the policy, `tag` and `features`."""
    known: list[Check] = []

    def look(vcenter: VCenter) -> list[Check]:
        vcenter.soap.reach()
        known.append(passed(CONNECTION, f"{params['vcenter_url']} responds."))
        known.append(_certificate(params))
        product = preflight.read_product(vcenter.soap)
        known.append(passed(LOGIN, f"Logged in as {product.user}."))
        return [*known, check_product(product), *_inside(vcenter, params)]

    try:
        return with_vcenter(params, look)
    except PreemptionError as error:
        return blocked_by(NAMES, _stage(error, known), error, known=[*known, *_answered(params)])


def _answered(params: Mapping[str, Any]) -> list[Check]:
    """A rejected certificate means that a server responded."""
    return [passed(CONNECTION, f"{params['vcenter_url']} responds.")]


def _stage(error: PreemptionError, known: list[Check]) -> str:
    """The check that an error belongs to: the first one that has not passed."""
    if isinstance(error, VCenterTlsRefused):
        return CERTIFICATE
    return LOGIN if known else CONNECTION


def _certificate(params: Mapping[str, Any]) -> Check:
    if params["vcenter_validate_certs"]:
        return passed(CERTIFICATE, "vCenter's certificate is trusted.")
    step = "Set vcenter_ca_file to vCenter's CA, and vcenter_validate_certs to true."
    return warned(CERTIFICATE, "vCenter's certificate is not validated.", step)


def _inside(vcenter: VCenter, params: Mapping[str, Any]) -> list[Check]:
    """The checks that need a login; if one fails, the others still run."""
    soap, features = vcenter.soap, params["features"]
    machines: list[ManagedObject] = []

    def tag() -> Check:
        tagged = vcenter.tagged(params["tag"], placed=False, sized=False)
        machines.extend(machine.ref for machine in tagged.machines)
        return check_tag(tagged, params["tag"])

    looks: dict[str, Callable[[], Check]] = {
        TAG: tag,
        PRIVILEGES: lambda: check_privileges(preflight.read_holdings(soap, machines), features),
        ATTRIBUTE: lambda: check_attribute(preflight.read_attribute_kinds(soap), features),
        CLOCK: lambda: check_vcenter_clock(preflight.read_clock_skew(soap)),
        PROTECTIONS: lambda: _protections(vcenter, params),
    }
    return [_looked(name, look) for name, look in looks.items()]


def _protections(vcenter: VCenter, params: Mapping[str, Any]) -> Check:
    """Whether the objects that the policy uses for protection exist. A separate check covers the policy itself."""
    try:
        references = references_of(policies_of(params).policies.values())
    except InvalidInput:
        return skipped(PROTECTIONS, "Not checked: policy must pass first.")
    return judge_protections(references, vcenter.missing(references))


def _looked(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except PreemptionError as error:
        return failed_with(name, error)
