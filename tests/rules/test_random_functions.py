"""Random NumPy functions: all ways to their derivatives agree, exactly and in floating point."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import exact
import jetfold as jf
from jetfold.backends.cpu import CompiledGraph
from jetfold.backends.reference import ReferenceGraph
from jetfold.graph import Graph, rewrite, simplify
from jetfold.graph.numbers import FLOAT, FloatNumbers, NumberSystem
from jetfold.graph.tree import flatten
from jetfold.rules.collapse import PULL_SUM, PUSH_REPLICATE
from jetfold.rules.operators import jet
from problems import power_sum
from programs import unjitted
from random_functions import RandomFunction, functions, size

POINTS = 3
DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)


def standard(function: RandomFunction, order: int = 2) -> Graph:
    """Standard Taylor mode along the axes, as it is derived."""
    return power_sum(function.graph(), function.point, order)


def final(graph: Graph, method: str) -> Graph:
    """The graph that runs."""
    pushed = rewrite(graph, PUSH_REPLICATE).graph
    return simplify(pushed if method == "standard" else rewrite(pushed, PULL_SUM).graph).graph


def run(
    graph: Graph, function: RandomFunction, dtype: Any = DOUBLE, numbers: NumberSystem = FLOAT
) -> list[NDArray[Any]]:
    """The outputs of a graph, interpreted at some points."""
    points, parameters = function.values(POINTS)
    return ReferenceGraph(graph, numbers)(POINTS, dtype, {"x": points}, parameters)


class Noisy(FloatNumbers):
    """Double precision in which every elementwise result is off as if it were single precision."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def array(self, value: NDArray[Any]) -> NDArray[Any]:
        return self._moved(value)

    def evaluate(self, expr: sp.Expr, operands: list[NDArray[Any]]) -> NDArray[Any]:
        return self._moved(super().evaluate(expr, [self._moved(operand) for operand in operands]))

    def _moved(self, value: NDArray[Any]) -> NDArray[Any]:
        return value * (1 + 2.0**-23 * self._random.uniform(-1, 1, value.shape))


def single_precision(graph: Graph, function: RandomFunction) -> list[NDArray[Any]]:
    """How far single precision may be off: what noise of its size does, with room to spare.

    The noise goes through the same graph, so that cancellation counts wherever it happens.
    """
    clean = run(graph, function)
    noisy = [run(graph, function, DOUBLE, Noisy(seed)) for seed in range(6)]
    spread = [np.max([abs(n[i] - c) for n in noisy], axis=0) for i, c in enumerate(clean)]
    return [
        30 * (s + s.max(initial=0)) + 1e-5 * abs(c).max(initial=0) + 1e-6
        for s, c in zip(spread, clean, strict=True)
    ]


def double_precision(graph: Graph, function: RandomFunction) -> list[NDArray[Any]]:
    """The same for double precision."""
    return [2.0**-29 * allowed for allowed in single_precision(graph, function)]


def agree(found: Any, expected: Any, allowed: Any) -> None:
    assert len(found) == len(expected)
    for a, b, c in zip(found, expected, allowed, strict=True):
        assert a.shape == b.shape
        assert (abs(np.asarray(a, dtype=DOUBLE) - b) <= c).all(), f"{a} is not {b} up to {c}"


# Exactly ------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(functions(), st.sampled_from([2, 2, 2, 3, 4]))
def test_every_rewrite_step_is_exact(function: RandomFunction, order: int) -> None:
    values = exact.Exact()
    push = exact.check(rewrite(standard(function, order), PUSH_REPLICATE), values)
    pull = exact.check(rewrite(push.graph, PULL_SUM), values)
    exact.check(simplify(pull.graph), values)
    exact.check(simplify(push.graph), values)


@settings(max_examples=100)
@given(functions(), st.integers(1, 3))
def test_jets_begin_with_the_function(function: RandomFunction, order: int) -> None:
    values = exact.Exact()
    graph = function.graph()
    expected = values(graph)
    jets = jet(graph, function.point, order)
    assert exact.same(values(jets)[: len(expected)], expected)
    assert exact.same(values(simplify(jets).graph), values(jets))


