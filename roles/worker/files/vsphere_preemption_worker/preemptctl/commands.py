# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All commands and their flags. Names, letters and defaults of `workflow run | status | cancel` are the prototype's."""

from __future__ import annotations

from vsphere_preemption.core.contract import (
    DEFAULT_ADDRESS,
    DEFAULT_NAMESPACE,
    DEFAULT_TASK_QUEUE,
    DEFAULT_WORKFLOW_ID,
    Criticality,
)
from vsphere_preemption.core.policy.model import PlaceKind

from .flags import Command, Flag, Kind

SHELLS = ("bash", "zsh", "fish")
DEFAULT_TAG = "preemptible"

EVERYWHERE = (
    Flag("json", "answer in JSON", Kind.TRUTH),
    Flag("verbose", "say on standard error what is asked of whom", Kind.TRUTH),
    Flag("help", "show this help", Kind.TRUTH, short="h"),
)
TEMPORAL = (
    Flag("server", f"Temporal frontend, host:port ({DEFAULT_ADDRESS}; else TEMPORAL_URL, TEMPORAL_ADDRESS)", short="s"),
    Flag("namespace", f"Temporal namespace ({DEFAULT_NAMESPACE}; else TEMPORAL_NAMESPACE)", short="n"),
    Flag("queue", f"task queue of the worker ({DEFAULT_TASK_QUEUE}; else TEMPORAL_TASKQUEUE)", short="q"),
    Flag("tls", "use TLS (TEMPORAL_TLS)", Kind.TRUTH),
    Flag("tls-ca-file", "CA of the server (TEMPORAL_TLS_SERVER_CA_CERT_PATH)", Kind.FILE),
    Flag("tls-cert-file", "client certificate (TEMPORAL_TLS_CLIENT_CERT_PATH)", Kind.FILE),
    Flag("tls-key-file", "key of the client certificate (TEMPORAL_TLS_CLIENT_KEY_PATH)", Kind.FILE),
    Flag("tls-server-name", "name in the server's certificate (TEMPORAL_TLS_SERVER_NAME)"),
    Flag("api-key-file", "file with the API key, which is never taken as a flag (else TEMPORAL_API_KEY)", Kind.FILE),
    Flag("profile", "profile of Temporal's configuration file (TEMPORAL_PROFILE)"),
    Flag("config-file", "Temporal's configuration file (TEMPORAL_CONFIG_FILE)", Kind.FILE),
)
WORKFLOW = (Flag("workflow-id", "id of the workflow", short="w", default=DEFAULT_WORKFLOW_ID),)
RUN_ID = (Flag("run-id", "workflow run id (empty for current run)", short="r", default=""),)
TAG = (Flag("tag", "vSphere tag that makes a VM preemptible", short="t", default=DEFAULT_TAG),)
PLACES = tuple(
    Flag(kind.value.replace("_", "-"), f"only VMs in this {kind.value.replace('_', ' ')}; again for more", many=True)
    for kind in PlaceKind
)
VMS = (Flag("vm", "only this VM, by name or MoRef; again for more", many=True),)
REQUEST = (
    *TAG,
    Flag("criticality", "LOW, MEDIUM or HIGH", short="c", default="LOW", values=tuple(Criticality)),
    Flag("event", "CloudEvent in JSON that the request carries", short="e", default=""),
    Flag("event-file", "the same from a file; - for standard input", Kind.FILE),
    *PLACES,
    *VMS,
    Flag("max-vms", "at most so many VMs", Kind.WHOLE),
    Flag("memory-mib", "as many VMs as free so much memory", Kind.WHOLE),
    Flag("cpu-mhz", "as many VMs as free so much CPU", Kind.WHOLE),
    Flag("until-memory-percent", "until the hosts use no more of their memory", Kind.NUMBER),
    Flag("until-cpu-percent", "until the hosts use no more of their CPU", Kind.NUMBER),
)
REPLY_TO = (Flag("reply-to", "address for the reply event", default=""),)
REASON = (Flag("reason", "why, for the record", default=""),)
VCENTER = (
    Flag("policy-file", "policy to plan by (PREEMPTION_POLICY_FILE; else the built-in one)", Kind.FILE),
    Flag("vcenter-url", "vCenter, such as https://vcenter.example.com (VCENTER_URL)"),
    Flag("vcenter-secret-path", "folder with the files username and password (VCENTER_SECRET_PATH)", Kind.FOLDER),
    Flag("vcenter-ca-file", "CA of vCenter (VCENTER_CA_FILE)", Kind.FILE),
    Flag("vcenter-insecure", "trust any certificate (VCENTER_INSECURE)", Kind.TRUTH),
)

