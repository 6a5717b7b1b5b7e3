"""What the pages of the site have beyond their Markdown: navigation, and help for keyboards."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

NAVIGATION = {
    "Learn": ["course/*", "seeing"],
    "Use": [
        "operators",
        "gradients",
        "solvers",
        "primitives",
        "numpy",
        "torch",
        "jax",
        "scaling",
        "gpu",
        "errors",
    ],
    "Look inside": ["collapsing", "architecture", "benchmarks"],
    "Reference": [
        "reference/operators",
        "reference/gradients",
        "reference/primitives",
        "reference/derivations",
        "reference/graphs",
        "reference/errors",
        "changelog",
    ],
}
ELSEWHERE = {"(../benchmarks/README.md": "(benchmarks.md"}
"""Links to files outside of this folder, which are pages of the site under another name."""


def read(app: Sphinx, page: str, content: list[str]) -> None:
    if page == "index":
        content[0] += "".join(
            f"\n```{{toctree}}\n:caption: {caption}\n:hidden:\n:glob:\n\n{lines}\n```\n"
            for caption, lines in ((key, "\n".join(names)) for key, names in NAVIGATION.items())
        )
    for link, name in ELSEWHERE.items():
        content[0] = content[0].replace(link, name)


def accessible(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """What screen readers and keyboards need: levels of headings, boxes that can be scrolled.

    (The lists are those of parameters in signatures, which have no terms.)
    """
    for part, before, after in (
        ("furo_navigation_tree", 'role="heading"', 'role="heading" aria-level="2"'),
        ("body", "<pre>", '<pre tabindex="0">'),
        ("body", '<div class="math"', '<div class="math" tabindex="0"'),
        ("body", '<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
        ("body", "<dl>\n<dd>", '<dl role="presentation">\n<dd>'),
    ):
        if part in context:
            context[part] = context[part].replace(before, after)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", read)
    app.connect("html-page-context", accessible, priority=900)  # behind the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
