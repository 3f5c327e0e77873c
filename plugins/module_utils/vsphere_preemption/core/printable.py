# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Untrusted text in output for people. A name or message may contain anything, and looks the same in every output."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text on one line; control and bidirectional formatting characters and lone surrogates are escaped."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )
