# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit codes. 0 to 5 have the same meaning as the worker's."""

from __future__ import annotations

from vsphere_preemption.core.errors import (
    InvalidInput,
    MissingLibrary,
    NamespaceNotFound,
    NoWorker,
    OutcomeTimeout,
    PlaceNotFound,
    PreemptionError,
    RestoreFailed,
    RestoreInProgress,
    RunFailed,
    TagNotFound,
    TemporalAccessDenied,
    TemporalTlsRefused,
    TemporalUnreachable,
    VCenterLoginRefused,
    VCenterPermissionDenied,
    VCenterTimeout,
    VCenterTlsRefused,
    VCenterUnreachable,
    WorkflowNotFound,
)

OK, FAILED, WRONG_INPUT, NO_NAMESPACE, NO_ACCESS, NO_LIBRARY = 0, 1, 2, 3, 4, 5
UNREACHABLE, NO_ANSWER, NOT_FOUND, BAD_OUTCOME = 6, 7, 8, 9
# The codes with which a shell reports a program that was terminated by a signal.
INTERRUPTED, PIPE_CLOSED = 130, 141

_BY_KIND: tuple[tuple[int, tuple[type[PreemptionError], ...]], ...] = (
    (WRONG_INPUT, (InvalidInput,)),
    (NO_NAMESPACE, (NamespaceNotFound,)),
    (NO_ACCESS, (TemporalAccessDenied, TemporalTlsRefused)),
    (NO_ACCESS, (VCenterLoginRefused, VCenterPermissionDenied, VCenterTlsRefused)),
    (NO_LIBRARY, (MissingLibrary,)),
    (UNREACHABLE, (TemporalUnreachable, VCenterUnreachable, VCenterTimeout)),
    (NO_ANSWER, (NoWorker, OutcomeTimeout, RestoreInProgress)),
    (NOT_FOUND, (WorkflowNotFound, TagNotFound, PlaceNotFound)),
    (BAD_OUTCOME, (RunFailed, RestoreFailed)),
)


def code_of(error: PreemptionError) -> int:
    """The exit code for an error."""
    return next((code for code, kinds in _BY_KIND if isinstance(error, kinds)), FAILED)
