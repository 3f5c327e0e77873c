# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploying and removing one worker: plan, prepare, switch, wait until it is ready, or roll back.

Everything that can fail without touching the running worker (unpacking, installing, a program that does not start)
comes before the switch. The worker is stopped before its links are changed, because it imports modules on demand and
must not find another release then.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

from ..vsphere_preemption.core.errors import InvalidSetting, PreemptionError
from . import env_file, files, host
from .clock import Clock
from .deployment_plan import ENV_FILE, DeploymentPlan, ServiceAction, plan_absent, plan_present
from .errors import ReleaseUnusable, ServiceFailed, WorkerNotReady
from .launcher import LAUNCHER, launcher
from .locking import LOCK, host_lock
from .readiness import taken, wait_ready
from .release import REQUIREMENTS, Releases, release_name
from .service import WorkerService
from .spec import DeploymentSpec
from .state import SECRET, File, HostState, State
from .venv import Python, RunCommand, Venvs, probe_python, venv_name

LOCK_SECONDS = 600.0
# The minimum time for the previous worker to become ready, even if the newer one had less.
BACK_SECONDS = 30.0
# The umask of the deploying account must not apply to what pip writes, because another account runs the worker.
UMASK = 0o022


@dataclass(frozen=True)
class Deployed:
    """The result; in check mode, the expected result. release, venv: names, empty if there is none."""

    plan: DeploymentPlan
    release: str = ""
    previous_release: str = ""
    venv: str = ""


