# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One instance on this host: its current state, and changing files and links to the desired state."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from . import files
from .deployment_plan import ENV_FILE, POLICY_FILE
from .locking import LOCK
from .release import Releases
from .service import Instance, WorkerService
from .state import File, HostState, State
from .venv import Venvs

CREDENTIALS, TLS, PROGRAMS = "credentials", "tls", "bin"


def look(instance: Instance, services: Mapping[str, WorkerService], releases: Releases, venvs: Venvs) -> HostState:
    """The current state of the instance."""
    release, venv = files.leads_to(instance.current), files.leads_to(instance.venv)
    kinds = [kind for kind, service in services.items() if service.definition() or service.running()]
    damaged = {release} if release and not releases.intact(release) else set()
    if venv and not venvs.intact(venv):
        damaged.add(venv)
    stores = (releases.folder, venvs.folder, instance.root / LOCK)
    return HostState(
        State(
            service="+".join(kinds),
            release=release,
            venv=venv,
            files=dict(_files(instance.folder)),
            definition={path: text for kind in kinds for path, text in services[kind].definition().items()},
        ),
        running=any(service.running() for service in services.values()),
        damaged=frozenset(damaged),
        leftovers=not others(instance) and any(store.exists() for store in stores),
    )


def put(instance: Instance, state: State) -> None:
    """Change the files and links of the instance to a state. The worker must not be running."""
    files.make_folder(instance.folder)
    put_files(instance, state.files)
    for path, name in ((instance.venv, state.venv), (instance.current, state.release)):
        store = "venvs" if path == instance.venv else "releases"
        if name:
            files.link(path, f"../../{store}/{name}")
        else:
            path.unlink(missing_ok=True)
    for place, text in state.definition.items():
        path = Path(place)
        if not path.is_file() or path.read_text() != text:
            files.make_folder(path.parent)
            files.write(path, text, 0o644)


def put_files(instance: Instance, wanted: Mapping[str, File]) -> None:
    """Write files that differ, and remove files that are not wanted."""
    found = dict(_files(instance.folder))
    for name, file in wanted.items():
        path = instance.folder / name
        if path.parent != instance.folder:
            files.make_folder(path.parent, 0o700 if path.parent == instance.credentials else 0o755)
        if found.get(name) != file:
            files.write(path, file.text, file.mode)
    for name in found.keys() - wanted.keys():
        (instance.folder / name).unlink()
    for folder in (instance.tls, instance.credentials, instance.folder / PROGRAMS):
        files.remove_if_empty(folder)


def others(instance: Instance) -> list[Path]:
    """The folders of the other instances under the same root."""
    folder = instance.folder.parent
    return sorted(path for path in folder.iterdir() if path != instance.folder) if folder.is_dir() else []


def in_use(instance: Instance) -> tuple[set[str], set[str]]:
    """Names of the releases and of the virtual environments that any instance uses."""
    folders = [instance.folder, *others(instance)]
    links = [(files.leads_to(folder / "current"), files.leads_to(folder / "venv")) for folder in folders]
    return {release for release, _venv in links}, {venv for _release, venv in links}


def _files(folder: Path) -> Iterator[tuple[str, File]]:
    for name in (ENV_FILE, POLICY_FILE):
        if (folder / name).is_file():
            yield name, _file(folder / name, secret=False)
    for place in (CREDENTIALS, TLS, PROGRAMS):
        if (folder / place).is_dir():
            for path in sorted((folder / place).iterdir()):
                yield f"{place}/{path.name}", _file(path, secret=place == CREDENTIALS)


def _file(path: Path, *, secret: bool) -> File:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return File(file.read(), stat.S_IMODE(path.stat().st_mode), secret)
