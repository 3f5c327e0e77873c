# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m guards`: remove the guard of each invariant in a copy of the checkout, and check that its test fails."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sanity.checkout import CACHE, copy_into

from .mutations import MUTATIONS, Mutation

SECONDS = 120
TESTS_FAILED = 1


def main() -> int:
    """0 if every test has noticed the missing guard; else 1."""
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        checkout = copy_into(Path(folder))
        missed = [mutation for mutation in MUTATIONS if not is_noticed(checkout, mutation)]
    for mutation in missed:
        print(
            f"guards: no test noticed {mutation.invariant}, {mutation.file}: {mutation.guard.strip()}", file=sys.stderr
        )
    return 1 if missed else 0


def is_noticed(checkout: Path, mutation: Mutation) -> bool:
    """Whether the test passes with the guard, and fails without it."""
    with_guard = _pytest(checkout, mutation)
    with _without(checkout, mutation):
        noticed = with_guard == 0 and _pytest(checkout, mutation) == TESTS_FAILED
    print(f"guards: {mutation.invariant:<4} {'ok' if noticed else 'MISSED':<7} {mutation.test}", flush=True)
    return noticed


@contextmanager
def _without(checkout: Path, mutation: Mutation) -> Iterator[None]:
    file = checkout / mutation.file
    text = file.read_text()
    if text.count(mutation.guard) != 1:
        raise SystemExit(
            f"guards: {mutation.file} contains this guard {text.count(mutation.guard)} times: {mutation.guard}"
        )
    file.write_text(text.replace(mutation.guard, mutation.without))
    try:
        yield
    finally:
        file.write_text(text)


def _pytest(checkout: Path, mutation: Mutation) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-x", *shlex.split(mutation.test)]
    return subprocess.run(command, cwd=checkout, capture_output=True, timeout=SECONDS, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
