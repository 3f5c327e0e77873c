# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the import contracts cannot say. The rule itself is in `layers`; here it is applied to every file, and shown to
bite."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import PurePosixPath

import pytest

from support.paths import CHECKOUT, WORKER_PYTHONPATH

from .layers import LIBRARY_FOLDER, WEBHOOK_FOLDER, WORKER_FOLDER, broken_rules

SHIPPED = sorted(
    path.relative_to(CHECKOUT).as_posix()
    for folder in ("plugins", "roles")
    for path in (CHECKOUT / folder).rglob("*.py")
)


def test_each_file_imports_only_what_its_layer_allows() -> None:
    broken = [rule for name in SHIPPED for rule in broken_rules(PurePosixPath(name), (CHECKOUT / name).read_text())]
    assert broken == []


def test_the_layers_are_where_the_rule_looks_for_them() -> None:
    for folder in (LIBRARY_FOLDER / "core", LIBRARY_FOLDER / "vcenter", WORKER_FOLDER / "workflows", WEBHOOK_FOLDER):
        assert list((CHECKOUT / folder).glob("*.py")), f"{folder} is empty: the rule would check nothing"


def test_a_worker_without_a_webhook_does_not_load_its_library() -> None:
    """Not by a detour over a file of the webhook either."""
    code = "import sys, vsphere_preemption_worker.__main__; raise SystemExit('aiohttp' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": WORKER_PYTHONPATH}
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=30, check=False).returncode == 0


@pytest.mark.parametrize(
    ("path", "source"),
    [
        pytest.param(LIBRARY_FOLDER / "core/mark.py", "import yaml", id="core imports something foreign"),
        pytest.param(LIBRARY_FOLDER / "core/_yaml.py", "import requests", id="core imports it behind a guard"),
        pytest.param(LIBRARY_FOLDER / "policy_file/tree.py", "import yaml", id="YAML beside its guard"),
        pytest.param(
            LIBRARY_FOLDER / "events/sink.py",
            "from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.vcenter import client",
            id="by its collection name",
        ),
        pytest.param(LIBRARY_FOLDER / "events/sink.py", "import requests", id="an unguarded foreign library"),
        pytest.param(LIBRARY_FOLDER / "events/sink.py", "def f():\n    import requests", id="hidden in a function"),
        pytest.param(
            LIBRARY_FOLDER / "vcenter/client.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    import pyVmomi",
            id="beside a block for types",
        ),
        pytest.param(LIBRARY_FOLDER / "temporal/__init__.py", "import temporalio", id="in an __init__"),
        pytest.param(
            LIBRARY_FOLDER / "temporal/_x.py", "import vsphere_preemption_worker", id="library imports worker"
        ),
        pytest.param(
            PurePosixPath("plugins/modules/x.py"), "from vsphere_preemption_worker import x", id="module, worker"
        ),
        pytest.param(PurePosixPath("plugins/action/x.py"), "import vsphere_preemption_worker.x", id="action, worker"),
        pytest.param(PurePosixPath("plugins/modules/x.py"), "import temporalio.client", id="module, foreign library"),
        pytest.param(WORKER_FOLDER / "workflows/run.py", "import requests", id="workflow, foreign library"),
        pytest.param(WORKER_FOLDER / "service/health.py", "from aiohttp import web", id="aiohttp in the service"),
        pytest.param(
            WORKER_FOLDER / "triggers/alarm_actions.py", "import aiohttp.web", id="aiohttp beside the webhook"
        ),
        pytest.param(WORKER_FOLDER / "workflows/run.py", "import aiohttp", id="workflow, aiohttp"),
        pytest.param(LIBRARY_FOLDER / "events/_delivery.py", "import aiohttp", id="aiohttp behind a guard"),
        pytest.param(PurePosixPath("plugins/modules/x.py"), "import aiohttp", id="module, aiohttp"),
    ],
)
def test_the_rule_bites_when(path: PurePosixPath, source: str) -> None:
    assert len(broken_rules(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        pytest.param(
            LIBRARY_FOLDER / "vcenter/client.py", "from ..core import errors\nfrom . import rest", id="downwards"
        ),
        pytest.param(
            LIBRARY_FOLDER / "vcenter/transport/_pyvmomi.py",
            "try:\n    import pyVmomi\nexcept ImportError: ...",
            id="guard",
        ),
        pytest.param(
            LIBRARY_FOLDER / "events/sink.py",
            "import typing\nif typing.TYPE_CHECKING:\n    import requests",
            id="for types only",
        ),
        pytest.param(
            PurePosixPath("plugins/modules/x.py"),
            "from ..module_utils.vsphere_preemption.core import errors",
            id="module",
        ),
        pytest.param(WORKER_FOLDER / "activities/x.py", "import temporalio.activity", id="worker"),
        pytest.param(WEBHOOK_FOLDER / "server.py", "from aiohttp import web", id="webhook"),
        pytest.param(
            WORKER_FOLDER / "workflows/run.py",
            "import asyncio\nfrom temporalio import workflow\nfrom ..messages.run import X\nfrom .approval import Y",
            id="workflow",
        ),
    ],
)
def test_the_rule_lets_pass(path: PurePosixPath, source: str) -> None:
    assert broken_rules(path, source) == []
