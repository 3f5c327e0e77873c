# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make guards` quotes the source; here it is noticed at once when a quoted line was changed."""

from __future__ import annotations

import pytest
from guards.mutations import MUTATIONS, Mutation

from support.paths import CHECKOUT


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: f"{mutation.invariant} {mutation.guard.strip()}")
def test_each_guard_is_where_it_is_quoted_from(mutation: Mutation) -> None:
    assert (CHECKOUT / mutation.file).read_text(encoding="utf-8").count(mutation.guard) == 1
    assert mutation.guard != mutation.without
    assert (CHECKOUT / mutation.test.split()[0]).exists()
