# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error of the libraries below, translated into one of ours.

Three kinds stay private to this folder, because the client reacts to them itself before a caller may see them:

    VCenterUnreachable
    ├── SessionLost          log in again, and repeat: the call was refused before it did anything
    └── ConnectionBroken     a read is repeated once; a changing call may have been carried out
    VCenterFault
    └── NamedFault           `fault` is the name of vSphere's fault
        └── PowerRefused     vCenter would not do what was asked of a VM's power
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable
from socket import gaierror
from typing import Any
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError

from ..core.errors import (
    PreemptionError,
    VCenterFault,
    VCenterLoginRefused,
    VCenterObjectGone,
    VCenterPermissionDenied,
    VCenterTimeout,
    VCenterTlsRefused,
    VCenterUnreachable,
)
from . import _pyvmomi

# The same call may well succeed a moment later.
PASSING_FAULTS = frozenset(
    {
        "ConcurrentAccess",
        "HostCommunication",
        "HostNotConnected",
        "HostNotReachable",
        "ResourceInUse",
        "SystemError",
        "TaskInProgress",
        "Timedout",
    }
)

# Codes of OpenSSL's certificate check.
CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID = 10, 9
HOST_NAME_MISMATCH, ADDRESS_MISMATCH = 62, 64

# pyVmomi, and our reading of JSON, meet an answer that they do not expect with any of these.
UNREADABLE = (KeyError, TypeError, AttributeError, ValueError)


class SessionLost(VCenterUnreachable):
    """vCenter does not know our session (any more)."""


class ConnectionBroken(VCenterUnreachable):
    """The connection ended before the whole answer had come."""


class NamedFault(VCenterFault):
    """A fault of vSphere. fault: its name, such as InvalidPowerState."""

    def __init__(self, what: str, *, why: str, next_step: str, retryable: bool | None = None, fault: str = "") -> None:
        super().__init__(what, why=why, next_step=next_step, retryable=retryable)
        self.fault = fault


class PowerRefused(NamedFault):
    """vCenter would not change the power of a VM: ToolsUnavailable, InvalidPowerState, TaskInProgress …"""

    @classmethod
    def from_fault(cls, error: NamedFault) -> PowerRefused:
        """The same, as the answer to a power call."""
        return cls(error.what, why=error.why, next_step=error.next_step, retryable=error.retryable, fault=error.fault)


def fault_name(fault: object) -> str:
    """The name of a vSphere fault without its namespace: `InvalidPowerState`."""
    return type(fault).__name__.rpartition(".")[2]


def fault_text(fault: Any) -> str:
    """The name of a fault, and what vCenter says about it."""
    name, message = fault_name(fault), (getattr(fault, "msg", None) or "").strip()
    return f"{name} ({message.rstrip('.')})" if message else name


def translate(error: Exception, *, what: str, address: str) -> PreemptionError | None:
    """Our error for one of pyVmomi, http.client, ssl or the socket; None for any other.

    what: the call that failed, as a short clause. address: host and port of vCenter.
    """
    if isinstance(error, ssl.SSLError):
        return _tls(error, what, address)
    if isinstance(error, (OSError, http.client.HTTPException, ExpatError, ParseError)):
        return _network(error, what, address)
    if isinstance(error, _pyvmomi.vmodl.MethodFault):
        return _fault(error, what, address)
    if isinstance(error, UNREADABLE):
        why = f"the answer of {address} cannot be read ({type(error).__name__}: {error})"
        return VCenterFault(what, why=why, next_step="Check that it is a vCenter, and look at its log.")
    return None


def _tls(error: ssl.SSLError, what: str, address: str) -> PreemptionError:
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return _broken(error, what, address)
    if not isinstance(error, ssl.SSLCertVerificationError):
        why = f"no TLS connection to {address} ({getattr(error, 'reason', None) or error})"
        return VCenterTlsRefused(what, why=why, next_step="Check that this host and port serve HTTPS.")
    code = error.verify_code
    if code in (CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID):
        why = f"the certificate of {address} is {'expired' if code == CERTIFICATE_EXPIRED else 'not valid yet'}"
        return VCenterTlsRefused(what, why=why, next_step="Renew the certificate of vCenter, and check both clocks.")
    if code in (HOST_NAME_MISMATCH, ADDRESS_MISMATCH):
        why = f"the certificate of {address} is for another host name"
        return VCenterTlsRefused(what, why=why, next_step="Use a name of vCenter that its certificate holds.")
    why = f"the certificate of {address} is not signed by a trusted authority ({error.verify_message})"
    return VCenterTlsRefused(what, why=why, next_step="Give the CA file that vCenter's certificate was signed with.")


def _network(error: Exception, what: str, address: str) -> PreemptionError:
    if isinstance(error, TimeoutError):
        why = f"{address} did not answer in time"
        return VCenterTimeout(what, why=why, next_step="Try again; if that goes on, look at the load of vCenter.")
    if isinstance(error, gaierror):
        why = f"the name of {address} cannot be resolved ({error.strerror})"
        return VCenterUnreachable(what, why=why, next_step="Check the address of vCenter, and the name service.")
    lost = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, ExpatError, ParseError)
    cut_off = (http.client.IncompleteRead, http.client.BadStatusLine, http.client.LineTooLong)
    if isinstance(error, (*lost, *cut_off)):
        return _broken(error, what, address)
    why = f"no connection to {address} ({getattr(error, 'strerror', None) or error})"
    return VCenterUnreachable(what, why=why, next_step="Check that vCenter is up and reachable from here.")


def _broken(error: Exception, what: str, address: str) -> ConnectionBroken:
    why = f"the connection to {address} broke before the answer was complete ({type(error).__name__})"
    return ConnectionBroken(what, why=why, next_step="Try again once vCenter is up.")


def _fault(error: Any, what: str, address: str) -> PreemptionError:
    name = fault_name(error)
    if isinstance(error, _pyvmomi.vim.fault.InvalidLogin):
        why = f"{address} refused the user name or the password"
        return VCenterLoginRefused(what, why=why, next_step="Store the right credentials; no restart is needed.")
    special = _SPECIAL.get(name)
    if special is not None:
        return special(error, what)
    step = "Try again." if name in PASSING_FAULTS else "Look at the task or the event in vCenter for the reason."
    return NamedFault(what, why=fault_text(error), next_step=step, retryable=name in PASSING_FAULTS, fault=name)


def _session_lost(error: Any, what: str) -> PreemptionError:
    return SessionLost(what, why="vCenter ended our session", next_step="Try again; a new session is opened.")


def _no_permission(error: Any, what: str) -> PreemptionError:
    privilege, entity = getattr(error, "privilegeId", None), getattr(error, "object", None)
    where = f" on {type(entity).__name__.rpartition('.')[2]}:{entity._moId}" if entity is not None else ""
    why = f"the account lacks the privilege {privilege or '(vCenter does not say which)'}{where}"
    return VCenterPermissionDenied(what, why=why, next_step="Grant it to the role of the account.")


def _gone(error: Any, what: str) -> PreemptionError:
    entity = getattr(error, "obj", None)
    name = f"{type(entity).__name__.rpartition('.')[2]}:{entity._moId}" if entity is not None else "the object"
    return VCenterObjectGone(what, why=f"{name} does not exist any more", next_step="Nothing to do; it was deleted.")


_SPECIAL: dict[str, Callable[[Any, str], PreemptionError]] = {
    "NotAuthenticated": _session_lost,
    "NoPermission": _no_permission,
    "ManagedObjectNotFound": _gone,
}
