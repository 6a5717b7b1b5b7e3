"""Loop programs: packed products, constants of the first layer, what is gone, places in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given

import jetfold as jf
from graphs import A, B, laplacian, network
from jetfold.backends.lower import lower
from jetfold.backends.program import (
    Access,
    Load,
    NestKernel,
    Place,
    Product,
    Program,
    Rows,
    Run,
    SharedPlace,
    Store,
)
from jetfold.graph import (
    Array,
    Constant,
    Contract,
    Direct,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
    Input,
    Map,
    Parameter,
    Slice,
    Sum,
    Type,
)
from programs import check
from random_graphs import graphs

DIM, WIDTH = 3, 8


def mlp(x: Any, params: Any) -> Any:
    *hidden, last = params
    for weights, bias in hidden:
        x = np.tanh(x @ weights + bias)
    return x @ last


def layers(depth: int, width: int = WIDTH) -> list[Any]:
    sizes = [DIM] + [width] * depth
    pairs = [(np.ones((m, n)), np.ones(n)) for m, n in itertools.pairwise(sizes)]
    return [*pairs, np.ones(width)]


def program_of(function: Callable[..., Any], *parameters: Any, method: str = "auto") -> Program:
    operator = jf.laplacian(function, method=method)
    return lower(operator.derivation(np.zeros((1, DIM)), *parameters).final_graph)


def products(program: Program) -> list[Product]:
    return [i for i in program.instructions if isinstance(i, Product)]


def runs(program: Program) -> list[Run]:
    return [i for i in program.instructions if isinstance(i, Run)]


# Products are packed ------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [2, 4, 64])
def test_a_layer_is_one_product_and_kernels_do_not_grow(depth: int) -> None:
    """Order 0, one of order 1 for each direction, and the sum of order 2: 2 + D slots at once."""
    program = program_of(mlp, layers(depth))
    assert program.counts() == {
        "Load": 1,
        "Product": depth + 1,
        "Run": depth,
        "Store": 1,
        "kernels": min(depth, 3),  # the first layer, those in the middle, the last
    }
    first, *middle, last = products(program)
    assert (first.slots, last.slots) == (1, 1)
    assert [product.slots for product in middle] == [2 + DIM] * (depth - 1)
    assert [product.inner for product in products(program)] == [DIM] + [WIDTH] * depth
    assert program.slots == 2 + DIM


@pytest.mark.parametrize("depth", [2, 4, 64])
def test_the_standard_method_packs_its_vectors_as_well(depth: int) -> None:
    program = program_of(mlp, layers(depth), method="standard")
    first, *middle, last = products(program)
    assert (first.slots, last.slots) == (1, DIM)
    assert [product.slots for product in middle] == [1 + 2 * DIM] * (depth - 1)
    assert len(program.kernels) <= 4


def test_kernels_do_not_depend_on_widths() -> None:
    wide, narrow = (program_of(mlp, layers(3, width)) for width in (50, 7))
    assert wide.kernels == narrow.kernels


def test_a_jet_packs_its_coefficients() -> None:
    graph = jf.jet(mlp, 4).derivation(np.zeros(DIM), layers(3)).final_graph
    found = [product.slots for product in products(lower(graph))]
    assert found == [5, 5, 5, 5]  # x0 .. x4 are inputs side by side


def test_the_first_layers_constants_are_computed_once_per_call() -> None:
    """W1's columns, their squares' sum: shared numbers, no product and no loop over the batch."""
    program = program_of(mlp, layers(2))
    graph = program.graph
    first, *_ = runs(program)
    shared = [access.place for access in first.operands if isinstance(access.place, SharedPlace)]
    assert sorted(place.type.copies for place in shared) == [1, 1, DIM]  # b1, sum of squares, W1
    for node in program.shared:
        assert node not in graph.varying
    assert products(program)[0].slots == 1


def test_what_no_output_needs_is_gone() -> None:
    """Behind the last nonlinearity only the highest coefficient is left, of the value nothing."""
    program = program_of(mlp, layers(2))
    *_, last = products(program)
    assert (last.slots, last.rows) == (1, 1)
    final = runs(program)[-1].kernel
    assert isinstance(final, NestKernel)
    assert len(final.outputs) == 1
    # A linear function has no second derivatives: nothing runs, nothing is loaded.
    nothing = program_of(lambda x: x @ np.arange(3.0))
    assert nothing.counts() == {"Store": 1, "kernels": 0}
    assert nothing.workspace == 0


def test_constant_matrices_are_packed_once() -> None:
    """A matrix that is used twice is one matrix; a transposed one is another arrangement."""

    def twice(x: Any, w: Any) -> Any:
        return (np.tanh(np.tanh(x @ w) @ w) @ w.T).sum()

    program = program_of(twice, np.eye(DIM))
    assert len(program.matrices) == 2
    assert len(products(program)) == 3


def test_a_program_has_a_matrix_for_each_product_of_a_network() -> None:
    program = lower(network())
    shapes = [matrix.shape for matrix in program.matrices]
    assert shapes == [(1, WIDTH, DIM), (1, WIDTH, WIDTH), (1, 1, WIDTH)]


# Instructions and their arguments -----------------------------------------------------------------


def one(*nodes: Any, inputs: tuple[int, ...] = (6,)) -> Program:
    """A program of an input x of this shape and what is done with it, one thing after another."""
    editor = Editor()
    node = editor.add(Input("x", Type(inputs)))
    for op in nodes:
        node = editor.add(op, node)
    return lower(editor.freeze([node]))


def test_a_view_is_stored_from_where_it_lies() -> None:
    program = one(Slice((4,), (-2,), (3,)))
    load, store = program.instructions
    assert isinstance(load, Load)
    assert store == Store(
        0, Access(load.place, 4, -2, None, ()), 3, store.nodes
    )  # rows 4, 2, 0 of x
    program = one(Gather(Array(np.array([0, -1, 5]))))
    _, store = program.instructions
    assert isinstance(store, Store)
    assert store.access.table is not None
    assert store.access.table.tolist() == [0, -1, 5]


def test_rows_are_read_evenly_spaced_by_table_or_masked() -> None:
    for op, expected in [
        (Slice((1,), (2,), (3,)), Rows.AFFINE),
        (Gather(Array(np.array([0, 1, 3]))), Rows.TABLE),
        (Gather(Array(np.array([0, -1, 3]))), Rows.MASKED),
    ]:
        (run,) = runs(one(op, Map(sp.sin(A))))
        assert run.kernel.operands[0].rows is expected
        assert (run.operands[0].table is None) == (expected is Rows.AFFINE)


def test_a_direction_axis_that_is_one_of_the_point_moves_by_rows() -> None:
    axis = DirectionAxis("r", 4)
    program = one(Direct(0, axis), Map(A**2), Sum((), ("r",)), inputs=(4, 3))
    (run,) = runs(program)
    (access,) = run.operands
    slots = program.buffers[0].slots
    assert access.strides == (3 * slots,)
    assert (run.rows, run.sizes) == (3, (4,))


def test_steps_of_products() -> None:
    """x[n, c, a] W[c, a, b]: a batch for each c, a group for each n."""
    editor = Editor()
    x = editor.add(Input("x", Type((4, 2, 3))))
    weights = editor.add(Parameter("W", Type((2, 3, 5))))
    program = lower(editor.freeze([editor.add(Contract("nca,cab->ncb"), x, weights)]))
    (product,) = products(program)
    assert (product.batches, product.groups, product.rows, product.inner) == (2, 4, 5, 3)
    assert (product.operand_start, product.operand_steps) == (0, (3, 6, 1))
    assert product.result_steps == (5, 10, 1)
    assert program.matrices[0].spec == "cab->cba"


def test_sums_run_over_reduced_rows() -> None:
    (run,) = runs(one(Sum((0, 2), ()), inputs=(4, 2, 3)))
    assert (run.rows, run.reduced) == (2, 12)
    (access,) = run.operands
    assert access.table is not None
    assert access.table[:12].tolist() == [0, 1, 2, 6, 7, 8, 12, 13, 14, 18, 19, 20]


def test_axes_of_one_name_and_two_sizes_are_two_axes() -> None:
    """Two operators inside one function may both call their axis r."""
    editor = Editor()
    x = editor.add(Input("x", Type(())))
    sums = []
    for size in (2, 5):
        v = editor.add(Constant(Array(np.arange(size + 0.0)), (DirectionAxis("r", size),)))
        sums.append(editor.add(Sum((), ("r",)), editor.add(Map(sp.sin(A * B)), x, v)))
    graph = editor.freeze([editor.add(Map(A - B), *sums)])
    (run,) = runs(lower(graph))
    assert run.sizes == (2, 5)
    check(graph, points=3)


def test_operators_with_axes_of_one_name_inside_a_function() -> None:
    """Their points have 2 and 3 coordinates, and so have the axes r of their directions."""

    def left(x: Any) -> Any:
        return (np.sin(x) ** 2).prod()

    def right(x: Any) -> Any:
        return np.exp(-(x**2).sum()) * x[0]

    def both(x: Any) -> Any:
        return jf.laplacian(left)(x[:2]) + jf.laplacian(right)(x)

    graph = jf.laplacian(both).derivation(np.zeros((1, 3))).final_graph
    names = {axis.name for node in graph for axis in graph[node].type.directions}
    axes = {axis for node in graph for axis in graph[node].type.directions}
    assert len(axes) > len(names)
    check(graph, points=3)


# Memory -------------------------------------------------------------------------------------------


def used(program: Program) -> dict[int, tuple[int, int]]:
    """The first and the last instruction that touches each buffer."""
    times: dict[int, list[int]] = {}
    for time, instruction in enumerate(program.instructions):
        match instruction:
            case Load(_, place):
                places: list[Place | SharedPlace] = [place]
            case Product():
                places = [instruction.operand, instruction.result]
            case Run():
                places = [a.place for a in (*instruction.operands, *instruction.outputs)]
            case Store(_, access):
                places = [access.place]
        for value in places:
            if isinstance(value, Place):
                times.setdefault(value.buffer, []).append(time)
    return {buffer: (min(found), max(found)) for buffer, found in times.items()}


def check_memory(program: Program) -> None:
    """Buffers in use at the same time are apart; all lie inside the workspace; so do places."""
    lives = used(program)
    for (one_, live), (other, other_live) in itertools.combinations(lives.items(), 2):
        if live[0] <= other_live[1] and other_live[0] <= live[1]:
            a, b = program.buffers[one_], program.buffers[other]
            assert a.offset + a.size <= b.offset or b.offset + b.size <= a.offset
    ends = [program.buffers[b].offset + program.buffers[b].size for b in lives]
    assert max(ends, default=0) == program.workspace
    written: list[tuple[Place, int]] = []
    for time, instruction in enumerate(program.instructions):
        match instruction:
            case Load(_, place):
                written.append((place, time))
            case Product():
                buffer = program.buffers[instruction.result.buffer]
                assert instruction.result.slot + instruction.slots <= buffer.slots
                assert instruction.operand.slot + instruction.slots <= (
                    program.buffers[instruction.operand.buffer].slots
                )
                written.append((instruction.result, time))
            case Run():
                written += [
                    (a.place, time) for a in instruction.outputs if isinstance(a.place, Place)
                ]
    for place, _ in written:
        buffer = program.buffers[place.buffer]
        assert place.rows <= buffer.rows
        assert place.slot + place.type.copies <= buffer.slots


@pytest.mark.parametrize("method", ["standard", "collapsed"])
def test_buffers_of_networks(method: str) -> None:
    for depth in (1, 2, 5, 20):
        check_memory(program_of(mlp, layers(depth), method=method))
    twice = jf.laplacian(jf.laplacian(mlp, method=method), method=method)
    check_memory(lower(twice.derivation(np.zeros((1, DIM)), layers(2)).final_graph))


@given(graphs(least=4))
def test_buffers_of_random_graphs(graph: Graph) -> None:
    check_memory(lower(graph))


@pytest.mark.parametrize("collapsed", [False, True])
def test_memory_does_not_grow_with_depth(collapsed: bool) -> None:
    """Two layers at a time: what one layer gives, the next one reads."""
    check_memory(lower(laplacian(collapsed)))
    method = "collapsed" if collapsed else "standard"
    shallow, deep = (program_of(mlp, layers(depth), method=method) for depth in (3, 30))
    assert shallow.workspace == deep.workspace


def test_programs_know_nothing_of_the_batch() -> None:
    operator = jf.laplacian(mlp)
    parameters = layers(2)
    few, many = (
        lower(operator.derivation(np.zeros((points, DIM)), parameters).final_graph)
        for points in (1, 100_000)
    )
    assert few.workspace == many.workspace
    assert few.buffers == many.buffers


def test_values_that_meet_one_matrix_lie_side_by_side() -> None:
    program = program_of(mlp, layers(3))
    for run in runs(program)[:-1]:
        places = [access.place for access in run.outputs]
        assert len({place.buffer for place in places if isinstance(place, Place)}) == 1
        slots = sorted(
            slot
            for place in places
            if isinstance(place, Place)
            for slot in range(place.slot, place.slot + place.type.copies)
        )
        assert slots == list(range(2 + DIM))
