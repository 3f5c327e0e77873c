# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation site: what is on it, and that it is not built with a link that leads nowhere."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from documentation import site

from support.paths import CHECKOUT


def a_source(folder: Path, text: str) -> Path:
    """A site of one page."""
    source = folder / "source"
    source.mkdir()
    (source / "index.md").write_text(f"# A page\n\n## A heading, with `code`\n\n{text}\n")
    return source


def test_the_site_has_every_page(tmp_path: Path) -> None:
    site.stage(tmp_path / "source")
    contents = (tmp_path / "source" / "index.md").read_text()
    pages = [path.relative_to(CHECKOUT).with_suffix("") for path in (CHECKOUT / "docs").rglob("*.md")]
    assert [page for page in pages if f"\n{page}\n" not in contents] == []
    assert (tmp_path / "source" / "docs" / "images" / "flow.svg").is_file()


def test_a_site_whose_links_lead_somewhere_is_built(tmp_path: Path) -> None:
    source = a_source(tmp_path, "[here](#a-heading-with-code), [there](https://example.com/nowhere)")
    site.build(source, tmp_path / "html")
    assert "a-heading-with-code" in (tmp_path / "html" / "index.html").read_text()


def test_broken_links_fail_the_build_and_all_are_reported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = a_source(tmp_path, "[no heading](#gone), [no page](gone.md), {ref}`no label <gone>`")
    with pytest.raises(subprocess.CalledProcessError):
        site.build(source, tmp_path / "html")
    reported = capfd.readouterr().err
    problems = ("target not found: 'gone'", "'gone.md'", "undefined label: 'gone'")
    assert [problem for problem in problems if problem not in reported] == []
