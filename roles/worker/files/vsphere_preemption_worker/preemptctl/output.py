# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output of results to standard output, and of errors as one line to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from vsphere_preemption.core.errors import PreemptionError
from vsphere_preemption.core.redaction import without_secrets

from .command_line import PROGRAM
from .terminal import safe


class Output:
    """json: print one JSON object per line, in ASCII, so that no name can control a terminal.

    Secrets in reply addresses are always redacted.
    """

    def __init__(self, *, json: bool, verbose: bool = False) -> None:
        self.json = json
        self._verbose = verbose

    def answer(self, document: dict[str, Any], lines: Iterable[str]) -> None:
        """Print the document as JSON, or the lines as text."""
        if self.json:
            print(_as_json(document), flush=True)
        else:
            self.lines(lines)

    def lines(self, lines: Iterable[str]) -> None:
        """Print lines of text and flush them."""
        for line in lines:
            print(line)
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Print what is being done, with --verbose."""
        if self._verbose:
            print(f"{PROGRAM}: {safe(text)}", file=sys.stderr)

    def error(self, error: PreemptionError) -> None:
        """Print an error."""
        if self.json:
            # `failure` is for playbooks only, because Ansible may mask values.
            known = {name: value for name, value in error.as_result().items() if name != "failure"}
            print(_as_json({"level": "error", **known}), file=sys.stderr)
        else:
            print(f"{PROGRAM}: {safe(error)} [{error.code}]", file=sys.stderr)


def _as_json(document: dict[str, Any]) -> str:
    return json.dumps(without_secrets(document))


def lenient() -> None:
    """Escape characters that the terminal's encoding does not support, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def let_go_of_stdout() -> None:
    """The reader has closed the pipe: discard buffered output, so that the interpreter exits without an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
