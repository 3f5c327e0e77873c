# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds where YAML compares what a module returned, because Ansible's no_log can falsify that.

Ansible replaces every secret of a task wherever it occurs in the texts and numbers of the result. It never touches
booleans, keys, or how many elements there are, and no text becomes empty by it. So these may be judged, and nothing
else. A result is followed through variables, loops and `set` to wherever it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import jinja2
import yaml
from jinja2 import nodes

# Their options hold no secret, so nothing of their results is masked.
PLAIN_MODULES = {f"ansible.builtin.{name}" for name in ("command", "find", "set_fact", "stat", "tempfile")}
# Results by another way than `register`.
ALWAYS_RESULTS = frozenset({"hostvars", "ansible_failed_result"})

CONDITIONS = {"when", "failed_when", "changed_when", "until", "break_when", "that", "condition", "all", "any"}
LOOPS = ("loop", "with_items", "with_dict", "with_list")

COUNTING = {"length", "count"}
HARMLESS_TESTS = {
    *("defined", "undefined", "none", "true", "false", "boolean", "mapping", "sequence", "iterable"),
    *("skipped", "skip", "failed", "failure", "succeeded", "success", "changed", "change", "finished", "started"),
}
# By filter, the place of the test among the arguments.
CHOOSING = {"selectattr": 1, "rejectattr": 1, "select": 0, "reject": 0}
JUDGING = {
    *("bool", "int", "float", "groupby", "regex_search", "regex_findall"),
    *("difference", "intersect", "symmetric_difference", "version"),
}
JUDGING_METHODS = {"startswith", "endswith", "find", "index", "count", "isdigit", "isdecimal", "split"}

# Only to parse: nothing is rendered.
_ENVIRONMENT = jinja2.Environment(autoescape=True)


class _Loader(yaml.SafeLoader):
    """Takes !unsafe and !vault for what they hold."""


_Loader.add_multi_constructor("!", lambda loader, _suffix, node: loader.construct_scalar(node))


@dataclass(frozen=True)
class Source:
    """A file, or a piece of one. is_template: it is text for Jinja, not YAML."""

    name: str
    text: str
    is_template: bool = False


@dataclass(frozen=True)
class Expression:
    """A template in a source. results: names that hold results here alone, such as the variable of a loop."""

    source: str
    text: str
    results: frozenset[str] = frozenset()


def comparisons(sources: Iterable[Source]) -> list[tuple[str, str]]:
    """Source and text of every expression that compares what a module returned."""
    documents = [(source, None if source.is_template else _parsed(source)) for source in sources]
    results = _results([document for _source, document in documents])
    found = []
    for source, document in documents:
        pieces = _expressions(source, document, results)
        whole = [Expression(source.name, source.text)] if source.is_template else pieces
        found += [(one.source, one.text) for one in whole if compares(one.text, results | one.results)]
    return found


def compares(template: str, results: frozenset[str]) -> bool:
    """Whether a template judges a value of what these names hold."""
    tree = _ENVIRONMENT.parse(template)
    known = _with_locals(tree, results | ALWAYS_RESULTS)
    return any(_judges(node, known) for node in tree.find_all(nodes.Node))


def _judges(node: nodes.Node, results: frozenset[str]) -> bool:
    """Whether the outcome of this very node depends on a value that may be masked."""
    if isinstance(node, nodes.Compare):
        return any(_maskable(child, results) for child in (node.expr, *(operand.expr for operand in node.ops)))
    if isinstance(node, nodes.Test):
        return node.name not in HARMLESS_TESTS and _any_maskable(node, results)
    if isinstance(node, nodes.Getitem):
        return _maskable(node.arg, results)
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        by_value = node.node.attr in JUDGING_METHODS and _maskable(node.node.node, results)
        return by_value or (node.node.attr == "get" and any(_maskable(one, results) for one in node.args))
    if isinstance(node, nodes.Filter):
        return _any_maskable(node, results) and (node.name in JUDGING or _chooses_by_value(node))
    return False


def _chooses_by_value(node: nodes.Filter) -> bool:
    """selectattr('a') looks whether there is something; selectattr('a', 'eq', 'b') at what it is."""
    place = CHOOSING.get(node.name)
    if place is None or len(node.args) <= place:
        return False
    test = node.args[place]
    return not (isinstance(test, nodes.Const) and test.value in HARMLESS_TESTS)


