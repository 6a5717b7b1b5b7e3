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
from jetfold.demo_functions import small_network
from jetfold.derivation import Derivation

SCHEME = "explorer://"
FOLDER = "explorers"


def u(x: Any) -> Any:
    return np.sum(np.exp(np.sin(x)))


def plate(x: Any) -> Any:
    return np.sin(x[0]) * np.tanh(x[1])


SHAPES = {"W1": (3, 8), "b1": (8,), "W2": (8, 8), "b2": (8,), "w": (8,)}
PARAMETERS = {name: np.zeros(shape) for name, shape in SHAPES.items()}

EXPLORERS: dict[str, Callable[[], Derivation]] = {
    "sines": lambda: jf.laplacian(u).derivation(np.zeros(3)),
    "network": lambda: jf.laplacian(small_network).derivation(np.zeros(3), PARAMETERS),
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