class Deployment:
    """One order for one host. services: by the name that the order uses for them."""

    def __init__(
        self, spec: DeploymentSpec, services: Mapping[str, WorkerService], run: RunCommand, clock: Clock | None = None
    ) -> None:
        self._spec = spec
        self._instance = spec.instance
        self._services = services
        self._run = run
        self._clock = clock or Clock()
        self._releases = Releases(spec.instance.root)
        self._venvs = Venvs(spec.instance.root, run)

    def present(self, *, check_mode: bool) -> Deployed:
        """Deploy the worker as ordered. Raises WorkerNotReady after a rollback if it does not become ready."""
        python = probe_python(self._spec.python, self._run)
        wanted = self._wanted(python)
        root = self._instance.root
        with files.report_os_errors(root):
            if check_mode:
                return self._planned(self._look(), wanted)
            os.umask(UMASK)
            with host_lock(root, seconds=LOCK_SECONDS, clock=self._clock):
                found = self._look()
                deployed = self._planned(found, wanted)
                if deployed.plan.action is ServiceAction.RELOAD:
                    self._reload(found, wanted)
                elif deployed.plan.changed:
                    self._prepare(wanted, found, python)
                    self._switch(found, wanted)
                    self._prune(found.state, wanted)
                return deployed

    def absent(self, *, check_mode: bool) -> Deployed:
        """Remove the worker; with the last one in this directory, everything that was created there."""
        root = self._instance.root
        with files.report_os_errors(root):
            plan = plan_absent(self._look())
            if not plan.changed or check_mode:
                return Deployed(plan)
            with host_lock(root, seconds=LOCK_SECONDS, clock=self._clock):
                found = self._look()
                self._remove()
                self._sweep()
            return Deployed(plan, previous_release=found.state.release)

    def _look(self) -> HostState:
        return host.look(self._instance, self._services, self._releases, self._venvs)

    def _wanted(self, python: Python) -> State:
        spec, service = self._spec, self._service
        variables = {**spec.variables, **service.secret_paths(spec.secrets)}
        return State(
            service=spec.service,
            release=release_name(spec.release_sha256),
            venv=venv_name(spec.lock_sha256, python),
            files={
                **spec.files,
                ENV_FILE: File(env_file.written(variables), SECRET),
                LAUNCHER: launcher(self._instance),
            },
            definition=service.wanted(spec.secrets),
        )

    def _planned(self, found: HostState, wanted: State) -> Deployed:
        previous = "" if found.state.release == wanted.release else found.state.release
        self._refuse_taken_address(found)
        return Deployed(plan_present(found, wanted), wanted.release, previous, wanted.venv)

    @property
    def _service(self) -> WorkerService:
        return self._services[self._spec.service]

    def _refuse_taken_address(self, found: HostState) -> None:
        """Another program on that address would respond instead of a worker that could not start."""
        address = self._instance.health_address
        old = found.state.files.get(ENV_FILE)
        before = env_file.read(old.text).get("PREEMPTION_HEALTH_ADDRESS") if old and found.state.service else None
        if before != address and taken(address):
            raise InvalidSetting(
                "Cannot use health_address",
                why=f"another program is listening on {address}",
                next_step="Set health_address to a free address; each instance needs its own.",
            )

    def _prepare(self, wanted: State, found: HostState, python: Python) -> None:
        """Everything that does not affect the running worker, unless its files are damaged and must be replaced."""
        if found.damaged:
            self._stop_all()
        try:
            self._releases.install(self._spec.archive, self._spec.release_sha256)
            requirements = self._releases.path(wanted.release) / REQUIREMENTS
            self._venvs.make(wanted.venv, python, requirements, self._spec.source)
            if found.damaged or (wanted.release, wanted.venv) != (found.state.release, found.state.venv):
                self._try_out(wanted)
        except (PreemptionError, OSError):
            if found.damaged:
                with contextlib.suppress(PreemptionError, OSError):
                    self._go_back(found)
            raise

    def _try_out(self, wanted: State) -> None:
        """Compile the release, and load it completely once."""
        release = self._releases.path(wanted.release)
        program = str(self._venvs.path(wanted.venv) / "bin" / "python")
        for arguments in (["-m", "compileall", "-q", str(release)], ["-m", "vsphere_preemption_worker", "--help"]):
            code, out, problem = self._run([program, *arguments], environ_update={"PYTHONPATH": str(release)})
            if code:
                last = " | ".join((out + problem).strip().splitlines()[-3:])
                raise ReleaseUnusable(
                    f"The release {wanted.release} does not start",
                    why=last or f"exit code {code}",
                    next_step="The running worker was not changed. Deploy a release that works.",
                )

    def _switch(self, found: HostState, wanted: State) -> None:
        try:
            self._stop_all()
            for kind, service in self._services.items():
                if kind != wanted.service:
                    service.remove()
            host.put(self._instance, wanted)
            self._service.start()
            trouble = self._not_ready()
        except (PreemptionError, OSError) as error:
            raise self._gone_back(found, str(error)) from error
        if trouble:
            raise self._gone_back(found, trouble)

    def _not_ready(self) -> str:
        seconds = self._spec.ready_seconds
        if not seconds:
            return ""
        return wait_ready(self._instance.health_address, self._service, seconds=seconds, clock=self._clock)

    def _gone_back(self, found: HostState, trouble: str) -> WorkerNotReady:
        """Roll back; returns the error that reports both the failure and the result of the rollback."""
        log = self._service.log_tail()
        try:
            self._go_back(found)
            problem = self._not_ready_as_before(found)
        except (PreemptionError, OSError) as error:
            problem = f"the rollback failed: {error}"
        before = f"release {found.state.release}" if found.state.release else "no worker"
        result = f"but {problem.rstrip('.')}" if problem else "the previous state was restored"
        return WorkerNotReady(
            f"Worker {self._instance.name} did not become ready",
            why=". ".join([trouble.rstrip("."), f"Last log line: {log[-1]}"] if log else [trouble.rstrip(".")]),
            next_step=f"Rolled back to {before}; {result}.",
            log=log,
            back=not problem,
        )

    def _go_back(self, found: HostState) -> None:
        if not found.present:
            self._remove()
            return
        for kind, service in self._services.items():
            if kind in found.state.service.split("+"):
                service.stop()
            else:
                service.remove()
        host.put(self._instance, found.state)
        if found.running:
            self._services[found.state.service.split("+")[0]].start()

    def _not_ready_as_before(self, found: HostState) -> str:
        """Why the previous worker is not ready, if one was running."""
        old = found.state.files.get(ENV_FILE)
        address = env_file.read(old.text).get("PREEMPTION_HEALTH_ADDRESS", "") if old else ""
        if not found.running or not address:
            return ""
        service = self._services[found.state.service.split("+")[0]]
        seconds = max(self._spec.ready_seconds, BACK_SECONDS)
        return wait_ready(address, service, seconds=seconds, clock=self._clock)

    def _reload(self, found: HostState, wanted: State) -> None:
        host.put_files(self._instance, wanted.files)
        try:
            self._service.reload()
            trouble = self._not_ready()
        except PreemptionError:
            host.put_files(self._instance, found.state.files)
            self._service.reload()
            raise
        if trouble:
            raise ServiceFailed(
                f"Worker {self._instance.name} is not ready with its new policy",
                why=trouble.rstrip("."),
                next_step="Check its log.",
            )

    def _stop_all(self) -> None:
        for service in self._services.values():
            service.stop()

    def _remove(self) -> None:
        for service in self._services.values():
            service.remove()
        files.remove_tree(self._instance.folder)

    def _sweep(self) -> None:
        """Remove everything that no instance needs."""
        if host.others(self._instance):
            return
        root = self._instance.root
        for folder in (self._instance.folder.parent, self._releases.folder, self._venvs.folder):
            files.remove_tree(folder)
        (root / LOCK).unlink(missing_ok=True)
        files.remove_if_empty(root)

    def _prune(self, before: State, wanted: State) -> None:
        """Remove old releases and virtual environments; the previous one counts as the second newest."""
        releases, venvs = host.in_use(self._instance)
        for store, names, used in (
            (self._releases, (before.release, wanted.release), releases),
            (self._venvs, (before.venv, wanted.venv), venvs),
        ):
            for name in names:
                if name and store.path(name).is_dir():
                    store.mark_used(name)
            for path in files.superfluous(store.folder, in_use=used, keep=self._spec.keep):
                files.remove_tree(path)
