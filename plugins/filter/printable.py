# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Untrusted text in the output of playbooks."""

from __future__ import annotations

DOCUMENTATION = r"""
name: printable
short_description: Escape control characters in names and messages
version_added: 0.2.2
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Escapes control and bidirectional formatting characters, line breaks included, in every text of a value, in the same
    way as the modules do it. The name of a VM may contain any character.
positional: _input
options:
  _input:
    description: A text, or a list or dictionary with texts at any depth.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Show the names of the victims
  ansible.builtin.debug:
    msg: "{{ outcome.victims | map(attribute='name') | vsphere.preemption.printable }}"
"""

RETURN = r"""
_value:
  description: The same value with its texts escaped.
  type: raw
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.names import printable


def printable_value(value: Any) -> Any:
    """The value with its texts escaped."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {name: printable_value(inner) for name, inner in value.items()}
    return [printable_value(inner) for inner in value] if isinstance(value, Iterable) else value


class FilterModule:
    """The filters of this file, by name."""

    def filters(self) -> dict[str, Callable[[Any], Any]]:
        return {"printable": printable_value}
