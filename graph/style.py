"""Colours of drawings, for light and dark pages.

The hues are those of Okabe and Ito, *Color universal design* (2008), which people with any kind
of colour vision can tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Colours(NamedTuple):
    """Fill and line of a box."""

    fill: str
    line: str


class Kind(NamedTuple):
    """What the legend calls a kind of node, and its colours on light and on dark pages."""

    words: str
    light: Colours
    dark: Colours


KINDS: Mapping[str, Kind] = {
    "input": Kind("input", Colours("#dff1fc", "#1f83bd"), Colours("#123a52", "#56b4e9")),
    "parameter": Kind("parameter", Colours("#ececec", "#767676"), Colours("#333639", "#a8adb3")),
    "constant": Kind("constant", Colours("#ffffff", "#9a9a9a"), Colours("#1c1e21", "#80868d")),
    "map": Kind("elementwise", Colours("#fff1cf", "#b97a00"), Colours("#473407", "#e69f00")),
    "contract": Kind("contraction", Colours("#d9e6f7", "#0060a8"), Colours("#10294a", "#5b9ff0")),
    "sum": Kind("sum", Colours("#d5f0e6", "#00805c"), Colours("#083d2e", "#1fc393")),
    "matrix": Kind("matrix function", Colours("#fbe3d6", "#b04a00"), Colours("#4a2205", "#ea8a4b")),
    "move": Kind("index move", Colours("#f7e2ee", "#a8477f"), Colours("#4a2139", "#dd8fbb")),
}

_MONO = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
_SANS = "system-ui, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif"
_SHAPES = f"""
.jetfold text {{ font-family: {_MONO}; font-size: 13px }}
.jetfold .small {{ font-size: 10px }}
.jetfold .middle {{ text-anchor: middle }}
.jetfold .end {{ text-anchor: end }}
.jetfold .caption, .jetfold .legend text {{ font-family: {_SANS} }}
.jetfold .caption {{ font-size: 16px; font-weight: 600 }}
.jetfold .legend text {{ font-size: 11px }}
.jetfold .letter {{ font-size: 10px; font-style: italic }}
.jetfold .chip text {{ font-size: 10px; font-weight: 600; text-anchor: middle }}
.jetfold .node rect {{ stroke-width: 1.2 }}
.jetfold .shared rect.front {{ stroke-dasharray: 4 3 }}
.jetfold .marked rect.front {{ stroke-width: 3.5 }}
.jetfold .node:hover rect.front {{ stroke-width: 2.4 }}
.jetfold .edge .line {{ fill: none; stroke-width: 1.3 }}
.jetfold .copies .line {{ stroke-width: 2.6 }}
.jetfold .edge:hover .line {{ stroke-width: 3.4 }}
"""


class _Page(NamedTuple):
    page: str
    text: str
    faint: str
    edge: str
    copies: str
    chip_text: str


_LIGHT = _Page("#ffffff", "#1b1f24", "#59626d", "#8a929b", "#d55e00", "#ffffff")
_DARK = _Page("#16181b", "#eceff2", "#a6b0bb", "#7f8893", "#f28b3c", "#16181b")


def _rules(page: _Page, kinds: Mapping[str, Colours]) -> str:
    lines = [
        f".jetfold .page {{ fill: {page.page} }}",
        f".jetfold text {{ fill: {page.text} }}",
        f".jetfold .small, .jetfold .letter, .jetfold .legend text {{ fill: {page.faint} }}",
        f".jetfold .edge .line {{ stroke: {page.edge} }}",
        f".jetfold .edge .head {{ fill: {page.edge} }}",
        f".jetfold .copies .line {{ stroke: {page.copies} }}",
        f".jetfold .copies .head, .jetfold .node .chip rect {{ fill: {page.copies} }}",
        ".jetfold .node .chip rect { stroke: none }",
        f".jetfold .chip text {{ fill: {page.chip_text} }}",
        f".jetfold .divider {{ stroke: {page.edge}; stroke-opacity: 0.4 }}",
        f".jetfold .output rect, .jetfold .legend .shared rect {{ stroke: {page.faint} }}",
        ".jetfold .output rect, .jetfold .legend .shared rect { fill: none }",
    ]
    lines += [
        f".jetfold .{kind} rect {{ fill: {colours.fill}; stroke: {colours.line} }}"
        for kind, colours in kinds.items()
    ]
    return "\n".join(lines)


def variables(dark: bool) -> dict[str, str]:
    """The colours by name, for pages with a style of their own: ``map-fill``, ``text``, ..."""
    page = _DARK if dark else _LIGHT
    colours = {name.replace("_", "-"): colour for name, colour in page._asdict().items()}
    for name, kind in KINDS.items():
        fill, line = kind.dark if dark else kind.light
        colours |= {f"{name}-fill": fill, f"{name}-line": line}
    return colours


def stylesheet() -> str:
    """The CSS of a drawing; class names are explained by `jetfold.graph.draw`."""
    light = _rules(_LIGHT, {name: kind.light for name, kind in KINDS.items()})
    dark = _rules(_DARK, {name: kind.dark for name, kind in KINDS.items()})
    return f"{_SHAPES}{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
