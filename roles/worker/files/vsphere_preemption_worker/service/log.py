# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging: one line for each event, as key=value pairs (logfmt), on standard error.

Untrusted texts (VM names, alarm names) are quoted, so that none of them can forge a log line.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from temporalio import activity, workflow

from vsphere_preemption.core import times

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogfmtFormatter(logging.Formatter):
    """Formats time, level, logger and message, then the fields in `extra`, then the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "time": times.to_wire(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        fields.update((name, value) for name, value in vars(record).items() if name not in _STANDARD)
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return " ".join(f"{name}={_value(value)}" for name, value in fields.items())


def set_up_logging(*, debug: bool) -> None:
    """Log our messages from INFO (with debug, from DEBUG), and warnings of the libraries."""
    handler = logging.StreamHandler()
    handler.setFormatter(LogfmtFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("vsphere_preemption", "vsphere_preemption_worker"):
        logging.getLogger(name).setLevel(logging.DEBUG if debug else logging.INFO)
    logging.getLogger("temporalio").setLevel(logging.INFO if debug else logging.WARNING)
    # By default, Temporal appends a Python dict to the message; we use fields instead.
    for adapter in (workflow.logger, activity.logger):
        for switch in ("workflow_info_on_message", "activity_info_on_message", "full_workflow_info_on_extra"):
            if hasattr(adapter, switch):
                setattr(adapter, switch, False)


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    plain = text and text.isprintable() and not any(character in text for character in ' "=\\')
    return text if plain else json.dumps(text, ensure_ascii=False)
