# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's image: built by the playbook with buildah on a local Debian, and run in a chroot."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.ansible import Ansible
from support.kubernetes.image import buildah, buildah_environment

from .conftest import IMAGE, TAG, changes

pytestmark = pytest.mark.timeout(1200)
PYTHON = "/opt/vsphere-preemption/venv/bin/python"


def in_container(container: str, *command: str, mount: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command as the image's own user."""
    mounts = [f"--volume={mount}:/given:ro"] if mount else []
    return subprocess.run(
        ["buildah", "run", *mounts, container, "--", *command],
        stdin=subprocess.DEVNULL,
        env={**os.environ, **buildah_environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_same_content_is_built_once(builder: Ansible, image_variables: dict[str, Any], container: str) -> None:
    done = builder.named_playbook("build_image", image_variables)
    assert changes(done) == 0
    assert f"{IMAGE}:{TAG}" in done.stdout


def test_the_image_says_who_runs_what(container: str) -> None:
    config = json.loads(buildah("inspect", "--type", "image", f"{IMAGE}:{TAG}"))["OCIv1"]["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"][-2:] == ["-m", "vsphere_preemption_worker"]
    assert config["Labels"]["org.opencontainers.image.licenses"] == "GPL-3.0-or-later"


def test_the_worker_checks_a_policy_in_the_image(container: str, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    given.chmod(0o755)
    policy = given / "policy.yml"
    policy.write_text("version: 1\ndefault: p\npolicies: [{name: p}]\n")
    module = ("-m", "vsphere_preemption_worker", "--check-policy")
    good = in_container(container, PYTHON, *module, "/given/policy.yml", mount=given)
    assert good.returncode == 0, good.stdout + good.stderr
    policy.write_text("version: 1\ndefault: p\npolicies: [{name: p, amount: {max_vms: many}}]\n")
    bad = in_container(container, PYTHON, *module, "/given/policy.yml", mount=given)
    assert bad.returncode == 2
    assert "max_vms" in bad.stdout


def test_the_worker_in_the_image_is_not_root_and_has_its_libraries(container: str) -> None:
    program = "import os, temporalio.worker, pyVmomi, cloudevents, yaml, requests; print(os.getuid())"
    done = in_container(container, PYTHON, "-c", program)
    assert done.stdout.strip() == "65532", done.stderr
