"""A graph as a figure: which boxes and arrows there are, how large, and where.

A parameter or constant is drawn once for each of its users, right above it, so that no edge
crosses the whole picture for its sake. Every output gets a small sign below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from jetfold.graph.graph import Graph
from jetfold.graph.labels import Label, label
from jetfold.graph.layout import Box, Point, lay_out
from jetfold.graph.ops import LEAVES, Constant, Parameter
from jetfold.graph.rows import Vertex
from jetfold.graph.text import numbering, program_order

TITLE_SIZE, SMALL_SIZE = 13.0, 10.0
TITLE_LINE, SMALL_LINE = 17.0, 14.0
ADVANCE = 0.605
"""Width of a character of a monospaced font, in font sizes."""
PADDING = 9.0
SPACE = 7.0
"""Between words of different kinds in a line."""
SHEETS, SHEET = 2, 4.0
"""Sheets behind a box whose value has direction axes, and how far apart they lie."""
LEAF_HEIGHT = 24.0


class Copy(NamedTuple):
    """A leaf as it is drawn for one user: a node, or the sign of an output."""

    leaf: int
    user: Vertex


class Sign(NamedTuple):
    """The sign of the output at this position."""

    position: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A node and its box, sheets included. ``shared``: it is the same at every point."""

    node: int
    label: Label
    box: Box
    leaf: bool
    shared: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge of the graph; ``copies``: its value has direction axes."""

    source: int
    target: int
    position: int
    letter: str
    copies: bool
    route: list[Point]


@dataclass(frozen=True, slots=True)
class Result:
    """An output: its sign and the arrow to it."""

    node: int
    text: str
    copies: bool
    box: Box
    route: list[Point]


@dataclass(frozen=True, slots=True)
class Figure:
    """Everything to draw, in a rectangle that begins at the origin."""

    nodes: list[Shown]
    arrows: list[Arrow]
    results: list[Result]
    width: float
    height: float


def names_of(graph: Graph, renumber: bool) -> dict[int, str]:
    """The names of the nodes: numbered as in `jetfold.graph.text.to_text`, or with their own."""
    numbers = numbering(graph) if renumber else {node: node for node in graph}
    return {node: f"%{number}" for node, number in numbers.items()}


def figure(graph: Graph, renumber: bool) -> Figure:
    """The boxes and arrows of a graph, laid out."""
    names = names_of(graph, renumber)
    labels = {node: label(graph, node, names) for node in graph}
    sizes: dict[Vertex, tuple[float, float]] = {}
    edges: list[tuple[Vertex, Vertex]] = []

    def connect(operand: int, user: Vertex) -> None:
        source: Vertex = operand
        if isinstance(graph[operand].op, (Parameter, Constant)):
            source = Copy(operand, user)
            sizes[source] = box_size(labels[operand], leaf=True)
        edges.append((source, user))

    order = program_order(graph)
    for node in order:
        if not isinstance(graph[node].op, (Parameter, Constant)):
            for operand in graph.operands(node):
                connect(operand, node)
            sizes[node] = box_size(labels[node], isinstance(graph[node].op, LEAVES))
    texts = _output_texts(len(graph.outputs))
    for position, output in enumerate(graph.outputs):
        connect(output, Sign(position))
        sizes[Sign(position)] = (text_width(texts[position], SMALL_SIZE) + 2 * PADDING, 18.0)

    drawn = lay_out(sizes, edges)
    shown = [
        Shown(
            node,
            labels[node],
            box,
            leaf=isinstance(graph[node].op, LEAVES),
            shared=node not in graph.varying,
        )
        for vertex, box in drawn.boxes.items()
        for node in [vertex.leaf if isinstance(vertex, Copy) else vertex]
        if isinstance(node, int)
    ]
    routes = iter(drawn.routes)
    copies = {node: bool(graph[node].type.directions) for node in order}
    arrows = [
        Arrow(operand, node, position, letter, copies[operand], next(routes))
        for node in order
        for position, (operand, letter) in enumerate(
            zip(graph.operands(node), labels[node].operands, strict=True)
        )
    ]
    results = [
        Result(output, texts[i], copies[output], drawn.boxes[Sign(i)], next(routes))
        for i, output in enumerate(graph.outputs)
    ]
    return Figure(shown, arrows, results, drawn.width, drawn.height)


def _output_texts(count: int) -> list[str]:
    return ["output"] if count == 1 else [f"output {i + 1}" for i in range(count)]


# Sizes ------------------------------------------------------------------------------------------


def text_width(text: str, size: float) -> float:
    """The width of monospaced text."""
    return ADVANCE * size * len(text)


def chips_width(label: Label) -> float:
    """The width of the badges of direction axes side by side, each with a space before it."""
    return sum(text_width(badge, SMALL_SIZE) + 8 + SPACE for badge in label.badges)


def box_size(label: Label, leaf: bool) -> tuple[float, float]:
    """Width and height of a node's box, sheets included."""
    facts = text_width(label.shape, SMALL_SIZE) + chips_width(label)
    if leaf:
        width = text_width(label.title[0], TITLE_SIZE) + SPACE + facts
        height = LEAF_HEIGHT
    else:
        width = max(
            *(text_width(line, TITLE_SIZE) for line in label.title),
            text_width(label.number, SMALL_SIZE) + 2 * SPACE + facts,
            text_width(label.note, SMALL_SIZE),
        )
        lines = SMALL_LINE * (2 if label.note else 1) + TITLE_LINE * len(label.title)
        height = lines + PADDING
    sheets = SHEETS * SHEET if label.badges else 0.0
    return width + 2 * PADDING + sheets, height + sheets
