# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit codes are documented, and those that the worker has too mean the same."""

from __future__ import annotations

import re

import pytest

from support.paths import CHECKOUT
from vsphere_preemption.core import errors
from vsphere_preemption.core.policy.problems import InvalidPolicy
from vsphere_preemption_worker import __main__ as worker
from vsphere_preemption_worker.preemptctl import exit_codes
from vsphere_preemption_worker.preemptctl.command_line import WrongUsage


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.InvalidRequest, 2),
        (WrongUsage, 2),
        (InvalidPolicy, 2),
        (errors.NamespaceNotFound, 3),
        (errors.TemporalTlsRefused, 4),
        (errors.VCenterLoginRefused, 4),
        (errors.MissingLibrary, 5),
        (errors.TemporalUnreachable, 6),
        (errors.VCenterTimeout, 6),
        (errors.NoWorker, 7),
        (errors.OutcomeTimeout, 7),
        (errors.WorkflowNotFound, 8),
        (errors.TagNotFound, 8),
        (errors.RunFailed, 9),
        (errors.TemporalError, 1),
        (errors.VCenterFault, 1),
    ],
)
def test_an_error_has_its_exit_code(kind: type[errors.PreemptionError], code: int) -> None:
    assert exit_codes.code_of(kind.__new__(kind)) == code


def test_the_first_codes_are_the_workers() -> None:
    ours = (
        exit_codes.OK,
        exit_codes.FAILED,
        exit_codes.WRONG_INPUT,
        exit_codes.NO_NAMESPACE,
        exit_codes.NO_ACCESS,
        exit_codes.NO_LIBRARY,
    )
    assert ours == (
        worker.EXIT_OK,
        worker.EXIT_FAILED,
        worker.EXIT_SETTING,
        worker.EXIT_NAMESPACE,
        worker.EXIT_ACCESS,
        worker.EXIT_LIBRARY,
    )


def test_every_exit_code_is_documented() -> None:
    page = (CHECKOUT / "docs" / "preemptctl.md").read_text()
    table = set(map(int, re.findall(r"^\| (\d+) \|", page, re.MULTILINE)))
    assert table == {value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)}