COMMANDS = (
    Command(
        ("workflow", "run"),
        "ask for a preemption",
        "workflow:run",
        (
            *TEMPORAL,
            *WORKFLOW,
            *REQUEST,
            *REPLY_TO,
            *REASON,
            Flag("request-id", "names the request; the same one again changes nothing", default=""),
            Flag("dry-run", "plan only, and stop nothing", Kind.TRUTH),
            Flag("wait", "wait for the outcome", Kind.TRUTH),
            Flag("timeout", "how long to wait", Kind.DURATION, default=300.0),
            Flag("execution-timeout", "end of a workflow that this starts; 0 for none", Kind.DURATION, default=300.0),
        ),
    ),
    Command(("workflow", "status"), "show what was preempted last", "workflow:status", (*TEMPORAL, *WORKFLOW, *RUN_ID)),
    Command(
        ("workflow", "cancel"),
        "end the workflow in good order",
        "workflow:cancel",
        (
            *TEMPORAL,
            *WORKFLOW,
            *RUN_ID,
            Flag("wait", "wait until it has ended", Kind.TRUTH),
            Flag("timeout", "how long to wait", Kind.DURATION, default=300.0),
        ),
    ),
    Command(("plan",), "show what a preemption would do now", "planning:plan", (*VCENTER, *REQUEST)),
    Command(
        ("restore",),
        "give preempted VMs back",
        "restoring:restore",
        (
            *TEMPORAL,
            *WORKFLOW,
            *TAG,
            Flag("of-run", "only VMs that this preemption run stopped"),
            *VMS,
            *PLACES,
            *REASON,
            *REPLY_TO,
            Flag("force", "whatever the hold time says", Kind.TRUTH),
            Flag("dry-run", "show what would be given back", Kind.TRUTH),
            Flag("no-wait", "do not wait for the outcome", Kind.TRUTH),
            Flag("timeout", "how long to wait", Kind.DURATION, default=600.0),
        ),
    ),
    Command(
        ("pause",),
        "let nothing be preempted",
        "pausing:pause",
        (*TEMPORAL, *REASON, Flag("duration", "resume by itself after so long", Kind.DURATION)),
    ),
    Command(("resume",), "let preemption go on", "pausing:resume", TEMPORAL),
    Command(
        ("runs",),
        "list the last runs, or the VMs of one of them",
        "runs:runs",
        (*TEMPORAL, *WORKFLOW, *RUN_ID),
        argument="[RUN]",
    ),
    Command(
        ("watch",),
        "follow the run at work, or the next one, until it has ended",
        "watching:watch",
        (*TEMPORAL, *WORKFLOW, Flag("interval", "time between two looks", Kind.DURATION, default=1.0)),
        argument="[RUN]",
    ),
    Command(
        ("explain",),
        "say why a VM was, or was not, preempted",
        "runs:explain_vm",
        (*TEMPORAL, *WORKFLOW, *RUN_ID),
        argument="VM",
    ),
    Command(("completion",), "print the completion script for a shell", "completion:complete", argument="SHELL"),
)

ABOUT_GROUPS: dict[tuple[str, ...], str] = {("workflow",): "what the prototype's command line does"}
