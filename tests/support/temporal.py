# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Temporal server: the development server that comes with the `temporal` command."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from temporalio.client import Client

from .paths import tool
from .ports import LOOPBACK, free_port, is_listening
from .processes import ServerProcess

NAMESPACE = "vsphere-preemption"
START_SECONDS = 30.0
CALL_SECONDS = 20.0


class TemporalServer:
    """The development server on a loopback port.

    namespaces: made at the first start, beside `default`.
    durable: keep the state in a file, so that it survives `restart` and `kill`; else it lives in memory.
    port, ui_port: free ones are taken for None; without `with_ui` there is no web page.
    dynamic_config: server settings as KEY=JSON.
    """

    def __init__(
        self,
        folder: Path,
        *,
        namespaces: Sequence[str] = (NAMESPACE,),
        durable: bool = False,
        with_ui: bool = False,
        port: int | None = None,
        ui_port: int | None = None,
        dynamic_config: Sequence[str] = (),
        left_running: bool = False,
    ) -> None:
        self.port = port or free_port()
        self.ui_port = (ui_port or free_port()) if with_ui else None
        self._namespaces = tuple(namespaces)
        argv: list[str | Path] = [tool("temporal"), "server", "start-dev", "--ip", LOOPBACK, "--port", str(self.port)]
        argv += ["--ui-ip", LOOPBACK, "--ui-port", str(self.ui_port)] if with_ui else ["--headless"]
        argv += ["--db-filename", folder / "temporal.db"] if durable else []
        for namespace in namespaces:
            argv += ["--namespace", namespace]
        for setting in dynamic_config:
            argv += ["--dynamic-config-value", setting]
        self.process = ServerProcess("temporal", argv, folder=folder, left_running=left_running)

    @property
    def address(self) -> str:
        """host:port of the frontend."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui_url(self) -> str:
        """The address of the web page."""
        if self.ui_port is None:
            raise RuntimeError("this Temporal server was started without its web page")
        return f"http://{LOOPBACK}:{self.ui_port}"

    def start(self) -> TemporalServer:
        """Start it, and return once its namespaces can be used."""
        self.process.start()
        self.process.wait_ready(self._ready, START_SECONDS)
        return self

    def stop(self) -> None:
        """End it in good order."""
        self.process.stop()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()

    def restart(self) -> None:
        """End it, and start it again on the same port. The state stays only where it is durable."""
        self.process.stop()
        self.start()

    def create_namespace(self, name: str, *, retention: str = "24h") -> None:
        """Register a namespace, and wait until it can be used."""
        self._command("operator", "namespace", "create", "--retention", retention, name)
        self._command("workflow", "list", "--namespace", name)

    def describe_namespace(self, name: str) -> dict[str, Any] | None:
        """The namespace as the command describes it, None when there is none."""
        done = self._try_command("operator", "namespace", "describe", "--namespace", name, "-o", "json")
        if done.returncode == 0:
            found: dict[str, Any] = json.loads(done.stdout)
            return found
        if "not found" not in done.stderr:
            raise RuntimeError(f"temporal operator namespace describe failed: {done.stderr.strip()}")
        return None

    def search_attributes(self, namespace: str) -> dict[str, str]:
        """The namespace's own search attributes as the command lists them, name to type."""
        listed = json.loads(
            self._command("operator", "search-attribute", "list", "--namespace", namespace, "-o", "json")
        )
        kinds = {name: kind.removeprefix("INDEXED_VALUE_TYPE_") for name, kind in listed["customAttributes"].items()}
        return {name: "".join(word.capitalize() for word in kind.split("_")) for name, kind in kinds.items()}

    def create_schedule(self, name: str, *options: str) -> None:
        """A schedule as somebody makes it with the command."""
        self._command("schedule", "create", "--schedule-id", name, "--namespace", self._first, *options)

    def update_schedule(self, name: str, *options: str) -> None:
        """Give a schedule these options; all others get the command's defaults."""
        self._command("schedule", "update", "--schedule-id", name, "--namespace", self._first, *options)

    def delete_schedule(self, name: str) -> None:
        """Delete a schedule."""
        self._command("schedule", "delete", "--schedule-id", name, "--namespace", self._first)

    def trigger_schedule(self, name: str) -> None:
        """Let it act now."""
        self._command("schedule", "trigger", "--schedule-id", name, "--namespace", self._first)

    def backfill_schedule(self, name: str, begin: str, end: str) -> None:
        """Let it act for its times in this span (wire text)."""
        span = ("--start-time", begin, "--end-time", end, "--overlap-policy", "AllowAll")
        self._command("schedule", "backfill", "--schedule-id", name, "--namespace", self._first, *span)

    def describe_schedule(self, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """The schedule as the command describes it, None when there is none."""
        where = ("--schedule-id", name, "--namespace", namespace or self._first)
        done = self._try_command("schedule", "describe", *where, "-o", "json")
        if done.returncode == 0:
            found: dict[str, Any] = json.loads(done.stdout)
            return found
        if "not found" not in done.stderr and "already completed" not in done.stderr:
            raise RuntimeError(f"temporal schedule describe failed: {done.stderr.strip()}")
        return None

    def schedule_state(self, name: str) -> dict[str, Any]:
        """Whether it is paused, and its notes."""
        seen = self.describe_schedule(name)
        state = seen["schedule"].get("state", {}) if seen else {}
        return {"paused": state.get("paused", False), "notes": state.get("notes", "")}

    async def client(self, namespace: str | None = None) -> Client:
        """A connected client for `namespace`, by default the first of the server's own."""
        return await Client.connect(self.address, namespace=namespace or self._first)

    @property
    def _first(self) -> str:
        return self._namespaces[0] if self._namespaces else "default"

    def _ready(self) -> bool:
        if not is_listening(self.port):
            return False
        names = self._namespaces or ("default",)
        return all(self._try_command("workflow", "list", "--namespace", name).returncode == 0 for name in names)

    def _command(self, *arguments: str) -> str:
        done = self._try_command(*arguments)
        if done.returncode != 0:
            raise RuntimeError(f"temporal {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.stdout

    def _try_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(tool("temporal")), *arguments, "--address", self.address],
            env={"HOME": str(self.process.folder / "home")},
            capture_output=True,
            text=True,
            timeout=CALL_SECONDS,
            check=False,
        )
