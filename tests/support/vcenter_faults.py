# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the vCenter proxy can be told to do with a call instead of passing it on."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
    "<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
)


@dataclass(frozen=True)
class Fault:
    """Answer with a SOAP fault. type: its vSphere name, such as TaskInProgress. detail: XML of its fields."""

    type: str
    message: str = "told to fail by the test"
    detail: str = ""

    def body(self) -> bytes:
        """The SOAP reply."""
        fault = (
            f"<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>{self.message}</faultstring>"
            f'<detail><{self.type}Fault xmlns="urn:vim25" xsi:type="{self.type}">{self.detail}</{self.type}Fault>'
            "</detail></soapenv:Fault>"
        )
        return ENVELOPE.format(body=fault).encode()


NO_PERMISSION = Fault(
    "NoPermission",
    "Permission to perform this operation was denied.",
    '<object type="Folder">group-d1</object><privilegeId>VirtualMachine.Interact.PowerOff</privilegeId>',
)
TASK_IN_PROGRESS = Fault("TaskInProgress", detail='<task type="Task">task-1</task>')
TOOLS_UNAVAILABLE = Fault("ToolsUnavailable", "Cannot complete operation because VMware Tools is not running.")
NOT_AUTHENTICATED = Fault(
    "NotAuthenticated",
    "The session is not authenticated.",
    '<object type="Folder">group-d1</object><privilegeId>System.View</privilegeId>',
)


@dataclass(frozen=True)
class Status:
    """Answer with a plain HTTP status, as a gateway or a REST service does."""

    code: int
    body: bytes = b"{}"


@dataclass(frozen=True)
class Swallow:
    """Answer that all is well, and do nothing: for a ShutdownGuest that the guest ignores.

    result: XML of the return value, for methods that have one.
    """

    result: str = ""

    def body(self, method: str) -> bytes:
        """The SOAP reply."""
        return ENVELOPE.format(body=f'<{method}Response xmlns="urn:vim25">{self.result}</{method}Response>').encode()


@dataclass(frozen=True)
class Cut:
    """Break the connection. after_forwarding: vCenter acts on the call, but the caller never learns that."""

    after_forwarding: bool = False


@dataclass(frozen=True)
class Hang:
    """Keep the caller waiting, then pass the call on."""

    seconds: float


@dataclass(frozen=True)
class Run:
    """Call something (delete a VM, kill the worker), and pass the call on.

    after_forwarding: call it between vCenter's answer and the moment when the caller gets it.
    """

    action: Callable[[], object]
    after_forwarding: bool = False


Behaviour = Fault | Status | Swallow | Cut | Hang | Run


@dataclass
class Rule:
    """One instruction. pattern: shell pattern for the call's name. vm: only calls about this reference.

    times: how often it applies, None for always; skip: how many fitting calls pass untouched first. used: how often it
    applied so far.
    """

    pattern: str
    behaviour: Behaviour
    times: int | None = 1
    vm: str | None = None
    skip: int = 0
    used: int = 0

    def fits(self, name: str, body: bytes) -> bool:
        """The rule is about this call."""
        about_vm = self.vm is None or f">{self.vm}<".encode() in body
        return about_vm and fnmatch.fnmatchcase(name, self.pattern)


@dataclass
class Rules:
    """The instructions in force; of several that fit, the oldest one that is not used up applies."""

    _rules: list[Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, rule: Rule) -> Rule:
        """Put a rule in force."""
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Let every call pass again."""
        with self._lock:
            self._rules.clear()

    def next_for(self, name: str, body: bytes) -> Behaviour | None:
        """What to do with this call; None to pass it on."""
        with self._lock:
            for rule in self._rules:
                if (rule.times is not None and rule.used >= rule.times) or not rule.fits(name, body):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                rule.used += 1
                return rule.behaviour
        return None
