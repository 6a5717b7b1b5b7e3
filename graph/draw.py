"""Drawings of graphs: SVG that needs no other program, and DOT for Graphviz."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree as ET

from jetfold.graph.figure import (
    LEAF_HEIGHT,
    PADDING,
    SHEET,
    SHEETS,
    SMALL_LINE,
    SMALL_SIZE,
    SPACE,
    TITLE_LINE,
    Figure,
    Shown,
    chips_width,
    figure,
    names_of,
    text_width,
)
from jetfold.graph.graph import Graph
from jetfold.graph.labels import Label, label
from jetfold.graph.layout import Box, Point
from jetfold.graph.style import KINDS, stylesheet
from jetfold.graph.svg import add, curve, new_page
from jetfold.graph.text import program_order

MARGIN = 24.0
CAPTION = 34.0
HEAD = 7.0
"""Length of an arrow's head."""
LEGEND_LINE = 20.0


@dataclass(frozen=True, slots=True)
class _Part:
    """One graph of a page."""

    figure: Figure
    caption: str
    marked: Collection[int]

    @property
    def width(self) -> float:
        return max(self.figure.width, text_width(self.caption, 16))


def to_svg(
    graph: Graph, caption: str = "", marked: Collection[int] = (), renumber: bool = True
) -> str:
    """The graph as an SVG image, for a file or to stand in HTML.

    Colours follow the reader's preference for light or dark. A stack of boxes and thick edges
    are values with direction axes; pointing at a box shows its full expression and its source.
    The nodes in ``marked`` are emphasised; ``renumber`` is that of `jetfold.graph.text.to_text`.
    """
    return _page([_Part(figure(graph, renumber), caption, marked)])


def to_svg_pair(
    before: Graph,
    after: Graph,
    captions: tuple[str, str] = ("before", "after"),
    marked: tuple[Collection[int], Collection[int]] = ((), ()),
    renumber: bool = True,
) -> str:
    """Two graphs side by side, each as in `to_svg`."""
    figures = (figure(before, renumber), figure(after, renumber))
    return _page([_Part(*part) for part in zip(figures, captions, marked, strict=True)])


# The page ---------------------------------------------------------------------------------------


def _page(parts: Sequence[_Part]) -> str:
    captions = [part.caption for part in parts if part.caption]
    top = MARGIN + (CAPTION if captions else 0.0)
    width = max(sum(part.width + 2 * MARGIN for part in parts), 320.0)
    bottom = top + max(part.figure.height for part in parts) + MARGIN
    legend = _legend_lines(parts, width - 2 * MARGIN)
    root = new_page(width, bottom + LEGEND_LINE * len(legend) + MARGIN / 2, " / ".join(captions))
    add(root, "style", stylesheet())
    add(root, "rect", classes="page", width="100%", height="100%")
    left = MARGIN
    for part in parts:
        if left > MARGIN:
            x = left - MARGIN
            add(root, "line", classes="divider", x1=x, x2=x, y1=MARGIN, y2=bottom - MARGIN)
        if part.caption:
            add(root, "text", part.caption, "caption", x=left, y=MARGIN + 14)
        place = f"translate({left:.1f} {top:.1f})"
        _draw_figure(add(root, "g", classes="graph", transform=place), part)
        left += part.width + 2 * MARGIN
    _draw_legend(add(root, "g", classes="legend"), legend, bottom)
    return ET.tostring(root, encoding="unicode") + "\n"


