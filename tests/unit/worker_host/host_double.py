# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host for deployments without processes: a service that only remembers, and a Python that makes no packages."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tarfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from unit.modules._collection import imported

deployment = imported("plugins.module_utils._worker_host.deployment")
errors = imported("plugins.module_utils._worker_host.errors")
spec = imported("plugins.module_utils._worker_host.spec")
service = imported("plugins.module_utils._worker_host.service")
clock = imported("plugins.module_utils._worker_host.clock")
state = imported("plugins.module_utils._worker_host.state")

NO_SERVICE = errors.ServiceFailed("Cannot start", why="it is broken", next_step="Repair it.")


class FakeClock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0
        self.clock = clock.Clock(lambda: self.time, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.time += seconds


class FakeService:
    """WorkerService that runs nothing. breaks_with: release or policy with which it cannot start or reload."""

    def __init__(self, instance: Any, unit: Path | None = None) -> None:
        self.instance = instance
        self.done: list[str] = []
        self.is_running = False
        self.breaks_with = ""
        self._unit = unit

    def secret_paths(self, secrets: Collection[str]) -> Mapping[str, str]:
        return {"VCENTER_SECRET_PATH": str(self.instance.credentials)}

    def definition(self) -> Mapping[str, str]:
        return {str(self._unit): self._unit.read_text()} if self._unit and self._unit.exists() else {}

    def wanted(self, secrets: Collection[str]) -> Mapping[str, str]:
        return {str(self._unit): "[Unit]\n"} if self._unit else {}

    def running(self) -> bool:
        return self.is_running

    def starting(self) -> bool:
        return False

    def start(self) -> None:
        release = self.instance.current.readlink().name
        self.done.append(f"start {release}")
        if release == self.breaks_with:
            raise NO_SERVICE
        self.is_running = True

    def reload(self) -> None:
        policy = self.instance.policy_file.read_text()
        self.done.append(f"reload {policy}")
        if policy == self.breaks_with:
            raise NO_SERVICE

    def stop(self) -> None:
        if self.is_running:
            self.done.append(f"stop {self.instance.current.readlink().name}")
        self.is_running = False

    def remove(self) -> None:
        self.stop()
        if self._unit and self._unit.exists():
            self._unit.unlink()
            self.done.append("remove")

    def log_tail(self) -> list[str]:
        return ["first", "I cannot go on"]


@dataclass
class FakeHost:
    """A folder for one instance. commands: what was run. failing: words in a command that make it fail."""

    root: Path
    name: str = "default"
    failing: tuple[str, ...] = ()
    commands: list[list[str]] = field(default_factory=list)
    environments: list[Mapping[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.instance = service.Instance(self.name, self.root / "opt", "127.0.0.1:1")
        self.detached = FakeService(self.instance)
        self.systemd = FakeService(self.instance, self.root / f"{self.name}.service")

    def spec(self, release: str = "one", *, service: str = "detached", **more: Any) -> Any:
        """An order of a release with this text in it. policy: text of the policy."""
        packed = archive({"vsphere_preemption_worker/__main__.py": release, "requirements.txt": "x==1"})
        path = self.root / f"{release}.tar.gz"
        path.write_bytes(gzip.compress(packed))
        files = {"credentials/password": state.File.hidden("hunter2")}
        if policy := more.pop("policy", ""):
            files["policy.yml"] = state.File(policy)
        given = {"archive": str(path), "lock_sha256": "b", "python": sys.executable, "files": files, **more}
        return spec.DeploymentSpec(self.instance, service, release_sha256=sha256(packed).hexdigest(), **given)

    def deployment(self, wanted: Any) -> Any:
        services = {"systemd": self.systemd, "detached": self.detached}
        return deployment.Deployment(wanted, services, self.run, FakeClock().clock)

    def deploy(self, release: str = "one", *, check_mode: bool = False, **more: Any) -> Any:
        return self.deployment(self.spec(release, **more)).present(check_mode=check_mode)

    def remove(self, *, check_mode: bool = False) -> Any:
        return self.deployment(spec.DeploymentSpec(self.instance, "detached")).absent(check_mode=check_mode)

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.root / "opt")) for path in (self.root / "opt").rglob("*"))

    def run(self, args: list[str], *, environ_update: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        """The commands of a deployment, as far as it looks at what they do."""
        self.commands.append(args)
        self.environments.append(environ_update or {})
        if any(word in part for word in self.failing for part in args):
            return 1, "", "first\nit went wrong"
        if "-c" in args:
            return 0, json.dumps([[3, 11], sys.executable]), ""
        if "venv" in args:
            program = Path(args[-1]) / "bin" / "python"
            program.parent.mkdir(parents=True)
            program.symlink_to(sys.executable)
        return 0, "", ""


def archive(content: Mapping[str, str]) -> bytes:
    """A tar with these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as writer:
        for name, text in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            writer.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()
