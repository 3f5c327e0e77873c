# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags by name, on the paths of a current vCenter and of an old one."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.errors import (
    TagAmbiguous,
    TagNotFound,
    VCenterError,
    VCenterFault,
    VCenterLoginRefused,
    VCenterPermissionDenied,
    VCenterUnreachable,
)
from vsphere_preemption.core.inventory import ManagedObject

from ..conftest import TagClient


def vm(number: int) -> ManagedObject:
    return ManagedObject("VirtualMachine", f"vm-{number}")


def objects(client: TagClient, name: str) -> list[ManagedObject]:
    return client.tags.objects(name, lambda: None)


def test_a_current_vcenter_is_spoken_to_under_api_only(client: TagClient) -> None:
    client.service.add_tag("preemption", "preemptible", "vm-2", "vm-1")
    assert objects(client, "preemptible") == [vm(1), vm(2)]
    assert not [asked for asked in client.service.asked if "/rest/" in asked]


def test_an_old_vcenter_is_tried_under_api_once_and_then_under_rest_only(client: TagClient) -> None:
    client.service.families = ("rest",)
    client.service.add_tag("preemption", "preemptible", "vm-1")
    assert objects(client, "preemption/preemptible") == [vm(1)]
    client.service.sessions.clear()
    assert objects(client, "preemption/preemptible") == [vm(1)]
    assert [asked for asked in client.service.asked if "/api/" in asked] == ["POST /api/session"]


@pytest.mark.parametrize("family", ["api", "rest"])
@pytest.mark.parametrize("name", ["preemptible", "preemption/preemptible"])
def test_a_tag_that_nothing_carries_has_no_objects(client: TagClient, family: str, name: str) -> None:
    client.service.families = (family,)
    client.service.add_tag("preemption", "preemptible")
    assert objects(client, name) == []


def test_objects_of_every_type_are_listed(client: TagClient) -> None:
    tag_id = client.service.add_tag("preemption", "preemptible", "vm-1")
    client.service.links[tag_id].append(("HostSystem", "host-7"))
    assert objects(client, "preemptible") == [ManagedObject("HostSystem", "host-7"), vm(1)]


def test_a_known_tag_costs_one_listing_and_one_look_at_its_name(client: TagClient) -> None:
    for number in range(50):
        client.service.add_tag("other", f"tag-{number}")
    client.service.add_tag("preemption", "preemptible", "vm-1")
    objects(client, "preemptible")
    assert client.names().count("get-tag") == 51
    objects(client, "preemptible")
    assert client.names() == ["get-tag", "list-attached-objects"]


def test_a_name_with_its_category_reads_only_the_tags_of_that_category(client: TagClient) -> None:
    for number in range(50):
        client.service.add_tag("other", f"tag-{number}")
    client.service.add_tag("preemption", "preemptible", "vm-1")
    assert objects(client, "preemption/preemptible") == [vm(1)]
    assert client.names().count("get-tag") == 1


def test_a_name_in_two_categories_is_refused_with_the_choices(client: TagClient) -> None:
    client.service.add_tag("night", "preemptible", "vm-1")
    client.service.add_tag("day", "preemptible", "vm-2")
    with pytest.raises(TagAmbiguous, match="day/preemptible, night/preemptible"):
        objects(client, "preemptible")
    assert objects(client, "day/preemptible") == [vm(2)]


@pytest.mark.parametrize(
    ("category", "tag", "name"),
    [
        pytest.param("preemption", "a/b", "a/b", id="slash in the tag, no category given"),
        pytest.param("preemption", "a/b", "preemption/a/b", id="slash in the tag"),
        pytest.param("pre/emption", "a", "pre/emption/a", id="slash in the category"),
        pytest.param("a", "a/a", "a/a/a", id="the same everywhere"),
    ],
)
def test_names_may_hold_a_slash(client: TagClient, category: str, tag: str, name: str) -> None:
    client.service.add_tag(category, tag, "vm-1")
    client.service.add_tag("other", "b", "vm-2")
    assert objects(client, name) == [vm(1)]


def test_a_urn_needs_no_look_up(client: TagClient) -> None:
    tag_id = client.service.add_tag("preemption", "preemptible", "vm-1")
    assert objects(client, tag_id) == [vm(1)]
    assert client.names() == ["create-session", "list-attached-objects"]


@pytest.mark.parametrize("name", ["no such", "preemption/no such", "urn:vmomi:InventoryServiceTag:none:GLOBAL"])
def test_an_unknown_tag_is_named(client: TagClient, name: str) -> None:
    client.service.add_tag("preemption", "preemptible", "vm-1")
    with pytest.raises(TagNotFound, match=name):
        objects(client, name)


def test_a_tag_that_got_another_name_is_not_used_any_more(client: TagClient) -> None:
    tag_id = client.service.add_tag("preemption", "preemptible", "vm-1")
    objects(client, "preemptible")
    client.service.tags[tag_id] = ("spared", client.service.tags[tag_id][1])
    with pytest.raises(TagNotFound):
        objects(client, "preemptible")


