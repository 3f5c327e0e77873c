# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`completion`: scripts with which a shell completes commands, flags and their values, without any connection."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from . import exit_codes
from .command_line import PROGRAM, WrongUsage, flags_of
from .commands import COMMANDS, SHELLS
from .flags import Command, Flag, FlagKind
from .output import Output


def complete(options: Namespace, output: Output) -> int:
    """Print the script. Raises WrongUsage for an unknown shell."""
    writer = _WRITERS.get(options.shell)
    if writer is None:
        raise WrongUsage(f"no completion for {options.shell!r}, only for {', '.join(SHELLS)}", "completion")
    script = writer()
    output.answer({"shell": options.shell, "script": script}, script.splitlines())
    return exit_codes.OK


def next_words() -> dict[str, list[str]]:
    """The words that may follow each beginning of a command."""
    found: dict[str, list[str]] = {}
    for command in COMMANDS:
        for depth, word in enumerate(command.path):
            words = found.setdefault(" ".join(command.path[:depth]), [])
            if word not in words:
                words.append(word)
    found["completion"] = list(SHELLS)
    return found


def _bash() -> str:
    words = "\n".join(f'        "{path}") words="{" ".join(follow)}" ;;' for path, follow in next_words().items())
    flags = "\n".join(f'        "{command.name}") flags="{_names(command)}" ;;' for command in COMMANDS)
    return f"""\
# Completion of {PROGRAM} for bash: source it, or copy it to your system's completion directory.
_{PROGRAM}() {{
    local cur="${{COMP_WORDS[COMP_CWORD]}}" prev="" path="" words="" flags="" word index
    [ "$COMP_CWORD" -gt 0 ] && prev="${{COMP_WORDS[COMP_CWORD-1]}}"
    for ((index = 1; index < COMP_CWORD; index++)); do
        word="${{COMP_WORDS[index]}}"
        case "$word" in
        -*) ;;
        *) case " {" ".join(_all_words())} " in *" $word "*) path="${{path:+$path }}$word" ;; esac ;;
        esac
    done
    case "$prev" in
{_bash_values()}
    esac
    case "$path" in
{words}
    esac
    case "$path" in
{flags}
    esac
    case "$cur" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$cur")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$cur")) ;;
    esac
}}
complete -F _{PROGRAM} {PROGRAM}
"""


def _bash_values() -> str:
    """Completions for a flag that takes a value: its values, files, or nothing."""
    lines = []
    for flag in _flags_with_values():
        names = "|".join(_spellings(flag))
        if flag.values:
            reply = f'COMPREPLY=($(compgen -W "{" ".join(flag.values)}" -- "$cur"))'
        elif flag.kind in (FlagKind.FILE, FlagKind.FOLDER):
            reply = f'COMPREPLY=($(compgen -{"f" if flag.kind is FlagKind.FILE else "d"} -- "$cur"))'
        else:
            reply = "COMPREPLY=()"
        lines.append(f"    {names}) {reply}; return ;;")
    return "\n".join(lines)


def _zsh() -> str:
    return f"#compdef {PROGRAM}\nautoload -U +X bashcompinit && bashcompinit\n{_bash()}"


def _fish() -> str:
    lines = [f"# Completion of {PROGRAM} for fish.", f"complete -c {PROGRAM} -f"]
    for path, words in next_words().items():
        seen = f"__fish_seen_subcommand_from {path}" if path else "__fish_use_subcommand"
        lines += [f"complete -c {PROGRAM} -n '{seen}' -a '{word}'" for word in words]
    for command in COMMANDS:
        for flag in flags_of(command):
            lines.append(_fish_flag(command, flag))
    return "\n".join(lines) + "\n"


def _fish_flag(command: Command, flag: Flag) -> str:
    parts = [f"complete -c {PROGRAM} -n '__fish_seen_subcommand_from {command.path[-1]}' -l {flag.name}"]
    parts += [f"-s {flag.short}"] if flag.short else []
    if flag.values:
        parts.append(f"-x -a '{' '.join(flag.values)}'")
    elif flag.takes_value:
        parts.append("-r -F" if flag.kind in (FlagKind.FILE, FlagKind.FOLDER) else "-x")
    about = flag.about.replace("'", "\\'")
    return " ".join([*parts, f"-d '{about}'"])


def _flags_with_values() -> list[Flag]:
    found = {flag.name: flag for command in COMMANDS for flag in command.flags if flag.takes_value}
    return list(found.values())


def _spellings(flag: Flag) -> list[str]:
    return [f"--{flag.name}", *([f"-{flag.short}"] if flag.short else [])]


def _names(command: Command) -> str:
    return " ".join(f"--{flag.name}" for flag in flags_of(command))


def _all_words() -> list[str]:
    return sorted({word for command in COMMANDS for word in command.path})


_WRITERS: dict[str, Callable[[], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
