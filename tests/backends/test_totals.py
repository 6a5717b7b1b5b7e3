"""Totals: sums of outputs over a batch, on the reference backend and on the CPU."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from graphs import A, B
from jetfold.backends.cpu import CompiledGraph, compiled, threads, totals
from jetfold.backends.cpu.simd import lanes
from jetfold.backends.lower import lower
from jetfold.backends.program import OuterProduct, Product, SampleSum, Trim
from jetfold.backends.reference import ReferenceGraph
from jetfold.graph import (
    Array,
    Constant,
    Contract,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
    GraphError,
    Input,
    Map,
    Parameter,
    Reshape,
    Slice,
    Sum,
    Total,
    Transpose,
    Type,
)
from jetfold.graph.numbers import EXACT
from programs import FLOAT32, FLOAT64, FLOATS, check, interpreted, sample, unjitted
from random_graphs import graphs
from totals_cases import SPECS, R, S, a_graph, contraction


def instructions(graph: Graph, wanted: list[Total], kind: type) -> list[Any]:
    return [i for i in lower(graph, wanted).instructions if isinstance(i, kind)]


# Meaning ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [(), (S,), (R,), (S, R)])
def test_the_reference_sums_over_points_and_axes_that_the_type_lacks(kept: Any) -> None:
    graph = a_graph()
    inputs, parameters = sample(graph, 5)
    x, p = inputs["x"], parameters["p"]
    terms = np.tanh(x)[:, None, None] * p + p + x[:, None, None]  # (point, b, r, shape)
    summed = tuple(1 + i for i, axis in enumerate((S, R)) if axis not in kept)
    if S in kept and R in kept:
        expected = terms.sum(0)
    else:  # x has neither axis: it stands for copies along those kept, and is no sum over others
        repeats = np.prod([axis.size for axis in (S, R) if axis not in kept])
        expected = terms.sum((0, *summed)) - (repeats - 1) * x.sum(0)
    run = ReferenceGraph(graph, totals=[Total((0, 1, 2), Type((2,), kept))])
    *at_points, total = run(5, FLOAT64, inputs, parameters)
    np.testing.assert_allclose(total, expected, rtol=1e-13)
    assert [output.shape for output in at_points] == [(5, 2, 3, 2, 2)]


def test_the_reference_sums_exactly() -> None:
    graph = a_graph()
    inputs, parameters = sample(graph, 4)
    run = ReferenceGraph(graph, EXACT, [Total((2,), Type((2,)))])
    *_, total = run(4, np.dtype(object), inputs, parameters)
    assert [float(n) for n in total] == pytest.approx(list(inputs["x"].sum(0)), rel=1e-15)
    *_, nothing = run(0, np.dtype(object), {"x": inputs["x"][:0]}, parameters)
    assert list(nothing) == [0, 0]


@pytest.mark.parametrize(
    ("total", "message"),
    [
        (Total((4,), Type((2,))), "output 4, of 4"),
        (Total((0,), Type((3,))), "output 0 of type 2.* in a total of type 3"),
        (Total((0,), Type((2,), (DirectionAxis("r", 4),))), "in a total of type"),
    ],
)
def test_totals_that_do_not_fit_are_refused(total: Total, message: str) -> None:
    for backend in (
        lambda: ReferenceGraph(a_graph(), totals=[total]),
        lambda: CompiledGraph(a_graph(), [total]),
    ):
        with pytest.raises(GraphError, match=message):
            backend()


# On the CPU ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [(), (S,), (R,), (S, R)])
def test_totals_agree_with_the_reference(kept: Any) -> None:
    """Sums of several terms, shared ones among them, over full tiles and one that is not full."""
    wanted = [Total((0, 1, 2), Type((2,), kept)), Total((3, 3), Type((2, 2), kept))]
    check(a_graph(), points=37, totals=wanted)


@given(graph=graphs(most=8), data=st.data())
def test_totals_of_any_graph(graph: Graph, data: st.DataObject) -> None:
    """Some outputs of a random graph are summed, alone or together with others of their shape."""
    wanted = []
    for i, node in enumerate(graph.outputs):
        kind = graph[node].type
        if data.draw(st.booleans()):
            same = [k for k, o in enumerate(graph.outputs) if graph[o].type == kind]
            terms = data.draw(st.lists(st.sampled_from(same), min_size=1, max_size=2))
            wanted.append(Total((i, *terms), kind))
    check(graph, points=data.draw(st.sampled_from([1, 16, 19])), totals=wanted, tolerance=20)


def test_compiled_totals() -> None:
    wanted = [Total((0, 1, 2), Type((2,), (R,))), Total((3,), Type((2, 2)))]
    check(a_graph(), points=37, jitted=FLOATS, totals=wanted)


def test_a_total_of_a_scalar_is_a_scalar() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type(())))
    graph = editor.freeze([x, x])
    (at_points, total) = unjitted(CompiledGraph(graph, [Total((1,), Type(()))]))(
        3, FLOAT64, {"x": np.array([1.0, 2.0, 4.0])}, {}
    )
    assert total.shape == ()
    assert total == 7
    np.testing.assert_array_equal(at_points, [1, 2, 4])


def test_the_same_at_every_point_counts_for_each() -> None:
    editor = Editor()
    c = editor.add(Constant(Array(np.array([2.0, 3.0]))))
    x = editor.add(Input("x", Type((2,))))
    graph = editor.freeze([c, x])
    operator = CompiledGraph(graph, [Total((0,), Type((2,))), Total((0, 1), Type((2,), (R,)))])
    first, second = unjitted(operator)(5, FLOAT64, {"x": np.ones((5, 2))}, {})
    np.testing.assert_array_equal(first, [10, 15])
    np.testing.assert_array_equal(second, [[15, 20]] * 3)
    first += 1  # the results are the caller's
    np.testing.assert_array_equal(
        unjitted(operator)(5, FLOAT64, {"x": np.ones((5, 2))}, {})[0], [10, 15]
    )


def test_no_points_and_no_terms_give_zeros() -> None:
    wanted = [Total((0, 1), Type((2,), (S, R))), Total((3,), Type((2, 2))), Total((), Type((3,)))]
    operator = CompiledGraph(a_graph(), wanted)
    inputs, parameters = sample(a_graph(), 0)
    x, *sums = operator(0, FLOAT32, inputs, parameters)
    assert x.shape == (0, 2)
    assert [(total.shape, total.dtype) for total in sums] == [
        ((2, 3, 2), FLOAT32),
        ((2, 2), FLOAT32),
        ((3,), FLOAT32),
    ]
    assert not any(total.any() for total in sums)


def test_samples_that_fill_up_the_last_tile_do_not_count() -> None:
    """Not even those that are infinite, as zeros of the total of x would be in 1/x."""
    editor = Editor()
    x = editor.add(Input("x", Type((2,))))
    y = editor.add(Map(1 / A), x)
    graph = editor.freeze([x, y, editor.add(Contract("i,j->ij"), y, x)])
    wanted = [Total((i,), graph[node].type) for i, node in enumerate(graph.outputs)]
    assert isinstance(lower(graph, wanted).instructions[1], Trim)
    check(graph, points=21, totals=wanted)


def test_not_a_number_stays() -> None:
    graph, wanted = contraction("i,j->ij", direction=True)
    operator = CompiledGraph(graph, wanted)
    inputs, parameters = sample(graph, 21)
    inputs["x0"][20, 1] = np.nan
    (total,) = unjitted(operator)(21, FLOAT64, inputs, parameters)
    np.testing.assert_array_equal(np.isnan(total).T, [[False, True, False]] * 4)


# Outer products -----------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", [False, True])
@pytest.mark.parametrize("spec", SPECS)
def test_contractions_are_not_computed_at_points(spec: str, direction: bool) -> None:
    graph, wanted = contraction(spec, direction)
    found = instructions(graph, wanted, OuterProduct)
    assert len(found) == 1
    assert found[0].slots == (3 if direction else 1)
    assert not instructions(graph, wanted, SampleSum)
    check(graph, points=19, totals=wanted)


def test_moved_outer_products_are_not_computed_either() -> None:
    editor = Editor()
    x, y = (editor.add(Input(n, Type((3,)))) for n in "xy")
    outer = editor.add(Contract("i,j->ij"), x, y)
    moved = [
        editor.add(Reshape((9,)), editor.add(Transpose((1, 0)), outer)),
        editor.add(Gather(Array(np.array([[8, -1], [0, 0]]))), outer),
        editor.add(Slice((0, 2), (2, -1), (2, 3)), outer),
    ]
    graph = editor.freeze(moved)
    wanted = [Total((i,), graph[node].type) for i, node in enumerate(moved)]
    assert len(instructions(graph, wanted, OuterProduct)) == 3
    check(graph, points=19, totals=wanted)


def test_operands_may_be_moved() -> None:
    """Evenly spaced rows are read where they are; others need the product at each point."""
    editor = Editor()
    x = editor.add(Input("x", Type((2, 3))))
    y = editor.add(Input("y", Type((4,))))
    column = editor.add(Reshape((2,)), editor.add(Slice((0, 1), (1, 1), (2, 1)), x))
    mixed = editor.add(Gather(Array(np.array([3, 0, 1]))), y)
    nodes = [editor.add(Contract("i,j->ij"), part, y) for part in (column, mixed)]
    graph = editor.freeze(nodes)
    wanted = [Total((i,), graph[node].type) for i, node in enumerate(nodes)]
    assert len(instructions(graph, wanted, OuterProduct)) == 1
    assert len(instructions(graph, wanted, SampleSum)) == 1
    check(graph, points=19, totals=wanted)


@pytest.mark.parametrize("kind", ["wanted at points", "an axis is kept", "used", "other axes"])
def test_what_is_needed_otherwise_is_computed(kind: str) -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((2,))))
    p = editor.add(Parameter("p", Type((2,), (R,))))
    y = editor.add(Map(A * B), x, p)
    outer = editor.add(Contract("i,j->ij"), y, x if kind == "other axes" else y)
    outputs, axes = [outer], (R,) if kind == "an axis is kept" else ()
    if kind == "used":
        outputs.append(editor.add(Sum((0, 1), ("r",)), outer))
    if kind == "wanted at points":
        outputs.append(outer)
    graph = editor.freeze(outputs)
    wanted = [Total((0,), Type((2, 2), axes))]
    assert not instructions(graph, wanted, OuterProduct)
    check(graph, points=19, totals=wanted)


def test_terms_with_adjacent_operands_are_one_product() -> None:
    """Coefficients that meet one matrix lie side by side, and so do their cotangents."""
    editor = Editor()
    weights = editor.add(Parameter("w", Type((3, 4))))
    x = editor.add(Input("x", Type((4,))))
    p = editor.add(Parameter("p", Type((4,), (R,))))
    values = [
        editor.add(Map(sp.tanh(A)), x),
        editor.add(Map(A * B), x, p),
        editor.add(Map(A**2), x),
    ]
    products = [editor.add(Contract("ij,j->i"), weights, value) for value in values]
    cotangents = [editor.add(Map(sp.sin(A)), product) for product in reversed(products)]
    back = [editor.add(Contract("ij,i->j"), weights, value) for value in cotangents]
    terms = [
        editor.add(Contract("i,j->ij"), g, value)
        for g, value in zip(cotangents, reversed(values), strict=True)
    ]
    graph = editor.freeze([*terms, *back])
    wanted = [Total((0, 1, 2), Type((3, 4)))]
    (product,) = instructions(graph, wanted, OuterProduct)
    assert product.slots == 5
    assert [p.slots for p in instructions(graph, wanted, Product)] == [5, 5]
    check(graph, points=19, totals=wanted)


# Reproducible, and safe --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def operator() -> CompiledGraph:
    return CompiledGraph(a_graph(), WANTED)


WANTED = [Total((0, 1), Type((2,))), Total((3,), Type((2, 2)))]
POINTS = 5000


@pytest.mark.parametrize("dtype", FLOATS)
def test_results_are_the_same_bit_for_bit(
    operator: CompiledGraph, dtype: np.dtype[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever thread does which range of tiles, in whatever order."""
    monkeypatch.setenv("JETFOLD_NUM_THREADS", "3")
    monkeypatch.setattr("jetfold.backends.cpu.compiled.SERIAL_WORK", 0)
    inputs, parameters = sample(operator.graph, POINTS, dtype)
    first = operator(POINTS, dtype, inputs, parameters)
    expected = interpreted(operator.graph, POINTS, inputs, parameters, WANTED)
    for found, right in zip(first, expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-4 if dtype == FLOAT32 else 1e-11)

    def backwards(work: Any, total: int, chunk: int, _: int) -> None:
        for start in reversed(range(0, total, chunk)):
            work(start, min(start + chunk, total))

    for run in (threads.run_chunks, backwards):
        with mock.patch.object(totals, "run_chunks", run):
            for _ in range(3):
                again = operator(POINTS, dtype, inputs, parameters)
                assert [a.tobytes() for a in again] == [a.tobytes() for a in first]


