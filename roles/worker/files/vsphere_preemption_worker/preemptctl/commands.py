# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All commands and their flags. `workflow run | status | cancel` have the prototype's names, letters and defaults."""

from __future__ import annotations

from vsphere_preemption.core.contract import (
    DEFAULT_ADDRESS,
    DEFAULT_NAMESPACE,
    DEFAULT_TASK_QUEUE,
    DEFAULT_WORKFLOW_ID,
    Criticality,
)
from vsphere_preemption.core.policy.model import PlaceKind

from .flags import Command, Flag, FlagKind

SHELLS = ("bash", "zsh", "fish")
DEFAULT_TAG = "preemptible"

EVERYWHERE = (
    Flag("json", "print output as JSON", FlagKind.TRUTH),
    Flag("verbose", "show connections on standard error", FlagKind.TRUTH),
    Flag("help", "show this help", FlagKind.TRUTH, short="h"),
)
TEMPORAL = (
    Flag("server", f"Temporal frontend, host:port ({DEFAULT_ADDRESS}; else TEMPORAL_URL, TEMPORAL_ADDRESS)", short="s"),
    Flag("namespace", f"Temporal namespace ({DEFAULT_NAMESPACE}; else TEMPORAL_NAMESPACE)", short="n"),
    Flag("queue", f"task queue of the worker ({DEFAULT_TASK_QUEUE}; else TEMPORAL_TASKQUEUE)", short="q"),
    Flag("tls", "use TLS (TEMPORAL_TLS)", FlagKind.TRUTH),
    Flag("tls-ca-file", "CA certificate of the server (TEMPORAL_TLS_SERVER_CA_CERT_PATH)", FlagKind.FILE),
    Flag("tls-cert-file", "client certificate (TEMPORAL_TLS_CLIENT_CERT_PATH)", FlagKind.FILE),
    Flag("tls-key-file", "private key of the client certificate (TEMPORAL_TLS_CLIENT_KEY_PATH)", FlagKind.FILE),
    Flag("tls-server-name", "name in the server's certificate (TEMPORAL_TLS_SERVER_NAME)"),
    Flag("api-key-file", "file with the API key (else TEMPORAL_API_KEY)", FlagKind.FILE),
    Flag("profile", "profile in Temporal's configuration file (TEMPORAL_PROFILE)"),
    Flag("config-file", "Temporal's configuration file (TEMPORAL_CONFIG_FILE)", FlagKind.FILE),
)
WORKFLOW = (Flag("workflow-id", "ID of the workflow", short="w", default=DEFAULT_WORKFLOW_ID),)
EXECUTION_RUN_ID = (
    Flag(
        "execution-run-id",
        "Temporal's run ID of the workflow execution (empty for the current one)",
        short="r",
        default="",
        alias="run-id",
    ),
)
TAG = (Flag("tag", "vSphere tag of preemptible VMs", short="t", default=DEFAULT_TAG),)
PLACES = tuple(
    Flag(kind.value.replace("_", "-"), f"only VMs in this {kind.value.replace('_', ' ')}; repeatable", many=True)
    for kind in PlaceKind
)
VMS = (Flag("vm", "only this VM, by name or MoRef; repeatable", many=True),)
REQUEST = (
    *TAG,
    Flag("criticality", "urgency: LOW, MEDIUM or HIGH", short="c", default="LOW", values=tuple(Criticality)),
    Flag("event", "CloudEvent of the request, as JSON", short="e", default=""),
    Flag("event-file", "file with the CloudEvent; - for standard input", FlagKind.FILE),
    *PLACES,
    *VMS,
    Flag("max-vms", "maximum number of VMs to stop", FlagKind.WHOLE),
    Flag("memory-mib", "amount of memory to free, in MiB", FlagKind.WHOLE),
    Flag("cpu-mhz", "amount of CPU to free, in MHz", FlagKind.WHOLE),
    Flag("until-memory-percent", "memory usage of the hosts to reach, in percent", FlagKind.NUMBER),
    Flag("until-cpu-percent", "CPU usage of the hosts to reach, in percent", FlagKind.NUMBER),
)
REPLY_TO = (Flag("reply-to", "URL for the reply event", default=""),)
REASON = (Flag("reason", "reason to record", default=""),)
VCENTER = (
    Flag("policy-file", "policy file for the plan (PREEMPTION_POLICY_FILE; else the built-in policy)", FlagKind.FILE),
    Flag("vcenter-url", "address of vCenter, such as https://vcenter.example.com (VCENTER_URL)"),
    Flag(
        "vcenter-secret-path", "directory with the files username and password (VCENTER_SECRET_PATH)", FlagKind.FOLDER
    ),
    Flag("vcenter-ca-file", "CA certificate of vCenter (VCENTER_CA_FILE)", FlagKind.FILE),
    Flag("vcenter-insecure", "do not verify vCenter's certificate (VCENTER_INSECURE)", FlagKind.TRUTH),
)

