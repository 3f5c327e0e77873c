# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with a systemd of its own: a container that boots, shares this machine's network, and is reached by SSH."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import subprocess
import time
from pathlib import Path

from support.ports import LOOPBACK, free_port
from support.processes import ProcessFailed, ServerProcess
from support.waiting import wait_until

from .base import NoHost

BOOT_SECONDS, COMMAND_SECONDS = 180.0, 120.0
# What a host changes by itself while it runs, and what a login leaves.
UNSTEADY = (
    *("dev", "proc", "run", "sys", "tmp", "var/log", "var/tmp", "var/lib/systemd", "var/cache", "root/.ansible"),
    *("root/.cache", "etc/machine-id", "etc/resolv.conf", "var/lib/dbus"),
)
# PID 1 of this machine need not be systemd: nspawn gets a /run of its own, in a mount namespace that ends with it.
BOOT = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/systemd/nspawn
exec systemd-nspawn --directory="$1" --boot --register=no --keep-unit --machine=preemption-test \\
    --link-journal=no --resolv-conf=off --timezone=off
"""

log = logging.getLogger("systemd")


class SystemdHost:
    """folder: for the host's files, the key and the log; removed by `destroy`."""

    def __init__(self, folder: Path, archive: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.port = free_port()
        self.key = folder / "key"
        self.known_hosts = folder / "known_hosts"
        self._archive = archive
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", BOOT, "boot", str(self.root)]
        legacy = not Path("/sys/fs/cgroup/cgroup.controllers").exists()
        environment = {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "0"} if legacy else {}
        self.process = ServerProcess("nspawn", argv, folder=folder, environment=environment)

    def start(self) -> SystemdHost:
        """Make it and boot it; NoHost with the end of its log where it does not come up."""
        began = time.monotonic()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.root.mkdir(parents=True)
        subprocess.run(
            ["tar", "--numeric-owner", "-C", str(self.root), "-xpf", str(self._archive)],
            check=True,
        )
        self._let_in()
        self.process.start()
        try:
            self.process.wait_ready(self._is_up, BOOT_SECONDS)
        except (ProcessFailed, AssertionError) as error:
            raise NoHost(f"systemd-nspawn cannot boot a host on this machine: {error}") from error
        log.info("the host is up after %.0f s", time.monotonic() - began)
        return self

    def destroy(self) -> None:
        """Shut it down, and remove its files."""
        self.process.stop(grace_seconds=30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command on it as root, and return what it printed. AssertionError when it fails, unless told not to."""
        done = self._ssh(" ".join(command))
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def unit(self, name: str, *properties: str) -> dict[str, str]:
        """Properties of a unit, as systemd shows them."""
        lines = self.run("systemctl", "show", f"--property={','.join(properties)}", name).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def journal(self, unit: str) -> str:
        """All that a unit has logged."""
        return self.run("journalctl", "--unit", unit, "--output", "short-precise", "--no-pager")

    def inventory_line(self) -> str:
        """The host as Ansible's inventory names it."""
        options = f"-o UserKnownHostsFile={self.known_hosts} -o StrictHostKeyChecking=yes"
        return (
            f"preemption ansible_host={LOOPBACK} ansible_port={self.port} ansible_user=root "
            f"ansible_ssh_private_key_file={self.key} ansible_ssh_common_args='{options}' "
            "ansible_python_interpreter=/usr/bin/python3"
        )

    def files(self) -> dict[str, str]:
        """All steady files of the host: kind, mode and owner, and of files in /etc the time of change as well."""
        found: dict[str, str] = {}
        for folder, folders, names in os.walk(self.root):
            inside = Path(folder).relative_to(self.root)
            folders[:] = [name for name in folders if (inside / name).as_posix() not in UNSTEADY]
            for name in (*folders, *names):
                path = (inside / name).as_posix()
                if path not in UNSTEADY:
                    found[path] = _described(Path(folder) / name, exactly=path.startswith("etc/"))
        return found

    def _is_up(self) -> bool:
        return self._ssh("systemctl is-system-running").stdout.strip() in ("running", "degraded")

    def _let_in(self) -> None:
        """An SSH server on a port of its own that knows one key, and whose key we know."""
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True)
        settings = f"Port {self.port}\nListenAddress {LOOPBACK}\nPermitRootLogin prohibit-password\n"
        (self.root / "etc/ssh/sshd_config.d/test.conf").write_text(settings + "PasswordAuthentication no\n")
        authorized = self.root / "root/.ssh"
        authorized.mkdir(mode=0o700, exist_ok=True)
        (authorized / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())
        public = (self.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
        self.known_hosts.write_text(f"[{LOOPBACK}]:{self.port} {public}")

    def _ssh(self, command: str) -> subprocess.CompletedProcess[str]:
        options = {"UserKnownHostsFile": self.known_hosts, "BatchMode": "yes", "ConnectTimeout": "5"}
        argv = ["ssh", "-F", "none", "-q", "-i", str(self.key), "-p", str(self.port)]
        argv += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return subprocess.run(
            [*argv, f"root@{LOOPBACK}", command],
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def wait(self, what: str, holds: str, seconds: float = 60.0) -> None:
        """Wait until a shell command on the host succeeds."""
        wait_until(lambda: self._ssh(holds).returncode == 0, seconds, what, poll_seconds=0.5)


def _described(file: Path, *, exactly: bool) -> str:
    status = file.lstat()
    text = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
    return f"{text} {status.st_size}" if exactly and stat.S_ISREG(status.st_mode) else text
