# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every failure a user may see, in one tree.

Each error says what failed, why, and what to do next. It carries a stable `code` that playbooks and workflows branch
on, and knows whether doing the same thing again can help. Errors of foreign libraries never leave the layer that
speaks to them: they are translated there and chained.

    PreemptionError
    ├── InvalidInput                 nothing was changed
    │   ├── InvalidRequest
    │   │   └── GivenButEmpty
    │   ├── InvalidSetting
    │   └── InvalidPolicy            in core/policy/problems.py; holds all that is wrong
    ├── MissingLibrary
    ├── VCenterError
    │   ├── VCenterUnreachable       retry helps
    │   ├── VCenterTimeout           retry helps
    │   ├── VCenterTlsRefused
    │   ├── VCenterLoginRefused      retry helps once the credential files change
    │   ├── VCenterPermissionDenied
    │   ├── VCenterObjectGone
    │   ├── VCenterFault             as the fault says
    │   ├── TagNotFound
    │   ├── TagAmbiguous
    │   ├── PlaceNotFound
    │   └── PlaceAmbiguous
    ├── RunFailed                    the request has an outcome, and it is a failure
    ├── RestoreFailed                no VM could be given back
    ├── TemporalError
    │   ├── TemporalUnreachable      retry helps
    │   ├── TemporalTlsRefused
    │   ├── TemporalAccessDenied
    │   ├── NamespaceNotFound        more about namespaces in ../temporal/namespace_errors.py
    │   ├── NoWorker                 retry helps once a worker runs
    │   ├── WorkflowNotFound
    │   ├── OutcomeTimeout           retry helps: the same request id finds the same run
    │   ├── NotWaitingForApproval
    │   └── RestoreInProgress        retry helps once the other restore has ended
    ├── SinkError
    │   ├── SinkNotAllowed
    │   ├── SinkRefused
    │   └── SinkUnreachable          retry helps
    └── DeployError                  in ../_worker_host/errors.py, with its own below
