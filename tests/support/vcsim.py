# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real vCenter API: vcsim, the simulator of govmomi, with certificates and accounts of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .certificates import Certificate, CertificateAuthority
from .govc import Govc
from .paths import tool
from .ports import LOOPBACK, free_port, is_listening
from .processes import ServerProcess
from .witness import Witness

# Without a domain: vcsim refuses a name with @ where it checks names at all.
WORKER_USER = "preemption"
WITNESS_USER = "witness"
PASSWORD = "a long enough secret"
START_SECONDS = 120.0

# Objects in a saved model that break the simulator when it loads them again: alarms come twice, tasks are stale.
NOT_RELOADABLE = ("*-Task-*.xml", "[0-9]*-Alarm-alarm-*.xml")


@dataclass(frozen=True)
class Model:
    """What vcsim builds. machines: per cluster, and per standalone host. Building 100 VMs takes about 3 s."""

    clusters: int = 1
    hosts: int = 2
    standalone_hosts: int = 0
    machines: int = 4
    autostart: bool = True

    def flags(self) -> list[str]:
        """The command line of vcsim for this model."""
        counts = {
            "-cluster": self.clusters,
            "-host": self.hosts,
            "-standalone-host": self.standalone_hosts,
            "-vm": self.machines,
        }
        return [part for flag, count in counts.items() for part in (flag, str(count))] + [
            f"-autostart={'true' if self.autostart else 'false'}"
        ]


