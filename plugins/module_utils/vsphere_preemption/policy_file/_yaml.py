# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where the library imports PyYAML. Private to this folder.

A module must be importable without it, so a missing library is only an error for code that uses it. Only nodes are
built from the file, each with its position: no tag can create an object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.errors import MissingLibrary

if TYPE_CHECKING:
    from yaml.nodes import Node

MOST_LEVELS = 20
MOST_VALUES = 20_000

try:
    import yaml as _yaml
except ImportError as error:
    _PROBLEM: ImportError | None = error
else:
    _PROBLEM = None

    class _Loader(_yaml.SafeLoader):
        """Rejects content that is nested so deeply that it exceeds Python's stack, or that would take many seconds."""

        _levels = 0
        _values = 0

        def compose_node(self, parent: Node | None, index: int) -> Node | None:
            self._values += 1
            if self._levels == MOST_LEVELS:
                raise self._too_many(MOST_LEVELS, "levels")
            if self._values > MOST_VALUES:
                raise self._too_many(MOST_VALUES, "values")
            self._levels += 1
            try:
                return super().compose_node(parent, index)
            finally:
                self._levels -= 1

        def _too_many(self, limit: int, what: str) -> _yaml.MarkedYAMLError:
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            return _yaml.MarkedYAMLError(problem=f"there are more than {limit} {what}", problem_mark=event.start_mark)


class Malformed(Exception):
    """The text is not YAML. line, column: from 1; 0 if the position is not known."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line, self.column, self.message = line, column, message


def compose(text: str) -> Any:
    """The root node from PyYAML; None for an empty text. Raises Malformed, or MissingLibrary without PyYAML."""
    if _PROBLEM is not None:
        raise MissingLibrary(
            "Cannot read the policy file",
            why=str(_PROBLEM),
            next_step="Install the Python package PyYAML for the Python interpreter in use.",
        ) from _PROBLEM
    try:
        return _yaml.compose(text, _Loader)
    except _yaml.reader.ReaderError as error:
        before = text[: int(error.position)].split("\n")
        raise Malformed(len(before), len(before[-1]) + 1, "this character is not allowed in a YAML file") from error
    except _yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = " ".join(f"{error.context or ''} {error.problem or ''}".split())
        raise Malformed(mark.line + 1 if mark else 0, mark.column + 1 if mark else 0, message) from error
    except (ValueError, OverflowError) as error:
        # PyYAML accepts numbers that Python rejects, such as "\UFFFFFFFF" or %YAML 1.999….
        raise Malformed(0, 0, f"PyYAML cannot read this ({error})") from error
