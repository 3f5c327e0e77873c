# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host itself: without it the other stories prove nothing."""

from __future__ import annotations

from .host import SystemdHost


def test_the_host_is_run_by_a_systemd_of_its_own(host: SystemdHost) -> None:
    assert host.run("readlink", "/proc/1/exe").strip().endswith("/systemd")
    assert host.run("systemctl", "--version").startswith("systemd ")
