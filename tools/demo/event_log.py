# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's event receiver: writes each CloudEvent as a line of JSON. `python -m demo.event_log PORT FILE`"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

from support.sink import Delivery, Sink


def main() -> None:
    """Receive events until the process is terminated."""
    port, file = int(sys.argv[1]), Path(sys.argv[2])
    lock = threading.Lock()

    def write(delivery: Delivery) -> None:
        with lock, file.open("a") as log:
            log.write(json.dumps(delivery.event()) + "\n")

    Sink(port=port, on_delivery=write)
    threading.Event().wait()


if __name__ == "__main__":
    main()
