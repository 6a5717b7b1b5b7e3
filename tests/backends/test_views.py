"""Views: moves composed into one list of rows, and even spacing found in such lists."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from jetfold.backends.views import affine, broadcast, views
from jetfold.graph import (
    Array,
    Broadcast,
    Concatenate,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
    Input,
    Map,
    Op,
    Replicate,
    Reshape,
    Slice,
    Transpose,
    Type,
    Value,
    interpret,
    operand_symbol,
)
from random_graphs import moves

MOVES: list[tuple[Op, list[int]]] = [
    (Reshape((3, 2)), [0, 1, 2, 3, 4, 5]),
    (Transpose((1, 0)), [0, 3, 1, 4, 2, 5]),
    (Broadcast((2, 2, 3)), [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]),
    (Slice((1, 2), (1, -2), (1, 2)), [5, 3]),
    (Gather(Array(np.array([[5, -1], [0, 0]]))), [5, -1, 0, 0]),
    (Replicate(DirectionAxis("r", 4)), [0, 1, 2, 3, 4, 5]),
]


def chain(shape: tuple[int, ...], ops: list[Op]) -> tuple[Graph, int]:
    """The graph of a few moves after one another, and its input."""
    editor = Editor()
    first = node = editor.add(Input("x", Type(shape)))
    for op in ops:
        node = editor.add(op, node)
    return editor.freeze([node]), first


@pytest.mark.parametrize(("op", "rows"), MOVES, ids=lambda value: type(value).__name__)
def test_each_move_is_a_list_of_rows(op: Op, rows: list[int]) -> None:
    graph, source = chain((2, 3), [op])
    found, copied = views(graph, graph.order)
    view = found[graph.outputs[0]]
    assert view.node == source
    assert view.rows.tolist() == rows
    assert not copied


def check_rows(graph: Graph, source: int) -> None:
    """The rows of the output's view, read from numbered elements, are the output."""
    shape = graph[source].type.shape
    numbers = np.arange(1.0, 1 + math.prod(shape))
    expected = interpret(graph, {source: Value(numbers.reshape(shape))})[graph.outputs[0]].array
    view = views(graph, graph.order)[0][graph.outputs[0]]
    assert view.node == source
    read = np.where(view.rows < 0, 0, numbers[view.rows])
    np.testing.assert_array_equal(read, expected.reshape(-1))


@st.composite
def chains(draw: st.DrawFn) -> tuple[Graph, int]:
    shape = draw(st.sampled_from([(), (5,), (2, 3), (1, 4), (2, 2, 2)]))
    ops: list[Op] = []
    for _ in range(draw(st.integers(1, 5))):
        graph, _ = chain(shape, ops)
        ops.append(draw(moves(graph[graph.outputs[0]].type.shape)))
    return chain(shape, ops)


@given(chains())
def test_moves_compose(moved: tuple[Graph, int]) -> None:
    check_rows(*moved)


def test_zeros_stay_zeros_through_further_moves() -> None:
    padded = Gather(Array(np.array([-1, 0, 1, -1])))
    again = Gather(Array(np.array([3, 2, -1, 1])))
    graph, source = chain((2,), [padded, Reshape((2, 2)), Transpose((1, 0)), again])
    check_rows(graph, source)
    view = views(graph, graph.order)[0][graph.outputs[0]]
    assert view.rows.tolist() == [-1, 0, -1, 1]


def test_replicate_is_the_value_itself() -> None:
    graph, source = chain((3,), [Replicate(DirectionAxis("r", 2)), Reshape((3, 1))])
    view = views(graph, graph.order)[0][graph.outputs[0]]
    assert (view.node, view.rows.tolist()) == (source, [0, 1, 2])


def test_computed_values_are_views_of_themselves() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((2, 2))))
    y = editor.add(Map(sp.sin(operand_symbol(0))), editor.add(Transpose((1, 0)), x))
    joined = editor.add(Concatenate(0), y, x)
    flat = editor.add(Reshape((8,)), joined)
    graph = editor.freeze([flat])
    found, _ = views(graph, graph.order)
    assert (found[y].node, found[y].rows.tolist()) == (y, [0, 1, 2, 3])
    assert found[joined].node == joined
    assert found[flat].node == joined


def test_what_is_copied_is_a_value_and_keeps_its_origin() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    gathered = editor.add(Gather(Array(np.array([2, 0, 1, 1]))), x)
    square = editor.add(Reshape((2, 2)), gathered)
    graph = editor.freeze([square])
    found, origins = views(graph, graph.order, frozenset({gathered}))
    assert (found[gathered].node, found[gathered].rows.tolist()) == (gathered, [0, 1, 2, 3])
    assert (origins[gathered].node, origins[gathered].rows.tolist()) == (x, [2, 0, 1, 1])
    assert (found[square].node, found[square].rows.tolist()) == (gathered, [0, 1, 2, 3])


def test_empty_values_have_no_rows() -> None:
    graph, _ = chain((2, 0), [Transpose((1, 0)), Reshape((0, 3))])
    assert views(graph, graph.order)[0][graph.outputs[0]].rows.size == 0


@pytest.mark.parametrize(
    ("shape", "wide", "rows"),
    [
        ((), (2, 2), [0, 0, 0, 0]),
        ((3,), (2, 3), [0, 1, 2, 0, 1, 2]),
        ((2, 1), (2, 3), [0, 0, 0, 1, 1, 1]),
        ((2, 1), (2, 0), []),
    ],
)
def test_broadcasting_as_rows(
    shape: tuple[int, ...], wide: tuple[int, ...], rows: list[int]
) -> None:
    assert broadcast(Type(shape), wide).tolist() == rows


# Even spacing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([0, 1, 2, 3], (0, (1,))),
        ([5, 3, 1], (5, (-2,))),
        ([4, 4, 4], (4, (0,))),
        ([7], (7, (0,))),
        ([], (0, (0,))),
        ([[0, 1], [6, 7]], (0, (6, 1))),
        ([[0, 3], [1, 4], [2, 5]], (0, (1, 3))),
        (3, (3, ())),
        ([0, 1, 3], None),
        ([[0, 1], [2, 4]], None),
        ([-1], None),
        ([-1, -1], None),
        ([1, 0, -1], None),
        ([0, -1, 2], None),
    ],
)
def test_even_spacing(rows: object, expected: object) -> None:
    assert affine(np.array(rows, dtype=np.int64)) == expected


@given(
    st.integers(0, 50),
    st.lists(st.tuples(st.integers(0, 9), st.integers(2, 4)), min_size=1, max_size=3),
    st.data(),
)
def test_grids_are_evenly_spaced_and_nothing_else(
    start: int, axes: list[tuple[int, int]], data: st.DataObject
) -> None:
    steps = tuple(step for step, _ in axes)
    shape = tuple(size for _, size in axes)
    grid = start + sum(s * i for s, i in zip(steps, np.indices(shape), strict=True))
    assert affine(grid) == (start, steps)
    index = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    if sum(index) > 1:  # an element that fixes neither the start nor a step
        grid[index] += 1
        assert affine(grid) is None
