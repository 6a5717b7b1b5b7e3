"""Pieces of SVG: elements, numbers, text that is legal XML, curves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from jetfold.graph.layout import Point

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def new_page(width: float, height: float, title: str) -> ET.Element:
    """An empty SVG document of this size in pixels."""
    root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "class": "jetfold"})
    size = f"{number(width)} {number(height)}"
    root.attrib |= {"role": "img", "viewBox": f"0 0 {size}"}
    root.attrib |= {"width": number(width), "height": number(height)}
    add(root, "title", title)
    return root


def add(
    parent: ET.Element, tag: str, text: str = "", classes: str = "", **attributes: float | str
) -> ET.Element:
    """A new element; an underscore in the name of an attribute becomes a hyphen."""
    element = ET.SubElement(parent, tag)
    if classes:
        element.set("class", classes)
    for name, value in attributes.items():
        written = value if isinstance(value, str) else number(value)
        element.set(name.replace("_", "-"), written)
    if text:
        element.text = _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
    return element


def number(value: float) -> str:
    """A coordinate in pixels, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")


def curve(route: Sequence[Point]) -> str:
    """The path along a route: straight down, across in a curve, straight down, and so on."""
    x, y = route[0]
    parts = [f"M{number(x)} {number(y)}"]
    for i, (to_x, to_y) in enumerate(route[1:]):
        if (to_x, to_y) == (x, y):
            continue
        if i % 2 == 0 or abs(to_x - x) < 0.5:
            parts.append(f"L{number(to_x)} {number(to_y)}")
        else:
            middle = number((y + to_y) / 2)
            control = f"C{number(x)} {middle} {number(to_x)} {middle}"
            parts.append(f"{control} {number(to_x)} {number(to_y)}")
        x, y = to_x, to_y
    return "".join(parts)
