# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reply event as a value: the prototype's type, source, id and data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..core.contract import PREEMPTED_EVENT_TYPE

# RFC 3986, 3.1 and 4.2: the part before a colon in the first segment must be a scheme.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# RFC 3986, 2.2 and 3.3: characters that need no encoding in a whole reference, and in a path.
_IN_REFERENCE = ":/?#[]@!$&'()*+,;="
_IN_PATH = "/:@!$&'()*+,;="


@dataclass(frozen=True)
class OutgoingEvent:
    """A CloudEvent to send. time: wire text. data: a JSON object."""

    type: str
    source: str
    id: str
    time: str
    data: Mapping[str, Any]


def preempted_event(
    *, source_address: str, namespace: str, workflow_id: str, event_id: str, time: str, data: Mapping[str, Any]
) -> OutgoingEvent:
    """The event that lists the preempted VMs. Its id is the same each time the run announces it."""
    return OutgoingEvent(
        type=PREEMPTED_EVENT_TYPE,
        source=source_reference(source_address, namespace),
        id=f"{workflow_id}-{event_id}",
        time=time,
        data=data,
    )


def source_reference(address: str, namespace: str) -> str:
    """`<address>/<namespace>`, in the prototype's format if that is a URI reference.

    `localhost:7233/x` is one, since `localhost` can be parsed as a scheme. `127.0.0.1:7233/x` is not; the prototype
    cannot send events from such an address. Two slashes turn it into a reference with an authority. Characters that are
    invalid in a URI are percent-encoded.
    """
    plain = f"{quote(address, safe=_IN_REFERENCE)}/{quote(namespace, safe=_IN_PATH)}"
    return plain if ":" not in address or _SCHEME.match(plain) else f"//{plain}"
