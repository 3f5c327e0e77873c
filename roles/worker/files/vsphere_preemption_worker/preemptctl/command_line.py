# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsing of the command line as in Go's cobra, which the prototype uses: flags may be anywhere, even before the
command; a value follows after a space or `=`; a boolean flag accepts `=false`.
"""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Iterable, Sequence
from typing import NoReturn

from vsphere_preemption.core.errors import InvalidInput

from .commands import COMMANDS, EVERYWHERE
from .flags import Command, Flag

PROGRAM = "preemptctl"


class WrongUsage(InvalidInput):
    """The command line is not valid."""

    code = "wrong_usage"

    def __init__(self, why: str, command: str = "") -> None:
        command = f"{PROGRAM} {command}".rstrip()
        super().__init__("Invalid command line", why=why, next_step=f"See {command} --help.")


def flags_of(command: Command) -> tuple[Flag, ...]:
    """The command's own flags, and those that all commands have."""
    return (*command.flags, *EVERYWHERE)


def _every_flag() -> Iterable[Flag]:
    yield from (flag for command in COMMANDS for flag in flags_of(command))


BY_NAME = {f"--{name}": flag for flag in _every_flag() for name in (flag.name, flag.alias) if name}
BY_LETTER = {f"-{flag.short}": flag for flag in _every_flag() if flag.short}


def split(words: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """The path of the command, and all other words, with each flag as `--name=value`."""
    path: tuple[str, ...] = ()
    rest: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            return path, [*rest, word, *left]
        if word.startswith("-") and word != "-":
            rest.append(_long_form(word, left))
        elif not rest_holds_words(rest) and is_prefix((*path, word)):
            path = (*path, word)
        else:
            rest.append(word)
    return path, rest


def rest_holds_words(rest: Sequence[str]) -> bool:
    """Whether an argument of the command has been read."""
    return any(not word.startswith("-") for word in rest)


def is_prefix(path: tuple[str, ...]) -> bool:
    """Whether a command has this path, or begins with it."""
    return any(command.path[: len(path)] == path for command in COMMANDS)


def find(path: tuple[str, ...]) -> Command | None:
    """The command with this path; None for a command group or an empty path."""
    return next((command for command in COMMANDS if command.path == path), None)


def parse(command: Command, rest: Sequence[str]) -> Namespace:
    """The options of the command. Raises WrongUsage, which names the invalid word."""
    parser = parser_of(command)
    return parser.parse_args(list(rest))


def parser_of(command: Command) -> argparse.ArgumentParser:
    """The parser of one command."""
    parser = _Parser(
        prog=f"{PROGRAM} {command.name}",
        usage=f"%(prog)s {f'{command.argument} ' if command.argument else ''}[FLAG ...]",
        formatter_class=_Formatter,
        description=f"{command.about[0].upper()}{command.about[1:]}.",
        allow_abbrev=False,
        add_help=False,
    )
    parser.command = command.name
    for flag in flags_of(command):
        _add(parser, flag)
    if command.argument:
        name = command.argument.strip("[]")
        parser.add_argument(name.lower(), metavar=name, nargs="?" if command.argument.startswith("[") else None)
    return parser


class _Formatter(argparse.HelpFormatter):
    """Shows a boolean flag without its optional value."""

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        return "" if action.nargs == "?" and action.option_strings else super()._format_args(action, default_metavar)


class _Parser(argparse.ArgumentParser):
    """An argument parser that reports errors in the same way as all other errors."""

    command = ""

    def error(self, message: str) -> NoReturn:
        raise WrongUsage(message.rstrip("."), self.command)


def _add(parser: argparse.ArgumentParser, flag: Flag) -> None:
    names = [f"-{flag.short}", f"--{flag.name}"] if flag.short else [f"--{flag.name}"]
    if flag.name == "help":
        parser.add_argument(*names, action="help", help=flag.about)
    elif not flag.takes_value:
        parser.add_argument(*names, type=_Reader(flag), nargs="?", const=True, metavar="", help=flag.about)
    else:
        default = f" (default {_shown(flag)})" if flag.default not in (None, "") else ""
        parser.add_argument(
            *names,
            type=_Reader(flag),
            action="append" if flag.many else "store",
            default=[] if flag.many else flag.default,
            metavar=flag.kind.word,
            help=f"{flag.about}{default}".replace("%", "%%"),
        )


def _shown(flag: Flag) -> str:
    return f"{flag.default:g}s" if isinstance(flag.default, float) else str(flag.default)


class _Reader:
    """Reads the value of a flag, with our error messages instead of argparse's."""

    def __init__(self, flag: Flag) -> None:
        self._flag = flag

    def __call__(self, text: str) -> object:
        try:
            return self._flag.kind.read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error


def _long_form(word: str, left: list[str]) -> str:
    """The flag with its value, which may be the next word. An unknown flag is left unchanged and rejected later."""
    flag, value = _taken_apart(word)
    if flag is None:
        return word
    if flag.name == "help":
        return "--help"
    if value is None and flag.takes_value:
        return f"--{flag.name}={left.pop(0)}" if left else f"--{flag.name}"
    return f"--{flag.name}={'true' if value is None else value}"


def _taken_apart(word: str) -> tuple[Flag | None, str | None]:
    """The flag in a word, and its value if it is part of the word: --name=value, -n=value, -nvalue."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return BY_NAME.get(name), value if equals else None
    flag, more = BY_LETTER.get(word[:2]), word[2:]
    if not more or (flag is not None and not flag.takes_value and not more.startswith("=")):
        return (flag, None) if not more else (None, None)
    return flag, more.removeprefix("=")
