# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options for the connection to vCenter; module_utils/_modules/vcenter.py reads them."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the connection to vCenter."""

    DOCUMENTATION = r"""
options:
  vcenter_url:
    description:
      - Address of vCenter, such as C(https://vcenter.example.com).
      - If not set, the environment variable E(VCENTER_URL) on the host where the module runs is used.
    type: str
  vcenter_username:
    description:
      - Name of the vCenter account. Unless the module states other privileges, read-only access is sufficient.
      - If not set, E(VCENTER_USERNAME) is used.
    type: str
  vcenter_password:
    description:
      - Password of the account.
      - If not set, E(VCENTER_PASSWORD) is used.
    type: str
  vcenter_secret_path:
    description:
      - Directory with the files C(username) and C(password). Defaults to C(/var/bindings/vsphere) if the user name and
        password are not set either.
      - If not set, E(VCENTER_SECRET_PATH) is used.
      - The user name and password take precedence over the files, whether they are options or environment variables.
    type: path
  vcenter_ca_file:
    description:
      - PEM file with the CA that signed vCenter's certificate. By default, the CAs of the system are trusted.
      - If not set, E(VCENTER_CA_FILE) is used.
    type: path
  vcenter_validate_certs:
    description:
      - Whether to validate vCenter's certificate.
      - If this option is not set and the environment variable E(VCENTER_INSECURE) is true, it is not validated.
    type: bool
    default: true
requirements:
  - pyVmomi >= 8.0
"""
