# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every failure a user may see, in one tree.

Each error states what failed, why, and what to do next. It has a stable `code` for playbooks and workflows to branch
on, and knows whether a retry can help. Errors of third-party libraries never leave the layer that uses them: they are
translated there and chained.

    PreemptionError
    ├── InvalidInput                 nothing was changed
    │   ├── InvalidRequest
    │   │   └── GivenButEmpty
    │   ├── InvalidSetting
    │   └── InvalidPolicy            in core/policy/problems.py; contains all problems
    ├── MissingLibrary
    ├── VCenterError
    │   ├── VCenterUnreachable       retry helps
    │   ├── VCenterTimeout           retry helps
    │   ├── VCenterTlsRefused
    │   ├── VCenterLoginRefused      retry helps once the credential files change
    │   ├── VCenterPermissionDenied
    │   ├── VCenterObjectGone
    │   ├── VCenterFault             depends on the fault
    │   ├── TagNotFound
    │   ├── TagAmbiguous
    │   ├── PlaceNotFound
    │   ├── PlaceAmbiguous
    │   ├── NameTaken                something else has the name already
    │   ├── StillInUse               others use what would be deleted
    │   ├── MachineNotFound          no VM fits what was written
    │   └── MachineAmbiguous         it fits several VMs
    ├── RunFailed                    the request has an outcome, and it is a failure
    ├── RestoreFailed                no VM could be restored
    ├── TemporalError
    │   ├── TemporalUnreachable      retry helps
    │   ├── TemporalTlsRefused
    │   ├── TemporalAccessDenied
    │   ├── NamespaceNotFound        see ../temporal/namespace/model.py for more
    │   ├── NoWorker                 retry helps once a worker is running
    │   ├── WorkflowNotFound
    │   ├── OutcomeTimeout           retry helps: the same request id finds the same run
    │   ├── NotWaitingForApproval
    │   └── RestoreInProgress        retry helps once the other restore has ended
    ├── SinkError
    │   ├── SinkNotAllowed
    │   ├── SinkRefused
    │   └── SinkUnreachable          retry helps
    └── DeployError                  in ../_worker_host/errors.py, with its subclasses
"""

from __future__ import annotations


class PreemptionError(Exception):
    """Base of every failure a user may see.

    what: the thing that did not work, as a short clause without a full stop.
    why: the cause, as far as it is known.
    next_step: a full sentence about what the user should do.
    """

    code = "internal"
    retryable = False

    def __init__(self, what: str, *, why: str, next_step: str, retryable: bool | None = None) -> None:
        # Texts from outside may contain lone surrogates, which neither Temporal nor a terminal can encode.
        text = f"{what}: {why}. {next_step}"
        super().__init__(text.encode("utf-8", "backslashreplace").decode("utf-8"))
        self.what = what
        self.why = why
        self.next_step = next_step
        if retryable is not None:
            self.retryable = retryable

    def as_result(self) -> dict[str, object]:
        """The keyword arguments for `fail_json` of a module.

        failure: the code again, as a key. Ansible masks a secret wherever it occurs in a value, but never in a key, so
        a playbook can rely on it whatever the password is.
        """
        return {
            "msg": str(self),
            "error_code": self.code,
            "failure": {self.code: True},
            "retryable": self.retryable,
        }


class InvalidInput(PreemptionError):
    """Invalid user input; nothing was changed."""

    code = "invalid_input"


class InvalidRequest(InvalidInput):
    """A preemption request that is incomplete or invalid."""

    code = "invalid_request"


class GivenButEmpty(InvalidRequest):
    """A limit that is set but empty. It has the code of any other invalid request; see `given`."""


class RequestTooLarge(InvalidRequest):
    """A request that leaves no room for others. It has the code of any other invalid request."""


class InvalidSetting(InvalidInput):
    """An environment variable or option with an invalid value."""

    code = "invalid_setting"


class MissingLibrary(PreemptionError):
    """A required Python library is not installed."""

    code = "missing_library"


class VCenterError(PreemptionError):
    """vCenter could not or did not carry out an operation."""

    code = "vcenter_error"


class VCenterUnreachable(VCenterError):
    """No connection, or it was lost before a response arrived."""

    code = "vcenter_unreachable"
    retryable = True


class VCenterTimeout(VCenterError):
    """vCenter did not respond to a call within the time limit."""

    code = "vcenter_timeout"
    retryable = True


class VCenterTlsRefused(VCenterError):
    """vCenter's certificate is not trusted."""

    code = "vcenter_tls_refused"


class VCenterLoginRefused(VCenterError):
    """vCenter does not accept the credentials.

    Retryable, because credentials rotate; the session never tries rejected credentials twice, so that no account is
    locked.
    """

    code = "vcenter_login_refused"
    retryable = True


