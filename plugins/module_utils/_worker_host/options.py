# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument spec of preemption_worker_deploy. Its options are documented in the module."""

from __future__ import annotations

from typing import Any

# What the action plugin read on the controller. A key is secret; certificates and policies are not.
SHIPPED: dict[str, dict[str, Any]] = {
    "release_sha256": {"type": "str"},
    "lock_sha256": {"type": "str"},
    "archive": {"type": "path"},
    "temporal_ca": {"type": "str"},
    "temporal_client_cert": {"type": "str"},
    "temporal_client_key": {"type": "str", "no_log": True},
    "vcenter_ca": {"type": "str"},
    "webhook_cert": {"type": "str"},
    "webhook_key": {"type": "str", "no_log": True},
    "policy": {"type": "str"},
}

OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "default": "default"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "service": {"type": "str", "choices": ["systemd", "detached"], "default": "systemd"},
    "user": {"type": "str"},
    "directory": {"type": "path", "default": "/opt/vsphere-preemption"},
    "python": {"type": "path"},
    "wheelhouse": {"type": "path"},
    "index_url": {"type": "str", "no_log": True},
    "temporal_address": {"type": "str", "default": "localhost:7233"},
    "temporal_namespace": {"type": "str", "default": "vsphere-preemption"},
    "temporal_tls": {"type": "bool"},
    "temporal_ca_file": {"type": "path"},
    "temporal_client_cert_file": {"type": "path"},
    "temporal_client_key_file": {"type": "path", "no_log": False},
    "temporal_server_name": {"type": "str"},
    "temporal_api_key": {"type": "str", "no_log": True},
    "task_queue": {"type": "str", "default": "vsphere-preemption"},
    "vcenter_url": {"type": "str"},
    "vcenter_username": {"type": "str"},
    "vcenter_password": {"type": "str", "no_log": True},
    "vcenter_ca_file": {"type": "path"},
    "vcenter_validate_certs": {"type": "bool", "default": True},
    "policy": {"type": "dict"},
    "policy_file": {"type": "path"},
    "reply_to_allow": {"type": "list", "elements": "str"},
    "max_vms": {"type": "int"},
    "window_seconds": {"type": "int"},
    "grace_seconds": {"type": "int"},
    "health_address": {"type": "str", "default": "127.0.0.1:8080"},
    "metrics_address": {"type": "str"},
    "webhook_address": {"type": "str"},
    "webhook_tokens": {"type": "list", "elements": "str", "no_log": True},
    "webhook_hmac_keys": {"type": "list", "elements": "str", "no_log": True},
    "webhook_cert_file": {"type": "path"},
    "webhook_key_file": {"type": "path", "no_log": False},
    "webhook_sources": {"type": "list", "elements": "str"},
    "webhook_max_bytes": {"type": "int"},
    "webhook_per_second": {"type": "int"},
    "debug": {"type": "bool", "default": False},
    "environment": {"type": "dict"},
    "ready_timeout": {"type": "int", "default": 120},
    "keep_releases": {"type": "int", "default": 2},
    "shipped": {"type": "dict", "options": SHIPPED},
}

REQUIRED = [("state", "present", ("vcenter_url", "vcenter_username", "vcenter_password"))]
