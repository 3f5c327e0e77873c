# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the README.md of each role from its `meta/argument_specs.yml`; `--check` only compares.

Galaxy and Automation Hub refuse a collection that has a role without one. The argument specification stays the only
place where a variable is described. The section "Example" is written by hand, and kept as it is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
COLLECTION = "vsphere.preemption"
COMMAND = "make role-readmes"
EXAMPLE, VARIABLES = "## Example\n", "## Variables\n"

Options = Mapping[str, Mapping[str, Any]]
"""Options by name, as an argument specification has them."""


class UnknownMarkup(Exception):
    """A text has markup of Ansible that this tool cannot turn into Markdown."""


def roles() -> list[Path]:
    """The folders of all roles."""
    return sorted(path.parent.parent for path in (CHECKOUT / "roles").glob("*/meta/argument_specs.yml"))


def markdown(text: str) -> str:
    """Turn the markup of Ansible's documentation, such as `V(present)`, into Markdown on one line."""
    return re.sub(r"\b([A-Z])\(((?:\\.|[^)\\])*)\)", _marked, " ".join(text.split()))


def _marked(found: re.Match[str]) -> str:
    kind, value = found.group(1), re.sub(r"\\(.)", r"\1", found.group(2))
    if kind in "CEMV":
        return f"`{value}`"
    if kind == "O":
        plugin, option = value.rpartition(":")[::2]
        return f"`{option}` of `{plugin.partition('#')[0]}`" if plugin else f"`{option}`"
    raise UnknownMarkup(f"{found.group()!r} is not known to {Path(__file__).name}. Use C, E, M, O or V, or teach it.")


def paragraphs(description: str | list[str]) -> list[str]:
    return [markdown(text) for text in ([description] if isinstance(description, str) else description)]


def shown(value: Any) -> str:
    """A value as it is written in a playbook, on one line, within a cell of a table."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    return "`" + text.removesuffix("\n").removesuffix("\n...") + "`"


def table(options: Options, called: str = "variable") -> Iterator[str]:
    """The lines of a table of options. called: what its first column holds."""
    yield f"| {called} | type | default | meaning |"
    yield "|---|---|---|---|"
    for name, option in options.items():
        kind = option["type"] + (f" of {option['elements']}" if "elements" in option else "")
        default = "required" if option.get("required") else shown(option["default"]) if "default" in option else ""
        meaning = paragraphs(option["description"])
        if "choices" in option:
            meaning.append(f"One of {', '.join(map(shown, option['choices']))}.")
        yield (
            "| "
            + " | ".join(cell.replace("|", r"\|") for cell in (f"`{name}`", kind, default, " ".join(meaning)))
            + " |"
        )


def nested(options: Options, path: str = "") -> Iterator[str]:
    """A section with a table for each option that has options of its own, at any depth."""
    for name, option in options.items():
        if "options" in option:
            yield from ("", f"### Keys of `{path}{name}`", "", *table(option["options"], "key"))
            yield from nested(option["options"], f"{path}{name}.")


def example_in(readme: str) -> str:
    """The section "Example" of a README, without its heading; empty where there is none."""
    return readme.partition(EXAMPLE)[2].partition(VARIABLES)[0].strip("\n")


def render(role: Path, example: str) -> str:
    """The whole README of a role."""
    spec = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]
    least = yaml.safe_load((role / "meta" / "main.yml").read_text())["galaxy_info"]["min_ansible_version"]
    about = paragraphs(spec["description"])
    lines = [
        f"# Role {COLLECTION}.{role.name}",
        "",
        f"<!-- Written by `{COMMAND}` from meta/argument_specs.yml; only the example is written by hand. -->",
        "",
        f"{markdown(spec['short_description'])}.",
        "",
        *(f"- {text}" for text in [*about, f"Needs ansible-core {least} or newer."]),
        "",
        EXAMPLE,
        *([example, ""] if example else []),
        VARIABLES,
        f"`ansible-doc -t role {COLLECTION}.{role.name}` shows the same.",
        "",
        *table(spec["options"]),
        *nested(spec["options"]),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    check, stale = "--check" in sys.argv[1:], []
    for role in roles():
        readme = role / "README.md"
        before = readme.read_text() if readme.exists() else ""
        after = render(role, example_in(before))
        if after != before:
            stale.append(readme.relative_to(CHECKOUT).as_posix())
            if not check:
                readme.write_text(after)
    if check and stale:
        print(f"{', '.join(stale)}: differs from meta/argument_specs.yml. Run '{COMMAND}'.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
