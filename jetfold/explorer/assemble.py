"""The page of a derivation: its data, style and scripts in one file."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from os import PathLike
from pathlib import Path
from string import Template
from typing import Any

from jetfold.derivation import Derivation
from jetfold.explorer.data import page_data
from jetfold.graph import ArgumentError
from jetfold.graph.style import variables
from jetfold.kernel import write

FOLDER = files("jetfold.explorer")
LARGEST = 2_000_000
"""Characters of data above which they are compressed."""


def write_page(derivation: Derivation, path: str | PathLike[str]) -> None:
    """Write the page. Raises `ArgumentError` for a path that cannot be written."""
    target = Path(path)
    if target.suffix != ".html":
        raise ArgumentError(f"cannot write {str(path)!r}: the path has to end in .html")
    if not target.parent.is_dir():  # making the page of a deep network takes a while
        raise ArgumentError(f"cannot write {str(path)!r}: there is no folder {target.parent}")
    write(path, page(derivation), overwrite=True)


def page(derivation: Derivation) -> str:
    """The page as text: it needs no other file and no network."""
    data = page_data(derivation)
    text = Template(_read("page.html")).substitute(
        title=escape(data["title"]),
        style=_style(),
        data=_data(data),
        scripts="\n".join(f"<script>\n{script}</script>" for script in _scripts()),
    )
    return text.encode("utf-8", "replace").decode("utf-8")  # a name may hold half a character


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _scripts() -> list[str]:
    """Libraries with their licences first, ``main.js`` last."""
    own = sorted(entry.name for entry in FOLDER.iterdir() if entry.name.endswith(".js"))
    licences = sorted(e.name for e in (FOLDER / "vendor").iterdir() if "LICENSE" in e.name)
    libraries = []
    for licence in licences:
        library = licence.replace(".LICENSE", ".min.js")
        libraries.append(f"/*\n{_read(f'vendor/{licence}')}*/\n{_read(f'vendor/{library}')}")
    return [*libraries, *map(_read, sorted(own, key="main.js".__eq__))]


def _style() -> str:
    """The colours of drawings as variables, then the page's own style."""
    light, dark = (_declarations(variables(dark)) for dark in (False, True))
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        '@media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) '
        f"{{ {dark} }} }}\n"
        f':root[data-theme="light"] {{ color-scheme: light }}\n'
        f':root[data-theme="dark"] {{ color-scheme: dark; {dark} }}\n' + _read("explorer.css")
    )


def _declarations(colours: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


def _data(data: dict[str, Any]) -> str:
    """The data as the element in which the page looks for them."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    kind = "json"
    if len(text) > LARGEST:
        kind = "gzip-base64"
        text = base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), mtime=0)).decode(
            "ascii"
        )
    text = text.replace("</", "<\\/").replace("<!--", "\\u003c!--")
    text = text.replace("<script", "\\u003cscript")
    return f'<script type="application/json" id="derivation" data-encoding="{kind}">{text}</script>'
