"""The pictures of the README: ``python -m benchmarks.pictures`` writes them to docs/pictures.

collapse.svg has the graph of a small network's Laplacian before and after collapsing, vectors.svg
how many vectors a node turns into, counted in graphs, benchmark.svg times that have been measured
(benchmarks/results), and explorer.png a derivation in a browser; it needs Chromium.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import numpy as np

import jetfold as jf
from jetfold import demo
from jetfold.demo_functions import small_network
from jetfold.derivation import Derivation
from jetfold.graph.svg import add, new_page

from . import machine
from .in_browser import Missing, browser
from .report import RESULTS, Row, number

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
DIMENSIONS = tuple(range(1, 9))
LONGEST = 8.0  # a longer bar is cut and marked

_SANS = "system-ui, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif"
# Hues of Okabe and Ito; methods differ in marks and dashes, too, and our bars are darker.
_STYLE = f"""
text {{ font: 14px {_SANS}; fill: #1b1f24 }}
.page {{ fill: #ffffff }}
.title {{ font-size: 17px; font-weight: 600 }}
.faint {{ fill: #59626d; font-size: 12.5px }}
.ours {{ font-weight: 600 }}
.end {{ text-anchor: end }}
.middle {{ text-anchor: middle }}
.grid {{ stroke: #d5d9de; stroke-width: 1 }}
.line {{ fill: none; stroke-width: 2.4 }}
.standard {{ stroke: #59626d; fill: #59626d }}
.collapsed {{ stroke: #0060a8; fill: #0060a8 }}
.nested {{ stroke: #00805c; fill: #00805c }}
.minimal {{ stroke: #b04a00; fill: #b04a00 }}
text.standard, text.collapsed, text.nested, text.minimal {{ stroke: none; font-weight: 600 }}
.line.standard {{ fill: none; stroke-dasharray: 2 4 }}
.line.collapsed {{ fill: none }}
.line.nested {{ fill: none; stroke-dasharray: 9 4 2 4 }}
.line.minimal {{ fill: none; stroke-dasharray: 8 5 }}
rect.jetfold {{ fill: #0060a8 }}
rect.other {{ fill: #b9bec4 }}
.cut {{ fill: #ffffff }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #eceff2 }}
.page, .cut {{ fill: #16181b }}
.faint {{ fill: #a6b0bb }}
.grid {{ stroke: #3a3f45 }}
.standard {{ stroke: #a6b0bb; fill: #a6b0bb }}
.collapsed {{ stroke: #5b9ff0; fill: #5b9ff0 }}
.nested {{ stroke: #1fc393; fill: #1fc393 }}
.minimal {{ stroke: #ea8a4b; fill: #ea8a4b }}
.line.standard, .line.collapsed, .line.nested, .line.minimal {{ fill: none }}
rect.jetfold {{ fill: #5b9ff0 }}
rect.other {{ fill: #5d646c }}
}}
"""


def _page(width: float, height: float, title: str) -> ET.Element:
    root = new_page(width, height, title)
    root.set("class", "chart")  # the styles of graphs are not for it
    add(root, "style", _STYLE)
    add(root, "rect", classes="page", width="100%", height="100%")
    return root


def _text(root: ET.Element, words: str, x: float, y: float, classes: str = "") -> None:
    add(root, "text", words, classes, x=x, y=y)


# Vectors ------------------------------------------------------------------------------------------

OPERATORS: Mapping[str, tuple[str, Callable[..., Any]]] = {
    "Laplacian": ("∑ ∂²/∂xᵢ²", jf.laplacian),
    "Biharmonic": ("∑ ∂⁴/∂xᵢ²∂xⱼ²", jf.biharmonic),
}
_HEIGHT, _LEFT, _WIDTH = 210, 62, 300


def vector_counts(operator: str) -> dict[str, list[int]]:
    """Vectors per node of a network for each method, in each of the dimensions."""
    found: dict[str, list[int]] = {}
    for dimension in DIMENSIONS:
        vectors = network_derivation(OPERATORS[operator][1], dimension).cost.vectors
        for method, count in vectors.items():
            found.setdefault(method, []).append(count)
    return found


def network_derivation(operator: Callable[..., Any], dimension: int) -> Derivation:
    """An operator of a network with two hidden layers."""
    shapes = {"W1": (dimension, 4), "b1": 4, "W2": (4, 4), "b2": 4, "w": 4}
    params = {name: np.zeros(shape) for name, shape in shapes.items()}
    derivation: Derivation = operator(small_network).derivation(np.zeros(dimension), params)
    return derivation


def vectors() -> ET.Element:
    """Two panels, one for each operator: curves, and the numbers in a table below."""
    counts = {operator: vector_counts(operator) for operator in OPERATORS}
    most = max(map(len, counts.values()))
    root = _page(960, 116 + _HEIGHT + 24 * most, "Vectors per node of a function, by method")
    for panel, (operator, found) in enumerate(counts.items()):
        left = _LEFT + panel * 480
        _text(root, f"{operator}  {OPERATORS[operator][0]}", left - 42, 30, "title")
        _text(root, "vectors per node", left - 42, 52, "faint")
        _curves(root, found, left, 66)
        _table(root, found, left, 66 + _HEIGHT + 24)
    return root


def _curves(root: ET.Element, found: Mapping[str, Sequence[int]], left: float, top: float) -> None:
    highest = max(map(max, found.values()))
    step = next(s for s in (5, 10, 20, 50, 100) if highest / s <= 6)
    limit = step * -(-highest // step)

    def place(at: int, count: float) -> tuple[float, float]:
        return left + _column(at), top + _HEIGHT * (1 - count / limit)

    for level in range(0, limit + 1, step):
        y = place(0, level)[1]
        add(root, "line", classes="grid", x1=left, x2=left + _WIDTH, y1=y, y2=y)
        _text(root, str(level), left - 8, y + 5, "faint end")
    for method, numbers in found.items():
        corners = [place(at, count) for at, count in enumerate(numbers)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        add(root, "polyline", classes=f"line {method}", points=line)
        for x, y in corners:
            _mark(root, method, x, y)


def _column(at: int) -> float:
    return (at + 0.5) * _WIDTH / len(DIMENSIONS)


def _mark(root: ET.Element, method: str, x: float, y: float) -> None:
    """A sign for each method, so that they can be told apart without colours."""
    match method:
        case "standard":
            add(root, "circle", classes=method, cx=x, cy=y, r=3.6)
        case "collapsed":
            add(root, "rect", classes=method, x=x - 3.6, y=y - 3.6, width=7.2, height=7.2)
        case "nested":
            add(root, "path", classes=method, d=f"M{x:.1f} {y - 4.4:.1f}l4.4 8h-8.8z")
        case _:
            add(
                root,
                "path",
                classes=method,
                d=f"M{x:.1f} {y - 4.8:.1f}l4.8 4.8l-4.8 4.8l-4.8 -4.8z",
            )


def _table(root: ET.Element, found: Mapping[str, Sequence[int]], left: float, top: float) -> None:
    for at, dimension in enumerate(DIMENSIONS):
        _text(root, str(dimension), left + _column(at), top, "faint middle")
    _text(root, "D", left - 8, top, "faint end")
    for row, (method, numbers) in enumerate(found.items(), 1):
        y = top + 24 * row
        for at, count in enumerate(numbers):
            _text(root, str(count), left + _column(at), y, "middle")
        _mark(root, method, left + _WIDTH + 10, y - 5)
        _text(root, method, left + _WIDTH + 20, y, method)


# Times --------------------------------------------------------------------------------------------


class Timed(NamedTuple):
    """A case of a file of results, and what it is called."""

    file: str
    case: int
    title: str


TIMED = (
    Timed("paper-float32", 0, "Laplacian"),
    Timed("laplacian-float32", 2, "Laplacian"),
    Timed("biharmonic-float32", 0, "Biharmonic"),
)


def timed_rows(timed: Timed) -> tuple[Row, list[Row]]:
    """The file, and the rows of a case that were timed: ours first, then the others."""
    content = json.loads((RESULTS / f"{timed.file}.json").read_text(encoding="utf-8"))
    rows = [row for row in content["cases"][timed.case]["rows"] if "min_ms" in row]
    return content, sorted(
        rows, key=lambda row: (not row["name"].startswith("jetfold"), row["min_ms"])
    )


def benchmark() -> ET.Element:
    """Bars: least times over those of the fastest method of jetfold."""
    panels = [(timed, *timed_rows(timed)) for timed in TIMED]
    height = 65 + sum(64 + 25 * len(rows) for _, _, rows in panels)
    root = _page(800, height, "Times of Laplacians and biharmonics, by program")
    top = 10.0
    for timed, content, rows in panels:
        title = content["cases"][timed.case]["title"]
        _text(
            root, f"{timed.title} of a network {title}, {content['dtype']}", 20, top + 24, "title"
        )
        top = _bars(root, rows, top + 36) + 28
    used = max((content["machine"] for _, content, _ in panels), key=lambda m: m["load_before"])
    _text(root, "Least time of a call, and its ratio to jetfold's best.", 20, top + 12, "faint")
    _text(root, machine.one_line(used), 20, top + 31, "faint")
    return root


def _bars(root: ET.Element, rows: Sequence[Row], top: float) -> float:
    best = min(row["min_ms"] for row in rows if row["name"].startswith("jetfold"))
    left, unit = 190, 420 / LONGEST
    for row in rows:
        ours = row["name"].startswith("jetfold")
        ratio = row["min_ms"] / best
        width = unit * min(ratio, LONGEST)
        _text(root, row["name"], left - 10, top + 17, "end ours" if ours else "end")
        kind = "jetfold" if ours else "other"
        add(root, "rect", classes=kind, x=left, y=top + 3, width=width, height=19)
        if ratio > LONGEST:
            add(root, "path", classes="cut", d=f"M{left + 400:.1f} {top:.1f}h8l-6 25h-8z")
        words = f"{number(row['min_ms'])} ms, {ratio:.{1 if ratio < 9.95 else 0}f}×"
        _text(root, words, left + width + 10, top + 17, "ours" if ours else "")
        top += 25
    return top


# All ----------------------------------------------------------------------------------------------

CHARTS: Mapping[str, Callable[[], ET.Element]] = {
    "vectors.svg": vectors,
    "benchmark.svg": benchmark,
}


def drawn(name: str) -> str:
    """A chart as the text of its file."""
    return ET.tostring(CHARTS[name](), encoding="unicode") + "\n"


STEP = "#pull/3"
"""The address of the step that the explorer shows: a sum that is pulled through tanh."""


def screenshot(path: Path) -> None:
    """Take a picture of a derivation in the explorer. Raises `Missing`."""
    with tempfile.TemporaryDirectory() as folder, browser() as opened:
        page_file = Path(folder) / "derivation.html"
        network_derivation(jf.laplacian, 3).to_html(page_file)
        page = opened.new_page(
            viewport={"width": 1280, "height": 800}, reduced_motion="reduce", color_scheme="light"
        )
        page.goto(page_file.as_uri() + STEP)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=path)


def main() -> None:
    """Write all pictures; without a browser that of the explorer stays as it is."""
    FOLDER.mkdir(exist_ok=True)
    demo.draw(FOLDER / "collapse.svg")
    for name in CHARTS:
        (FOLDER / name).write_text(drawn(name), encoding="utf-8")
    try:
        screenshot(FOLDER / "explorer.png")
    except Missing as missing:
        print(f"explorer.png stays as it is: {missing}", file=sys.stderr)


if __name__ == "__main__":
    main()
