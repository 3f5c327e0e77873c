# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a preflight. Pure: the facts are collected elsewhere and evaluated here.

One function per check, with the limits of what is acceptable.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..contract import ATTRIBUTE_NAME, StopMethod
from ..inventory import VIRTUAL_MACHINE, ManagedObject, PowerState, TaggedObjects
from ..policy.model import Policy, PolicySet
from ..policy.references import NEXT_STEP, References
from ..setup.privileges import Where, compare, needed
from .check import Check, failed, listed, passed, warned

OLDEST_PYTHON = (3, 11)
OLDEST_VCENTER = (7, 0)
# By package name, the oldest version that is known to work.
LIBRARIES: Mapping[str, str] = {"temporalio": "1.35", "pyvmomi": "8.0", "PyYAML": "6.0"}

SKEW_WARNED_SECONDS = 5.0
SKEW_FAILED_SECONDS = 60.0
# A worker polls at least this often; until this long after its last poll, it counts as running.
POLL_SECONDS = 70.0

VCENTER_API, ALL_TYPES = "VirtualCenter", ""
REGISTERED = "registered"


@dataclass(frozen=True)
class Product:
    """The product at the vCenter address. api_type: VirtualCenter, or HostAgent for an ESXi host. user: our name there.

    simulated: it is govmomi's simulator, which reports an old version regardless of its features.
    """

    name: str
    version: str
    build: str
    api_type: str
    user: str
    simulated: bool = False


@dataclass(frozen=True)
class Holdings:
    """The privileges that an account has: on the root folder, and on each of some VMs."""

    root: frozenset[str]
    machines: Mapping[ManagedObject, frozenset[str]]


@dataclass(frozen=True)
class NamespaceState:
    """A Temporal namespace. state: registered, deprecated or deleted. retention: how long it keeps closed workflows."""

    name: str
    state: str
    retention: timedelta


@dataclass(frozen=True)
class Poller:
    """A worker that polled the task queue. seen: time of its last poll, by Temporal's clock."""

    identity: str
    seen: datetime


def check_python(version: Sequence[int]) -> Check:
    """The interpreter that runs the checks."""
    found, least = ".".join(map(str, version[:3])), ".".join(map(str, OLDEST_PYTHON))
    if tuple(version[:2]) < OLDEST_PYTHON:
        return failed("python", f"Python {found} is too old.", f"Use Python {least} or later.")
    return passed("python", f"Python {found}.")


def check_libraries(installed: Mapping[str, str | None]) -> Check:
    """installed: versions by package, None if not installed."""
    missing = [name for name in LIBRARIES if not installed.get(name)]
    old = [name for name, least in LIBRARIES.items() if _is_older(installed.get(name), least)]
    if missing or old:
        wrong = [f"{name} is missing" for name in missing] + [f"{name} {installed[name]} is too old" for name in old]
        wanted = ", ".join(f"{name} >= {LIBRARIES[name]}" for name in (*missing, *old))
        return failed("libraries", f"{', '.join(wrong)}.", f"Install {wanted} for the Python interpreter in use.")
    return passed("libraries", f"{', '.join(f'{name} {installed[name]}' for name in LIBRARIES)}.")


def check_namespace(namespace: NamespaceState) -> Check:
    """Whether an existing namespace can be used."""
    name = "temporal_namespace"
    if namespace.state != REGISTERED:
        detail = f"The namespace {namespace.name} is {namespace.state}."
        return failed(name, detail, "Use another namespace, or wait until it is deleted and create it again.")
    hours = namespace.retention.total_seconds() / 3600
    return passed(name, f"The namespace {namespace.name} can be used; it keeps history for {hours:g} hours.")


