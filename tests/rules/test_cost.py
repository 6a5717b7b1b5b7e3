"""Vectors and operations counted from graphs: the table of MATH section 4, and small cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from jetfold.graph import (
    Array,
    Coefficient,
    Constant,
    Contract,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Map,
    Op,
    Parameter,
    Replicate,
    Reshape,
    Sum,
    Type,
    operand_symbol,
    rewrite,
    simplify,
)
from jetfold.graph.trace import trace
from jetfold.rules.collapse import PULL_SUM, PUSH_REPLICATE
from jetfold.rules.cost import operations, vectors
from jetfold.rules.operators import interpolated, jet
from problems import X as SYMBOLS
from problems import power_sum, problem

A, B = map(operand_symbol, range(2))
DIMENSIONS = (2, 3, 5, 6)

Function = Callable[..., Any]


def network(dimension: int) -> tuple[Graph, Input]:
    """Two layers of a tanh network; every node of it has all its coefficients."""
    point = Input("x", Type((dimension,)))
    shapes = {"V": (dimension, 4), "b": (4,), "W": (4, 3), "w": (3,)}
    leaves = {name: Parameter(name, Type(shape)) for name, shape in shapes.items()}

    def function(x: Any, p: Any) -> Any:
        return np.tanh(np.tanh(x @ p["V"] + p["b"]) @ p["W"]) @ p["w"]

    return simplify(trace(function, (point, leaves)).graph).graph, point


def both(graph: Graph) -> tuple[int, int]:
    """Vectors in standard and in collapsed Taylor mode."""
    pushed = rewrite(graph, PUSH_REPLICATE).graph
    return vectors(pushed), vectors(rewrite(pushed, PULL_SUM).graph)


def along(dimension: int, leaf: Constant | Parameter, order: int) -> tuple[int, int]:
    graph, point = network(dimension)
    return both(power_sum(graph, point, order, leaf))


@pytest.mark.parametrize("d", DIMENSIONS)
def test_laplacian(d: int) -> None:
    graph, point = network(d)
    summed = power_sum(graph, point, 2)
    assert both(summed) == (1 + 2 * d, 2 + d)
    final = simplify(rewrite(rewrite(summed, PUSH_REPLICATE).graph, PULL_SUM).graph).graph
    assert vectors(final) == 2 + d


@pytest.mark.parametrize("rank", [1, 2, 4])
@pytest.mark.parametrize("d", DIMENSIONS)
def test_weighted_laplacian(d: int, rank: int) -> None:
    columns = np.random.default_rng(rank).normal(size=(rank, d))
    leaf = Constant(Array(columns), (DirectionAxis("r", rank),))
    assert along(d, leaf, 2) == (1 + 2 * rank, 2 + rank)


@pytest.mark.parametrize("samples", [1, 3, 16])
@pytest.mark.parametrize("d", DIMENSIONS)
def test_stochastic_laplacian_and_biharmonic(d: int, samples: int) -> None:
    leaf = Parameter("v", Type((d,), (DirectionAxis("r", samples),)))
    assert along(d, leaf, 2) == (1 + 2 * samples, 2 + samples)
    assert along(d, leaf, 4) == (1 + 4 * samples, 2 + 3 * samples)


@pytest.mark.parametrize("order", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_jets_of_several_directions(count: int, order: int) -> None:
    leaf = Parameter("v", Type((3,), (DirectionAxis("r", count),)))
    assert along(3, leaf, order) == (1 + order * count, (order - 1) * count + 2)


def test_a_sum_of_first_derivatives_is_one_derivative() -> None:
    """Along the sum of the directions: nothing but the given directions themselves is R-fold."""
    graph, point = network(3)
    leaf = Parameter("v", Type((3,), (DirectionAxis("r", 5),)))
    pushed = rewrite(power_sum(graph, point, 1, leaf), PUSH_REPLICATE).graph
    pulled = rewrite(pushed, PULL_SUM).graph
    assert [pulled[node].op for node in pulled if pulled[node].type.directions] == [leaf]
    assert vectors(pushed) == 1 + 5


@pytest.mark.parametrize("d", [2, 3, 5])
def test_biharmonic_as_nested_laplacians(d: int) -> None:
    """(2 + D)^2 collapsed in both; standard in both would be (1 + 2 D)^2."""
    inner: Function = jf.laplacian(lambda x: np.tanh(np.tanh(x * x[::-1]) * x[0]).sum())
    point = Input("x", Type((d,)))
    graph = simplify(trace(inner, (point,)).graph).graph
    summed = power_sum(graph, point, 2)
    assert both(summed)[1] == (2 + d) ** 2


@pytest.mark.parametrize("d", DIMENSIONS)
def test_biharmonic(d: int) -> None:
    """Three families, each with one sum of fourth derivatives."""
    graph, point = network(d)
    laplacian = sum(symbol**2 for symbol in SYMBOLS[:d])
    built = interpolated(graph, point, problem([sp.expand(laplacian**2)], (d,)))
    assert both(built) == (6 * d**2 - 2 * d + 1, 9 * d * (d - 1) // 2 + 3 * d + 4)
    with_laplacian = problem([laplacian, sp.expand(laplacian**2)], (d,))
    assert both(interpolated(graph, point, with_laplacian)) == both(built)


x, y, z = SYMBOLS[:3]
PLANE, SPACE = x**2 + y**2, x**2 + y**2 + z**2


@pytest.mark.parametrize(
    ("operators", "standard", "collapsed"),
    [
        ([1], 0, 0),
        ([x], 2, 2),
        ([1, x, y, y**3], 5, 5),
        ([1, x, y, y**2, y**4], 6, 6),
        ([1, x, y, z, y**2 + z**2, sp.expand((y**2 + z**2) ** 2)], 22, 20),
        ([x - y**2 - z**2], 6, 5),
        ([x**2 - y**2 - z**2], 7, 6),
        ([SPACE], 7, 5),
        ([1, x, y, z, SPACE], 7, 5),
        ([x + 2 * y, SPACE - z], 7, 5),
        ([x * y], 7, 6),
        ([x**2, y**2, z**2], 7, 7),
        ([x**2 + y**2 - 2 * x * y], 7, 6),
        ([x**4 + y**4, z**4], 13, 12),
    ],
)
def test_lists_of_operators(operators: list[Any], standard: int, collapsed: int) -> None:
    """Orders below the highest are known for every direction: wanting them costs nothing."""
    graph, point = network(3)
    built = interpolated(graph, point, problem(operators, (3,)))
    assert both(built) == (standard, collapsed)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_one_path(order: int) -> None:
    graph, point = network(3)
    assert vectors(jet(graph, point, order)) == order + 1


def test_before_replicates_are_pushed_every_copy_counts() -> None:
    graph, point = network(3)
    summed = power_sum(graph, point, 2)
    assert vectors(summed) == 3 * 3


def test_linear_and_quadratic_functions_need_less() -> None:
    point = Input("x", Type((3,)))
    matrix = Parameter("A", Type((3, 3)))
    linear = trace(lambda x, a: x @ a, (point, matrix)).graph
    quadratic = trace(lambda x, a: x @ a @ x, (point, matrix)).graph
    assert both(power_sum(linear, point, 2))[1] == 0
    assert both(power_sum(quadratic, point, 2))[1] <= 1 + 3


def test_a_function_has_no_coefficients() -> None:
    assert vectors(network(2)[0]) == 0
    assert vectors(Editor().freeze([])) == 0


def test_equal_coefficients_count_once() -> None:
    """Two nodes that are the same coefficient in another shape are one set of vectors."""
    editor = Editor()
    axis, role = DirectionAxis("r", 5), Coefficient(0, 1)
    first = editor.add(Parameter("v", Type((6,), (axis,))), role=role)
    second = editor.add(Reshape((2, 3)), first, role=role)
    summed = editor.add(Sum((), ("r",)), second, role=role.sum_over(("r",)))
    assert vectors(editor.freeze([second])) == 5
    assert vectors(editor.freeze([summed])) == 6


# Operations ---------------------------------------------------------------------------------------


def counted(op: Op, *operands: Op) -> int:
    editor = Editor()
    return operations(editor.freeze([editor.add(op, *map(editor.add, operands))]))


R = DirectionAxis("r", 7)
X, M = Input("x", Type((5,))), Input("m", Type((2, 5)))
V, W = Input("v", Type((5,), (R,))), Parameter("w", Type((5, 3)))


@pytest.mark.parametrize(
    ("op", "operands", "expected"),
    [
        (Map(sp.tanh(A)), [X], 5),
        (Map(1 - A**2), [X], 10),
        (Map(A * B + 1), [X, M], 20),
        (Map(A * B), [X, V], 35),
        (Map(A * B), [W, W], 0),
        (Contract("a,ab->b"), [X, W], 2 * 5 * 3),
        (Contract("a,ab->b"), [V, W], 2 * 5 * 3 * 7),
        (Contract("a,ab->"), [V, W], 2 * 5 * 3 * 7),
        (Contract("a,ba,a->b"), [X, M, X], 3 * 10),
        (Sum((0,)), [X], 5),
        (Sum((0,), ("r",)), [V], 35),
        (Sum((0, 1)), [W], 0),
        (Reshape((10,)), [M], 0),
        (Replicate(R), [X], 0),
    ],
)
def test_operations(op: Op, operands: list[Op], expected: int) -> None:
    """For each point: what is the same at all points, and what only moves, costs nothing."""
    assert counted(op, *operands) == expected


def test_operations_of_a_laplacian() -> None:
    """Collapsed, the products of a wide network cost (2 + D) / (1 + 2 D) of the standard ones."""
    width, d = 200, 5
    point = Input("x", Type((d,)))
    leaves = [Parameter("V", Type((d, width))), *(
        Parameter(f"W{i}", Type((width, width))) for i in range(4)
    )]  # fmt: skip

    def function(x: Any, weights: Any) -> Any:
        for matrix in weights:
            x = np.tanh(x @ matrix)
        return x.sum()

    graph = simplify(trace(function, (point, leaves)).graph).graph
    pushed = rewrite(power_sum(graph, point, 2), PUSH_REPLICATE).graph
    standard = operations(simplify(pushed).graph)
    collapsed = operations(simplify(rewrite(pushed, PULL_SUM).graph).graph)
    assert collapsed / standard == pytest.approx((2 + d) / (1 + 2 * d), rel=0.03)
    assert collapsed == pytest.approx(2 * (2 + d) * 4 * width**2, rel=0.03)
