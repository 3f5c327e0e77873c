# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wrappers of Temporal and vcsim keep and lose state as they say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from temporalio.client import Client

from support.certificates import CertificateAuthority
from support.govc import MARK_ATTRIBUTE, Govc
from support.temporal import TemporalServer
from support.vcsim import WITNESS_USER, Model, VCSim
from support.witness import vim


def test_a_durable_temporal_server_remembers_a_workflow_over_a_crash(tmp_path: Path) -> None:
    async def start(client: Client) -> None:
        await client.start_workflow("Anything", id="kept", task_queue="nobody")

    async def describe(client: Client) -> str:
        return (await client.get_workflow_handle("kept").describe()).workflow_type

    async def with_client(use: object) -> object:
        return await use(await server.client())  # type: ignore[operator]

    server = TemporalServer(tmp_path, durable=True).start()
    try:
        asyncio.run(with_client(start))
        server.kill()
        server.start()
        assert asyncio.run(with_client(describe)) == "Anything"
    finally:
        server.stop()


def test_the_witness_tells_soft_from_hard_and_who_did_it(vcsim: VCSim, govc: Govc) -> None:
    hard, soft = sorted(govc.powered_on())[:2]
    refs = {name: machine.ref for name, machine in govc.machines().items()}
    witness = vcsim.witness()
    with witness.watching_shutdowns() as watch:
        govc.power("off", hard)
        govc.power("s", soft)
        assert watch.methods(WITNESS_USER) == {refs[hard]: "hard", refs[soft]: "soft"}
        assert set(watch.powered_off(WITNESS_USER)) == {refs[hard], refs[soft]}
        assert watch.powered_off("somebody else") == {}
    witness.close()
    assert {name for name, state in govc.power_states().items() if state == "poweredOff"} == {hard, soft}


def test_a_restart_keeps_power_states_marks_and_tags(vcsim: VCSim, govc: Govc) -> None:
    name = min(govc.powered_on())
    govc.run("fields.add", "-type", "VirtualMachine", MARK_ATTRIBUTE)
    govc.set_attribute(MARK_ATTRIBUTE, '{"preempted": true}', name)
    govc.power("off", name)
    old_id = vcsim.tag_machines([name])
    before = govc.machines()
    vcsim.restart()
    assert govc.machines() == before
    assert govc.machine(name).mark == {"preempted": True}
    assert govc.tagged("preemption", "preemptible") == [f"VirtualMachine:{before[name].ref}"]
    assert govc.tags()["preemption/preemptible"] != old_id


def test_a_strict_vcenter_refuses_another_password(tmp_path: Path) -> None:
    vcsim = VCSim(tmp_path, model=Model(machines=1), strict_login=True).start()
    try:
        vcsim.witness().close()
        with pytest.raises(vim.fault.InvalidLogin):
            type(vcsim.witness())("127.0.0.1", vcsim.port, username="a", password="b", ca_file=vcsim.ca_file)
        assert "secret" not in Path(f"/proc/{vcsim.process.pid}/cmdline").read_text()
    finally:
        vcsim.stop()


def test_an_expired_certificate_of_vcenter_is_refused(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path / "authority")
    expired = authority.server("old", expired=True)
    vcsim = VCSim(tmp_path, model=Model(machines=1), authority=authority, certificate=expired).start()
    try:
        with pytest.raises(OSError, match="certificate has expired"):
            vcsim.witness()
    finally:
        vcsim.stop()
