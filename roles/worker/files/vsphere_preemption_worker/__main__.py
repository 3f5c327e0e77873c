# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m vsphere_preemption_worker`: start a worker with the settings in the environment."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vsphere_preemption.core.errors import (
    InvalidSetting,
    MissingLibrary,
    NamespaceNotFound,
    PreemptionError,
    TemporalAccessDenied,
    TemporalTlsRefused,
)
from vsphere_preemption.core.policy.problems import InvalidPolicy
from vsphere_preemption.policy_file.reading import load_policy_file

from .service.lifecycle import Service
from .service.log import set_up_logging
from .service.memory import share_heaps
from .service.policies import log_problems
from .service.settings import WorkerSettings

# Distinct, so that a service manager can tell which failures a restart cannot fix. 2 is the shells' code for misuse.
EXIT_OK, EXIT_FAILED, EXIT_SETTING, EXIT_NAMESPACE, EXIT_ACCESS, EXIT_LIBRARY = 0, 1, 2, 3, 4, 5

# Threads that wait for vCenter should not delay each other: with the default of 5 ms, a response that has arrived may
# have to wait while another thread parses a large one.
SWITCH_SECONDS = 0.0005

_EXIT_CODES: dict[type[PreemptionError], int] = {
    InvalidSetting: EXIT_SETTING,
    NamespaceNotFound: EXIT_NAMESPACE,
    TemporalAccessDenied: EXIT_ACCESS,
    TemporalTlsRefused: EXIT_ACCESS,
    MissingLibrary: EXIT_LIBRARY,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the worker until it is stopped; the exit code shows why it ended."""
    sys.setswitchinterval(SWITCH_SECONDS)
    share_heaps()
    set_up_logging(debug=False)
    options = _parser().parse_args(arguments)
    if options.check_policy:
        return check_policy(options.check_policy)
    try:
        settings = WorkerSettings.from_environment(os.environ)
        set_up_logging(debug=settings.debug)
        asyncio.run(_serve(settings))
    except InvalidPolicy as error:
        log_problems(error)
        return EXIT_SETTING
    except PreemptionError as error:
        logging.getLogger(__name__).error(str(error), extra={"error_code": error.code})
        return _EXIT_CODES.get(type(error), EXIT_FAILED)
    return EXIT_OK


def check_policy(path: Path) -> int:
    """Validate a policy file and print all its errors on standard output."""
    try:
        found = load_policy_file(path)
    except InvalidPolicy as error:
        print(*error.lines, sep="\n")
        return EXIT_SETTING
    print(f"{path}: {len(found.policies)} policies, digest {found.digest}, default {found.default}")
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vsphere_preemption_worker",
        description="Carries out preemption requests. It is configured with environment variables.",
    )
    check = "validate this policy file, report all errors, and exit"
    parser.add_argument("--check-policy", metavar="FILE", type=Path, help=check)
    return parser


async def _serve(settings: WorkerSettings) -> None:
    await Service(settings).run()


if __name__ == "__main__":
    sys.exit(main())
