# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preemption_policy_check tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.paths import CHECKOUT

from ._collection import imported

module = imported("plugins.modules.preemption_policy_check")
errors = imported("plugins.module_utils.vsphere_preemption.core.errors")

EXAMPLE = CHECKOUT / "docs" / "examples" / "policy.yml"


def test_a_good_file_gives_its_names_its_default_and_its_digest() -> None:
    by_path = module.check({"path": str(EXAMPLE), "content": None})
    by_content = module.check({"path": None, "content": EXAMPLE.read_text()})
    assert by_path == by_content
    digest = by_path.pop("digest")
    assert by_path == {"changed": False, "policies": ["gentle", "standard"], "default": "standard"}
    assert len(digest) == 12


@pytest.mark.parametrize("content", ["", "version: 1\npolicies: [{name: x, amount: {max_vms: 0}}]"])
def test_a_wrong_text_is_an_error_that_names_the_option(content: str) -> None:
    with pytest.raises(errors.InvalidInput, match=r"^Cannot use the policy file content: it has 1 error") as caught:
        module.check({"path": None, "content": content})
    result = caught.value.as_result()
    assert (result["error_code"], len(result["problems"])) == ("invalid_policy", 1)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidInput, match=r"none\.yml: the file cannot be read"):
        module.check({"path": str(tmp_path / "none.yml"), "content": None})
