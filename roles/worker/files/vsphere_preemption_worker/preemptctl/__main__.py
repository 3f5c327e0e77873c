# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m vsphere_preemption_worker.preemptctl`: the command line for operators of preemption.

It needs neither the worker's workflows nor its service. A command's imports are done when it runs, so that help and
completion start fast.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence

from vsphere_preemption.core.errors import PreemptionError

from . import exit_codes
from .command_line import PROGRAM, WrongUsage, find, is_prefix, parse, split
from .flags import Command
from .help import help_for
from .output import Output, lenient, let_go_of_stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    lenient()
    words = list(sys.argv[1:] if arguments is None else arguments)
    output = Output(json=_wants_json(words))
    try:
        return _run(words)
    except PreemptionError as error:
        output.error(error)
        return exit_codes.code_of(error)
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        let_go_of_stdout()
        return exit_codes.PIPE_CLOSED


def _run(words: list[str]) -> int:
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    path, rest = split(words)
    command = find(path)
    if command is None:
        return _group(path, rest)
    try:
        options = parse(command, rest)
    except SystemExit:  # argparse has printed the help
        sys.stdout.flush()
        return exit_codes.OK
    return _entry(command)(options, Output(json=bool(options.json), verbose=bool(options.verbose)))


def _entry(command: Command) -> Callable[..., int]:
    module, _colon, name = command.run.partition(":")
    entry: Callable[..., int] = getattr(importlib.import_module(f".{module}", __package__), name)
    return entry


def _group(path: tuple[str, ...], rest: Sequence[str]) -> int:
    """Show the help of a command group or of the program, or raise WrongUsage."""
    strange = [word for word in rest if word not in ("--help", "--json=true", "--verbose=true")]
    if rest in (["--version"], ["-v"]):
        return _version()
    if strange or not is_prefix(path):
        raise WrongUsage(f"unknown command {' '.join((*path, strange[0]))!r}", " ".join(path))
    Output(json=False).lines(help_for(path))
    return exit_codes.OK


def _version() -> int:
    Output(json=False).lines([f"{PROGRAM} of vsphere.preemption"])
    return exit_codes.OK


def _wants_json(words: Sequence[str]) -> bool:
    """Whether errors are shown as JSON, including errors about the command line itself."""
    _path, rest = split(words)
    return [word for word in rest if word.startswith("--json=")][-1:] == ["--json=true"]


if __name__ == "__main__":
    sys.exit(main())