def check_worker(pollers: Iterable[Poller], task_queue: str, now: datetime) -> Check:
    """Whether a worker is polling. Temporal lists a poller for five minutes."""
    known = sorted(pollers, key=lambda poller: poller.seen, reverse=True)
    present = {poller.identity for poller in known if now - poller.seen <= timedelta(seconds=POLL_SECONDS)}
    step = "Deploy or start a worker, and check the name of its task queue; no VM is preempted until then."
    if present:
        return passed("worker", f"Worker {listed(present, most=3)} is polling task queue {task_queue}.")
    if known:
        seconds = (now - known[0].seen).total_seconds()
        detail = f"No worker has polled task queue {task_queue} for {seconds:.0f} seconds."
        return warned("worker", detail, step)
    return warned("worker", f"No worker is polling task queue {task_queue}.", step)


def check_switch(text: str, *, paused: bool) -> Check:
    """The kill switch. text: its state in plain text."""
    if paused:
        step = "Resume preemption (preemption_pause with state: active) when it is safe to do so."
        return warned("kill_switch", f"{text}.", step)
    return passed("kill_switch", text)


def check_temporal_clock(pollers: Iterable[Poller], now: datetime) -> Check:
    """Temporal does not report its time, only the time of a worker's last poll, which cannot be in the future."""
    ahead = max((poller.seen - now).total_seconds() for poller in pollers)
    if ahead > SKEW_WARNED_SECONDS:
        return _skewed("temporal_clock", "Temporal", ahead)
    detail = "Temporal's clock is not ahead of this host's (a clock that lags cannot be detected)."
    return passed("temporal_clock", detail)


def check_product(product: Product) -> Check:
    """Which vCenter this is."""
    name, what = "vcenter_version", f"{product.name} {product.version} build {product.build}"
    if product.api_type != VCENTER_API:
        return failed(name, f"{what} is not a vCenter.", "Use the address of vCenter, not that of a host.")
    if product.simulated:
        return passed(name, f"{what}, simulated.")
    if _numbers(product.version) < OLDEST_VCENTER:
        least = ".".join(map(str, OLDEST_VCENTER))
        return failed(name, f"{what} is too old.", f"Upgrade vCenter to {least} or later.")
    return passed(name, f"{what}.")


def check_vcenter_clock(skew_seconds: float) -> Check:
    """How far vCenter's clock is ahead of this host's; negative if it is behind."""
    if abs(skew_seconds) > SKEW_WARNED_SECONDS:
        return _skewed("vcenter_clock", "vCenter", skew_seconds)
    return passed("vcenter_clock", f"The clocks of vCenter and of this host are {abs(skew_seconds):.1f} seconds apart.")


def check_tag(tagged: TaggedObjects, tag: str) -> Check:
    """The VMs that have the tag."""
    machines, on = tagged.machines, [vm for vm in tagged.machines if vm.power_state is PowerState.ON]
    if not machines:
        step = "Attach the tag to the VMs that may be preempted; no VM is preempted until then."
        return warned("tag", f"No VM has the tag {tag}.", step)
    return passed("tag", f"{_count(len(machines), 'VM')} with the tag {tag}, {len(on)} of them powered on.")


def judge_protections(references: References, missing: References) -> Check:
    """Whether the objects that the policies protect by exist. If not, workers refuse all requests under the policy."""
    name = "protections"
    if missing:
        detail = f"The policy protects VMs by {missing}, which vCenter does not have or does not show to the account."
        return failed(name, detail, f"{NEXT_STEP} Requests are refused until then.")
    if references:
        return passed(name, f"The policy protects VMs by {references}; all of it exists in vCenter.")
    return passed(name, "No policy protects VMs by a tag or a strict group.")


def check_attribute(kinds: Collection[str], features: Collection[str]) -> Check:
    """kinds: the object types that an attribute with our name applies to; the empty text for all types."""
    if VIRTUAL_MACHINE in kinds or ALL_TYPES in kinds:
        return passed("custom_attribute", f"The custom attribute {ATTRIBUTE_NAME} exists.")
    detail = f"There is no custom attribute {ATTRIBUTE_NAME} for VMs"
    detail += f", only one for {listed(kinds)}." if kinds else "."
    if "setup_attribute" in features:
        step = "No action is needed; the worker creates it before it writes the first mark."
        return warned("custom_attribute", detail, step)
    step = "Create it for virtual machines, using an account with Global.ManageCustomFields."
    return failed("custom_attribute", detail, step)


