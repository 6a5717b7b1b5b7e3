"""Drawings: everything is there once, nothing overlaps, text is escaped, colours can be read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings

from graphs import EXAMPLES, A, B, C, laplacian, network
from jetfold.graph.draw import to_svg, to_svg_pair
from jetfold.graph.figure import Figure, figure
from jetfold.graph.graph import Editor, Graph
from jetfold.graph.layout import Box, Point
from jetfold.graph.ops import (
    Input,
    Map,
    MatrixFunction,
    Parameter,
    SourceLine,
    Type,
)
from jetfold.graph.style import KINDS, stylesheet
from random_graphs import graphs

SVG = "{http://www.w3.org/2000/svg}"
VECTOR = Type((3,))


def classes(root: ET.Element, name: str) -> list[ET.Element]:
    """All elements with this word among their classes, those of the legend left out."""
    legend = root.find(f"{SVG}g[@class='legend']")
    left_out = set(legend.iter()) if legend is not None else set()
    return [
        element
        for element in root.iter()
        if name in element.get("class", "").split() and element not in left_out
    ]


def words(element: ET.Element) -> list[str]:
    return [text.text or "" for text in element.iter(f"{SVG}text")]


# What is there ----------------------------------------------------------------------------------


def check_complete(graph: Graph) -> None:
    root = ET.fromstring(to_svg(graph))
    drawn = Counter(int(node.get("data-node", "")) for node in classes(root, "node"))
    leaves = {*graph.parameters, *(n for n in graph if type(graph[n].op).__name__ == "Constant")}
    users = {n: len(graph.users(n)) + graph.outputs.count(n) for n in graph}
    assert drawn == {node: users[node] if node in leaves else 1 for node in graph}
    edges = [
        tuple(int(edge.get(f"data-{end}", "")) for end in ("from", "to", "operand"))
        for edge in classes(root, "edge")
        if edge.get("data-from") is not None
    ]
    assert Counter(edges) == Counter(list(graph.nx.edges(keys=True)))
    assert len(classes(root, "output")) == len(graph.outputs)
    assert len(classes(root, "edge")) == len(edges) + len(graph.outputs)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_node_and_edge_is_drawn(name: str) -> None:
    check_complete(EXAMPLES[name])


@settings(max_examples=25)
@given(graphs())
def test_every_node_and_edge_of_random_graphs_is_drawn(graph: Graph) -> None:
    check_complete(graph)
    check_geometry(figure(graph, renumber=True))


@pytest.mark.parametrize("name", EXAMPLES)
def test_image_stands_alone(name: str) -> None:
    text = to_svg(EXAMPLES[name])
    root = ET.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert "href" not in text
    assert "url(" not in text
    assert text.count("http") == 1  # the name space
    _, _, width, height = map(float, root.get("viewBox", "").split())
    assert (float(root.get("width", "")), float(root.get("height", ""))) == (width, height)


def test_direction_axes_are_badges_on_stacks() -> None:
    graph = laplacian(collapsed=True, dim=50)
    root = ET.fromstring(to_svg(graph))
    for node in classes(root, "node"):
        has_axis = bool(graph[int(node.get("data-node", ""))].type.directions)
        assert ("r: 50" in words(node)) == has_axis
        sheets = len(node.findall(f"{SVG}rect"))
        assert sheets == (3 if has_axis else 1)
    for edge in classes(root, "edge"):
        if source := edge.get("data-from"):
            has_axis = bool(graph[int(source)].type.directions)
            assert ("copies" in edge.get("class", "").split()) == has_axis


def test_what_is_the_same_at_every_point_is_dashed() -> None:
    graph = laplacian(collapsed=True)
    dashed = {
        int(node.get("data-node", ""))
        for node in classes(ET.fromstring(to_svg(graph)), "shared")
        if node.get("data-node")
    }
    assert dashed == set(graph) - set(graph.varying) - set(graph.leaves)


def test_marked_nodes() -> None:
    graph = network()
    marked = {graph.outputs[0], graph.parameters[0]}
    root = ET.fromstring(to_svg(graph, marked=marked))
    assert {int(node.get("data-node", "")) for node in classes(root, "marked")} == marked


def test_numbers_are_those_of_the_text_or_the_graph() -> None:
    editor = Editor()
    x = editor.add(Input("x", VECTOR))
    editor.add(Map(sp.cos(A)), x)
    y = editor.add(Map(sp.sin(A)), x)
    graph = editor.freeze([y])
    for renumber, number in ((True, "%1"), (False, "%2")):
        (node,) = classes(ET.fromstring(to_svg(graph, renumber=renumber)), "map")
        assert words(node)[0] == number
        assert node.findtext(f"{SVG}title", "").startswith(f"{number} = sin(%0)\n")


def test_tooltip_has_the_whole_expression_and_the_line() -> None:
    editor = Editor()
    x = editor.add(Input("x", VECTOR))
    expr = sum((A + i) ** i for i in range(2, 12))
    source = SourceLine("/home/somebody/net.py", 3, 'y = f(x) if a < b else "z"')
    node = editor.add(Map(expr), x, source=source)
    root = ET.fromstring(to_svg(editor.freeze([node])))
    (drawn,) = classes(root, "map")
    tooltip = drawn.findtext(f"{SVG}title", "")
    assert "(%0 + 2)**2" in tooltip
    assert "(%0 + 11)**11" in tooltip
    assert 'net.py", line 3: y = f(x) if a < b else "z"' in tooltip
    assert "somebody" not in tooltip
    assert words(drawn)[-1] == "…"


def test_text_is_escaped() -> None:
    editor = Editor()
    name = "a<b>&\"'\x07é"
    graph = editor.freeze([editor.add(Input(name, VECTOR))])
    text = to_svg(graph, caption="f < g & h")
    assert "f &lt; g &amp; h" in text
    root = ET.fromstring(text)
    assert words(classes(root, "input")[0])[0] == name.replace("\x07", "\N{REPLACEMENT CHARACTER}")


def test_pair_shows_both_under_their_captions() -> None:
    before, after = laplacian(collapsed=False), laplacian(collapsed=True)
    root = ET.fromstring(to_svg_pair(before, after, ("left", "right")))
    left, right = (float(c.get("x", "")) for c in classes(root, "caption"))
    assert [c.text for c in classes(root, "caption")] == ["left", "right"]
    for graph, group, x in zip((before, after), classes(root, "graph"), (left, right), strict=True):
        assert {int(n.get("data-node", "")) for n in classes(group, "node")} == set(graph)
        assert group.get("transform", "").startswith(f"translate({x:.1f} ")
    assert right - left > figure(before, renumber=True).width


def test_legend_explains_what_occurs() -> None:
    def legend(graph: Graph) -> list[str]:
        group = ET.fromstring(to_svg(graph)).find(f"{SVG}g[@class='legend']")
        assert group is not None
        return words(group)

    assert legend(network()) == ["input", "parameter", "elementwise", "contraction"]
    everything = [kind.words for name, kind in KINDS.items() if name != "matrix"]
    extra = ["one copy per direction", "same at every point"]
    assert legend(laplacian(collapsed=False)) == everything + extra
    editor = Editor()
    matrix = editor.add(Parameter("A", Type((2, 2))))
    inverse = editor.freeze([editor.add(MatrixFunction("inverse"), matrix)])
    assert legend(inverse) == ["parameter", "matrix function", "same at every point"]


def test_same_picture_in_every_process() -> None:
    """Nothing depends on the order of sets, which changes with the seed of hashes."""
    code = "import graphs, jetfold.graph.draw as d; print(*map(d.to_svg, graphs.EXAMPLES.values()))"
    support = Path(__file__).parents[1] / "support"
    pictures = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=support,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(pictures) == 1


# Where it is ------------------------------------------------------------------------------------


def overlap(first: Box, second: Box, margin: float) -> bool:
    return (
        first.x < second.x + second.width + margin
        and second.x < first.x + first.width + margin
        and first.y < second.bottom + margin
        and second.y < first.bottom + margin
    )


def boxes(drawn: Figure) -> list[Box]:
    return [shown.box for shown in drawn.nodes] + [result.box for result in drawn.results]


def routes(drawn: Figure) -> Iterator[list[Point]]:
    yield from (arrow.route for arrow in drawn.arrows)
    yield from (result.route for result in drawn.results)


def check_geometry(drawn: Figure) -> None:
    placed = boxes(drawn)
    for first, second in combinations(placed, 2):
        assert not overlap(first, second, margin=8)
    for box in placed:
        assert box.x >= -1e-9
        assert box.y >= -1e-9
        assert box.x + box.width <= drawn.width + 1e-9
        assert box.bottom <= drawn.height + 1e-9
    for route in routes(drawn):
        check_route(route, placed)
    assert len({route[-1] for route in routes(drawn)}) == len(list(routes(drawn)))


def check_route(route: list[Point], placed: list[Box]) -> None:
    """It goes from the bottom of a box to the top of another and through none."""
    (x, y), (end_x, end_y) = route[0], route[-1]
    starts = [box for box in placed if box.bottom == y and box.x < x < box.x + box.width]
    ends = [box for box in placed if box.y == end_y and box.x < end_x < box.x + box.width]
    assert len(starts) == len(ends) == 1
    for i, (upper, lower) in enumerate(pairwise(route)):
        assert upper[1] <= lower[1] + 1e-9
        if i % 2 == 0:
            assert upper[0] == lower[0]
        left, right = sorted((upper[0], lower[0]))
        way = Box(left, upper[1], right - left, lower[1] - upper[1])
        assert not any(overlap(way, box, margin=-1e-6) for box in placed)


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_overlaps(name: str) -> None:
    check_geometry(figure(EXAMPLES[name], renumber=True))


def test_written_coordinates_are_those_of_the_layout() -> None:
    graph = laplacian(collapsed=False)
    drawn = figure(graph, renumber=True)
    fronts = classes(ET.fromstring(to_svg(graph)), "front")
    corners = [(float(rect.get("x", "")), float(rect.get("y", ""))) for rect in fronts]
    assert np.allclose(corners, [(s.box.x, s.box.y) for s in drawn.nodes], rtol=0, atol=0.051)


def points_of(edge: ET.Element) -> list[Point]:
    """The ends of the pieces of an edge's line."""
    pieces = re.findall(r"[MLC][^MLC]*", edge.findall(f"{SVG}path")[0].get("d", ""))
    numbers = [list(map(float, piece[1:].split())) for piece in pieces]
    return [(values[-2], values[-1]) for values in numbers]


