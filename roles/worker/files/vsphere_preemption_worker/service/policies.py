# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies of a worker. They can be reloaded; an invalid file has no effect."""

from __future__ import annotations

import logging
from pathlib import Path

from vsphere_preemption.core.policy.model import Policy, PolicySet
from vsphere_preemption.core.policy.problems import InvalidPolicy
from vsphere_preemption.policy_file.reading import load_policy_file

log = logging.getLogger(__name__)


class Policies:
    """The current policies. Reading `current` is thread-safe; a run keeps those with which it was planned.

    file: None for the built-in policy only. base: the defaults for the file. Raises InvalidPolicy when created.
    """

    def __init__(self, file: Path | None, base: Policy) -> None:
        self._file = file
        self._base = base
        self.current = self._read()

    def reload(self) -> bool:
        """Read the file again; if it is invalid, return False and keep the current policies."""
        try:
            newer = self._read()
        except InvalidPolicy as error:
            log_problems(error)
            kept = "the policy file is invalid; the previous policies remain in effect"
            log.error(kept, extra={"digest": self.current.digest})
            return False
        changed = newer.digest != self.current.digest
        self.current = newer
        log.info("policies reloaded", extra={"digest": newer.digest, "changed": changed})
        return True

    def _read(self) -> PolicySet:
        if self._file is None:
            return PolicySet({self._base.name: self._base}, self._base.name)
        return load_policy_file(self._file, self._base)


def log_problems(error: InvalidPolicy) -> None:
    """Log one line for each error, with its position in the file."""
    for line in error.lines:
        log.error("error in the policy file", extra={"mistake": line})