class VCSim:
    """One simulated vCenter.

    model: what to build; or load: the folder of a saved model, which starts much faster for many VMs.
    delays_ms: per SOAP method (the call is late) or per task name such as PowerOff, PowerOn, ShutdownGuest (the task
    takes that long). Reads of a VM with a running task never block (`LockHandoff:0` is always added).
    strict_login: only the worker's user name and password are accepted, and the witness uses them too; by default any
    are, so the events tell the worker (WORKER_USER) from the tests (WITNESS_USER).
    certificate: the server's own; by default one of `authority`, which clients trust through `ca_file`.
    tls: False serves plain HTTP, for a proxy in front that ends TLS.
    """

    def __init__(
        self,
        folder: Path,
        *,
        model: Model | None = None,
        load: Path | None = None,
        delays_ms: Mapping[str, int] | None = None,
        strict_login: bool = False,
        certificate: Certificate | None = None,
        authority: CertificateAuthority | None = None,
        port: int | None = None,
        tls: bool = True,
        left_running: bool = False,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.tls = tls
        self.authority = authority or CertificateAuthority(folder / "tls", "vCenter test authority")
        self._certificate = certificate or self.authority.server("vcenter")
        self._model = model or Model()
        self._load = load
        self._delays_ms = dict(delays_ms or {})
        self._strict_login = strict_login
        self.credentials = write_credentials(folder / "credentials", WORKER_USER, PASSWORD)
        witness_user = WORKER_USER if strict_login else WITNESS_USER
        self._witness_credentials = write_credentials(folder / "witness", witness_user, PASSWORD)
        self.process = ServerProcess("vcsim", [], folder=folder, left_running=left_running)

    @property
    def url(self) -> str:
        """The address of vCenter for a client."""
        return f"{'https' if self.tls else 'http'}://{LOOPBACK}:{self.port}"

    @property
    def ca_file(self) -> Path:
        """The certificate authority that a client must trust."""
        return self.authority.file

    def client_environment(self) -> dict[str, str]:
        """The worker's environment variables for this vCenter."""
        return {
            "VCENTER_URL": self.url,
            "VCENTER_CA_FILE": str(self.ca_file),
            "VCENTER_SECRET_PATH": str(self.credentials),
        }

    def start(self) -> VCSim:
        """Start it, and return once it answers."""
        self.process.argv = [str(part) for part in self._command()]
        self.process.start()
        self.process.wait_ready(lambda: is_listening(self.port), START_SECONDS)
        return self

    def stop(self) -> None:
        """End it; the state is lost."""
        self.process.stop()

    def kill(self) -> None:
        """End it as a crash would; the state is lost."""
        self.process.kill()

    def restart(self, *, keep_state: bool = True, delays_ms: Mapping[str, int] | None = None) -> None:
        """End it and start it again on the same port.

        Sessions and events are gone afterwards. With keep_state the VMs keep their references, power states and custom
        attributes, and the tags are made anew: the same names and links, but new ids.
        """
        tags = self.govc().tags() if keep_state else {}
        links = {name: self.govc().tagged(*name.split("/", 1)) for name in tags}
        if keep_state:
            self._load = self.save(self.folder / "saved")
        if delays_ms is not None:
            self._delays_ms = dict(delays_ms)
        self.process.stop()
        self.start()
        for name, objects in links.items():
            self._tag_again(name, objects)

    def save(self, target: Path) -> Path:
        """Write the inventory to a folder that `load` takes."""
        shutil.rmtree(target, ignore_errors=True)
        self.govc().run("object.save", "-d", target)
        for pattern in NOT_RELOADABLE:
            for file in target.rglob(pattern):
                file.unlink()
        return target

    def govc(self) -> Govc:
        """govc, signed in as the witness."""
        ca_file = self.ca_file if self.tls else None
        return Govc(self.url, credentials=self._witness_credentials, ca_file=ca_file, folder=self.folder)

    def witness(self) -> Witness:
        """The fast independent client, signed in as the witness. Close it after use."""
        if not self.tls:
            raise RuntimeError("the witness speaks TLS only: ask the proxy in front for one")
        return self.witness_through(self.port, self.ca_file)

    def witness_through(self, port: int, ca_file: Path) -> Witness:
        """As `witness`, but by way of a proxy on a loopback port."""
        user = (self._witness_credentials / "username").read_text()
        return Witness(LOOPBACK, port, username=user, password=PASSWORD, ca_file=ca_file)

    def tag_machines(self, names: list[str], *, category: str = "preemption", tag: str = "preemptible") -> str:
        """Make the tag where it is missing, attach it to the VMs of these names, and return its id."""
        govc = self.govc()
        tag_id = govc.tags().get(f"{category}/{tag}") or govc.create_tag(category, tag)
        machines = govc.machines()
        self._attach(tag_id, [machines[name].ref for name in names])
        return tag_id

    def _attach(self, tag_id: str, refs: list[str], kind: str = "VirtualMachine") -> None:
        witness = self.witness()
        try:
            witness.attach_tag(tag_id, refs, kind=kind)
        finally:
            witness.close()

    def _tag_again(self, name: str, objects: list[str]) -> None:
        tag_id = self.govc().create_tag(*name.split("/", 1))
        for kind in {entry.split(":", 1)[0] for entry in objects}:
            self._attach(tag_id, [e.split(":", 1)[1] for e in objects if e.startswith(f"{kind}:")], kind)

    def _command(self) -> list[str | Path]:
        delays = {**self._delays_ms, "LockHandoff": 0}
        command: list[str | Path] = [tool("vcsim"), "-l", f"{LOOPBACK}:{self.port}", "-E", "/dev/null"]
        command += ["-method-delay", ",".join(f"{name}:{delay}" for name, delay in delays.items())]
        command += ["-load", self._load] if self._load else self._model.flags()
        if self.tls:
            command += ["-tlscert", self._certificate.certificate, "-tlskey", self._certificate.key]
        else:
            command += ["-tls=false"]
        if self._strict_login:
            # vcsim reads a file where it is given a path, so the password stays out of the process list.
            command += ["-username", self.credentials / "username", "-password", self.credentials / "password"]
        return command


def write_credentials(folder: Path, username: str, password: str) -> Path:
    """Write the files `username` and `password`, readable by the owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, value in (("username", username), ("password", password)):
        file = folder / name
        file.touch(mode=0o600)
        file.write_text(value)
    return folder
