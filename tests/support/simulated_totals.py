"""Checks of sums over the batch on the backend "cuda", for numba's simulator; see `simulation`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs import A
from jetfold.backends.cuda import compiled, launches, sessions, sums
from jetfold.backends.cuda.compiled import CudaGraph
from jetfold.backends.cuda.launches import Launch, Outer
from jetfold.backends.cuda.product import TILINGS
from jetfold.backends.lower import lower
from jetfold.graph import (
    Array,
    Constant,
    Contract,
    Editor,
    Gather,
    Graph,
    Input,
    Map,
    Total,
    Type,
)
from programs import FLOAT32, FLOAT64, FLOATS, TOLERANCE, assert_close, interpreted, sample
from random_graphs import graphs
from simulated import EVERY_TIME, OPTIONS, TINY, Poisoned
from totals_cases import SPECS, R, S, a_graph, contraction

SMALL = {"BLOCKS": 8, "TILE": 3, "THREADS": 12, "LEAST_LANES": 2, "MOST_LANES": 6}
"""Sums in few parts: a thread of the device is one of Python."""


@contextmanager
def small() -> Iterator[None]:
    """Tiles, blocks and parts for graphs that are small, in memory that holds NaN."""
    with ExitStack() as stack:
        for name, value in SMALL.items():
            stack.enter_context(mock.patch.object(sums, name, value))
        stack.enter_context(mock.patch.object(sessions, "SimulatedSession", Poisoned))
        stack.enter_context(mock.patch.object(compiled, "ALIGNMENT", 2))
        stack.enter_context(mock.patch.object(launches, "MOST_THREADS", 32))
        stack.enter_context(mock.patch.dict(TILINGS, float32=TINY, float64=TINY))
        yield


def check(
    graph: Graph,
    totals: Sequence[Total],
    points: int = 3,
    tolerance: float = 1.0,
    dtypes: Sequence[np.dtype[Any]] = (FLOAT64,),
) -> CudaGraph:
    """Compare outputs and totals of a graph with their interpretation."""
    with small():
        graph_on_gpu = CudaGraph(graph, OPTIONS, totals)
        for dtype in dtypes:
            inputs, parameters = sample(graph, points, dtype)
            expected = interpreted(graph, points, inputs, parameters, totals)
            found = graph_on_gpu(points, dtype, inputs, parameters)
            assert [array.dtype for array in found] == [dtype] * len(expected)
            assert_close(found, expected, tolerance * TOLERANCE[dtype])
    return graph_on_gpu


def check_totals_agree_with_the_reference() -> None:
    """Sums of several terms, shared ones among them, along axes that are kept and summed."""
    for kept in ((), (S,), (R,), (S, R)):
        wanted = [Total((0, 1, 2), Type((2,), kept)), Total((3, 3), Type((2, 2), kept))]
        check(a_graph(), wanted, points=5, dtypes=FLOATS)


def check_outer_products() -> None:
    """Batches, groups, slots; sizes that are no multiple of a tile; factors of one number."""
    for spec in SPECS:
        for direction in (False, True):
            graph, wanted = contraction(spec, direction)
            found = check(graph, wanted)
            steps = launches.plan(found.program, 4, 3).steps
            assert sum(isinstance(step, Outer) for step in steps) == 1


def check_outer_products_of_moved_operands() -> None:
    """Rows in steps, from the end, or always the same; results picked and masked."""
    editor = Editor()
    x = editor.add(Input("x", Type((7,))))
    y = editor.add(Input("y", Type((9,))))
    nodes = []
    for index in ([6, 4, 2, 0], [1, 1, 1], [2, 3, 4, 5, 6]):
        part = editor.add(Gather(Array(np.array(index))), x)
        nodes.append(editor.add(Contract("i,j->ij"), part, y))
    outer = editor.add(Contract("i,j->ij"), x, y)
    nodes.append(editor.add(Gather(Array(np.array([[62, -1], [0, 5]]))), outer))
    graph = editor.freeze(nodes)
    wanted = [Total((i,), graph[node].type) for i, node in enumerate(nodes)]
    found = check(graph, wanted, points=5)
    steps = launches.plan(found.program, 6, 5).steps
    assert sum(isinstance(step, Outer) for step in steps) == 4


def check_batches_in_several_tiles() -> None:
    """The last one with samples that do not count, even where they are infinite."""
    editor = Editor()
    x = editor.add(Input("x", Type((2,))))
    y = editor.add(Map(1 / A), x)
    graph = editor.freeze([x, y, editor.add(Contract("i,j->ij"), y, x), y])
    wanted = [Total((i,), graph[node].type) for i, node in enumerate(graph.outputs[:3])]
    for points in (0, 1, 6, 13):
        most = 6 * lower(graph, wanted).workspace
        with mock.patch.object(compiled, "MOST_ELEMENTS", most):
            graph_on_gpu = check(graph, wanted, points, tolerance=5)
            with small():
                assert graph_on_gpu.samples(13) == 6
    for points, trimmed in ((5, True), (6, False)):
        steps = launches.plan(graph_on_gpu.program, 6, points).steps
        assert trimmed == any(isinstance(s, Launch) and s.kernel == "trim" for s in steps)


def check_the_same_at_every_point_counts_for_each() -> None:
    editor = Editor()
    c = editor.add(Constant(Array(np.array([2.0, 3.0]))))
    x = editor.add(Input("x", Type((2,))))
    graph = editor.freeze([c, x])
    wanted = [Total((0,), Type((2,))), Total((0, 1), Type((2,), (R,))), Total((), Type((3,)))]
    with small():
        call = CudaGraph(graph, OPTIONS, wanted)
        first, second, third = call(5, FLOAT64, {"x": np.ones((5, 2))}, {})
    np.testing.assert_array_equal(first, [10, 15])
    np.testing.assert_array_equal(second, [[15, 20]] * 3)
    np.testing.assert_array_equal(third, np.zeros(3))


def check_not_a_number_stays() -> None:
    graph, wanted = contraction("i,j->ij", direction=True)
    inputs, parameters = sample(graph, 5)
    inputs["x0"][4, 1] = np.nan
    with small():
        (total,) = CudaGraph(graph, OPTIONS, wanted)(5, FLOAT64, inputs, parameters)
    np.testing.assert_array_equal(np.isnan(total).T, [[False, True, False]] * 4)


def check_totals_of_any_graph() -> None:
    @settings(EVERY_TIME, max_examples=15)
    @given(graph=graphs(most=6), data=st.data())
    def compare(graph: Graph, data: st.DataObject) -> None:
        wanted = []
        for i, node in enumerate(graph.outputs):
            if data.draw(st.booleans()):
                wanted.append(Total((i,), graph[node].type))
        check(graph, wanted, tolerance=20)

    compare()


def check_every_part_has_what_its_own_threads_added() -> None:
    """On a device they run at the same time, and must not add to the same number."""
    editor = Editor()
    x = editor.add(Input("x", Type((4,))))
    y = editor.add(Map(sp.exp(A)), x)
    graph = editor.freeze([y, editor.add(Contract("i,j->ij"), y, y)])
    wanted = [Total((i,), graph[node].type) for i, node in enumerate(graph.outputs)]
    kept: list[Any] = []
    cleared = CudaGraph._cleared

    def noted(self: CudaGraph, *arguments: Any) -> Any:
        kept.append(cleared(self, *arguments))
        return kept[-1]

    with mock.patch.object(CudaGraph, "_cleared", noted):
        known = check(graph, wanted, points=20).sums
    (numbers,) = (array.copy_to_host() for array in kept)
    assert all(region.parts > 1 for region in known.regions)
    assert known.size == numbers.size
    assert (numbers > 0).all(), "a sum of exponentials for each part"


def check_the_order_of_additions_is_fixed() -> None:
    graph, wanted = contraction("ni,nj->ij", direction=True)
    inputs, parameters = sample(graph, 5, FLOAT32)
    with small():
        call = CudaGraph(graph, OPTIONS, wanted)
        first, again = (call(5, FLOAT32, inputs, parameters) for _ in range(2))
    np.testing.assert_array_equal(first, again)
