"""LaTeX as MathML, which browsers draw themselves."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from itertools import pairwise
from xml.etree import ElementTree as ET

from latex2mathml.converter import convert_to_element

_ESCAPED = re.compile(r"\\([\\_&%#${}])")
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIGHT = frozenset("∂∇/…")
"""Signs around which browsers leave more room than mathematicians do."""
_OVERLINE = "\N{HORIZONTAL BAR}"
"""The converter's sign above a name."""
_SIGNS = frozenset("+−±")
_CLOSING = frozenset(")]}⟩|‖∣′!")


@lru_cache(maxsize=20_000)
def mathml(latex: str, display: str = "inline") -> str:
    """A formula as an element ``<math>`` to stand in HTML, in a line or as a "block".

    The converter's own text is not escaped: a parameter's name may contain any character. So its
    tree is taken, in which signs are character references, and written here.
    """
    root = convert_to_element(latex, display=display)
    del root.attrib["xmlns"]  # HTML knows it, and it would be half of a short formula
    for element in root.iter():
        if element.text is not None:
            text = html.unescape(element.text)
            if element.tag == "mtext":
                text = _ESCAPED.sub(r"\1", text)
            element.text = _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
        if element.tag == "mo" and element.text in _TIGHT:
            element.attrib |= {"lspace": "0em", "rspace": "0em"}
    for row in root.iter():
        _draw_overline(row)
        _join_assignment(row)
        _mark_signs(row)
        _join_words(row)
    return ET.tostring(root, encoding="unicode")


def _draw_overline(element: ET.Element) -> None:
    """A line as wide as what is below it: browsers do not draw the converter's sign like that."""
    if element.tag == "mover" and element[-1].text == _OVERLINE:
        element.remove(element[-1])
        element.tag = "mpadded"
        element.set("style", "border-top: 0.06em solid; padding-top: 0.1em")


def _join_assignment(row: ET.Element) -> None:
    """One operator of the two that add to a value, which are a relation and an equals sign."""
    for before, element in pairwise(list(row)):
        nested = before.tag == "mo" and len(before) > 0
        if nested and "".join(before.itertext()) == "+" and element.text == "=":
            before.clear()
            before.text = "+="
            row.remove(element)


def _mark_signs(row: ET.Element) -> None:
    """A minus behind another sign or an opening bracket belongs to the number behind it."""
    for before, element in pairwise(row):
        text = before.text or ""
        opened = before.tag == "mo" and text not in _CLOSING and not text.isalpha()
        if opened and element.tag == "mo" and element.text in _SIGNS:
            element.set("form", "prefix")


def _join_words(row: ET.Element) -> None:
    """Make one element of the letters of an upright word; readers would spell it out."""
    before: ET.Element | None = None
    for element in list(row):
        upright = element.tag == "mi" and element.get("mathvariant") == "normal"
        if upright and before is not None:
            before.text = (before.text or "") + (element.text or "")
            row.remove(element)
        else:
            before = element if upright else None
