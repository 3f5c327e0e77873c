# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options for the connection to Temporal; module_utils/_modules/temporal.py reads them."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the connection to Temporal."""

    DOCUMENTATION = r"""
options:
  temporal_address:
    description:
      - Address of the Temporal frontend, C(host:port).
      - If not set, the environment variable E(TEMPORAL_URL) or E(TEMPORAL_ADDRESS) on the host where the module runs
        is used.
    type: str
    default: localhost:7233
  temporal_namespace:
    description:
      - Temporal namespace. It must exist.
      - If not set, E(TEMPORAL_NAMESPACE) is used.
    type: str
    default: vsphere-preemption
  temporal_tls:
    description:
      - Whether to use TLS. By default, TLS is used if one of the files, the server name or the API key is set.
      - If not set, E(TEMPORAL_TLS) is used.
    type: bool
  temporal_ca_file:
    description:
      - PEM file with the CA that signed the server certificate. By default, the CAs of the system are trusted.
      - If not set, E(TEMPORAL_TLS_SERVER_CA_CERT_PATH) is used.
    type: path
  temporal_client_cert_file:
    description:
      - PEM file with the client certificate. Requires O(temporal_client_key_file).
      - If not set, E(TEMPORAL_TLS_CLIENT_CERT_PATH) is used.
    type: path
  temporal_client_key_file:
    description:
      - PEM file with the private key of the client certificate.
      - If not set, E(TEMPORAL_TLS_CLIENT_KEY_PATH) is used.
    type: path
  temporal_server_name:
    description:
      - Name in the server certificate, if it differs from the address.
      - If not set, E(TEMPORAL_TLS_SERVER_NAME) is used.
    type: str
  temporal_api_key:
    description:
      - API key. It is only sent over TLS.
      - If not set, E(TEMPORAL_API_KEY) is used.
    type: str
requirements:
  - python >= 3.11
  - temporalio >= 1.35
"""

    TASK_QUEUE = r"""
options:
  task_queue:
    description:
      - Task queue of the workers.
      - If not set, the environment variable E(TEMPORAL_TASKQUEUE) is used.
    type: str
    default: vsphere-preemption
"""
