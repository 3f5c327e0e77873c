#!/usr/bin/python
# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploy a worker to a host, or remove it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preemption_worker_deploy
short_description: Deploy a preemption worker to a host
version_added: 0.2.0
author: the vsphere.preemption authors (@vsphere-preemption)
description:
  - Copies the worker of this collection to the host, creates the virtual environment that it needs, writes its
    settings, and keeps it running.
  - The module succeeds when the worker reports that it is ready. Otherwise, it rolls back to the previous state.
  - A worker that is already running with the requested settings is not touched. The running worker reloads a changed
    policy.
extends_documentation_fragment:
  - vsphere.preemption.attributes
  - vsphere.preemption.attributes.action_group
options:
  name:
    description: Name of the instance. A host can run several instances, one per vCenter.
    type: str
    default: default
  state:
    description:
      - V(present) deploys the worker. V(absent) stops it and removes its files. O(directory) is removed together with
        the last instance.
    type: str
    choices: [present, absent]
    default: present
  service:
    description:
      - How the worker is run.
      - V(detached) starts a background process. It does not require root, and nothing restarts the process.
    type: str
    choices: [systemd, detached]
    default: systemd
  user:
    description: Account that runs the worker with O(service=systemd). By default, systemd allocates one dynamically.
    type: str
  directory:
    description: Directory on the host for all files of the workers.
    type: path
    default: /opt/vsphere-preemption
  python:
    description: Python 3.11 or newer on the host. Defaults to the interpreter that runs the module.
    type: path
  wheelhouse:
    description: Directory on the host with the wheels to install, instead of a package index.
    type: path
  index_url:
    description: Package index to install from. Defaults to the pip configuration of the host.
    type: str
  temporal_address:
    description: Address of the Temporal frontend, C(host:port).
    type: str
    default: localhost:7233
  temporal_namespace:
    description: Temporal namespace. It must exist.
    type: str
    default: vsphere-preemption
  temporal_tls:
    description: Whether to use TLS. By default, TLS is used if a file, the server name or the API key is set.
    type: bool
  temporal_ca_file:
    description: PEM file on the controller with the CA of the Temporal server.
    type: path
  temporal_client_cert_file:
    description: PEM file on the controller with the client certificate.
    type: path
  temporal_client_key_file:
    description: PEM file on the controller with the private key of the client certificate.
    type: path
  temporal_server_name:
    description: Name in the certificate of the Temporal server, if it differs from the address.
    type: str
  temporal_api_key:
    description: API key for Temporal.
    type: str
  task_queue:
    description: Task queue that the worker polls. Use one per vCenter.
    type: str
    default: vsphere-preemption
  vcenter_url:
    description: Address of vCenter, such as C(https://vcenter.example.com). Required for O(state=present).
    type: str
  vcenter_username:
    description: Account of the worker in vCenter. Required for O(state=present).
    type: str
  vcenter_password:
    description: Password of the account. Required for O(state=present).
    type: str
  vcenter_ca_file:
    description: PEM file on the controller with the CA of vCenter.
    type: path
  vcenter_validate_certs:
    description: Whether the worker validates vCenter's certificate.
    type: bool
    default: true
  policy:
    description: The policy as data.
    type: dict
  policy_file:
    description: The policy as a file on the controller.
    type: path
  reply_to_allow:
    description: Hosts that reply events may be sent to.
    type: list
    elements: str
  max_vms:
    description: Maximum number of victims of one run, unless the policy sets it.
    type: int
  window_seconds:
    description: Re-run window in seconds, unless the policy sets it. Requests within this time after a run are skipped.
    type: int
  grace_seconds:
    description: Grace period for a guest to shut down, in seconds, unless the policy sets it.
    type: int
  health_address:
    description: Address where the worker serves C(/readyz), C(host:port). Each instance on a host needs its own.
    type: str
    default: 127.0.0.1:8080
  metrics_address:
    description: Address where the worker serves metrics, C(host:port). If not set, metrics are disabled.
    type: str
  webhook_address:
    description:
      - Address where the worker accepts alarms as CloudEvents, C(host:port); see C(docs/webhook.md). V(:8088) only
        listens on the local host.
      - If not set, there is no webhook, and its other options have no effect.
      - On an address that other machines can reach, O(webhook_tokens) or O(webhook_hmac_keys) is required.
    type: str
  webhook_tokens:
    description: Bearer tokens of at least 16 characters. A sender needs one of them.
    type: list
    elements: str
  webhook_hmac_keys:
    description: Keys of at least 16 characters that senders sign their requests with.
    type: list
    elements: str
  webhook_cert_file:
    description: PEM file on the controller with the certificate of the webhook. Without it, TLS is disabled.
    type: path
  webhook_key_file:
    description: PEM file on the controller with the private key of that certificate.
    type: path
  webhook_sources:
    description:
      - Shell patterns for the sources of events to accept. By default, all sources are accepted.
      - An empty list is refused.
    type: list
    elements: str
  webhook_max_bytes:
    description: Maximum size of a request body, in bytes.
    type: int
  webhook_per_second:
    description: Maximum average rate of events per second.
    type: int
  debug:
    description: Whether to log debug messages.
    type: bool
    default: false
  environment:
    description: Additional C(PREEMPTION_*) environment variables of the worker that have no option here.
    type: dict
  ready_timeout:
    description: Maximum time for the worker to become ready, in seconds. V(0) does not wait.
    type: int
    default: 120
  keep_releases:
    description: Number of releases and virtual environments to keep, including those in use.
    type: int
    default: 2
  shipped:
    description: Set by the action plugin to the content that it read on the controller.
    type: dict
    suboptions:
      release_sha256:
        description: Digest of the release.
        type: str
      lock_sha256:
        description: Digest of its lock file.
        type: str
      archive:
        description: Path of the release on the host, if it was sent.
        type: path
      temporal_ca:
        description: Content of O(temporal_ca_file).
        type: str
      temporal_client_cert:
        description: Content of O(temporal_client_cert_file).
        type: str
      temporal_client_key:
        description: Content of O(temporal_client_key_file).
        type: str
      vcenter_ca:
        description: Content of O(vcenter_ca_file).
        type: str
      webhook_cert:
        description: Content of O(webhook_cert_file).
        type: str
      webhook_key:
        description: Content of O(webhook_key_file).
        type: str
      policy:
        description: Text of the policy.
        type: str
requirements:
  - Linux and Python >= 3.11 on the host, with the module venv
seealso:
  - module: vsphere.preemption.preemption_signal
"""

EXAMPLES = r"""
- name: Deploy a worker
  vsphere.preemption.preemption_worker_deploy:
    temporal_address: temporal.example.com:7233
    vcenter_url: https://vcenter.example.com
    vcenter_username: svc-preemption@vsphere.local
    vcenter_password: "{{ vault_vcenter_password }}"
    policy_file: policy.yml
  become: true

- name: Remove the worker
  vsphere.preemption.preemption_worker_deploy:
    state: absent
  become: true
"""

RETURN = r"""
action:
  description: What was done to the worker; in check mode, what would be done.
  returned: success
  type: str
  sample: restarted
release:
  description: Name of the running release. Empty for O(state=absent).
  returned: success
  type: str
  sample: 0d2b8b62dbc35a0f
previous_release:
  description: Name of the previous release. Empty if the release has not changed.
  returned: success
  type: str
  sample: 7a3f0c9d11e04b52
venv:
  description: Name of the virtual environment. Empty for O(state=absent).
  returned: success
  type: str
  sample: 5f0b1c9e22d7a431
rolled_back:
  description: Whether the previous worker is running again and is ready.
  returned: failure, when RV(error_code) is V(worker_not_ready)
  type: bool
log:
  description: The last log lines of the worker that did not become ready.
  returned: failure, when RV(error_code) is V(worker_not_ready)
  type: list
  elements: str
error_code:
  description: Stable error code, for example C(worker_not_ready) or C(venv_failed).
  returned: failure
  type: str
  sample: worker_not_ready
"""

from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._modules.runner import run
from ..module_utils._worker_host.deployment import Deployment, services
from ..module_utils._worker_host.options import OPTIONS, REQUIRED
from ..module_utils._worker_host.spec import spec_from

if TYPE_CHECKING:
    from collections.abc import Mapping


def deploy(module: AnsibleModule) -> dict[str, Any]:
    """The result of the module, including the diff."""

    def run(args: list[str], *, environ_update: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        code, out, problem = module.run_command(args, environ_update=environ_update, handle_exceptions=False)
        return int(code), str(out), str(problem)

    spec = spec_from(module.params)
    deployment = Deployment(spec, services(spec.instance, run), run)
    act = deployment.present if module.params["state"] == "present" else deployment.absent
    deployed = act(check_mode=module.check_mode)
    plan = deployed.plan
    return {
        "changed": plan.changed,
        "action": plan.action.value,
        "release": deployed.release,
        "previous_release": deployed.previous_release,
        "venv": deployed.venv,
        "diff": {"before": plan.before, "after": plan.after},
    }


def main() -> None:
    run(deploy, OPTIONS, required_if=REQUIRED)


if __name__ == "__main__":
    main()