def check_privileges(held: Holdings, features: Collection[str]) -> Check:
    """The missing and excess privileges of the account for the features.

    Privileges on VMs are checked on the tagged VMs. If there are none, the root folder is checked instead; a permission
    further down would not be visible there, so a missing privilege is then only a warning.
    """
    name = "privileges"
    above = (needed(features, where=Where.ROOT) | needed(features, where=Where.EVERYWHERE)) - held.root
    on_machines = needed(features, where=Where.SCOPE)
    lacking = {vm: on_machines - privileges for vm, privileges in held.machines.items() if on_machines - privileges}
    unseen = frozenset() if held.machines else on_machines - held.root
    excess = compare(held.root.union(*held.machines.values()), features).excess
    if above or lacking:
        step = "Add the privileges to the account's role, and assign the role there with 'Propagate to children'."
        return failed(name, f"Missing {_missing(above, lacking, len(held.machines))}.", step)
    if unseen:
        detail = f"No VM has the tag, and {listed(unseen, most=20)} is missing on the root folder."
        step = "Attach the tag to a VM and check again, or add the privileges to the account's role."
        return warned(name, detail, step)
    if excess:
        detail = f"The account has more privileges than it needs: {listed(excess)}."
        return warned(name, detail, "Assign it a role with only the privileges that its features need.")
    return passed(name, f"The account has exactly the privileges for {', '.join(features)}.")


def check_policy(policies: PolicySet, tag: str, features: Collection[str]) -> Check:
    """Whether the rest of the installation matches a valid policy."""
    names = f"The policies {listed(policies.policies)} are valid (digest {policies.digest})."
    found = names if policies.digest else "No policy is configured; the built-in policy applies."
    lacking = sorted({feature for policy in policies.policies.values() for feature in _used(policy)} - set(features))
    if lacking:
        step = f"Add {', '.join(lacking)} to the features, so that the required privileges are checked and granted."
        verb = "is" if len(lacking) == 1 else "are"
        unlisted = f"They use {', '.join(lacking)}, which {verb} not in the list of features."
        return warned("policy", f"{found} {unlisted}", step)
    if all(policy.tags and tag not in policy.tags for policy in policies.policies.values()):
        return warned("policy", f"{found} None allows the tag {tag}.", "Add it to a policy, or use an allowed tag.")
    return passed("policy", found)


def _used(policy: Policy) -> Iterable[str]:
    """The features that a policy requires in addition to stopping."""
    actions = (policy.actions.low, policy.actions.medium, policy.actions.high)
    if any(action.method is StopMethod.SUSPEND for action in actions):
        yield "suspend"
    if policy.restore.automatic:
        yield "restore"
    if policy.notice.lead_seconds > 0 and policy.notice.guestinfo:
        yield "notice"


def _missing(above: Collection[str], lacking: Mapping[ManagedObject, Collection[str]], machines: int) -> str:
    parts = [f"{listed(above, most=20)} on the root folder"] if above else []
    if lacking:
        privileges = {privilege for wanted in lacking.values() for privilege in wanted}
        where = f"{len(lacking)} of {_count(machines, 'VM')} with the tag ({listed(map(str, lacking), most=3)})"
        parts.append(f"{listed(privileges, most=20)} on {where}")
    return ", and ".join(parts)


def _skewed(name: str, whose: str, skew_seconds: float) -> Check:
    way = "ahead of" if skew_seconds > 0 else "behind"
    detail = f"The clock of {whose} is {abs(skew_seconds):.0f} seconds {way} this host's."
    judged = failed if abs(skew_seconds) > SKEW_FAILED_SECONDS else warned
    return judged(name, detail, "Synchronize both clocks with the same source (NTP).")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _is_older(version: str | None, least: str) -> bool:
    return bool(version) and _numbers(version or "") < _numbers(least)


def _numbers(version: str) -> tuple[int, ...]:
    """8.0.2 as (8, 0, 2); it ends at the first part that is not a number."""
    numbers: list[int] = []
    for part in version.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)