def test_callers_do_not_disturb_each_other(operator: CompiledGraph) -> None:
    batches = [sample(operator.graph, points) for points in (40, 700, 5000, 333)]
    dtypes = (FLOAT64, FLOAT32)
    jobs = [(dtype, *batch) for batch in batches for dtype in dtypes]

    def call(job: Any) -> list[bytes]:
        dtype, inputs, parameters = job
        results = operator(len(inputs["x"]), dtype, inputs, parameters)
        return [result.tobytes() for result in results]

    alone = [call(job) for job in jobs]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(call, jobs * 6))
    assert together == alone * 6


def test_large_accumulators_are_added_up_in_parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a few blocks at a time, and one range for each thread."""
    editor = Editor()
    x = editor.add(Input("x", Type((13,))))
    y = editor.add(Input("y", Type((2, 29))))
    nodes = [editor.add(Contract("i,bj->bij"), x, y), editor.add(Contract("bj,i->bji"), y, x), y]
    graph = editor.freeze(nodes)
    wanted = [Total((i,), graph[node].type) for i, node in enumerate(nodes)]
    monkeypatch.setenv("JETFOLD_NUM_THREADS", "3")
    monkeypatch.setattr("jetfold.backends.cpu.compiled.SERIAL_WORK", 0)
    for name, value in {"SMALL_BYTES": 0, "PARALLEL_SIZE": 0, "BLOCKS": 2}.items():
        monkeypatch.setattr(totals, name, value)
    check(graph, points=200, totals=wanted)


def test_memory_does_not_grow_with_the_batch(
    operator: CompiledGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JETFOLD_NUM_THREADS", "2")
    kept = []
    for points in (20_000, 200_000):
        inputs, parameters = sample(operator.graph, points)
        tracemalloc.start()
        operator(points, FLOAT64, inputs, parameters)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        kept.append(peak - 2 * points * FLOAT64.itemsize)  # x goes out at every point
    assert abs(kept[1] - kept[0]) < 200_000


@pytest.mark.parametrize("points", [1, 17, 64, 1000, 4096, 10_000, 12_345])
@pytest.mark.parametrize("threads", [1, 4])
def test_ranges_are_about_equally_long(operator: CompiledGraph, points: int, threads: int) -> None:
    samples = operator._samples(points, threads, FLOAT32)
    assert samples % lanes(FLOAT32) == 0
    idle = operator._totals.idle(points, samples, threads, FLOAT32)
    assert idle >= 0
    assert idle < 0.05 or samples == compiled.LEAST_SAMPLES or points < 100 * threads
