# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m support.kubernetes`: build and fetch all that `make test-kubernetes` needs, with a line for each step."""

from __future__ import annotations

import sys

from setup.steps import SetupFailed

from .image import prepare_image_parts
from .programs import API_SERVER, ETCD, built, kubectl, python_client, say


def main() -> int:
    try:
        python_client()
        built(ETCD)
        built(API_SERVER)
        prepare_image_parts()
        say(f"the witness is {kubectl()}")
    except SetupFailed as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
