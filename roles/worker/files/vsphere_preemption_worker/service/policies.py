# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies that a worker goes by. They are read again on demand; a file that is wrong changes nothing."""

from __future__ import annotations

import logging
from pathlib import Path

from vsphere_preemption.core.policy.model import Policy, PolicySet
from vsphere_preemption.core.policy.problems import InvalidPolicy
from vsphere_preemption.policy_file.reading import load_policy_file

log = logging.getLogger(__name__)


class Policies:
    """The current policies. Reading `current` is safe from any thread; a run keeps those that it was planned with.

    file: None for the built-in policy alone. base: what holds where the file says nothing. InvalidPolicy at the start.
    """

    def __init__(self, file: Path | None, base: Policy) -> None:
        self._file = file
        self._base = base
        self.current = self._read()

    def reload(self) -> bool:
        """Read the file again; False where it is wrong, and the old policies go on."""
        try:
            newer = self._read()
        except InvalidPolicy as error:
            log_problems(error)
            log.error("the policy file is wrong, so the old policies stay", extra={"digest": self.current.digest})
            return False
        changed = newer.digest != self.current.digest
        self.current = newer
        log.info("policies were read", extra={"digest": newer.digest, "changed": changed})
        return True

    def _read(self) -> PolicySet:
        if self._file is None:
            return PolicySet({self._base.name: self._base}, self._base.name)
        return load_policy_file(self._file, self._base)


def log_problems(error: InvalidPolicy) -> None:
    """One line for each mistake, with its place in the file."""
    for line in error.lines:
        log.error("mistake in the policy file", extra={"mistake": line})