@pytest.mark.parametrize("name", EXAMPLES)
def test_lines_of_a_source_are_its_routes_each_piece_once(name: str) -> None:
    """An edge begins at its source or on the line of an earlier edge of that source."""
    graph = EXAMPLES[name]
    edges = classes(ET.fromstring(to_svg(graph)), "edge")
    written: dict[Point, set[Point]] = {}
    pieces: Counter[tuple[Point, Point]] = Counter()
    for edge, route in zip(edges, routes(figure(graph, renumber=True)), strict=True):
        expected = [(float(f"{x:.1f}"), float(f"{y:.1f}")) for x, y in route]
        points = points_of(edge)
        line = written.setdefault(expected[0], {expected[0]})
        assert points[0] in line
        line.update(points)
        assert set(expected[:-2]) <= line  # the last two make room for the arrow's head
        assert points[-1][0] == expected[-1][0]
        pieces.update(pairwise(points))
    assert max(pieces.values(), default=1) == 1


def test_parameters_lie_right_above_their_users() -> None:
    drawn = figure(EXAMPLES["standard"], renumber=True)
    by_node = {shown.node: shown.box for shown in drawn.nodes if not shown.leaf}
    for arrow in drawn.arrows:
        if isinstance(EXAMPLES["standard"][arrow.source].op, Parameter):
            gap = by_node[arrow.target].y - arrow.route[0][1]
            assert 0 < gap < 80


