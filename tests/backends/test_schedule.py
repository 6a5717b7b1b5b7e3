"""The schedule: what runs in one nest, in which phase, and what becomes a matrix product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given

import jetfold as jf
from graphs import A, B, C, laplacian, network
from jetfold.backends.schedule import Item, MatrixGroup, Nest, ProductGroup, Reduction, Scheduler
from jetfold.graph import (
    Array,
    Broadcast,
    Concatenate,
    Contract,
    Direct,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
    Input,
    Map,
    Parameter,
    Replicate,
    Reshape,
    Slice,
    Sum,
    Transpose,
    Type,
)
from random_graphs import graphs

R, Q = DirectionAxis("r", 3), DirectionAxis("q", 2)


def kinds(scheduler: Scheduler) -> list[str]:
    return [type(item).__name__ for item in scheduler.items]


def nodes_of(item: Item) -> list[int]:
    match item:
        case Nest():
            return item.nodes
        case ProductGroup():
            return [result for _, result in item.pairs]
        case Reduction():
            return [item.node]
        case MatrixGroup():
            return item.nodes


# What holds for every schedule --------------------------------------------------------------------


def check_schedule(graph: Graph) -> None:
    """Every computed value is in one item, after all that it reads; nests keep their phases."""
    scheduler = Scheduler(graph)
    done = set(graph.inputs) | (set(graph) - graph.varying)
    for item in scheduler.items:
        if isinstance(item, Nest):
            check_nest(scheduler, item, frozenset(done))
        else:
            for node in nodes_of(item):
                read = [scheduler.read(o, np.arange(0)).node for o in graph.operands(node)]
                assert done.issuperset(read)
        fresh = nodes_of(item)
        assert len(fresh) == len(set(fresh))
        assert done.isdisjoint(fresh)
        done.update(fresh)
    assert {view.node for view in scheduler.views.values()} <= done | scheduler.terms


def check_nest(scheduler: Scheduler, nest: Nest, done: frozenset[int]) -> None:
    graph = scheduler.graph
    for position, node in enumerate(nest.nodes):
        assert graph[node].type.shape == nest.shape
        for read in scheduler.reads(node):
            if read.node not in nest.phase:
                assert read.node in done
                continue
            # Still in a register: computed before, at the same row.
            assert read.node in nest.nodes[:position]
            assert read.rows.tolist() == list(range(read.rows.size))
            assert not read.turns
            before, now = nest.phase[read.node], nest.phase[node]
            have, need = graph[read.node].type.directions, graph[node].type.directions
            if have and need:  # the same run through the same loops
                assert (before, have) == (now, need)
            elif have:  # a sum over all of its axes, read when the loops are over
                assert before < now
            else:
                assert before <= now if not need else before < now


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "gaussian": lambda x: np.exp(-(x**2).sum()) * np.prod(np.sin(x)),
    "normalised": lambda x: np.tanh(x / np.linalg.norm(x)).sum(),
    "pieces": lambda x: np.where(x > 0, x**3, np.roll(x, 1) ** 2).sum() + np.cumsum(x)[1] ** 4,
    "pairs": lambda x: np.exp(-((np.expand_dims(x, 1) - x) ** 2)).sum(),
}


@pytest.mark.parametrize("method", ["standard", "collapsed"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_laplacians_are_in_order(name: str, method: str) -> None:
    once = jf.laplacian(FUNCTIONS[name], method=method)
    for operator in (once, jf.laplacian(once, method=method)):
        check_schedule(operator.derivation(np.zeros((1, 3))).final_graph)


@given(graphs(least=4))
def test_random_graphs_are_in_order(graph: Graph) -> None:
    check_schedule(graph)


# Nests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("collapsed", [False, True])
def test_a_layer_is_one_product_and_one_nest(collapsed: bool) -> None:
    """Bias, activation, its derivatives, their sums over directions: all in one loop."""
    graph = laplacian(collapsed)
    scheduler = Scheduler(graph)
    check_schedule(graph)
    layers = ["ProductGroup", "Nest"] * 2
    # Not collapsed, a sum is left over; it runs over directions behind the last product.
    assert kinds(scheduler) == [*layers, "ProductGroup", *([] if collapsed else ["Nest"])]
    first, second = [item for item in scheduler.items if isinstance(item, Nest)][:2]
    assert set(first.phase.values()) == {0, 1}  # the sums of the first layer are constants
    assert set(second.phase.values()) == ({0, 1, 2} if collapsed else {0, 1})


def directions_graph() -> tuple[Editor, int]:
    """x_r: an input times a parameter that has the axis r."""
    editor = Editor()
    x = editor.add(Input("x", Type((4,))))
    v = editor.add(Parameter("v", Type((4,), (R,))))
    return editor, editor.add(Map(A * B), x, v)


def test_a_sum_feeds_the_nest_it_is_in() -> None:
    editor, along = directions_graph()
    squares = editor.add(Map(A**2), along)
    total = editor.add(Sum((), ("r",)), squares)
    root = editor.add(Map(sp.sqrt(A)), total)
    graph = editor.freeze([root])
    scheduler = Scheduler(graph)
    check_schedule(graph)
    (nest,) = scheduler.items
    assert isinstance(nest, Nest)
    assert [nest.phase[node] for node in (along, squares, total, root)] == [1, 1, 2, 2]


def test_what_is_divided_by_its_own_norm_needs_a_second_nest() -> None:
    """x_r sum_r x_r**2: when the sum is known, x_r is no longer in a register."""
    editor, along = directions_graph()
    total = editor.add(Sum((), ("r",)), editor.add(Map(A**2), along))
    scaled = editor.add(Map(A * B), along, total)
    again = editor.add(Sum((), ("r",)), scaled)
    graph = editor.freeze([again])
    scheduler = Scheduler(graph)
    check_schedule(graph)
    first, second = scheduler.items
    assert isinstance(first, Nest)
    assert isinstance(second, Nest)
    assert set(first.nodes) >= {along, total}
    assert set(second.nodes) == {scaled, again}
    assert (second.phase[scaled], second.phase[again]) == (1, 2)


def test_a_sum_and_other_values_along_the_same_axis_share_a_second_loop() -> None:
    """What depends on a sum but not on values of its loop can follow in the same nest."""
    editor, along = directions_graph()
    x = editor.add(Input("x", Type((4,))))
    w = editor.add(Parameter("w", Type((4,), (R,))))
    total = editor.add(Sum((), ("r",)), along)
    other = editor.add(Map(A * sp.sin(B)), w, total)
    both = editor.add(Sum((), ("r",)), other)
    graph = editor.freeze([editor.add(Map(A + B), both, x)])
    (nest,) = Scheduler(graph).items
    assert isinstance(nest, Nest)
    check_schedule(graph)
    assert [nest.phase[node] for node in (along, total, other, both)] == [1, 2, 3, 4]


def test_two_direction_axes() -> None:
    editor, along = directions_graph()
    w = editor.add(Parameter("w", Type((4,), (Q,))))
    across = editor.add(Map(sp.sin(A) * B), along, w)  # [q][r]
    both = editor.add(Sum((), ("q", "r")), across)
    one = editor.add(Sum((), ("q",)), across)  # [r]: not a full sum
    last = editor.add(Sum((), ("r",)), editor.add(Map(A * B), one, along))
    graph = editor.freeze([editor.add(Map(A + B), both, last)])
    scheduler = Scheduler(graph)
    check_schedule(graph)
    assert kinds(scheduler) == ["Nest", "Nest", "Reduction", "Nest"]
    inner = scheduler.item[across]
    assert isinstance(inner, Nest)
    # along has one axis and across two: across reads along from memory, in a later nest.
    assert inner is not scheduler.item[along]
    assert inner is scheduler.item[both]
    assert scheduler.item[one] == Reduction(scheduler.level[one], one)


def test_shapes_do_not_mix() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((4,))))
    row = editor.add(Map(sp.sin(A)), x)
    square = editor.add(Map(A * B), row, editor.add(Reshape((4, 1)), x))
    graph = editor.freeze([square, row])
    first, second = Scheduler(graph).items
    check_schedule(graph)
    assert (nodes_of(first), nodes_of(second)) == ([row], [square])


def test_a_moved_value_comes_from_memory() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((4,))))
    wave = editor.add(Map(sp.sin(A)), x)
    back = editor.add(Slice((3,), (-1,), (4,)), wave)
    total = editor.add(Map(A + B * C), wave, back, x)
    graph = editor.freeze([total])
    first, second = Scheduler(graph).items
    check_schedule(graph)
    assert (nodes_of(first), nodes_of(second)) == ([wave], [total])


def test_moves_and_copies_run_nowhere() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((4,))))
    wide = editor.add(Broadcast((2, 4)), editor.add(Reshape((1, 4)), x))
    picked = editor.add(Gather(Array(np.array([0, -1, 3]))), wide)
    graph = editor.freeze([picked, editor.add(Transpose((1, 0)), wide)])
    assert Scheduler(graph).items == []


def test_concatenation_is_computed_row_by_row() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((2,))))
    y = editor.add(Input("y", Type((3,))))
    joined = editor.add(Concatenate(0), x, y)
    scheduler = Scheduler(editor.freeze([joined]))
    left, right = scheduler.reads(joined)
    assert (left.node, left.rows.tolist()) == (x, [0, 1, -1, -1, -1])
    assert (right.node, right.rows.tolist()) == (y, [-1, -1, 0, 1, 2])
    assert scheduler.expression(joined) == A + B


# Matrix products --------------------------------------------------------------------------------

# spec, shape of the value, shape of the matrix, (batches, groups, rows, inner)
PRODUCTS = [
    ("a,ab->b", (3,), (3, 5), (1, 1, 5, 3)),
    ("a,ba->b", (3,), (5, 3), (1, 1, 5, 3)),
    ("a,a->", (3,), (3,), (1, 1, 1, 3)),
    ("ca,ab->cb", (2, 3), (3, 5), (1, 2, 5, 3)),
    ("ac,ab->bc", (3, 2), (3, 5), (1, 2, 5, 3)),
    ("ca,cab->cb", (2, 3), (2, 3, 5), (2, 1, 5, 3)),
    ("nca,cab->ncb", (4, 2, 3), (2, 3, 5), (2, 4, 5, 3)),
    ("ab,cab->c", (2, 3), (5, 2, 3), (1, 1, 5, 6)),
]


@pytest.mark.parametrize(("spec", "shape", "matrix", "counts"), PRODUCTS)
def test_contractions_with_a_matrix_are_products(
    spec: str, shape: tuple[int, ...], matrix: tuple[int, ...], counts: tuple[int, ...]
) -> None:
    editor = Editor()
    x = editor.add(Input("x", Type(shape)))
    weights = editor.add(Parameter("W", Type(matrix)))
    node = editor.add(Contract(spec), x, weights)
    (group,) = Scheduler(editor.freeze([node])).items
    assert isinstance(group, ProductGroup)
    assert group.pairs == [(x, node)]
    found = group.shape
    assert (found.batches, found.groups, found.rows, found.inner) == counts
    assert found.matrix == weights


def test_the_matrix_may_come_first() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    weights = editor.add(Parameter("W", Type((5, 3))))
    (group,) = Scheduler(editor.freeze([editor.add(Contract("ab,b->a"), weights, x)])).items
    assert isinstance(group, ProductGroup)
    assert (group.shape.matrix, group.shape.spec) == (weights, "ab->ab")


REDUCTIONS: list[tuple[str, list[tuple[int, ...]], tuple[str, ...]]] = [
    ("a,a->", [(3,), (3,)], ("x", "y")),  # both vary
    ("aa,ab->b", [(3, 3), (3, 5)], ("x", "W")),  # a diagonal
    ("a,ab,b->", [(3,), (3, 5), (5,)], ("x", "W", "y")),  # three operands
    ("a,b->ab", [(3,), (5,)], ("x", "W")),  # nothing is summed
    ("ac,ab->b", [(3, 2), (3, 5)], ("x", "W")),  # an axis of one operand alone is summed
    ("aa->a", [(3, 3)], ("x",)),
]


@pytest.mark.parametrize(("spec", "shapes", "names"), REDUCTIONS)
def test_other_contractions_are_loops(
    spec: str, shapes: list[tuple[int, ...]], names: tuple[str, ...]
) -> None:
    editor = Editor()
    operands = []
    for name, shape in zip(names, shapes, strict=True):
        leaf = Parameter(name, Type(shape)) if name == "W" else Input(name, Type(shape))
        operands.append(editor.add(leaf))
    graph = editor.freeze([editor.add(Contract(spec), *operands)])
    assert kinds(Scheduler(graph)) == ["Reduction"]


def test_a_matrix_with_directions_is_no_matrix() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    weights = editor.add(Parameter("W", Type((3, 5), (R,))))
    product = editor.add(Contract("a,ab->b"), x, weights)
    graph = editor.freeze([editor.add(Sum((), ("r",)), product)])
    assert kinds(Scheduler(graph)) == ["Reduction", "Nest"]


@pytest.mark.parametrize(
    ("moved", "spaced"),
    [
        (Slice((1,), (2,), (3,)), True),
        (Slice((5,), (-2,), (3,)), True),
        (Gather(Array(np.array([0, 2, 4]))), True),
        (Gather(Array(np.array([0, 1, 3]))), False),
        (Gather(Array(np.array([0, 1, -1]))), False),
    ],
)
def test_evenly_spaced_operands_are_not_copied(moved: Any, spaced: bool) -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((6,))))
    view = editor.add(moved, x)
    weights = editor.add(Parameter("W", Type((3, 5))))
    graph = editor.freeze([editor.add(Contract("a,ab->b"), view, weights)])
    scheduler = Scheduler(graph)
    check_schedule(graph)
    assert scheduler.copied == (frozenset() if spaced else {view})
    assert kinds(scheduler) == ([] if spaced else ["Nest"]) + ["ProductGroup"]


def test_copies_along_a_direction_axis_are_made_before_a_product() -> None:
    """A product of as many slots as its result has copies needs as many in its operand."""
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    copies = editor.add(Replicate(R), x)
    weights = editor.add(Parameter("W", Type((3, 2))))
    total = editor.add(Sum((), ("r",)), editor.add(Contract("a,ab->b"), copies, weights))
    graph = editor.freeze([total])
    scheduler = Scheduler(graph)
    check_schedule(graph)
    assert scheduler.copied == {copies}


def test_an_axis_of_the_point_as_a_direction_axis_before_a_product() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((3, 4))))
    along = editor.add(Direct(0, R), x)
    weights = editor.add(Parameter("W", Type((4, 2))))
    total = editor.add(Sum((), ("r",)), editor.add(Contract("a,ab->b"), along, weights))
    graph = editor.freeze([total])
    scheduler = Scheduler(graph)
    check_schedule(graph)
    assert scheduler.copied == {along}


def test_values_that_meet_one_matrix_at_one_level_are_one_group() -> None:
    graph = laplacian(collapsed=True)
    groups = [item for item in Scheduler(graph).items if isinstance(item, ProductGroup)]
    assert [len(group.pairs) for group in groups] == [1, 3, 2]
    for group in groups:
        assert len({graph[operand].type.shape for operand, _ in group.pairs}) == 1


def test_a_network_has_a_group_for_each_matrix() -> None:
    scheduler = Scheduler(network())
    assert kinds(scheduler) == ["ProductGroup", "Nest", "ProductGroup", "Nest", "ProductGroup"]


def test_sums_over_nothing_are_the_value() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    same = editor.add(Sum((), ()), editor.add(Map(sp.sin(A)), x))
    check_schedule(editor.freeze([same]))
