# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reply address shows, and what it hides."""

from __future__ import annotations

import pytest

from ._collection import imported

redaction = imported("plugins.module_utils.vsphere_preemption.core.redaction")
runner = imported("plugins.module_utils._modules.runner")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        pytest.param("", "", id="none"),
        pytest.param("http://sink/path", "http://sink/path", id="nothing to hide"),
        pytest.param("http://sink:8080/p?token=abc", "http://sink:8080/p?***", id="query"),
        pytest.param("https://user:word@sink/p", "https://***@sink/p", id="user and password"),
        pytest.param("https://user@sink", "https://***@sink", id="user only"),
        pytest.param("https://a@b:c@sink/p#frag", "https://***@sink/p#***", id="two at signs"),
        pytest.param("http://[::1", "***", id="no address at all"),
    ],
)
def test_a_reply_address_keeps_host_and_path_only(address: str, shown: str) -> None:
    assert redaction.redacted_address(address) == shown


def test_every_reply_address_inside_a_result_is_shortened_and_nothing_else() -> None:
    given = {"replyTo": "http://u:p@s", "runs": [{"replyTo": "http://s?k=v", "tag": "http://s?k=v", "n": 1}], "x": None}
    assert redaction.without_secrets(given) == {
        "replyTo": "http://***@s",
        "runs": [{"replyTo": "http://s?***", "tag": "http://s?k=v", "n": 1}],
        "x": None,
    }


def test_the_parts_to_mask_are_long_enough_not_to_blacken_everything() -> None:
    found = runner.secrets_of("https://bot:hunter2@sink/p?token=abcdef&n=1#piece")
    assert found == {"bot:hunter2", "hunter2", "token=abcdef&n=1", "abcdef", "piece"}
    assert runner.secrets_of("http://sink/path") == set()
