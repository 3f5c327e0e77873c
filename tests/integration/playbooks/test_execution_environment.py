# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-builder makes of the collection and of the example. No image is built: that needs a base image."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from support.paths import CHECKOUT

SECONDS = 60.0
NAME = re.compile(r"^[A-Za-z][\w.-]*")


def builder(*arguments: str | Path) -> str:
    command = [str(Path(sys.executable).parent / "ansible-builder"), *(str(argument) for argument in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def names(lines: list[str]) -> set[str]:
    return {found.group().lower() for line in lines if (found := NAME.match(line))}


def test_the_collection_tells_the_builder_what_its_modules_need(tmp_path: Path) -> None:
    home = tmp_path / "ansible_collections" / "vsphere"
    home.mkdir(parents=True)
    (home / "preemption").symlink_to(CHECKOUT)
    found = yaml.safe_load(builder("introspect", tmp_path))
    # aiohttp serves the worker's webhook; the builder leaves out what every execution environment has by itself.
    wanted = names((CHECKOUT / "requirements" / "runtime.in").read_text().splitlines()) - {"aiohttp", "pyyaml"}
    assert names(found["python"]) == wanted
    assert any(line.startswith("ca-certificates") for line in found["system"])
    assert names((CHECKOUT / "requirements.txt").read_text().splitlines()) == wanted | {"pyyaml"}


def test_the_example_makes_a_build_context_with_the_collection(tmp_path: Path) -> None:
    example = CHECKOUT / "docs" / "examples" / "execution-environment.yml"
    output = ["--output-filename", "Containerfile"]
    builder("create", "--file", example, "--context", tmp_path, *output)
    lines = (tmp_path / "Containerfile").read_text()
    assert "ansible-core>=2.19" in lines
    collections = yaml.safe_load((tmp_path / "_build" / "requirements.yml").read_text())["collections"]
    assert [entry["name"].endswith("vsphere.preemption.git") for entry in collections] == [True]
