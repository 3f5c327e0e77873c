# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saved inventories of a given size, made once and kept in the cache: loading one takes a fraction of building it."""

from __future__ import annotations

from pathlib import Path

from support.big_model import SEED_MACHINES, big_model
from support.paths import CACHE
from support.vcsim import Model, VCSim

FOLDER = CACHE / "bench" / "models"
CLUSTERS = 2


def model_folder(machines: int) -> Path:
    """The folder of an inventory with at least that many VMs, all powered on, in two clusters."""
    if machines >= SEED_MACHINES:
        return big_model(FOLDER, machines)
    target = FOLDER / str(machines)
    if not target.exists():
        vcsim = VCSim(FOLDER / "builder", model=Model(clusters=CLUSTERS, machines=machines // CLUSTERS)).start()
        try:
            vcsim.save(target.with_suffix(".new")).rename(target)
        finally:
            vcsim.stop()
    return target
