# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sender of events to the worker's webhook, and events as the three known senders shape them.

Nothing of the webhook's own code is used here: signatures are made as the documentation says.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .ports import LOOPBACK

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
Record = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What the webhook answered. headers: names in lower case."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Sender:
    """Posts to one webhook, on a new connection each time."""

    port: int
    token: str = ""
    tls: ssl.SSLContext | None = None
    seconds: float = 30.0

    def post(
        self, body: object, content_type: str = STRUCTURED, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Reply:
        """body: bytes as they are, anything else as JSON. more: path and method."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        own = {"Content-Type": content_type, **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        return self.send(content, {**own, **(headers or {})}, **more)

    def send(self, body: bytes, headers: Mapping[str, str], *, path: str = "/", method: str = "POST") -> Reply:
        """The message exactly so."""
        if self.tls:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                LOOPBACK, self.port, timeout=self.seconds, context=self.tls
            )
        else:
            connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=self.seconds)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        named = {name.lower(): value for name, value in answer.getheaders()}
        is_json = named.get("content-type", "").startswith("application/json")
        return Reply(answer.status, json.loads(content) if is_json and content else content, named)

    def post_binary(self, event: Record, **headers: str) -> Reply:
        """The same event in binary mode."""
        message = binary(event)
        return self.post(message[1], "application/json", {**message[0], **headers})


def binary(event: Record) -> tuple[dict[str, str], bytes]:
    """Headers and body of an event in binary mode."""
    attributes = {name: value for name, value in event.items() if name not in ("data", "datacontenttype")}
    return {f"ce-{name}": str(value) for name, value in attributes.items()}, json.dumps(event["data"]).encode()


def signature(key: str, body: bytes, *, at: float | None = None, headers: Mapping[str, str] | None = None) -> Record:
    """The two headers that sign a message. headers: all of it, for an event in binary mode."""
    stamp = str(int(time.time() if at is None else at))
    ours = sorted((name.lower(), value) for name, value in (headers or {}).items())
    lines = "".join(f"{name}:{value}\n" for name, value in ours if name.startswith("ce-") or name == "content-type")
    digest = hmac.new(key.encode(), f"{stamp}.{lines}".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Preemption-Timestamp": stamp, "X-Preemption-Signature": f"sha256={digest}"}


def alarm_data(name: str, cluster: str, colours: tuple[str, str] = ("green", "red"), **more: Any) -> Record:
    """vCenter's event, as VEBA writes it."""
    place = {"Type": "ClusterComputeResource", "Value": cluster}
    return {
        "Key": 4711,
        "CreatedTime": "2026-11-24T09:29:47.123456Z",
        "ComputeResource": {"Name": cluster, "ComputeResource": place},
        "Host": None,
        "Vm": None,
        "Alarm": {"Name": name, "Alarm": {"Type": "Alarm", "Value": "alarm-7"}},
        "Source": {"Name": "Datacenters", "Entity": {"Type": "Folder", "Value": "group-d1"}},
        "Entity": {"Name": cluster, "Entity": place},
        "From": colours[0],
        "To": colours[1],
        **more,
    }


def of_knative(event_id: str, data: Record) -> Record:
    """As VEBA 0.8 and the sources for Knative send it."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "https://vcenter.example/sdk",
        "type": "com.vmware.vsphere.AlarmStatusChangedEvent.v0",
        "datacontenttype": "application/json",
        "time": "2026-11-24T09:29:47.123456789Z",
        "eventclass": "event",
        "vsphereapiversion": "8.0.2.0",
        "data": data,
    }


def of_old_router(event_id: str, data: Record) -> Record:
    """As VEBA's event router sent it before."""
    named = {"type": "com.vmware.event.router/event", "subject": "AlarmStatusChangedEvent"}
    return {name: value for name, value in {**of_knative(event_id, data), **named}.items() if name != "eventclass"}


def of_event_manager(key: int, name: str, cluster: str, colours: tuple[str, str] = ("green", "red")) -> Record:
    """As vmware.vmware's event source hands it to a rulebook: no CloudEvent, and pyVmomi's names."""
    place = f"vim.ClusterComputeResource:{cluster}"
    return {
        "_vimtype": "vim.event.AlarmStatusChangedEvent",
        "alarm": {"_vimtype": "vim.event.AlarmEventArgument", "alarm": "vim.alarm.Alarm:alarm-7", "name": name},
        "computeResource": {
            "_vimtype": "vim.event.ComputeResourceEventArgument",
            "computeResource": place,
            "name": "c",
        },
        "entity": {"_vimtype": "vim.event.ManagedEntityEventArgument", "entity": place, "name": "c"},
        "createdTime": "2026-11-24T09:29:47.12345Z",
        "from": colours[0],
        "to": colours[1],
        "key": key,
        "host": None,
        "meta": {"source": {"name": "vCenter", "type": "vmware.vmware.vcenter_event_manager"}},
    }
