"""Layers of drawings: edges point down, few cross, and places are the best that fit."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from jetfold.graph.layout import assign_layers, lay_out
from jetfold.graph.rows import Rows, Vertex, arrange, spread

FLOATS = st.floats(-100, 100)


@st.composite
def dags(draw: st.DrawFn) -> tuple[int, list[tuple[Vertex, Vertex]]]:
    """The number of vertices and the edges, each from a smaller to a larger vertex."""
    count = draw(st.integers(1, 12))
    pairs = list(combinations(range(count), 2))
    return count, draw(st.lists(st.sampled_from(pairs), max_size=25)) if pairs else []


def crossings(rows: Rows) -> int:
    """Pairs of edges between the same rows that cross, counted one by one."""
    place = {vertex: i for row in rows.rows for i, vertex in enumerate(row)}
    return sum(
        (place[a] - place[c]) * (place[b] - place[d]) < 0
        for row in rows.rows
        for (a, b), (c, d) in combinations([(u, v) for v in row for u in rows.above[v]], 2)
    )


def test_layers_are_compact() -> None:
    chain = [("a", "b"), ("b", "c"), ("c", "d")]
    edges: list[tuple[Vertex, Vertex]] = [*chain, ("late", "d"), ("a", "side"), ("side", "d")]
    layers = assign_layers(["a", "b", "late", "side", "c", "d"], edges)
    assert layers == {"a": 0, "b": 1, "c": 2, "d": 3, "late": 2, "side": 2}


@given(dags())
def test_edges_point_down(dag: tuple[int, list[tuple[Vertex, Vertex]]]) -> None:
    count, edges = dag
    layers = assign_layers(list(range(count)), edges)
    assert all(layers[source] < layers[target] for source, target in edges)
    assert min(layers.values()) == 0
    assert set(layers.values()) == set(range(max(layers.values()) + 1))


@given(dags())
def test_boxes_never_overlap(dag: tuple[int, list[tuple[Vertex, Vertex]]]) -> None:
    count, edges = dag
    sizes: dict[Vertex, tuple[float, float]] = {v: (30.0 + 5 * v, 20.0) for v in range(count)}
    drawn = lay_out(sizes, edges)
    assert {vertex: (box.width, box.height) for vertex, box in drawn.boxes.items()} == sizes
    assert len(drawn.routes) == len(edges)
    for (_, one), (_, other) in combinations(drawn.boxes.items(), 2):
        apart = abs(one.centre - other.centre) - (one.width + other.width) / 2
        assert apart > 10 or one.bottom < other.y or other.bottom < one.y
    for (source, target), route in zip(edges, drawn.routes, strict=True):
        assert route[0][1] == drawn.boxes[source].bottom
        assert route[-1][1] == drawn.boxes[target].y


def test_crossings_are_removed() -> None:
    rows = Rows([list("abcd"), list("wxyz")])
    for upper, lower in zip("abcd", "zyxw", strict=True):
        rows.join(upper, lower)
    assert crossings(rows) == 6
    arrange(rows, list("abcdzyxw"))
    assert crossings(rows) == 0
    assert rows.rows == [list("abcd"), list("zyxw")]


def test_left_and_right_are_as_given() -> None:
    rows = Rows([list("ba"), list("dc")])
    rows.join("a", "c")
    rows.join("b", "d")
    arrange(rows, list("abcd"))  # exchanging only a and b would make edges cross
    assert rows.rows == [list("ab"), list("cd")]


def test_what_makes_no_difference_is_as_given() -> None:
    rows = Rows([list("acbd"), ["user"]])
    for leaf in "acbd":
        rows.join(leaf, "user")
    arrange(rows, [*"abcd", "user"])
    assert rows.rows == [list("abcd"), ["user"]]


@given(st.data())
def test_arranging_never_adds_crossings(data: st.DataObject) -> None:
    layers = [[(layer, i) for i in range(data.draw(st.integers(1, 5)))] for layer in range(4)]
    rows = Rows([list[Vertex](layer) for layer in layers])
    for upper, lower in pairwise(layers):
        pairs = [(a, b) for a in upper for b in lower]
        for a, b in data.draw(st.lists(st.sampled_from(pairs), unique=True)):
            rows.join(a, b)
    before = crossings(rows)
    arrange(rows, [vertex for layer in layers for vertex in layer])
    assert crossings(rows) <= before
    assert [sorted(map(str, row)) for row in rows.rows] == [sorted(map(str, row)) for row in layers]


@given(st.lists(st.tuples(FLOATS, st.floats(0.1, 10)), min_size=1, max_size=8), st.data())
def test_spreading_is_isotonic_regression(
    wishes: list[tuple[float, float]], data: st.DataObject
) -> None:
    gaps = data.draw(st.lists(st.floats(0, 20), min_size=len(wishes) - 1, max_size=len(wishes) - 1))
    offsets = np.concatenate([[0.0], np.cumsum(gaps)])
    wanted, weights = np.array(wishes).T
    best = isotonic_regression(wanted - offsets, weights=weights).x + offsets
    assert spread(wishes, gaps) == pytest.approx(best, abs=1e-9)


def test_wishes_that_fit_are_granted() -> None:
    assert spread([(0.0, 1.0), (30.0, 1.0), (50.0, 2.0)], [20.0, 20.0]) == [0.0, 30.0, 50.0]
