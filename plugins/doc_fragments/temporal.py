# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say how to reach Temporal; they are read by module_utils/_options.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the connection to Temporal."""

    DOCUMENTATION = r"""
options:
  temporal_address:
    description:
      - Address of the Temporal frontend, C(host:port).
      - Read from the environment variables E(TEMPORAL_URL) or E(TEMPORAL_ADDRESS) of the host on which the module
        runs, if it is not given.
    type: str
    default: localhost:7233
  temporal_namespace:
    description:
      - Temporal namespace. It has to exist.
      - Read from E(TEMPORAL_NAMESPACE) if it is not given.
    type: str
    default: vsphere-preemption
  temporal_tls:
    description:
      - Whether to use TLS. If not given, TLS is used as soon as one of the files, the server name or the API key is
        given.
      - Read from E(TEMPORAL_TLS) if it is not given.
    type: bool
  temporal_ca_file:
    description:
      - PEM file with the CA that signed the certificate of the server. The CAs of the system, if not given.
      - Read from E(TEMPORAL_TLS_SERVER_CA_CERT_PATH) if it is not given.
    type: path
  temporal_client_cert_file:
    description:
      - PEM file with the client certificate. Needs O(temporal_client_key_file).
      - Read from E(TEMPORAL_TLS_CLIENT_CERT_PATH) if it is not given.
    type: path
  temporal_client_key_file:
    description:
      - PEM file with the private key of the client certificate.
      - Read from E(TEMPORAL_TLS_CLIENT_KEY_PATH) if it is not given.
    type: path
  temporal_server_name:
    description:
      - Name in the certificate of the server, where it differs from the address.
      - Read from E(TEMPORAL_TLS_SERVER_NAME) if it is not given.
    type: str
  temporal_api_key:
    description:
      - API key. It is only sent over TLS.
      - Read from E(TEMPORAL_API_KEY) if it is not given.
    type: str
requirements:
  - python >= 3.11
  - temporalio >= 1.35
"""
