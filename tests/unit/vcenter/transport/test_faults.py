# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the libraries below, and what becomes of them."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from typing import Any
from xml.parsers.expat import ExpatError

import pytest
from pyVmomi import vim as pyvmomi_vim
from pyVmomi import vmodl as pyvmomi_vmodl

from vsphere_preemption.core.errors import (
    PreemptionError,
    VCenterFault,
    VCenterLoginRefused,
    VCenterObjectGone,
    VCenterPermissionDenied,
    VCenterTimeout,
    VCenterTlsRefused,
    VCenterUnreachable,
)
from vsphere_preemption.vcenter.transport.faults import (
    ConnectionBroken,
    SessionLost,
    fault_text,
    translate,
)

vim: Any = pyvmomi_vim
vmodl: Any = pyvmomi_vmodl


def translated(error: Exception) -> PreemptionError:
    ours = translate(error, what="Cannot do it", address="vcenter:443")
    assert ours is not None
    return ours


def a_certificate_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "the reason"
    return error


@pytest.mark.parametrize(
    ("error", "kind", "retryable", "text"),
    [
        pytest.param(a_certificate_error(10), VCenterTlsRefused, False, "is expired", id="expired"),
        pytest.param(a_certificate_error(9), VCenterTlsRefused, False, "not valid yet", id="not valid yet"),
        pytest.param(a_certificate_error(62), VCenterTlsRefused, False, "another host name", id="other host"),
        pytest.param(a_certificate_error(64), VCenterTlsRefused, False, "another host name", id="other address"),
        pytest.param(a_certificate_error(20), VCenterTlsRefused, False, "CA file", id="unknown authority"),
        pytest.param(ssl.SSLError(1, "WRONG_VERSION_NUMBER"), VCenterTlsRefused, False, "HTTPS", id="no TLS there"),
        pytest.param(ssl.SSLEOFError(8, "EOF"), ConnectionBroken, True, "was lost", id="cut in the handshake"),
        pytest.param(TimeoutError("timed out"), VCenterTimeout, True, "in time", id="silent"),
        pytest.param(OSError(errno.ETIMEDOUT, "no answer"), VCenterTimeout, True, "in time", id="dead host"),
        pytest.param(ConnectionRefusedError(111, "refused"), VCenterUnreachable, True, "refused", id="port closed"),
        pytest.param(OSError(113, "No route to host"), VCenterUnreachable, True, "No route", id="no route"),
        pytest.param(socket.gaierror(-2, "unknown"), VCenterUnreachable, True, "cannot be resolved", id="no such name"),
        pytest.param(ConnectionResetError(104, "reset"), ConnectionBroken, True, "was lost", id="reset"),
        pytest.param(http.client.RemoteDisconnected("gone"), ConnectionBroken, True, "was lost", id="closed"),
        pytest.param(http.client.IncompleteRead(b"x"), ConnectionBroken, True, "was lost", id="half an answer"),
        pytest.param(ExpatError("no element found"), ConnectionBroken, True, "was lost", id="half a document"),
        pytest.param(http.client.HTTPException("503 down"), VCenterUnreachable, True, "503", id="gateway"),
        pytest.param(vim.fault.NotAuthenticated(), SessionLost, True, "session", id="session"),
        pytest.param(vim.fault.InvalidLogin(), VCenterLoginRefused, True, "rejected the user", id="password"),
        pytest.param(vmodl.fault.ManagedObjectNotFound(), VCenterObjectGone, False, "no longer exists", id="deleted"),
        pytest.param(vim.fault.TaskInProgress(), VCenterFault, True, "TaskInProgress", id="busy"),
        pytest.param(vim.fault.InvalidPowerState(), VCenterFault, False, "InvalidPowerState", id="off already"),
        pytest.param(vmodl.fault.SystemError(), VCenterFault, True, "SystemError", id="system error"),
        pytest.param(KeyError(""), VCenterFault, False, "is invalid", id="pyVmomi stumbled"),
    ],
)
def test_each_error_becomes_one_of_ours(
    error: Exception, kind: type[PreemptionError], retryable: bool, text: str
) -> None:
    ours = translated(error)
    assert ours.__class__ is kind
    assert ours.retryable is retryable
    assert text in str(ours)
    assert str(ours).startswith("Cannot do it: ")


def test_an_error_that_is_ours_to_fix_is_left_alone() -> None:
    assert translate(RuntimeError("bug"), what="Cannot do it", address="vcenter:443") is None


def test_a_missing_privilege_is_named_together_with_its_object() -> None:
    vm = vim.VirtualMachine("vm-42", None)
    ours = translated(vim.fault.NoPermission(object=vm, privilegeId="VirtualMachine.Interact.PowerOff"))
    assert isinstance(ours, VCenterPermissionDenied)
    assert "VirtualMachine.Interact.PowerOff on VirtualMachine:vm-42" in str(ours)


def test_a_power_fault_keeps_its_name() -> None:
    fault = translated(vim.fault.ToolsUnavailable(msg="Tools is not running."))
    assert isinstance(fault, VCenterFault)
    assert (fault.fault, fault.retryable) == ("ToolsUnavailable", False)
    assert "ToolsUnavailable (Tools is not running)" in str(fault)


def test_a_fault_without_text_is_told_by_its_name() -> None:
    assert fault_text(vim.fault.InvalidPowerState()) == "InvalidPowerState"