class VCenterPermissionDenied(VCenterError):
    """The account lacks a privilege."""

    code = "vcenter_permission_denied"


class VCenterObjectGone(VCenterError):
    """The managed object no longer exists."""

    code = "vcenter_object_gone"


class VCenterFault(VCenterError):
    """Any other fault that vCenter returned. fault: vSphere's name of it, such as InvalidPowerState, if it has one."""

    code = "vcenter_fault"

    def __init__(self, what: str, *, why: str, next_step: str, retryable: bool | None = None, fault: str = "") -> None:
        super().__init__(what, why=why, next_step=next_step, retryable=retryable)
        self.fault = fault


class TagNotFound(VCenterError):
    """No tag matches the name."""

    code = "tag_not_found"


class TagAmbiguous(VCenterError):
    """The name matches tags in several categories."""

    code = "tag_ambiguous"


class PlaceNotFound(VCenterError):
    """No inventory object matches the place."""

    code = "place_not_found"


class PlaceAmbiguous(VCenterError):
    """The name of a place matches several inventory objects."""

    code = "place_ambiguous"


class RunFailed(PreemptionError):
    """No VM could be stopped, or the run was aborted. record: of the run, as the workflow returns it."""

    code = "run_failed"

    def __init__(self, record: dict[str, object]) -> None:
        self.record = record
        super().__init__(
            f"The preemption has the outcome {record['outcome']}",
            why=" ".join(str(record["message"]).split()).rstrip(".") or str(record["reason"]) or "no reason given",
            next_step="Check the outcome of each VM, and send the request again with another request id.",
        )


class RestoreFailed(PreemptionError):
    """No VM could be restored, or the restore was aborted. record: of the restore, as its workflow returns it."""

    code = "restore_failed"

    def __init__(self, record: dict[str, object]) -> None:
        self.record = record
        super().__init__(
            f"The restore has the outcome {record['outcome']}",
            why=" ".join(str(record["message"]).split()).rstrip(".") or str(record["reasonCode"]),
            next_step="Check the outcome of each VM and retry; VMs already restored stay powered on.",
        )


class TemporalError(PreemptionError):
    """The Temporal server could not or did not carry out an operation."""

    code = "temporal_error"


class TemporalUnreachable(TemporalError):
    """No connection to the Temporal frontend."""

    code = "temporal_unreachable"
    retryable = True


class TemporalTlsRefused(TemporalError):
    """The TLS connection to Temporal could not be established."""

    code = "temporal_tls_refused"


class TemporalAccessDenied(TemporalError):
    """Temporal does not accept the API key or the client certificate."""

    code = "temporal_access_denied"


class NamespaceNotFound(TemporalError):
    """The Temporal namespace does not exist."""

    code = "namespace_not_found"


class WorkflowNotFound(TemporalError):
    """No workflow has that id."""

    code = "workflow_not_found"


class NoWorker(TemporalError):
    """The workflow exists, but no worker responds for it."""

    code = "no_worker"
    retryable = True


class OutcomeTimeout(TemporalError):
    """The request was accepted, but its outcome was not known before the timeout.

    last_state: the result of `current_state` at that time, None if it could not be read.
    """

    code = "outcome_timeout"
    retryable = True

    def __init__(self, what: str, *, why: str, next_step: str, last_state: dict[str, object] | None = None) -> None:
        super().__init__(what, why=why, next_step=next_step)
        self.last_state = last_state

    def as_result(self) -> dict[str, object]:
        return {**super().as_result(), "last_state": self.last_state}


class NotWaitingForApproval(TemporalError):
    """No run is waiting for this decision."""

    code = "not_waiting_for_approval"


class RestoreInProgress(TemporalError):
    """Another restore of the same workflow is active."""

    code = "restore_in_progress"
    retryable = True


class SinkError(PreemptionError):
    """An event could not be delivered."""

    code = "sink_error"


class SinkNotAllowed(SinkError):
    """The operator of the worker does not allow the reply target."""

    code = "sink_not_allowed"


class SinkRefused(SinkError):
    """The receiver rejected the event."""

    code = "sink_refused"


class SinkUnreachable(SinkError):
    """The receiver did not respond, or reported that it cannot accept the event now."""

    code = "sink_unreachable"
    retryable = True


class NameTaken(VCenterError):
    """An object with this name exists but is of another kind."""

    code = "name_taken"


class StillInUse(VCenterError):
    """The object is in use or contains history, and its deletion was not forced."""

    code = "still_in_use"


class MachineNotFound(VCenterError):
    """No VM matches the name, path or reference."""

    code = "vm_not_found"


class MachineAmbiguous(VCenterError):
    """The name matches several VMs."""

    code = "vm_ambiguous"
