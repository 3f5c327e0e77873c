# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each role has a README.md, which says what its argument specification says; Galaxy refuses a role without one."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from documentation import role_readme

from support.paths import CHECKOUT

ROLES = sorted(path for path in (CHECKOUT / "roles").iterdir() if path.is_dir())


def test_each_readme_is_what_the_argument_specification_says() -> None:
    assert role_readme.roles() == ROLES, "a role without meta/argument_specs.yml"
    readmes = {role.name: (role / "README.md").read_text() for role in ROLES}
    wanted = {
        name: role_readme.render(CHECKOUT / "roles" / name, role_readme.example_in(readmes[name])) for name in readmes
    }
    assert {name for name in readmes if readmes[name] != wanted[name]} == set(), f"run '{role_readme.COMMAND}'"


@pytest.mark.parametrize("role", [pytest.param(role, id=role.name) for role in ROLES])
def test_the_example_runs_the_role_with_variables_that_it_has(role: Path) -> None:
    (code,) = re.findall(r"```yaml\n(.*?)```", role_readme.example_in((role / "README.md").read_text()), re.DOTALL)
    ((used,),) = (play["roles"] for play in yaml.safe_load(code))
    known = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert used.pop("role") == f"vsphere.preemption.{role.name}"
    assert used.keys() <= known.keys()


@pytest.fixture
def role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one role, whose README is up to date."""
    copy = tmp_path / "roles" / "vcenter"
    shutil.copytree(CHECKOUT / "roles" / "vcenter", copy)
    monkeypatch.setattr(role_readme, "CHECKOUT", tmp_path)
    return copy


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["role_readme", *arguments])
    return role_readme.main()


def test_a_readme_that_is_behind_is_reported_and_then_written(
    role: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    specs = role / "meta" / "argument_specs.yml"
    specs.write_text(specs.read_text().replace("Name of the tag.", "Name of the V(new\\) | tag)."))
    assert run(monkeypatch, "--check") == 1
    assert "roles/vcenter/README.md" in capsys.readouterr().err

    assert run(monkeypatch) == 0
    assert r"Name of the `new) \| tag`." in (role / "README.md").read_text()
    assert run(monkeypatch, "--check") == 0


def test_the_example_is_kept(role: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = role / "README.md"
    readme.write_text(readme.read_text().replace("- name: Set up vCenter", "- name: Written by hand"))
    assert run(monkeypatch) == 0
    assert "- name: Written by hand" in readme.read_text()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("V(present) is\n  the default", "`present` is the default", id="value"),
        pytest.param("as M(a.b.c)", "as `a.b.c`", id="module"),
        pytest.param("see O(a.b.c#module:attach)", "see `attach` of `a.b.c`", id="option of a module"),
        pytest.param("with O(state=absent)", "with `state=absent`", id="option with a value"),
        pytest.param("the DC(0)", "the DC(0)", id="no markup"),
    ],
)
def test_markup_becomes_markdown(text: str, expected: str) -> None:
    assert role_readme.markdown(text) == expected


def test_markup_that_the_tool_does_not_know_is_refused() -> None:
    with pytest.raises(role_readme.UnknownMarkup, match=r"'L\(x,y\)'"):
        role_readme.markdown("see L(x,y)")