"""

from __future__ import annotations


class PreemptionError(Exception):
    """Base of every failure a user may see.

    what: the thing that did not work, as a short clause without a full stop.
    why: the cause, as far as it is known.
    next_step: a whole sentence that tells the user what to do.
    """

    code = "internal"
    retryable = False

    def __init__(self, what: str, *, why: str, next_step: str, retryable: bool | None = None) -> None:
        super().__init__(f"{what}: {why}. {next_step}")
        self.what = what
        self.why = why
        self.next_step = next_step
        if retryable is not None:
            self.retryable = retryable

    def as_result(self) -> dict[str, object]:
        """The keyword arguments that a module hands to `fail_json`.

        failure: the code once more, as a key. Ansible masks a secret wherever it occurs in a value, but in no key; so a
        playbook can rely on it whatever the password is.
        """
        return {
            "msg": str(self),
            "error_code": self.code,
            "failure": {self.code: True},
            "retryable": self.retryable,
        }


class InvalidInput(PreemptionError):
    """Something that a person wrote cannot be used; nothing was changed."""

    code = "invalid_input"


class InvalidRequest(InvalidInput):
    """A preemption request that does not say what it must."""

    code = "invalid_request"


class GivenButEmpty(InvalidRequest):
    """A limit that names nothing. It has the code of any other invalid request; see `given`."""


class InvalidSetting(InvalidInput):
    """An environment variable or option of ours with a value that cannot be."""

    code = "invalid_setting"


class MissingLibrary(PreemptionError):
    """A Python library is not installed where this code runs."""

    code = "missing_library"


class VCenterError(PreemptionError):
    """vCenter could not do, or would not do, what was asked."""

    code = "vcenter_error"


class VCenterUnreachable(VCenterError):
    """No connection, or it broke before an answer came."""

    code = "vcenter_unreachable"
    retryable = True


class VCenterTimeout(VCenterError):
    """vCenter did not answer a call within its time limit."""

    code = "vcenter_timeout"
    retryable = True


class VCenterTlsRefused(VCenterError):
    """The certificate of vCenter cannot be trusted."""

    code = "vcenter_tls_refused"


class VCenterLoginRefused(VCenterError):
    """vCenter does not accept the credentials.

    Retryable, because credentials rotate; the session never tries a refused pair twice, so that no account is locked.
    """

    code = "vcenter_login_refused"
    retryable = True


class VCenterPermissionDenied(VCenterError):
    """The account lacks a privilege."""

    code = "vcenter_permission_denied"


class VCenterObjectGone(VCenterError):
    """The managed object does not exist any more."""

    code = "vcenter_object_gone"


class VCenterFault(VCenterError):
    """Any other fault that vCenter answered with."""

    code = "vcenter_fault"


class TagNotFound(VCenterError):
    """No tag fits the name."""

    code = "tag_not_found"


class TagAmbiguous(VCenterError):
    """The name fits tags in several categories."""

    code = "tag_ambiguous"


class PlaceNotFound(VCenterError):
    """No object of the inventory fits the place."""

    code = "place_not_found"


class PlaceAmbiguous(VCenterError):
    """The name of a place fits several objects of the inventory."""

    code = "place_ambiguous"


class RunFailed(PreemptionError):
    """No VM could be stopped, or the run broke off. record: of the run, as the workflow gives it."""

    code = "run_failed"

    def __init__(self, record: dict[str, object]) -> None:
        self.record = record
        super().__init__(
            f"The preemption has the outcome {record['outcome']}",
            why=" ".join(str(record["message"]).split()).rstrip(".") or str(record["reason"]) or "no reason was given",
            next_step="See the outcome of each VM, and ask again with another request id.",
        )


class RestoreFailed(PreemptionError):
    """No VM could be given back, or the restore broke off. record: of the restore, as its workflow gives it."""

    code = "restore_failed"

    def __init__(self, record: dict[str, object]) -> None:
        self.record = record
        super().__init__(
            f"The restore has the outcome {record['outcome']}",
            why=" ".join(str(record["message"]).split()).rstrip(".") or str(record["reasonCode"]),
            next_step="See the outcome of each VM, and ask again; VMs that were given back stay so.",
        )


class TemporalError(PreemptionError):
    """The Temporal server could not do, or would not do, what was asked."""

    code = "temporal_error"


class TemporalUnreachable(TemporalError):
    """No connection to the Temporal frontend."""

    code = "temporal_unreachable"
    retryable = True


class TemporalTlsRefused(TemporalError):
    """The secure link to Temporal could not be made."""

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
    """The workflow exists, but no worker answers for it."""

    code = "no_worker"
    retryable = True


class OutcomeTimeout(TemporalError):
    """The request was accepted, but its outcome was not known in time.

    last_state: the answer of `current_state` at that moment, None where it could not be had.
    """

    code = "outcome_timeout"
    retryable = True

    def __init__(self, what: str, *, why: str, next_step: str, last_state: dict[str, object] | None = None) -> None:
        super().__init__(what, why=why, next_step=next_step)
        self.last_state = last_state

    def as_result(self) -> dict[str, object]:
        return {**super().as_result(), "last_state": self.last_state}


class NotWaitingForApproval(TemporalError):
    """There is no run that waits for this decision."""

    code = "not_waiting_for_approval"


class RestoreInProgress(TemporalError):
    """Another restore of the same workflow is at work."""

    code = "restore_in_progress"
    retryable = True


class SinkError(PreemptionError):
    """An event could not be delivered."""

    code = "sink_error"


class SinkNotAllowed(SinkError):
    """The reply target is none that the operator of the worker allows."""

    code = "sink_not_allowed"


class SinkRefused(SinkError):
    """The receiver answered that it does not want the event."""

    code = "sink_refused"


class SinkUnreachable(SinkError):
    """The receiver did not answer, or answered that it cannot take the event now."""

    code = "sink_unreachable"
    retryable = True
