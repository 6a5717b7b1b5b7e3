"""Live derivation explorers, written when the site is built.

A link `explorer://name` in a page leads to the one of that name; where the pages are read as
Markdown, it leads nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

import jetfold as jf
from jetfold.derivation import Derivation

SCHEME = "explorer://"
FOLDER = "explorers"


def u(x: Any) -> Any:
    return np.sum(np.exp(np.sin(x)))


def network(x: Any, params: Any) -> Any:
    for weights, bias in params["hidden"]:
        x = np.tanh(x @ weights + bias)
    return x @ params["last"]


def plate(x: Any) -> Any:
    return np.sin(x[0]) * np.tanh(x[1])


HIDDEN = [(np.zeros((3, 8)), np.zeros(8)), (np.zeros((8, 8)), np.zeros(8))]

EXPLORERS: dict[str, Callable[[], Derivation]] = {
    "sines": lambda: jf.laplacian(u).derivation(np.zeros(3)),
    "network": lambda: jf.laplacian(network).derivation(
        np.zeros(3), {"hidden": HIDDEN, "last": np.zeros(8)}
    ),
    "biharmonic": lambda: jf.biharmonic(plate).derivation(np.zeros(2)),
}


def write(app: Sphinx) -> None:
    if app.builder.name == "html":
        folder = Path(app.outdir) / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        for name, derive in EXPLORERS.items():
            derive().to_html(folder / f"{name}.html")


def lead(app: Sphinx, page: nodes.document, name: str) -> None:
    """Let links to explorers lead to their files."""
    for link in page.findall(nodes.reference):
        target = link.get("refuri", "")
        if target.startswith(SCHEME):
            explorer = target.removeprefix(SCHEME)
            if explorer not in EXPLORERS:
                logging.getLogger(__name__).warning("no explorer %r", explorer, location=link)
            up = "../" * app.builder.get_target_uri(name).count("/")
            link["refuri"] = f"{up}{FOLDER}/{explorer}.html"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", write)
    app.connect("doctree-resolved", lead)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
