# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation promises about codes and pages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support.paths import CHECKOUT
from vsphere_preemption.core.reasons import LeftOut, RunReason, VictimReason
from vsphere_preemption.core.records.outcome import RunStatus

DOCS = CHECKOUT / "docs"


@pytest.mark.parametrize("codes", [RunStatus, RunReason, LeftOut, VictimReason])
def test_every_code_has_its_line_in_the_table(codes: type[RunStatus | RunReason | LeftOut | VictimReason]) -> None:
    page = (DOCS / "outcomes.md").read_text()
    documented = set(re.findall(r"`(\w+)`", "\n".join(line for line in page.splitlines() if line.startswith("|"))))
    assert {code.value for code in codes if code.value} <= documented


def test_every_page_is_listed() -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "README.md").read_text()))
    assert listed == {page.name for page in DOCS.glob("*.md")} - {"README.md"}


def test_the_glossary_has_each_term_once_in_alphabetical_order() -> None:
    terms = re.findall(r"^\| \*\*([^*]+)\*\* \|", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    assert terms
    assert terms == sorted(set(terms))


def prose(page: str) -> str:
    """The text of a page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", page, flags=re.MULTILINE | re.DOTALL)


def anchors(page: str) -> set[str]:
    """What a link into the page may name: its headings, as GitHub and the documentation site write them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    """The links of a page that lead nowhere in the checkout; other sites are not asked."""
    broken = []
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose(page.read_text())):
        path, _hash, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            broken.append(f"{page.name} links to {link}")
    return broken


def test_every_link_leads_somewhere() -> None:
    listing = subprocess.run(["git", "ls-files", "*.md"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    pages = [CHECKOUT / name for name in listing.stdout.splitlines()]
    assert {"README.md", "SECURITY.md", "CONTRIBUTING.md"} <= {page.name for page in pages}
    assert [link for page in pages if page.exists() for link in broken_links(page)] == []


def test_every_image_is_well_formed_and_shown_on_a_page() -> None:
    pages = "".join(page.read_text() for page in [*DOCS.glob("*.md"), CHECKOUT / "README.md"])
    for image in (DOCS / "images").iterdir():
        assert ElementTree.parse(image).find("{*}title") is not None, f"{image.name} has no title"
        assert f"images/{image.name})" in pages, f"{image.name} is on no page"


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        pytest.param("see [x](gone.md)", ["page.md links to gone.md"], id="no such page"),
        pytest.param("see [x](#gone)", ["page.md links to #gone"], id="no such heading"),
        pytest.param("# `a_b`, c\n[x](#a_b-c) [y](page.md#a_b-c) [z](https://example.com/#q)", [], id="good"),
        pytest.param(
            "```\n# Not a heading\n[x](gone.md)\n```\n[y](#not-a-heading)",
            ["page.md links to #not-a-heading"],
            id="code",
        ),
    ],
)
def test_the_rule_on_links_bites(text: str, broken: list[str], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    assert broken_links(page) == broken
