# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where answers and errors go: answers to standard output, errors as one line to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from vsphere_preemption.core.errors import PreemptionError
from vsphere_preemption.core.redaction import without_secrets

from .command_line import PROGRAM
from .showing import safe


class Output:
    """json: everything is one JSON object a line, in ASCII, so that no name can steer a terminal.

    Reply addresses lose what is secret in them, whoever wrote them.
    """

    def __init__(self, *, json: bool, verbose: bool = False) -> None:
        self.json = json
        self._verbose = verbose

    def answer(self, document: dict[str, Any], lines: Iterable[str]) -> None:
        """The document for programs, or the lines for people."""
        if self.json:
            print(_as_json(document), flush=True)
        else:
            self.lines(lines)

    def lines(self, lines: Iterable[str]) -> None:
        """Lines for people, at once."""
        for line in lines:
            print(line)
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """What is being done, for who wants to know."""
        if self._verbose:
            print(f"{PROGRAM}: {safe(text)}", file=sys.stderr)

    def error(self, error: PreemptionError) -> None:
        """What went wrong."""
        if self.json:
            # `failure` is for playbooks, whose values Ansible may mask.
            known = {name: value for name, value in error.as_result().items() if name != "failure"}
            print(_as_json({"level": "error", **known}), file=sys.stderr)
        else:
            print(f"{PROGRAM}: {safe(error)} [{error.code}]", file=sys.stderr)


def _as_json(document: dict[str, Any]) -> str:
    return json.dumps(without_secrets(document))


def lenient() -> None:
    """A terminal that cannot show a character gets its escape; no answer fails for that."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def let_go_of_stdout() -> None:
    """Nobody reads any more: what is still buffered goes nowhere, and the interpreter ends without complaint."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