COMMANDS = (
    Command(
        ("workflow", "run"),
        "request a preemption",
        "workflow:run",
        (
            *TEMPORAL,
            *WORKFLOW,
            *REQUEST,
            *REPLY_TO,
            *REASON,
            Flag("request-id", "ID of the request; repeating the same ID has no effect", default=""),
            Flag("dry-run", "plan only; do not stop any VM", FlagKind.TRUTH),
            Flag("wait", "wait for the outcome", FlagKind.TRUTH),
            Flag("timeout", "maximum time to wait", FlagKind.DURATION, default=300.0),
            Flag(
                "execution-timeout",
                "execution timeout of a workflow started by this command; 0 for none",
                FlagKind.DURATION,
                default=300.0,
            ),
        ),
    ),
    Command(
        ("workflow", "status"),
        "show the last preemption",
        "workflow:status",
        (*TEMPORAL, *WORKFLOW, *EXECUTION_RUN_ID),
    ),
    Command(
        ("workflow", "cancel"),
        "cancel the workflow gracefully",
        "workflow:cancel",
        (
            *TEMPORAL,
            *WORKFLOW,
            *EXECUTION_RUN_ID,
            Flag("wait", "wait until the workflow is closed", FlagKind.TRUTH),
            Flag("timeout", "maximum time to wait", FlagKind.DURATION, default=300.0),
        ),
    ),
    Command(("plan",), "show which VMs a preemption would stop now", "plan:plan", (*VCENTER, *REQUEST)),
    Command(
        ("restore",),
        "restore preempted VMs",
        "restore:restore",
        (
            *TEMPORAL,
            *WORKFLOW,
            *TAG,
            Flag("preemption-id", "only VMs that this preemption stopped", alias="of-run"),
            *VMS,
            *PLACES,
            *REASON,
            *REPLY_TO,
            Flag("force", "ignore the hold time", FlagKind.TRUTH),
            Flag("dry-run", "show which VMs would be restored", FlagKind.TRUTH),
            Flag("no-wait", "do not wait for the outcome", FlagKind.TRUTH),
            Flag("timeout", "maximum time to wait", FlagKind.DURATION, default=600.0),
        ),
    ),
    Command(
        ("pause",),
        "pause preemption",
        "pause:pause",
        (*TEMPORAL, *REASON, Flag("duration", "resume automatically after this time", FlagKind.DURATION)),
    ),
    Command(("resume",), "resume preemption", "pause:resume", TEMPORAL),
    Command(
        ("runs",),
        "list the latest runs, or the VMs of one run",
        "runs:runs",
        (*TEMPORAL, *WORKFLOW, *EXECUTION_RUN_ID),
        argument="[RUN]",
    ),
    Command(
        ("watch",),
        "follow the active run, or the next one, until it has ended",
        "watch:watch",
        (*TEMPORAL, *WORKFLOW, Flag("interval", "time between two updates", FlagKind.DURATION, default=1.0)),
        argument="[RUN]",
    ),
    Command(
        ("explain",),
        "explain why a VM was or was not preempted",
        "runs:explain_vm",
        (*TEMPORAL, *WORKFLOW, *EXECUTION_RUN_ID),
        argument="VM",
    ),
    Command(("completion",), "print the completion script for a shell", "completion:complete", argument="SHELL"),
)

ABOUT_GROUPS: dict[tuple[str, ...], str] = {
    ("workflow",): "request, show and cancel preemptions with the flags of the prototype's command line"
}
