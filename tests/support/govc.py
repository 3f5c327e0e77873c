# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""govc, VMware's own command line, as an independent witness of what is in vCenter."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from .paths import tool

MARK_ATTRIBUTE = "com.vmware.workflows.vsphere.preemption"
CALL_SECONDS = 60.0


class GovcFailed(RuntimeError):
    """govc ended with an error."""


@dataclass(frozen=True)
class Machine:
    """A VM as govc reads it. ref: managed object reference, such as vm-63. attributes: custom attributes by name."""

    ref: str
    name: str
    power_state: str
    template: bool
    attributes: dict[str, str]

    @property
    def mark(self) -> dict[str, Any] | None:
        """Our custom attribute, decoded; None where it was never set or is empty."""
        text = self.attributes.get(MARK_ATTRIBUTE)
        return cast("dict[str, Any]", json.loads(text)) if text else None


class Govc:
    """One vCenter seen through govc.

    url: https://host:port. credentials: folder with the files `username` and `password`. ca_file: None skips the check.
    """

    def __init__(self, url: str, *, credentials: Path, ca_file: Path | None, folder: Path) -> None:
        self._environment = {
            "GOVC_URL": url,
            "GOVC_USERNAME": (credentials / "username").read_text(),
            "GOVC_PASSWORD": (credentials / "password").read_text(),
            "GOVC_PERSIST_SESSION": "false",
            "HOME": str(folder),
        }
        self._environment |= {"GOVC_TLS_CA_CERTS": str(ca_file)} if ca_file else {"GOVC_INSECURE": "true"}

    def run(self, *arguments: str | Path) -> str:
        """Run one govc command and return what it printed."""
        command = [str(tool("govc")), *(str(argument) for argument in arguments)]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=CALL_SECONDS, check=False
        )
        if done.returncode != 0:
            raise GovcFailed(f"govc {' '.join(command[1:])}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def machines(self) -> dict[str, Machine]:
        """Every VM and template by name."""
        fields = self.attribute_keys()
        wanted = ("name", "runtime.powerState", "config.template", "customValue")
        output = self.run("object.collect", "-json", "-type", "m", "/", *wanted)
        machines = (_machine(update, fields) for update in _documents(output))
        return {machine.name: machine for machine in machines}

    def machine(self, name: str) -> Machine:
        """The VM of that name."""
        return self.machines()[name]

    def power_states(self) -> dict[str, str]:
        """Power state (poweredOn, poweredOff, suspended) by VM name."""
        return {name: machine.power_state for name, machine in self.machines().items()}

    def powered_on(self) -> set[str]:
        """The names of the VMs that run."""
        return {name for name, state in self.power_states().items() if state == "poweredOn"}

    def marks(self) -> dict[str, dict[str, Any]]:
        """Our custom attribute by VM name, only where it is set."""
        found = ((name, machine.mark) for name, machine in self.machines().items())
        return {name: mark for name, mark in found if mark is not None}

    def attribute_keys(self) -> dict[int, str]:
        """Names of the custom attributes by key."""
        rows = (line.split() for line in self.run("fields.ls").splitlines())
        return {int(row[0]): row[1] for row in rows if row}

    def set_attribute(self, name: str, value: str, machine: str) -> None:
        """Write a custom attribute, which must exist."""
        self.run("fields.set", name, value, self.path_of(machine))

    def power(self, change: str, machine: str) -> None:
        """change: on, off, suspend, reset, or s for a guest shutdown."""
        self.run("vm.power", f"-{change}", self.path_of(machine))

    def destroy(self, machine: str) -> None:
        """Power off and delete a VM."""
        self.run("vm.destroy", self.path_of(machine))

    def path_of(self, machine: str) -> str:
        """Inventory path of a VM by its name."""
        paths = self.run("find", "/", "-type", "m", "-name", machine).split("\n")
        return paths[0]

    def create_tag(self, category: str, name: str) -> str:
        """Make a tag, and its category where there is none yet; return the tag's id."""
        if category not in self.categories():
            self.run("tags.category.create", category)
        return self.run("tags.create", "-c", category, name).strip()

    def categories(self) -> set[str]:
        """The names of the tag categories."""
        return {entry["name"] for entry in self._json("tags.category.ls", "-json")}

    def tags(self) -> dict[str, str]:
        """Tag ids by `category/name`."""
        return {f"{entry['category_id']}/{entry['name']}": entry["id"] for entry in self._json("tags.ls", "-json")}

    def attach_tag(self, category: str, name: str, path: str) -> None:
        """Attach a tag to one object, given by its inventory path."""
        self.run("tags.attach", "-c", category, name, path)

    def detach_tag(self, category: str, name: str, path: str) -> None:
        """Take a tag off one object."""
        self.run("tags.detach", "-c", category, name, path)

    def remove_tag(self, category: str, name: str) -> None:
        """Delete a tag with all its links."""
        self.run("tags.rm", "-f", "-c", category, name)

    def rename_tag(self, category: str, name: str, new_name: str) -> None:
        """Give a tag another name; its id and links stay."""
        self.run("tags.update", "-c", category, "-n", new_name, name)

    def tagged(self, category: str, name: str) -> list[str]:
        """The objects that carry a tag, as Type:value."""
        tag_id = self.tags()[f"{category}/{name}"]
        return list(self._json("tags.attached.ls", "-json", tag_id))

    def _json(self, *arguments: str) -> list[Any]:
        return cast("list[Any]", json.loads(self.run(*arguments)) or [])


def _documents(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    position = 0
    while (start := text.find("{", position)) >= 0:
        document, position = decoder.raw_decode(text, start)
        yield document


def _machine(update: dict[str, Any], fields: dict[int, str]) -> Machine:
    values = {change["name"]: change.get("val") for change in update["changeSet"]}
    custom = (values.get("customValue") or {}).get("_value") or []
    return Machine(
        ref=update["obj"]["value"],
        name=values["name"],
        power_state=values["runtime.powerState"],
        template=bool(values["config.template"]),
        attributes={fields.get(entry["key"], str(entry["key"])): entry["value"] for entry in custom},
    )
