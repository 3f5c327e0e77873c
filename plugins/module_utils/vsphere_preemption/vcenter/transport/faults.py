# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All errors of the underlying libraries, translated into ours.

Two kinds are private to this folder, because the client handles them itself before a caller may see them:

    VCenterUnreachable
    ├── SessionLost          log in again, and repeat: the call was rejected before it did anything
    └── ConnectionBroken     a read is repeated once; a changing call may have been carried out
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable
from socket import gaierror
from typing import Any
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError

from ...core.errors import (
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

# pyVmomi and our JSON parser raise any of these for an unexpected response.
UNREADABLE = (KeyError, TypeError, AttributeError, ValueError)


class SessionLost(VCenterUnreachable):
    """vCenter does not recognize our session (any more)."""


class ConnectionBroken(VCenterUnreachable):
    """The connection was closed before the response was complete."""


def fault_name(fault: object) -> str:
    """The name of a vSphere fault without its namespace: `InvalidPowerState`."""
    return type(fault).__name__.rpartition(".")[2]


def fault_text(fault: Any) -> str:
    """The name of a fault, and vCenter's message."""
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
        why = f"the response of {address} is invalid ({type(error).__name__}: {error})"
        return VCenterFault(what, why=why, next_step="Check that it is a vCenter, and check its log.")
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
        return VCenterTlsRefused(what, why=why, next_step="Renew vCenter's certificate, and check both clocks.")
    if code in (HOST_NAME_MISMATCH, ADDRESS_MISMATCH):
        why = f"the certificate of {address} is for another host name"
        return VCenterTlsRefused(what, why=why, next_step="Connect with a host name that is in vCenter's certificate.")
    why = f"the certificate of {address} is not signed by a trusted CA ({error.verify_message})"
    return VCenterTlsRefused(what, why=why, next_step="Set the CA file to the CA that signed vCenter's certificate.")


def _network(error: Exception, what: str, address: str) -> PreemptionError:
    if isinstance(error, TimeoutError):
        why = f"{address} did not respond in time"
        return VCenterTimeout(what, why=why, next_step="Retry; if it keeps happening, check the load on vCenter.")
    if isinstance(error, gaierror):
        why = f"the name of {address} cannot be resolved ({error.strerror})"
        return VCenterUnreachable(what, why=why, next_step="Check the address of vCenter, and DNS.")
    lost = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, ExpatError, ParseError)
    cut_off = (http.client.IncompleteRead, http.client.BadStatusLine, http.client.LineTooLong)
    if isinstance(error, (*lost, *cut_off)):
        return _broken(error, what, address)
    why = f"no connection to {address} ({getattr(error, 'strerror', None) or error})"
    return VCenterUnreachable(what, why=why, next_step="Check that vCenter is running and reachable from this host.")


def _broken(error: Exception, what: str, address: str) -> ConnectionBroken:
    why = f"the connection to {address} was lost before the response was complete ({type(error).__name__})"
    return ConnectionBroken(what, why=why, next_step="Retry once vCenter is running.")


def _fault(error: Any, what: str, address: str) -> PreemptionError:
    name = fault_name(error)
    if isinstance(error, _pyvmomi.vim.fault.InvalidLogin):
        why = f"{address} rejected the user name or password"
        return VCenterLoginRefused(what, why=why, next_step="Store the correct credentials; no restart is needed.")
    special = _SPECIAL.get(name)
    if special is not None:
        return special(error, what)
    step = "Retry." if name in PASSING_FAULTS else "Check the task or the event in vCenter for the reason."
    return VCenterFault(what, why=fault_text(error), next_step=step, retryable=name in PASSING_FAULTS, fault=name)


def _session_lost(error: Any, what: str) -> PreemptionError:
    return SessionLost(what, why="vCenter ended our session", next_step="Retry; a new session is opened.")


def _no_permission(error: Any, what: str) -> PreemptionError:
    privilege, entity = getattr(error, "privilegeId", None), getattr(error, "object", None)
    where = f" on {type(entity).__name__.rpartition('.')[2]}:{entity._moId}" if entity is not None else ""
    why = f"the account lacks the privilege {privilege or '(not reported by vCenter)'}{where}"
    return VCenterPermissionDenied(what, why=why, next_step="Add it to the account's role.")


def _gone(error: Any, what: str) -> PreemptionError:
    entity = getattr(error, "obj", None)
    name = f"{type(entity).__name__.rpartition('.')[2]}:{entity._moId}" if entity is not None else "the object"
    return VCenterObjectGone(what, why=f"{name} no longer exists", next_step="No action is needed; it was deleted.")


_SPECIAL: dict[str, Callable[[Any, str], PreemptionError]] = {
    "NotAuthenticated": _session_lost,
    "NoPermission": _no_permission,
    "ManagedObjectNotFound": _gone,
}
