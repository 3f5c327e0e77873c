# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller part of preemption_worker_deploy: it packs the worker, reads files, and sends the release."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.vsphere.preemption.plugins.module_utils._worker_host.errors import ReleaseMissing
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.core.errors import (
    InvalidSetting,
    PreemptionError,
)
from ansible_collections.vsphere.preemption.plugins.module_utils.vsphere_preemption.policy_file.reading import (
    read_policies,
)

PACKAGES = {
    "vsphere_preemption": Path("plugins/module_utils/vsphere_preemption"),
    "vsphere_preemption_worker": Path("roles/worker/files/vsphere_preemption_worker"),
}
REQUIREMENTS = Path("roles/worker/files/requirements.txt")


@dataclass(frozen=True)
class Release:
    """sha256: of the archive. lock_sha256: of the lock file, which is in it. archive: tar, not compressed."""

    sha256: str
    lock_sha256: str
    archive: bytes = field(repr=False)

    def compressed(self) -> bytes:
        """The archive, compressed for transfer."""
        return gzip.compress(self.archive, mtime=0)


def pack(collection: Path) -> Release:
    """Pack the worker of the collection in the folder. Raises FileNotFoundError if a part of it is missing."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, source in _members(collection):
            data = source.read_bytes()
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(data), 0o644, 0
            archive.addfile(member, io.BytesIO(data))
    lock = (collection / REQUIREMENTS).read_bytes()
    packed = content.getvalue()
    return Release(hashlib.sha256(packed).hexdigest(), hashlib.sha256(lock).hexdigest(), packed)


def _members(collection: Path) -> Iterator[tuple[str, Path]]:
    """Names in the archive with their files, in the order of the archive."""
    for package, folder in sorted(PACKAGES.items()):
        if not (collection / folder / "__init__.py").is_file():
            raise FileNotFoundError(f"the package {package} is not in {collection / folder}")
        sources = {
            path.relative_to(collection / folder).as_posix(): path for path in (collection / folder).rglob("*.py")
        }
        for name in sorted(sources):
            yield f"{package}/{name}", sources[name]
    yield "requirements.txt", collection / REQUIREMENTS


MODULE = "vsphere.preemption.preemption_worker_deploy"
DEFAULT_DIRECTORY = "/opt/vsphere-preemption"
NAME_LENGTH = 16
# Options that name a file on the controller, and the key under which its content is sent.
FILES = {
    "temporal_ca_file": "temporal_ca",
    "temporal_client_cert_file": "temporal_client_cert",
    "temporal_client_key_file": "temporal_client_key",
    "vcenter_ca_file": "vcenter_ca",
    "webhook_cert_file": "webhook_cert",
    "webhook_key_file": "webhook_key",
    "policy_file": "policy",
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs the module with everything that it cannot read on its host."""

    TRANSFERS_FILES = True
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        try:
            return {**result, **self._deployed(dict(self._task.args), task_vars or {})}
        except PreemptionError as error:
            return {**result, "failed": True, **error.as_result()}
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)

    def _deployed(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """The result of the module. The release is sent if the host does not have it."""
        if options.get("state") == "absent":
            wanted = {name: value for name, value in options.items() if name not in (*FILES, "policy")}
            return self._module(wanted, task_vars)
        release = pack(Path(__file__).resolve().parents[2])
        shipped = self._shipped(options, release)
        arguments = {name: value for name, value in options.items() if name not in (*FILES, "policy")}
        may_send = not self._task.check_mode
        if may_send and not self._is_there(options.get("directory") or DEFAULT_DIRECTORY, release, task_vars):
            shipped["archive"] = self._sent(release)
        result = self._module({**arguments, "shipped": shipped}, task_vars)
        # By the key: Ansible may have masked a secret in the value of error_code.
        if may_send and ReleaseMissing.code in result.get("failure", {}) and not shipped["archive"]:
            # The host has it, but it was modified.
            shipped["archive"] = self._sent(release)
            result = self._module({**arguments, "shipped": shipped}, task_vars)
        return result

    def _module(self, arguments: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args=arguments, task_vars=dict(task_vars), wrap_async=False
        )
        return result

    def _shipped(self, options: Mapping[str, Any], release: Release) -> dict[str, Any]:
        contents = {key: self._content(name, options.get(name)) for name, key in FILES.items()}
        if options.get("policy"):
            if contents["policy"]:
                raise _wrong("policy", "policy_file is set as well", "Set only one of them.")
            # Any JSON is YAML, and this form is the same on every controller.
            contents["policy"] = json.dumps(options["policy"], indent=2, sort_keys=True) + "\n"
        if contents["policy"]:
            read_policies(contents["policy"], file=str(options.get("policy_file") or "policy"))
        shas = {"release_sha256": release.sha256, "lock_sha256": release.lock_sha256, "archive": ""}
        return {**contents, **shas}

    def _content(self, name: str, path: Any) -> str:
        """The content of a file on the controller, decrypted if it is vaulted."""
        if not path:
            return ""
        try:
            found = self._loader.get_real_file(self._find_needle("files", str(path)))
            text = Path(found).read_text(encoding="utf-8")
        except (AnsibleError, OSError, UnicodeDecodeError) as error:
            raise _wrong(name, f"{path} cannot be read on the controller ({error})", "Correct the path.") from error
        if name != "policy_file" and "-----BEGIN" not in text:
            raise _wrong(name, f"{path} is not a PEM file", "Use a file in PEM format.")
        return text

    def _is_there(self, directory: str, release: Release, task_vars: Mapping[str, Any]) -> bool:
        join = self._connection._shell.join_path
        manifest = join(directory, "releases", release.sha256[:NAME_LENGTH], "manifest.json")
        found = self._execute_remote_stat(manifest, all_vars=dict(task_vars), follow=False, checksum=False)
        return bool(found["exists"])

    def _sent(self, release: Release) -> str:
        """Send the release; returns its path on the host."""
        shell = self._connection._shell
        path: str = shell.join_path(shell.tmpdir, "release.tar.gz")
        self._transfer_data(path, release.compressed())
        self._fixup_perms2((shell.tmpdir, path))
        return path


def _wrong(name: str, why: str, next_step: str) -> InvalidSetting:
    return InvalidSetting(f"Cannot use {name}", why=why, next_step=next_step)
