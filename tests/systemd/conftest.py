# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host for all stories, which follow one another as the life of a worker does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from support.paths import CACHE

from .base import NoHost, base_archive, make_possible, wheelhouse
from .host import SystemdHost

WHEELS = "/srv/wheels"


@pytest.fixture(scope="session")
def host() -> Iterator[SystemdHost]:
    """A booted host with a wheelhouse. Where there can be none, the tests fail and say why."""
    try:
        make_possible()
        found = SystemdHost(CACHE / "systemd" / "host", base_archive())
        wheels = wheelhouse()
        found.start()
    except NoHost as error:
        pytest.fail(str(error), pytrace=False)
    shutil.copytree(wheels, found.root / WHEELS.lstrip("/"))
    yield found
    found.destroy()