def test_parameters_lie_to_the_right_where_that_is_free() -> None:
    drawn = figure(EXAMPLES["network"], renumber=True)
    for target in {arrow.target for arrow in drawn.arrows}:
        ends = [arrow.route[-1][0] for arrow in drawn.arrows if arrow.target == target]
        assert ends == sorted(ends)


def test_long_edges_are_straight() -> None:
    """Past the layers between them, also where boxes on both sides differ in width."""
    editor = Editor()
    x = editor.add(Input("x", VECTOR))
    sides = [x, x]
    for i in range(1, 6):
        exprs = (sp.tanh(A) if i % 2 else sum(A**j / j for j in range(1, 8)), sp.sin(i * A))
        sides = [editor.add(Map(expr), side) for expr, side in zip(exprs, sides, strict=True)]
    drawn = figure(editor.freeze([editor.add(Map(A * B + C), *sides, x)]), renumber=True)
    (route,) = [arrow.route for arrow in drawn.arrows if len(arrow.route) > 10]
    assert len({across for across, _ in route[2:-2]}) == 1


# How it looks -----------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """Relative luminance as the Web Content Accessibility Guidelines 2.1 define it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(first: str, second: str) -> float:
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def rule(css: str, selector: str, what: str) -> str:
    """The colour that the first rule for this selector gives."""
    found = re.search(rf"{re.escape(selector)} (?:rect )?{{[^}}]*{what}: (#\w+)", css)
    assert found, selector
    return found[1]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_can_be_read(theme: str) -> None:
    light, dark = stylesheet().split("@media (prefers-color-scheme: dark)")
    css = light if theme == "light" else dark
    text, faint = rule(css, ".jetfold text", "fill"), rule(css, ".jetfold .legend text", "fill")
    page = rule(css, ".jetfold .page", "fill")
    for kind in KINDS:
        fill, line = (rule(css, f".jetfold .{kind}", what) for what in ("fill", "stroke"))
        assert contrast(text, fill) >= 7
        assert contrast(faint, fill) >= 4.5
        assert contrast(line, page) >= 2.5
    assert contrast(text, page) >= 7
    assert contrast(rule(css, ".jetfold .copies .line", "stroke"), page) >= 3


def test_every_class_has_a_style() -> None:
    root = ET.fromstring(
        to_svg(EXAMPLES["standard"], caption="f", marked=set(EXAMPLES["standard"]))
    )
    used = {name for element in root.iter() for name in element.get("class", "").split()}
    styled = set(re.findall(r"\.([a-z]\w*)", stylesheet()))
    assert used - styled == {"graph"}
