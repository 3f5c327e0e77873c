# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive that users get: what is in it, that it installs without network, and that its modules are found."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from support.paths import CHECKOUT

PROGRAMS = Path(sys.executable).parent
MODULES = ("preemption_signal", "preemption_query", "preemption_cancel")
ON_TOP = {
    "CHANGELOG.md", "CONTRIBUTING.md", "FILES.json", "LICENSE", "MANIFEST.json", "README.md", "SECURITY.md",
    "bindep.txt", "requirements.txt", "changelogs", "docs", "extensions", "meta", "playbooks", "plugins", "roles",
}  # fmt: skip
LARGEST_ARCHIVE_BYTES = 1_000_000


def run(program: str, *arguments: str | Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [PROGRAMS / program, *arguments], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, f"{program} {arguments[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "tools")}
    return Path(run("python", "-m", "sanity.archive", folder, environment=environment).splitlines()[-1])


@pytest.fixture(scope="module")
def installed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the archive is installed, and in which the checkout cannot be found."""
    home, collections = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("collections")
    environment = {
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "ANSIBLE_HOME": str(home / ".ansible"),
        "ANSIBLE_REMOTE_TEMP": str(home / ".ansible" / "tmp"),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "LC_ALL": "C.UTF-8",
    }
    install = ("collection", "install", archive, "--offline", "-p", collections)
    run("ansible-galaxy", *install, environment=environment)
    return environment


def names_in(archive: Path) -> list[str]:
    with tarfile.open(archive) as content:
        return content.getnames()


def test_the_archive_holds_what_users_need_and_nothing_else(archive: Path) -> None:
    names = names_in(archive)
    assert {name.split("/")[0] for name in names} == ON_TOP
    assert [name for name in names if "/changelogs" in f"/{name}" and name.count("/") == 1] == [
        "changelogs/changelog.yaml"
    ]
    assert not [name for name in names if name.endswith((".pyc", ".tar.gz")) or "__pycache__" in name]
    assert archive.stat().st_size < LARGEST_ARCHIVE_BYTES


@pytest.mark.parametrize(
    "name",
    [
        "meta/runtime.yml",
        "plugins/module_utils/vsphere_preemption/core/contract.py",
        "roles/worker/files/vsphere_preemption_worker/__main__.py",
        "roles/worker/files/requirements.txt",
        "plugins/action/preemption_worker_deploy.py",
        "playbooks/wheelhouse.yml",
        "docs/images/flow.svg",
        "extensions/eda/plugins/event_source/alarms.py",
        "extensions/eda/plugins/event_source/schemas/alarms.json",
        "extensions/eda/rulebooks/preempt_and_restore.yml",
        *(f"plugins/modules/{module}.py" for module in MODULES),
        *(f"roles/{role.name}/README.md" for role in sorted((CHECKOUT / "roles").iterdir())),
    ],
)
def test_the_archive_holds(name: str, archive: Path) -> None:
    assert name in names_in(archive)


def test_links_between_pages_lead_to_files_of_the_archive(archive: Path) -> None:
    with tarfile.open(archive) as content:
        names = set(content.getnames())
        pages = {name: content.extractfile(name) for name in names if name.endswith(".md")}
        texts = {name: page.read().decode() for name, page in pages.items() if page is not None}
    links = {
        (name, os.path.normpath(Path(name).parent / target))
        for name, text in texts.items()
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    }
    assert links
    assert sorted((name, target) for name, target in links if target not in names) == []


@pytest.mark.parametrize("module", MODULES)
def test_ansible_doc_reads_the_installed_module(module: str, installed: dict[str, str]) -> None:
    name = f"vsphere.preemption.{module}"
    page = json.loads(run("ansible-doc", "--json", "-t", "module", name, environment=installed))[name]
    assert page["doc"]["options"]
    assert page["doc"]["filename"].startswith(installed["ANSIBLE_COLLECTIONS_PATH"])
    assert "name:" in page["examples"]


def test_the_installed_module_runs_also_under_its_other_name(installed: dict[str, str]) -> None:
    """`preemption_info` is another name of `preemption_query`; nobody listens at the address, and it says so."""
    arguments = "temporal_address=127.0.0.1:9 temporal_namespace=n"
    command = ("localhost", "-m", "vsphere.preemption.preemption_info", "-a", arguments)
    done = subprocess.run(
        [PROGRAMS / "ansible", *command, "-e", json.dumps({"ansible_python_interpreter": sys.executable})],
        env=installed, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip

    assert '"error_code": "temporal_unreachable"' in done.stdout, done.stdout + done.stderr
