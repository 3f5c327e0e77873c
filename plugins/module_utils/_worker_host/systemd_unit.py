# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of the systemd unit of one worker: how it starts and stops, and its restrictions."""

from __future__ import annotations

from collections.abc import Collection

from .service import SECRET_FILES, Instance

UNIT_FOLDER = "/etc/systemd/system"

WATCHDOG_SECONDS = 30
# The worker drains for ten seconds; a call to vCenter that is in progress by then may take thirty more.
STOP_SECONDS = 60
START_SECONDS = 90
RESTART_SECONDS = 2

# A restart does not fix a wrong setting or a missing library. Any other failure may be temporary.
FINAL_EXIT_CODES = "2 5"

# Not ProcSubset=pid: Temporal's SDK reads /proc/meminfo when it starts, and panics if it is missing.
HARDENING = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
PrivateIPC=yes
PrivateMounts=yes
ProtectSystem=strict
ProtectHome=yes
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
UMask=0077
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
"""


def unit_name(instance: Instance) -> str:
    """The name of the unit for systemctl."""
    return f"vsphere-preemption-{instance.name}.service"


def unit_text(instance: Instance, secrets: Collection[str] = ()) -> str:
    """The whole unit, for systemd 250 or newer.

    If the instance has no user, systemd allocates one while the worker is running.
    secrets: the existing files of SECRET_FILES, in addition to the vCenter credentials.
    """
    account = f"User={_literal(instance.user)}" if instance.user else "DynamicUser=yes"
    return "\n".join(
        [
            "# Written by vsphere.preemption.preemption_worker_deploy. Changes are overwritten: use a drop-in.",
            *_about(instance),
            "",
            "[Service]",
            *_life(instance),
            account,
            *_environment(instance, secrets),
            HARDENING,
            "[Install]",
            "WantedBy=multi-user.target",
            "",
        ]
    )


def _about(instance: Instance) -> list[str]:
    return [
        "[Unit]",
        f"Description=Preempts vSphere VMs ({instance.name})",
        "Wants=network-online.target",
        "After=network-online.target nss-lookup.target",
        # It is always restarted, no matter how often it exited: the next shortage does not wait for an operator.
        "StartLimitIntervalSec=0",
    ]


def _life(instance: Instance) -> list[str]:
    return [
        "Type=notify",
        "NotifyAccess=main",
        f"ExecStart={_quoted(str(instance.python))} -m vsphere_preemption_worker",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "Restart=always",
        f"RestartSec={RESTART_SECONDS}",
        f"RestartPreventExitStatus={FINAL_EXIT_CODES}",
        f"WatchdogSec={WATCHDOG_SECONDS}",
        f"TimeoutStartSec={START_SECONDS}",
        f"TimeoutStopSec={STOP_SECONDS}",
        "KillMode=mixed",
    ]


def _environment(instance: Instance, secrets: Collection[str]) -> list[str]:
    """Variables, and secrets as credentials: files in memory that only this unit can read. No secret is in the unit."""
    files = ("username", "password", *secrets)
    return [
        f"Environment={_quoted(f'PYTHONPATH={instance.current}')}",
        "Environment=PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1",
        "Environment=VCENTER_SECRET_PATH=%d",
        *(f"Environment={SECRET_FILES[name]}=%d/{name}" for name in secrets),
        f"EnvironmentFile={_literal(str(instance.env_file))}",
        *(f"LoadCredential={name}:{_literal(str(instance.credentials / name))}" for name in files),
    ]


def _literal(text: str) -> str:
    """For a value that extends to the end of the line."""
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """For one word of several. It cannot contain a quote or a backslash: systemd rejects them in a path."""
    return f'"{_literal(text)}"'
