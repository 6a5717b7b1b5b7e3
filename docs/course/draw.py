"""Draw the pictures of the course that are no graphs: ``python docs/course/draw.py`` writes them.

(Pictures of graphs are written by the code on the pages.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import factorial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import sympy as sp

import jetfold as jf
from jetfold.arrays import FloatArray
from jetfold.graph.svg import add, new_page
from jetfold.rules.interpolation import families
from jetfold.rules.polynomial import from_sympy, to_sympy

FOLDER = Path(__file__).parent
SANS = "system-ui, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif"
STYLE = f"""
text {{ font: 13px {SANS}; fill: #1b1f24 }}
.page {{ fill: #ffffff }}
.axis {{ stroke: #8a929b; stroke-width: 1 }}
.grid {{ fill: #8a929b }}
.line {{ fill: none; stroke: #1b1f24; stroke-width: 3 }}
.a {{ stroke: #0060a8; fill: #0060a8 }}
.b {{ stroke: #b04a00; fill: #b04a00 }}
.c {{ stroke: #00805c; fill: #00805c }}
.d {{ stroke: #a8477f; fill: #a8477f }}
.thin {{ fill: none; stroke-width: 1.8 }}
text.a, text.b, text.c, text.d {{ stroke: none }}
.middle {{ text-anchor: middle }}
.dash {{ stroke-dasharray: 7 4 }}
.dot {{ stroke-dasharray: 2 4 }}
.basis {{ fill: #d5f0e6; stroke: #00805c; stroke-width: 1.5 }}
.reduced {{ fill: #fff1cf; stroke: #b97a00; stroke-dasharray: 5 3 }}
.zero {{ fill: none; stroke: #8a929b; stroke-dasharray: 1 4 }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #eceff2 }}
.page {{ fill: #16181b }}
.line {{ stroke: #eceff2 }}
.a {{ stroke: #5b9ff0; fill: #5b9ff0 }}
.b {{ stroke: #ea8a4b; fill: #ea8a4b }}
.c {{ stroke: #1fc393; fill: #1fc393 }}
.d {{ stroke: #dd8fbb; fill: #dd8fbb }}
.thin {{ fill: none }}
.basis {{ fill: #083d2e; stroke: #1fc393 }}
.reduced {{ fill: #473407; stroke: #e69f00 }}
}}
"""


def page(width: float, height: float, title: str) -> ET.Element:
    root = new_page(width, height, title)
    add(root, "style", STYLE)
    add(root, "rect", classes="page", width="100%", height="100%")
    return root


def text(root: ET.Element, words: str, x: float, y: float, classes: str = "") -> None:
    add(root, "text", words, classes, x=x, y=y)


def taylor() -> ET.Element:
    """f = exp(sin t) (1 + 2t), and the polynomials that its jet at 0 gives."""
    root = page(640, 340, "A function along a path and its Taylor polynomials of order 0 to 3")
    times = np.linspace(-1.25, 1.25, 126)

    def place(t: float, value: float) -> tuple[float, float]:
        return 300 + 220 * t, 260 - 36 * value

    def draw(values: FloatArray, classes: str) -> None:
        points = [place(t, v) for t, v in zip(times, values, strict=True) if -2 <= v <= 6.6]
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        add(root, "polyline", classes=classes, points=corners)

    for (x1, y1), (x2, y2) in (
        (place(-1.25, 0), place(1.25, 0)),
        (place(0, -2), place(0, 6.6)),
    ):
        add(root, "line", classes="axis", x1=x1, x2=x2, y1=y1, y2=y2)
    text(root, "t", *place(1.27, -0.1))

    def f(t: Any) -> Any:
        return np.exp(np.sin(t)) * (1 + 2 * t)

    steps = (1.0, 0.0, 0.0)
    value, higher = jf.jet(f, 3, backend="reference", point_ndim=0)(0.0, steps)
    jet = [float(value), *map(float, higher)]
    draw(f(times), "line")
    text(root, "f(x(t))", *place(-1.2, -1.15))
    total = np.zeros_like(times)
    looks = {
        "thin d dot": (1.02, 0.6),
        "thin c dash": (1.02, 3.5),
        "thin b": (0.98, 5.9),
        "thin a dash": (0.5, 6.2),
    }
    for k, (coefficient, (classes, where)) in enumerate(zip(jet, looks.items(), strict=True)):
        total = total + coefficient * times**k / factorial(k)
        draw(total, classes)
        text(root, f"order {k}", *place(*where), classes.split()[1])
    return root


def directions() -> ET.Element:
    """The directions of the biharmonic in two dimensions, one look for each family."""
    root = page(480, 340, "The five directions of the biharmonic in two dimensions")
    step, left, bottom = 84, 50, 300
    for i in range(4):
        for j in range(4):
            x, y = left + i * step, bottom - j * step
            add(root, "circle", classes="grid", cx=x, cy=y, r=2)
    a, b = symbols = sp.symbols("a b")
    found = families([from_sympy((a**2 + b**2) ** 2, symbols)])
    for row, (family, look) in enumerate(zip(found, ("a", "b dash", "c dot"), strict=True)):
        colour = look[0]
        for direction in family.directions:
            times = dict(direction)
            x, y = left + step * times.get(0, 0), bottom - step * times.get(1, 0)
            add(root, "line", classes=f"{look} thin", x1=left, y1=bottom, x2=x, y2=y)
            add(root, "circle", classes=colour, cx=x, cy=y, r=5)
            form = sp.Add(*(n * symbols[i] for i, n in direction))
            text(root, str(form).replace("*", ""), x + 10, y - 8, colour)
        y = 60 + 26 * row
        add(root, "line", classes=f"{look} thin", x1=340, x2=370, y1=y - 4, y2=y - 4)
        text(root, f"weight {family.weights[0]}", 380, y, colour)
    return root


def monomials() -> ET.Element:
    """The monomials a^i b^j up to degree 4 in the algebra of the biharmonic."""
    width, height, gap = 92, 34, 10
    root = page(5 * (width + gap) + 90, 5 * (height + gap) + 70, "Monomials and the biharmonic")
    a, b = symbols = sp.symbols("a b")
    algebra = jf.jet_algebra((a**2 + b**2) ** 2, symbols)
    for degree in range(5):
        y = 20 + degree * (height + gap)
        text(root, f"degree {degree}", 14, y + height / 2 + 5)
        for j in range(degree + 1):
            x = 84 + j * (width + gap)
            monomial = (0,) * (degree - j) + (1,) * j
            reduced = to_sympy(algebra.algebra.reduce_plain(monomial), symbols)
            classes, words = "reduced", f"{power(a ** (degree - j) * b**j)} = {power(reduced)}"
            if monomial in algebra.algebra.basis:
                classes, words = "basis", power(reduced)
            elif reduced == 0:
                classes = "zero"
            add(root, "rect", classes=classes, x=x, y=y, width=width, height=height, rx=5)
            text(root, words, x + width / 2, y + height / 2 + 5, "middle")
    y = 20 + 5 * (height + gap) + 10
    for x, (classes, words) in zip(
        (84, 230, 390),
        (("basis", "in the basis"), ("reduced", "given by others"), ("zero", "zero")),
        strict=True,
    ):
        add(root, "rect", classes=classes, x=x, y=y, width=24, height=16, rx=3)
        text(root, words, x + 32, y + 13)
    return root


def power(expr: sp.Expr) -> str:
    """A monomial with its number, with powers as digits."""
    digits = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
    parts = str(expr).split("**")
    written = parts[0] + "".join(p[0].translate(digits) + p[1:] for p in parts[1:])
    return written.replace("*", " ")


PICTURES: Mapping[str, Callable[[], ET.Element]] = {
    "taylor.svg": taylor,
    "directions.svg": directions,
    "monomials.svg": monomials,
}


def drawn(name: str) -> str:
    """The picture as the text of its file."""
    return ET.tostring(PICTURES[name](), encoding="unicode") + "\n"


if __name__ == "__main__":
    for name in PICTURES:
        (FOLDER / name).write_text(drawn(name), encoding="utf-8")
