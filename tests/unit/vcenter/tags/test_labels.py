# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of tags: what is looked up, and how long it is believed."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.errors import VCenterUnreachable
from vsphere_preemption.core.inventory import ManagedObject

from ..conftest import TagClient


def vm(number: int) -> ManagedObject:
    return ManagedObject("VirtualMachine", f"vm-{number}")


@pytest.mark.parametrize("family", ["api", "rest"])
def test_tags_are_told_with_their_categories(client: TagClient, family: str) -> None:
    client.service.families = (family,)
    client.service.add_tag("tier", "gold", "vm-1", "vm-2")
    client.service.add_tag("app", "web", "vm-2")
    assert client.tags.labels([vm(1), vm(2), vm(3)]) == {vm(1): {"tier/gold"}, vm(2): {"tier/gold", "app/web"}}


def test_names_are_looked_up_once_a_minute(client: TagClient) -> None:
    tag_id = client.service.add_tag("tier", "gold", "vm-1")
    client.tags.labels([vm(1)])
    client.service.tags[tag_id] = ("platinum", client.service.tags[tag_id][1])
    client.names()
    client.clock.pass_by(60)
    assert client.tags.labels([vm(1)]) == {vm(1): {"tier/gold"}}
    assert client.names() == ["list-attached-tags-on-objects"]
    client.clock.pass_by(1)
    assert client.tags.labels([vm(1)]) == {vm(1): {"tier/platinum"}}
    assert client.names() == ["get-category", "get-tag", "list-attached-tags-on-objects"]


def test_only_new_tags_are_looked_up(client: TagClient) -> None:
    client.service.add_tag("tier", "gold", "vm-1")
    client.tags.labels([vm(1)])
    client.names()
    client.service.add_tag("tier", "silver", "vm-1")
    assert client.tags.labels([vm(1)]) == {vm(1): {"tier/gold", "tier/silver"}}
    assert client.names() == ["get-category", "get-tag", "list-attached-tags-on-objects"]


def test_a_category_is_read_once_for_all_its_tags(client: TagClient) -> None:
    for number in range(20):
        client.service.add_tag("tier", f"tag-{number}", "vm-1")
    assert len(client.tags.labels([vm(1)])[vm(1)]) == 20
    assert client.names().count("get-category") == 1


def test_a_tag_that_is_deleted_in_between_is_left_out(client: TagClient) -> None:
    gone = client.service.add_tag("tier", "gold", "vm-1", "vm-2")
    client.service.add_tag("app", "web", "vm-1")
    client.service.broken[gone] = 404
    assert client.tags.labels([vm(1), vm(2)]) == {vm(1): {"app/web"}, vm(2): frozenset()}


def test_a_tag_whose_category_is_deleted_in_between_is_left_out(client: TagClient) -> None:
    client.service.add_tag("tier", "gold", "vm-1")
    client.service.broken["Category:tier"] = 404
    assert client.tags.labels([vm(1)]) == {vm(1): frozenset()}


def test_a_name_that_cannot_be_read_is_an_error_and_not_a_missing_tag(client: TagClient) -> None:
    tag_id = client.service.add_tag("tier", "gold", "vm-1")
    client.service.broken[f"/tag/{tag_id}"] = 503
    with pytest.raises(VCenterUnreachable, match="HTTP 503"):
        client.tags.labels([vm(1)])


def test_nothing_is_asked_for_nothing(client: TagClient) -> None:
    assert client.tags.labels([]) == {}
    assert client.names() == []


def test_more_objects_than_a_call_may_have_are_asked_for_in_pages(client: TagClient) -> None:
    refs = [vm(number) for number in range(2500)]
    client.service.add_tag("tier", "gold", *(ref.value for ref in refs))
    assert client.tags.labels(refs) == dict.fromkeys(refs, frozenset({"tier/gold"}))
    assert client.names().count("list-attached-tags-on-objects") == 3


def test_carriers_have_all_their_tags_without_a_further_call(client: TagClient) -> None:
    client.service.add_tag("preemption", "preemptible", "vm-1", "vm-2")
    client.service.add_tag("tier", "gold", "vm-2", "vm-3")
    client.tags.objects("preemptible", lambda: None)
    client.tags.labels([vm(1), vm(2)])
    client.names()
    own = "preemption/preemptible"
    found = client.tags.carriers_with_labels("preemptible", [vm(1), vm(2)])
    assert found == {vm(1): {own}, vm(2): {own, "tier/gold"}}
    assert client.names() == ["list-attached-tags-on-objects"]
    assert client.tags.carriers_with_labels("preemptible", [vm(3)]) == {}
    assert client.tags.carriers_with_labels("no such", [vm(1)]) == {}
