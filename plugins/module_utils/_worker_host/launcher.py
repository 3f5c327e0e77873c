# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line next to a worker: a script with the worker's connection, credentials and policy.

It reads files that only the worker's account and root can read, and puts no secret into an argument list. Flags take
precedence over the worker's environment.
"""

from __future__ import annotations

import shlex

from .deployment_plan import File
from .service import Instance

LAUNCHER = "bin/preemptctl"
EXECUTABLE = 0o755

_SCRIPT = """\
#!/bin/sh
# Written by preemption_worker_deploy, which overwrites changes.
set -eu
here={folder}
if ! [ -r "$here/worker.env" ]; then
    echo "preemptctl: cannot read $here/worker.env. Run this command as root or as the worker's account." >&2
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
    """The script, for its place in the directory of the instance."""
    return File(_SCRIPT.format(folder=shlex.quote(str(instance.folder))), EXECUTABLE)