def test_a_tag_that_was_made_again_is_found_under_its_new_id(client: TagClient) -> None:
    old = client.service.add_tag("preemption", "preemptible", "vm-1")
    objects(client, "preemptible")
    client.service.add_tag("preemption", "other")
    client.service.remove_tag(old)
    client.service.add_tag("preemption", "late")
    client.service.add_tag("preemption", "preemptible", "vm-2")
    assert objects(client, "preemptible") == [vm(2)]
    assert client.tags.carriers("preemptible", [vm(1), vm(2)]) == {vm(2)}


def test_only_the_asked_objects_that_carry_the_tag_are_carriers(client: TagClient) -> None:
    client.service.add_tag("preemption", "preemptible", "vm-1", "vm-2", "vm-3")
    client.service.add_tag("preemption", "other", "vm-4")
    assert client.tags.carriers("preemptible", [vm(1), vm(3), vm(4), vm(5)]) == {vm(1), vm(3)}


def test_carriers_of_a_known_tag_are_found_with_one_call(client: TagClient) -> None:
    client.service.add_tag("preemption", "preemptible", "vm-1", "vm-2")
    objects(client, "preemptible")
    client.names()
    assert client.tags.carriers("preemptible", [vm(1), vm(2)]) == {vm(1), vm(2)}
    assert client.names() == ["list-attached-tags-on-objects"]


def test_nothing_carries_a_tag_that_was_deleted_or_renamed(client: TagClient) -> None:
    tag_id = client.service.add_tag("preemption", "preemptible", "vm-1")
    objects(client, "preemptible")
    client.service.tags[tag_id] = ("spared", client.service.tags[tag_id][1])
    client.clock.pass_by(61)
    assert client.tags.carriers("preemptible", [vm(1)]) == frozenset()
    client.service.remove_tag(tag_id)
    assert client.tags.carriers("preemptible", [vm(1)]) == frozenset()


def test_carriers_follow_a_tag_to_its_new_id(client: TagClient) -> None:
    old = client.service.add_tag("preemption", "preemptible", "vm-1")
    objects(client, "preemptible")
    client.service.add_tag("preemption", "other")
    client.service.remove_tag(old)
    client.service.add_tag("preemption", "late")
    client.service.add_tag("preemption", "preemptible", "vm-1")
    assert client.tags.carriers("preemptible", [vm(1)]) == {vm(1)}


def test_more_objects_than_a_call_may_have_are_asked_for_in_pages(client: TagClient) -> None:
    refs = [vm(number) for number in range(2500)]
    client.service.add_tag("preemption", "preemptible", *(ref.value for ref in refs))
    assert client.tags.carriers("preemptible", refs) == frozenset(refs)
    assert client.names().count("list-attached-tags-on-objects") == 3


def test_a_tag_that_is_deleted_during_the_look_up_does_no_harm(client: TagClient) -> None:
    gone = client.service.add_tag("preemption", "other")
    client.service.add_tag("preemption", "preemptible", "vm-1")
    client.service.broken[gone] = 404
    assert objects(client, "preemptible") == [vm(1)]


def test_a_long_look_up_reports_that_it_is_alive(client: TagClient) -> None:
    for number in range(20):
        client.service.add_tag("other", f"tag-{number}")
    client.service.add_tag("preemption", "preemptible", "vm-1")
    beats: list[None] = []
    client.tags.objects("preemptible", lambda: beats.append(None))
    assert len(beats) == 21


def test_a_lost_session_is_renewed_without_notice(client: TagClient) -> None:
    client.service.add_tag("preemption", "preemptible", "vm-1")
    objects(client, "preemptible")
    client.service.sessions.clear()
    client.names()
    assert objects(client, "preemptible") == [vm(1)]
    assert client.names().count("create-session") == 1


def test_a_refused_password_is_sent_once_only(client: TagClient) -> None:
    client.service.password = "another"
    for _attempt in range(3):
        with pytest.raises(VCenterLoginRefused):
            objects(client, "preemptible")
    assert client.service.asked == ["POST /api/session"]


@pytest.mark.parametrize(
    ("status", "error", "retryable"),
    [
        (400, VCenterFault, False),
        (403, VCenterPermissionDenied, False),
        (500, VCenterFault, True),
        (503, VCenterUnreachable, True),
    ],
)
def test_a_refusal_is_told_with_what_vcenter_says(
    client: TagClient, status: int, error: type[VCenterError], retryable: bool
) -> None:
    client.service.add_tag("preemption", "preemptible", "vm-1")
    client.service.broken["list-attached-objects"] = status
    with pytest.raises(error, match=rf"HTTP {status} \(told to fail by the test\)") as caught:
        objects(client, "preemptible")
    assert caught.value.retryable is retryable


def test_an_address_with_neither_family_of_paths_is_no_vcenter(client: TagClient) -> None:
    client.service.families = ()
    with pytest.raises(VCenterUnreachable, match="neither /api/session nor /rest"):
        client.rest.log_in()


def test_logging_out_ends_the_session_and_the_next_call_opens_another(client: TagClient) -> None:
    client.rest.log_in()
    client.rest.log_out()
    assert not client.service.sessions
    client.service.add_tag("preemption", "preemptible", "vm-1")
    assert objects(client, "preemptible") == [vm(1)]
