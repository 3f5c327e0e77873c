# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a policy's tags and categories exist: found by reading all, then by reading the one again each time."""

from __future__ import annotations

import pytest

from vsphere_preemption.core.errors import VCenterFault

from ..conftest import TagClient


@pytest.fixture(params=["api", "rest"])
def client(client: TagClient, request: pytest.FixtureRequest) -> TagClient:
    client.service.families = (request.param,)
    client.service.add_tag("safety", "never")
    client.service.add_tag("app", "web/front")
    return client


def missing(client: TagClient, *names: str) -> tuple[str, ...]:
    return client.tags.existing.missing_tags(names)


def test_a_tag_exists_by_its_name_or_with_its_category(client: TagClient) -> None:
    assert missing(client, "never", "safety/never", "front", "web/front", "app/web/front") == ()
    assert missing(client) == ()


def test_what_is_spelled_otherwise_is_missing_in_the_order_of_the_policy(client: TagClient) -> None:
    assert missing(client, "safety:never", "never", "Never", "safety/*", "neve") == (
        "safety:never",
        "Never",
        "safety/*",
        "neve",
    )


def test_what_was_found_before_costs_two_calls(client: TagClient) -> None:
    missing(client, "never")
    client.names()
    assert missing(client, "never") == ()
    assert client.names() == ["get-category", "get-tag"]


def test_a_tag_that_is_deleted_renamed_or_put_into_another_category_is_missed_at_once(client: TagClient) -> None:
    [tag_id] = [tag_id for tag_id, (name, _category) in client.service.tags.items() if name == "never"]
    category = client.service.tags[tag_id][1]
    assert missing(client, "safety/never") == ()
    client.service.tags[tag_id] = ("keep", category)
    assert missing(client, "safety/never") == ("safety/never",)
    client.service.tags[tag_id] = ("never", category)
    assert missing(client, "safety/never") == ()
    client.service.categories[category] = "security"
    assert missing(client, "safety/never", "never") == ("safety/never",)
    client.service.remove_tag(tag_id)
    assert missing(client, "never") == ("never",)
    client.service.add_tag("other", "never")
    assert missing(client, "never") == ()


def test_a_category_exists_by_its_name_alone(client: TagClient) -> None:
    existing = client.tags.existing
    assert existing.missing_categories(["safety", "app", "App", "safety/never"]) == ("App", "safety/never")
    client.names()
    assert existing.missing_categories(["safety"]) == ()
    assert client.names() == ["get-category"]


def test_what_vcenter_cannot_tell_is_an_error_and_not_an_answer(client: TagClient) -> None:
    assert missing(client, "never") == ()
    client.service.broken["/tag/"] = 500
    with pytest.raises(VCenterFault):
        missing(client, "never")
