# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How vCenter names are compared, and how untrusted text is printed.

vCenter writes a slash, a backslash and a percent sign in the name of an object as %2f, %5c and %25; the vSphere Client
shows the characters themselves. Names may be written either way.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

_ESCAPED = re.compile("%(2f|5c|25)", re.IGNORECASE)


def spellings(name: str) -> set[str]:
    """The name as written, and as shown by the vSphere Client."""
    if "%" not in name:
        return {name}
    return {name, _ESCAPED.sub(lambda match: chr(int(match[1], 16)), name)}


def fits(name: str, pattern: str) -> bool:
    """Whether a shell pattern matches the name of an object, case-insensitively and in any spelling of either."""
    wanted = [spelling.casefold() for spelling in spellings(pattern)]
    return any(fnmatchcase(name.casefold(), pattern) for name in spellings(name) for pattern in wanted)


def names_tag(wanted: str, label: str) -> bool:
    """Whether `name` or `category/name` specifies the tag with this label, which is `category/name`.

    If a name contains a slash, a tag too many matches rather than too few.
    """
    return label == wanted or label.endswith("/" + wanted)


def printable(text: str) -> str:
    """Untrusted text on one line, for people; control and bidirectional formatting characters and lone surrogates are
    escaped.
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )
