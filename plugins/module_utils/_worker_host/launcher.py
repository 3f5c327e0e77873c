# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line beside a worker: a script that has the worker's connection, credentials and policy.

It reads what only the worker's account and root may read, and puts nothing secret into an argument list. Flags win over
the environment of the worker.
"""

from __future__ import annotations

import shlex

from .service import Instance
from .state import File

LAUNCHER = "bin/preemptctl"
EXECUTABLE = 0o755

_SCRIPT = """\
#!/bin/sh
# Written by preemption_worker_deploy, which overwrites changes.
set -eu
here={folder}
if ! [ -r "$here/worker.env" ]; then
    echo "preemptctl: $here/worker.env cannot be read. Run it as root, or as the account of the worker." >&2
    exit 4
fi
set -a
. "$here/worker.env"
VCENTER_SECRET_PATH="$here/credentials"
if [ -f "$here/credentials/temporal_client_key" ]; then
    TEMPORAL_TLS_CLIENT_KEY_PATH="$here/credentials/temporal_client_key"
fi
PYTHONPATH="$here/current"
PYTHONDONTWRITEBYTECODE=1
set +a
exec "$here/venv/bin/python" -m vsphere_preemption_worker.preemptctl "$@"
"""


def launcher(instance: Instance) -> File:
    """The script, for its place below the folder of the instance."""
    return File(_SCRIPT.format(folder=shlex.quote(str(instance.folder))), EXECUTABLE)