@settings(max_examples=12)
@given(functions(most=4))
def test_nested_laplacians_are_exact(function: RandomFunction) -> None:
    values = exact.Exact()
    results = []
    for method in ("standard", "collapsed"):
        operator = jf.laplacian(function.function, method=method, point_ndim=len(function.shape))
        nested = Nested(function, operator)
        graph = standard(nested)
        expected = values(graph)
        for outer in ("standard", "collapsed"):
            assert exact.same(values(final(graph, outer)), expected)
        results.append(expected)
    assert exact.same(*results)


class Nested(RandomFunction):
    """A random function with an operator applied to it."""

    def __init__(self, function: RandomFunction, operator: Any) -> None:
        super().__init__(function.source, function.shape, function.parameters)
        self.__dict__["function"] = operator


# In floating point ------------------------------------------------------------------------------


@settings(max_examples=100)
@given(functions())
def test_the_graph_is_the_function(function: RandomFunction) -> None:
    graph = function.graph()
    points, parameters = function.values(POINTS)
    at_points = [flatten(function.function(x, parameters))[0] for x in points]
    expected = [np.array(leaves, dtype=DOUBLE) for leaves in zip(*at_points, strict=True)]
    agree(run(graph, function), expected, double_precision(graph, function))


@settings(max_examples=100)
@given(functions())
def test_standard_and_collapsed_agree(function: RandomFunction) -> None:
    derived = standard(function)
    expected = run(derived, function)
    for method in ("standard", "collapsed"):
        graph = final(derived, method)
        agree(run(graph, function), expected, double_precision(graph, function))


@settings(max_examples=60)
@given(functions(smooth=True))
def test_laplacians_are_those_of_differences(function: RandomFunction) -> None:
    """Second differences of the plain function in extended precision, extrapolated once."""
    points, parameters = function.values(POINTS)
    axes = np.eye(size(function)).reshape(-1, *function.shape)
    found = run(final(standard(function), "collapsed"), function)
    for point in range(POINTS):
        x = points[point].astype(np.longdouble)
        estimates = []
        for step in (np.longdouble(2e-4), np.longdouble(1e-4)):
            total: list[Any] = [0.0] * len(found)
            for axis in axes:
                ends = [
                    flatten(function.function(x + s * step * axis, parameters))[0]
                    for s in (-1, 0, 1)
                ]
                for i, (left, middle, right) in enumerate(zip(*ends, strict=True)):
                    total[i] = total[i] + (left - 2 * middle + right) / step**2
            estimates.append(total)
        for i, output in enumerate(found):
            coarse, fine = (np.asarray(estimate[i], dtype=DOUBLE) for estimate in estimates)
            allowed = abs(fine - coarse) + 1e-6 * (1 + abs(fine))
            assert (abs(output[point] - (4 * fine - coarse) / 3) <= allowed).all()


@settings(max_examples=60)
@given(functions())
def test_single_precision_is_close_to_double_precision(function: RandomFunction) -> None:
    graph = final(standard(function), "collapsed")
    found = run(graph, function, SINGLE)
    assert all(array.dtype == SINGLE for array in found)
    agree(found, run(graph, function), single_precision(graph, function))


# The CPU backend ----------------------------------------------------------------------------------


@settings(max_examples=60)
@given(functions(), st.sampled_from(["standard", "collapsed"]))
def test_generated_source_agrees_with_the_reference(function: RandomFunction, method: str) -> None:
    """The source as ordinary Python, which needs no compiler."""
    graph = final(standard(function), method)
    compare(graph, function, unjitted(CompiledGraph(graph)))


@settings(max_examples=5)
@given(functions())
def test_compiled_code_agrees_with_the_reference(function: RandomFunction) -> None:
    graph = final(standard(function), "collapsed")
    compare(graph, function, CompiledGraph(graph))


def compare(graph: Graph, function: RandomFunction, backend: Any) -> None:
    points, parameters = function.values(POINTS)
    expected = run(graph, function)
    for dtype, allowed in ((DOUBLE, double_precision), (SINGLE, single_precision)):
        arrays = {name: np.asarray(value, dtype) for name, value in parameters.items()}
        found = backend(POINTS, dtype, {"x": points.astype(dtype)}, arrays)
        assert all(array.dtype == dtype for array in found)
        agree(found, expected, allowed(graph, function))
