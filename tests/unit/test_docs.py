# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation promises about codes and pages."""

from __future__ import annotations

import re

import pytest

from support.paths import CHECKOUT
from vsphere_preemption.core.outcome import RunEnd
from vsphere_preemption.core.reasons import LeftOut, RunReason, VictimReason

DOCS = CHECKOUT / "docs"


@pytest.mark.parametrize("codes", [RunEnd, RunReason, LeftOut, VictimReason])
def test_every_code_has_its_line_in_the_table(codes: type[RunEnd | RunReason | LeftOut | VictimReason]) -> None:
    page = (DOCS / "outcomes.md").read_text()
    documented = set(re.findall(r"`(\w+)`", "\n".join(line for line in page.splitlines() if line.startswith("|"))))
    assert {code.value for code in codes if code.value} <= documented


def test_every_page_is_listed_and_every_link_leads_somewhere() -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "README.md").read_text()))
    assert listed == {page.name for page in DOCS.glob("*.md")} - {"README.md"}
    for page in [*DOCS.glob("*.md"), CHECKOUT / "README.md"]:
        for target in re.findall(r"\]\(((?!http)[^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