def _draw_figure(parent: ET.Element, part: _Part) -> None:
    drawn = part.figure
    legs: set[tuple[Point, Point]] = set()
    for arrow in drawn.arrows:
        route = _trim(arrow.route, legs)
        group = _draw_edge(parent, route, arrow.letter, arrow.copies)
        group.set("data-from", str(arrow.source))
        group.set("data-to", str(arrow.target))
        group.set("data-operand", str(arrow.position))
    for result in drawn.results:
        _draw_edge(parent, _trim(result.route, legs), "", result.copies)
        group = add(parent, "g", classes="output")
        box = result.box
        add(group, "rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=3)
        add(group, "text", result.text, "small middle", x=box.centre, y=box.y + 12.5)
    for shown in drawn.nodes:
        group = _draw_node(parent, shown)
        group.set("data-node", str(shown.node))
        if shown.node in part.marked:
            group.set("class", group.get("class", "") + " marked")


def _trim(route: list[Point], drawn: set[tuple[Point, Point]]) -> list[Point]:
    """A route without what it shares with earlier ones: lines drawn twice look heavier.

    It still begins with a straight leg.
    """
    legs = list(pairwise(route))
    start = next(i for i, leg in enumerate(legs) if leg not in drawn)
    drawn.update(legs)
    return route[start:] if start % 2 == 0 else [route[start], *route[start:]]


def _draw_edge(parent: ET.Element, route: list[Point], letter: str, copies: bool) -> ET.Element:
    group = add(parent, "g", classes="edge copies" if copies else "edge")
    x, y = route[-1]
    entry = (route[-2][0], min(route[-2][1], y - HEAD))
    add(group, "path", classes="line", d=curve([*route[:-2], entry, (x, y - HEAD + 1)]))
    half = 5 if copies else 4
    head = f"M{x - half:.1f} {y - HEAD:.1f}h{2 * half}L{x:.1f} {y:.1f}Z"
    add(group, "path", classes="head", d=head)
    if letter:
        add(group, "text", letter, "letter", x=x + half + 1, y=y - 3)
    return group


# Nodes ------------------------------------------------------------------------------------------


def _draw_node(parent: ET.Element, shown: Shown) -> ET.Element:
    about, box = shown.label, shown.box
    sheets = SHEETS * SHEET if about.badges else 0.0
    front = Box(box.x, box.y, box.width - sheets, box.height - sheets)
    classes = ["node", about.kind, *(["shared"] if shown.shared and not shown.leaf else [])]
    group = add(parent, "g", classes=" ".join(classes))
    add(group, "title", about.tooltip)
    for sheet in range(SHEETS if about.badges else 0, -1, -1):
        add(
            group,
            "rect",
            classes="" if sheet else "front",
            x=front.x + sheet * SHEET,
            y=front.y + sheet * SHEET,
            width=front.width,
            height=front.height,
            rx=LEAF_HEIGHT / 2 if shown.leaf else 5,
        )
    (_write_leaf if shown.leaf else _write_box)(group, about, front)
    return group


def _write_leaf(group: ET.Element, about: Label, box: Box) -> None:
    baseline = box.y + 16
    add(group, "text", about.title[0], x=box.x + PADDING, y=baseline)
    _write_type(group, about, box.x + box.width - PADDING, baseline)


def _write_box(group: ET.Element, about: Label, box: Box) -> None:
    y = box.y + PADDING / 2 + SMALL_SIZE
    add(group, "text", about.number, "small", x=box.x + PADDING, y=y)
    _write_type(group, about, box.x + box.width - PADDING, y)
    for line in about.title:
        y += TITLE_LINE
        add(group, "text", line, "middle", x=box.centre, y=y)
    if about.note:
        add(group, "text", about.note, "small middle", x=box.centre, y=y + SMALL_LINE)


def _write_type(group: ET.Element, about: Label, right: float, baseline: float) -> None:
    """The shape and one badge per direction axis, ending at the right."""
    x = right - chips_width(about)
    add(group, "text", about.shape, "small end", x=x, y=baseline)
    for badge in about.badges:
        width = text_width(badge, SMALL_SIZE) + 8
        chip = add(group, "g", classes="chip")
        add(chip, "rect", x=x + SPACE, y=baseline - 10, width=width, height=13, rx=6.5)
        add(chip, "text", badge, x=x + SPACE + width / 2, y=baseline)
        x += width + SPACE


# Legend -----------------------------------------------------------------------------------------


def _legend_lines(parts: Sequence[_Part], width: float) -> list[list[tuple[str, str, float]]]:
    """What the signs that occur mean: (class, words, x) in lines of at most this width."""
    nodes = [shown for part in parts for shown in part.figure.nodes]
    kinds = {shown.label.kind for shown in nodes}
    entries = [(kind, look.words) for kind, look in KINDS.items() if kind in kinds]
    if any(shown.label.badges for shown in nodes):
        entries.append(("copies", "one copy per direction"))
    if any(shown.shared and not shown.leaf for shown in nodes):
        entries.append(("shared", "same at every point"))
    lines: list[list[tuple[str, str, float]]] = [[]]
    x = MARGIN
    for sign, words in entries:
        needed = 30 + text_width(words, 11)
        if lines[-1] and x + needed > MARGIN + width:
            lines.append([])
            x = MARGIN
        lines[-1].append((sign, words, x))
        x += needed + 10
    return lines


def _draw_legend(
    parent: ET.Element, lines: Sequence[Sequence[tuple[str, str, float]]], top: float
) -> None:
    for row, line in enumerate(lines):
        y = top + row * LEGEND_LINE
        for sign, words, x in line:
            if sign == "copies":
                group = add(parent, "g", classes="edge copies")
                add(group, "path", classes="line", d=f"M{x:.1f} {y + 7:.1f}h20")
            else:
                group = add(parent, "g", classes=f"node {sign}")
                add(group, "rect", classes="front", x=x, y=y, width=20, height=13, rx=3)
            add(group, "text", words, x=x + 26, y=y + 10.5)


# DOT --------------------------------------------------------------------------------------------


def to_dot(graph: Graph, renumber: bool = True) -> str:
    """The graph in the language of Graphviz, for other programs to lay out."""
    names = names_of(graph, renumber)
    names = {node: "n" + name[1:] for node, name in names.items()}
    lines = ["digraph {", '  node [shape=box style="filled,rounded" fontname=monospace]']
    for node in program_order(graph):
        about = label(graph, node, {n: "%" + name[1:] for n, name in names.items()})
        colours = KINDS[about.kind].light
        kind = " ".join([about.number, about.shape, *(f"[{badge}]" for badge in about.badges)])
        attributes = [
            f"label={_quote(*about.title, kind, about.note)}",
            f"tooltip={_quote(about.tooltip)}",
            f'fillcolor="{colours.fill}" color="{colours.line}"',
            *(["peripheries=2"] if about.badges else []),
        ]
        lines.append(f"  {names[node]} [{' '.join(attributes)}]")
        for operand, letter in zip(graph.operands(node), about.operands, strict=True):
            note = f" [label={_quote(letter)}]" if letter else ""
            lines.append(f"  {names[operand]} -> {names[node]}{note}")
    for position, output in enumerate(graph.outputs):
        lines.append(f"  output{position} [label=output shape=plaintext style=solid]")
        lines.append(f"  {names[output]} -> output{position}")
    return "\n".join([*lines, "}"]) + "\n"


def _quote(*lines: str) -> str:
    text = "\n".join(line for line in lines if line)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