def _maskable(node: nodes.Node, results: frozenset[str]) -> bool:
    """Whether the value of an expression may hold a masked text or number."""
    if isinstance(node, nodes.Name):
        return node.name in results
    if isinstance(node, (nodes.Compare, nodes.Test, nodes.Not)):
        return False
    if isinstance(node, nodes.Filter) and node.name in COUNTING:
        return False
    if isinstance(node, nodes.CondExpr):
        return any(_maskable(one, results) for one in (node.expr1, node.expr2) if one)
    return _any_maskable(node, results)


def _any_maskable(node: nodes.Node, results: frozenset[str]) -> bool:
    return any(_maskable(child, results) for child in node.iter_child_nodes())


def _with_locals(tree: nodes.Template, results: frozenset[str]) -> frozenset[str]:
    """The names, and those that the template itself gives to results."""
    while True:
        more = set(results)
        for loop in tree.find_all(nodes.For):
            more |= _targets(loop.target) if _maskable(loop.iter, results) else set()
        for assigned in tree.find_all(nodes.Assign):
            more |= _targets(assigned.target) if _maskable(assigned.node, results) else set()
        if more == results:
            return results
        results = frozenset(more)


def _targets(node: nodes.Node) -> set[str]:
    found = {name.name for name in node.find_all(nodes.Name)}
    return found | ({node.name} if isinstance(node, nodes.Name) else set())


def _holds_result(value: Any, results: frozenset[str]) -> bool:
    """Whether a variable with this value holds a result, or a part of one."""
    for text in _texts(value):
        tree = _ENVIRONMENT.parse(text)
        if _any_maskable(tree, _with_locals(tree, results | ALWAYS_RESULTS)):
            return True
    return False


def _results(documents: list[Any]) -> frozenset[str]:
    """Every name under which a result can be found, in all documents together."""
    results = frozenset(name for document in documents for name in _registered(document))
    defined = [pair for document in documents for pair in _definitions(document)]
    while True:
        more = results | {name for name, value in defined if _holds_result(value, results)}
        if more == results:
            return results
        results = more


def _registered(document: Any) -> Iterator[str]:
    for mapping in _mappings(document):
        if isinstance(mapping.get("register"), str) and not PLAIN_MODULES & set(mapping):
            yield mapping["register"]


def _definitions(document: Any) -> Iterator[tuple[str, Any]]:
    """Variables with their values: of `vars`, of `set_fact`, and of a file that holds nothing else."""
    if isinstance(document, dict):
        yield from document.items()
    for mapping in _mappings(document):
        for key in ("vars", "ansible.builtin.set_fact"):
            if isinstance(mapping.get(key), dict):
                yield from mapping[key].items()


def _expressions(source: Source, value: Any, results: frozenset[str]) -> Iterator[Expression]:
    """The templates and conditions of a document, each with the names that hold a result there alone."""
    if isinstance(value, dict):
        local = results | _loop_variable(value, results)
        for key, entry in value.items():
            if key in CONDITIONS:
                for condition in entry if isinstance(entry, list) else [entry]:
                    if isinstance(condition, str) and "{{" not in condition:
                        yield Expression(source.name, f"{{{{ {condition} }}}}", local)
            yield from _expressions(source, entry, local)
    elif isinstance(value, list):
        for entry in value:
            yield from _expressions(source, entry, results)
    else:
        yield from (Expression(source.name, text, results) for text in _texts(value))


def _loop_variable(task: dict[str, Any], results: frozenset[str]) -> frozenset[str]:
    looped = [task[key] for key in LOOPS if key in task]
    if not looped or not _holds_result(looped, results):
        return frozenset()
    control = task.get("loop_control") or {}
    return frozenset({str(control.get("loop_var", "item"))})


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value that Ansible takes for templates."""
    if isinstance(value, str) and re.search(r"\{[{%]", value):
        yield value
    for entry in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(entry)


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for entry in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _mappings(entry)


def _parsed(source: Source) -> Any:
    return yaml.load(source.text, _Loader)  # noqa: S506 - a safe loader
