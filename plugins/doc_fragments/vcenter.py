# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say how to reach vCenter; they are read by module_utils/_vcenter.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the connection to vCenter."""

    DOCUMENTATION = r"""
options:
  vcenter_url:
    description:
      - Address of vCenter, such as C(https://vcenter.example.com).
      - Read from the environment variable E(VCENTER_URL) of the host on which the module runs, if it is not given.
    type: str
  vcenter_username:
    description:
      - Name of an account. One that may only read is enough.
      - Read from E(VCENTER_USERNAME) if it is not given.
    type: str
  vcenter_password:
    description:
      - Password of the account.
      - Read from E(VCENTER_PASSWORD) if it is not given.
    type: str
  vcenter_secret_path:
    description:
      - Folder with the files C(username) and C(password). C(/var/bindings/vsphere), if neither this nor name and
        password are known.
      - Read from E(VCENTER_SECRET_PATH) if it is not given.
      - Name and password win over the files, wherever either comes from.
    type: path
  vcenter_ca_file:
    description:
      - PEM file with the CA that signed the certificate of vCenter. The CAs of the system, if not given.
      - Read from E(VCENTER_CA_FILE) if it is not given.
    type: path
  vcenter_validate_certs:
    description:
      - Whether to check the certificate of vCenter.
      - If it is not given and the environment variable E(VCENTER_INSECURE) is true, it is not checked.
    type: bool
    default: true
requirements:
  - pyVmomi >= 8.0
"""
