# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How reply events are sent, as the environment of the worker says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from vsphere_preemption.core.errors import InvalidSetting
from vsphere_preemption.events.sink import ContentMode, SinkSettings
from vsphere_preemption.events.targets import ReplyTargets


def test_with_nothing_set_the_prototypes_mode_is_used() -> None:
    assert SinkSettings.from_environment({}) == SinkSettings(ContentMode.BINARY, 10.0, ReplyTargets(), None)


def test_everything_can_be_set() -> None:
    settings = SinkSettings.from_environment(
        {
            "PREEMPTION_REPLY_MODE": "Structured",
            "PREEMPTION_REPLY_TIMEOUT_SECONDS": "2.5",
            "PREEMPTION_REPLY_TO_ALLOW": "events.example.com, 10.0.0.0/8",
        }
    )
    assert settings.mode is ContentMode.STRUCTURED
    assert settings.timeout_seconds == 2.5
    assert settings.allow == ReplyTargets.parse("events.example.com,10.0.0.0/8")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PREEMPTION_REPLY_MODE", "batch"),
        ("PREEMPTION_REPLY_TIMEOUT_SECONDS", "0"),
        ("PREEMPTION_REPLY_TIMEOUT_SECONDS", "-1"),
        ("PREEMPTION_REPLY_TIMEOUT_SECONDS", "nan"),
        ("PREEMPTION_REPLY_TIMEOUT_SECONDS", "1e12"),
        ("PREEMPTION_REPLY_TIMEOUT_SECONDS", "soon"),
        ("PREEMPTION_REPLY_TO_ALLOW", "http://events.example.com"),
        ("PREEMPTION_REPLY_CA_FILE", "there-is-no-such-file.pem"),
    ],
)
def test_a_wrong_value_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=variable):
        SinkSettings.from_environment({variable: value})


def test_a_ca_file_without_a_certificate_stops_the_start_and_not_every_delivery(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("this is no certificate")
    with pytest.raises(InvalidSetting, match="PREEMPTION_REPLY_CA_FILE"):
        SinkSettings.from_environment({"PREEMPTION_REPLY_CA_FILE": str(file)})
