# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Sphinx for the documentation site; see site.py. Every link has to lead somewhere (`nitpicky`)."""

from __future__ import annotations

from docutils.nodes import Element, reference
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

project = "vsphere.preemption"
author = "the vsphere.preemption authors"
project_copyright = f"2026 {author}"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
nitpicky = True
root_doc = "index"

# Anchors of headings as GitHub makes them, so that a link works in both.
myst_heading_anchors = 6

html_theme = "furo"
html_title = project
html_show_sphinx = False
html_copy_source = False
highlight_language = "text"
# Examples leave parts out with dots, which no lexer knows.
suppress_warnings = ["misc.highlighting_failure"]

ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
ANSIBLE_PAGES = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
"""Labels of Ansible's own site that the pages about modules lead to; its inventory would need a network."""


def on_ansible_site(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Element) -> Element | None:
    """A link to Ansible's site for one of its labels; None, which is an error, for any other."""
    page = ANSIBLE_PAGES.get(node["reftarget"])
    return None if page is None else reference("", "", content, internal=False, refuri=ANSIBLE + page)


def setup(app: Sphinx) -> None:
    app.connect("missing-reference", on_ansible_site)
