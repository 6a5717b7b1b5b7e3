"""What Sphinx does not check: that links in the pages as built lead somewhere, and formulas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sphinx.application import Sphinx
from sphinx.util import logging

VERBATIM = {"pre", "code", "script", "style"}
LATEX = re.compile(r"\$[^$]+\$|\\[a-zA-Z]+|\\\\")


@dataclass
class Page(HTMLParser):
    """Where a page can be entered, where it leads, and LaTeX that is left in it."""

    anchors: set[str] = field(default_factory=lambda: {"", "top"})  # every page has these
    links: list[str] = field(default_factory=list)
    latex: list[str] = field(default_factory=list)
    formulas: int = 0
    _verbatim: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    @classmethod
    def of(cls, text: str) -> Page:
        page = cls()
        page.feed(text)
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._verbatim += tag in VERBATIM
        self.formulas += tag == "math"
        self.anchors |= {given[name] or "" for name in ("id", "name") if name in given}
        self.links += [given[name] or "" for name in ("href", "src") if name in given]

    def handle_endtag(self, tag: str) -> None:
        self._verbatim -= tag in VERBATIM

    def handle_data(self, data: str) -> None:
        if not self._verbatim:
            self.latex += LATEX.findall(data)


def problems(folder: Path) -> Iterator[str]:
    """What is wrong with the pages below a folder, a line for each."""
    paths = sorted(folder.rglob("*.html"))
    pages = {path.resolve(): Page.of(path.read_text(encoding="utf-8")) for path in paths}
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        for latex in page.latex:
            yield f"{name}: LaTeX is left: {latex}"
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                yield f"{name}: a link to {link}, which is not there"
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{name}: a link to {link}, where there is no such place"


def check(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.name == "html":
        for problem in problems(app.outdir):
            logging.getLogger(__name__).warning("%s", problem)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
