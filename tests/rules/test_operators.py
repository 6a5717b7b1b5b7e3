"""Operators as graphs: what they sum, exactly, and functions with known derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray

import jetfold as jf
from jetfold.graph import (
    Array,
    Constant,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Op,
    Parameter,
    Replicate,
    Type,
    Value,
    interpret,
    rewrite,
    simplify,
)
from jetfold.graph.interpret import BATCH
from jetfold.graph.numbers import EXACT, FLOAT
from jetfold.graph.trace import trace
from jetfold.graph.validate import validate
from jetfold.rules.collapse import COLLAPSE, PULL_SUM, PUSH_REPLICATE
from jetfold.rules.operators import direction_sum, fresh_axis, jet, path_inputs, unit_directions

Function = Callable[..., Any]
METHODS = ("standard", "collapsed")


def of(function: Function, point: Input, order: int, directions: Op | None = None) -> Graph:
    """Standard Taylor mode, along the axes if no directions are given."""
    graph = simplify(trace(function, (point,)).graph).graph
    leaf = directions or unit_directions(graph, point.type.shape)
    return direction_sum(graph, point, leaf, order)


def stage(graph: Graph, method: str) -> Graph:
    """The graph that runs with a method."""
    pushed = rewrite(graph, PUSH_REPLICATE).graph
    return simplify(pushed if method == "standard" else rewrite(pushed, PULL_SUM).graph).graph


def at_points(graph: Graph, points: NDArray[Any], **parameters: Any) -> NDArray[Any]:
    """The only output of a graph at points (count, *shape), in the numbers of the points."""
    numbers = EXACT if points.dtype == object else FLOAT
    leaves = {}
    for node in (*graph.inputs, *graph.parameters):
        op = graph[node].op
        assert isinstance(op, (Input, Parameter))
        lead = tuple(axis.name for axis in op.type.directions)
        value = points if isinstance(op, Input) else numbers.array(parameters[op.name])
        leaves[node] = Value(value, (BATCH,) if isinstance(op, Input) else lead)
    found = interpret(graph, leaves, numbers)[graph.outputs[0]]
    shape = graph[graph.outputs[0]].type.shape
    return np.broadcast_to(found.align((BATCH,), len(shape)), (len(points), *shape))


def rational_points(count: int, *shape: int) -> NDArray[Any]:
    random = np.random.default_rng(count)
    return EXACT.array(random.integers(-9, 9, (count, *shape)) / 8)


# Exactly: polynomials at rational points --------------------------------------------------------


def squares(x: Any) -> Any:
    return (x * x).sum()


def radial(power: int) -> Function:
    return lambda x: squares(x) ** power


def harmonic(x: Any) -> Any:
    return x[0] ** 3 - 3 * x[0] * x[1] ** 2


def symmetric(x: Any) -> Any:
    """The sum of all products of two different coordinates: harmonic."""
    return (x.sum() ** 2 - squares(x)) / 2


# name: dimensions, function, its Laplacian
POLYNOMIALS: dict[str, tuple[tuple[int, ...], Function, Function]] = {
    "r^2": ((1, 2, 5), squares, lambda x: 2 * len(x)),
    "r^4": ((1, 2, 4), lambda x: squares(x) ** 2, lambda x: 4 * (len(x) + 2) * squares(x)),
    "r^6": ((2, 3), lambda x: squares(x) ** 3, lambda x: 6 * (len(x) + 4) * squares(x) ** 2),
    "harmonic": ((2,), harmonic, lambda x: 0),
    "products": ((2, 3, 6), symmetric, lambda x: 0),
    "product": ((2, 4), np.prod, lambda x: 0),
    "linear": ((3,), lambda x: x[0] - 2 * x[1] + 7, lambda x: 0),
    "cubes": ((3,), lambda x: (x**3).sum(), lambda x: 6 * x.sum()),
    "vector": ((3,), lambda x: x * squares(x), lambda x: (2 * len(x) + 4) * x),
    "number": ((3,), lambda x: 5.0, lambda x: 0),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("name", "dimension"), [(name, d) for name, (ds, _, _) in POLYNOMIALS.items() for d in ds]
)
def test_laplacians_of_polynomials(name: str, dimension: int, method: str) -> None:
    _, function, laplacian = POLYNOMIALS[name]
    graph = stage(of(function, Input("x", Type((dimension,))), 2), method)
    validate(graph)
    points = rational_points(4, dimension)
    found = at_points(graph, points)
    for point, value in zip(points, found, strict=True):
        assert np.all(value == laplacian(point))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_biharmonics_of_polynomials(dimension: int, method: str) -> None:
    """Lap^2 r^4 = 8 D (D + 2) and Lap^2 r^6 = 24 (D + 4) (D + 2) r^2."""
    d = dimension
    known: dict[int, Function] = {
        2: lambda x: 8 * d * (d + 2),
        3: lambda x: 24 * (d + 4) * (d + 2) * squares(x),
    }
    for power, expected in known.items():
        inner = jf.laplacian(radial(power), method=method)
        graph = stage(of(inner, Input("x", Type((d,))), 2), method)
        points = rational_points(3, d)
        assert at_points(graph, points).tolist() == [expected(point) for point in points]


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("method", METHODS)
def test_sums_of_directional_derivatives(order: int, method: str) -> None:
    """sum_r d^K/dt^K f(x + t v_r) at 0, with directions that are constants and ones given later."""
    t = sp.Symbol("t")
    vectors = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0], [0.0, 0.0, 0.0], [1.0, 1.0, 0.25]])
    axis = DirectionAxis("r", len(vectors))
    point = Input("x", Type((3,)))

    def function(x: Any) -> Any:
        return x[0] ** 3 * x[1] - x[2] ** 4 + x[0] * x[1] * x[2] ** 2 + 2

    points = rational_points(3, 3)
    expected = []
    for x in points:
        start = np.array([sp.Rational(v.numerator, v.denominator) for v in x])
        lines = [function(start + t * np.array([sp.Rational(c) for c in v])) for v in vectors]
        expected.append(sum(sp.diff(line, t, order).subs(t, 0) for line in lines))
    constant = Constant(Array(vectors), (axis,))
    parameter = Parameter("v", Type((3,), (axis,)))
    for leaf in (constant, parameter):
        graph = stage(of(function, point, order, leaf), method)
        found = at_points(graph, points, v=vectors)
        assert [sp.Rational(v.numerator, v.denominator) for v in found] == expected


def test_a_weight_multiplies_the_sum() -> None:
    point = Input("x", Type((2,)))
    graph = trace(squares, (point,)).graph
    leaf = unit_directions(graph, (2,))
    for method in METHODS:
        half = stage(direction_sum(graph, point, leaf, 2, sp.Rational(1, 2)), method)
        assert at_points(half, rational_points(3, 2)).tolist() == [2, 2, 2]


@pytest.mark.parametrize("method", METHODS)
def test_weighted_laplacian(method: str) -> None:
    """With the columns of sigma as directions: trace(sigma sigma^T Hessian)."""
    sigma = np.array([[1.0, 0.5], [-2.0, 0.0], [0.25, 3.0]])
    hessian = np.array([[2.0, 3.0, 0.0], [3.0, -4.0, 1.0], [0.0, 1.0, 6.0]])
    leaf = Constant(Array(sigma.T), (DirectionAxis("r", 2),))
    graph = stage(of(lambda x: x @ (hessian / 2) @ x, Input("x", Type((3,))), 2, leaf), method)
    expected = np.trace(sigma @ sigma.T @ hessian)
    assert at_points(graph, rational_points(2, 3)).tolist() == [expected] * 2


def test_matrices_as_points() -> None:
    point = Input("x", Type((2, 3)))
    axis = unit_directions(trace(squares, (point,)).graph, (2, 3))
    assert axis.value.value.shape == (6, 2, 3)
    assert axis.directions == (DirectionAxis("r", 6),)
    for method in METHODS:
        found = at_points(stage(of(squares, point, 2), method), rational_points(2, 2, 3))
        assert found.tolist() == [12, 12]


def test_numbers_as_points() -> None:
    point = Input("x", Type(()))
    graph = stage(of(lambda x: x**3, point, 2), "collapsed")
    points = rational_points(3)
    assert at_points(graph, points).tolist() == [6 * x for x in points]


def test_other_inputs_stand_still() -> None:
    x, y = Input("x", Type((2,))), Input("y", Type((2,)))
    graph = trace(lambda x, y: (x * x * y**3).sum(), (x, y)).graph
    summed = direction_sum(graph, x, unit_directions(graph, (2,)), 2)
    for method in METHODS:
        final = stage(summed, method)
        leaves = {
            node: Value(EXACT.array(np.array([1.0, 2.0]) + (final[node].op == y)), ())
            for node in final.inputs
        }
        (value,) = (interpret(final, leaves, EXACT)[output].array for output in final.outputs)
        assert value == 2 * (2**3 + 3**3)


# In floating point: MATH section 6 ---------------------------------------------------------------


def r2(x: Any) -> Any:
    return squares(x)


def gaussian(x: Any) -> Any:
    return np.exp(-squares(x) / 2)


# name: dimensions, f, Lap f / f, Lap^2 f / f
KNOWN: dict[str, tuple[tuple[int, ...], Function, Function, Function]] = {
    "product of sines": (
        (1, 2, 3, 6),
        lambda x: np.prod(np.sin(x)),
        lambda x: -len(x),
        lambda x: len(x) ** 2,
    ),
    "gaussian": (
        (1, 2, 3, 6),
        gaussian,
        lambda x: r2(x) - len(x),
        lambda x: r2(x) ** 2 - 2 * (len(x) + 2) * r2(x) + len(x) * (len(x) + 2),
    ),
    "exponential": (
        (1, 3),
        lambda x: np.exp(x @ np.arange(1.0, len(x) + 1) / 2),
        lambda x: (np.arange(1.0, len(x) + 1) ** 2).sum() / 4,
        lambda x: (np.arange(1.0, len(x) + 1) ** 2).sum() ** 2 / 16,
    ),
    "hydrogen 1s": (
        (3,),
        lambda x: np.exp(-np.sqrt(r2(x))),
        lambda x: 1 - 2 / np.sqrt(r2(x)),
        lambda x: 1 - 4 / np.sqrt(r2(x)),
    ),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("name", "dimension"), [(name, d) for name, (ds, *_) in KNOWN.items() for d in ds]
)
def test_known_laplacians(name: str, dimension: int, method: str) -> None:
    _, function, laplacian, biharmonic = KNOWN[name]
    point = Input("x", Type((dimension,)))
    points = np.random.default_rng(dimension).uniform(0.3, 1.5, (5, dimension))
    values = np.array([function(x) for x in points])
    found = at_points(stage(of(function, point, 2), method), points)
    np.testing.assert_allclose(found, values * [laplacian(x) for x in points], rtol=1e-13)
    if dimension <= 3:
        twice = stage(of(jf.laplacian(function, method=method), point, 2), method)
        expected = values * [biharmonic(x) for x in points]
        np.testing.assert_allclose(at_points(twice, points), expected, rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_logarithm_of_the_radius_is_harmonic_in_the_plane(method: str) -> None:
    graph = stage(of(lambda x: np.log(np.sqrt(r2(x))), Input("x", Type((2,))), 2), method)
    points = np.random.default_rng(0).uniform(0.5, 2.0, (5, 2))
    np.testing.assert_allclose(at_points(graph, points), 0, atol=1e-14)


# Structure ----------------------------------------------------------------------------------------


def test_axes_have_fresh_names() -> None:
    names = []
    editor = Editor()
    node = editor.add(Input("x", Type((2,))))
    for size in (2, 3, 4):
        axis = fresh_axis(editor.freeze([node]), size)
        assert axis.size == size
        names.append(axis.name)
        node = editor.add(Replicate(axis), node)
    assert names == ["r", "r1", "r2"]
    assert fresh_axis(trace(squares, (Input("x", Type((2,))),)).graph, 7) == DirectionAxis("r", 7)


def test_one_output_for_each_output_of_the_function() -> None:
    point = Input("x", Type((2,)))
    graph = trace(lambda x: {"a": x.sum(), "b": (x, np.outer(x, x), 1.0)}, (point,)).graph
    summed = direction_sum(graph, point, unit_directions(graph, (2,)), 2)
    shapes = [graph[output].type for output in graph.outputs]
    assert [summed[output].type for output in summed.outputs] == shapes
    for method in METHODS:
        final = stage(summed, method)
        assert [final[output].type for output in final.outputs] == shapes
    jets = jet(graph, point, 2)
    assert [jets[output].type for output in jets.outputs] == shapes * 3


def test_the_path_of_a_jet() -> None:
    point = Input("z", Type((2, 3)))
    assert path_inputs(point, 2) == [Input("z_1", Type((2, 3))), Input("z_2", Type((2, 3)))]
    graph = jet(trace(lambda z: z.sum(), (point,)).graph, point, 2)
    names = [op.name for node in graph.inputs if isinstance(op := graph[node].op, Input)]
    assert sorted(names) == ["z", "z_1", "z_2"]


@pytest.mark.parametrize("method", METHODS)
def test_mixed_derivatives_by_polarisation(method: str) -> None:
    """f_xy = (d^2 along (1, 1) - d^2 along (1, -1)) / 4, two operators and a known answer."""
    point = Input("x", Type((2,)))

    def function(x: Any) -> Any:
        return x[0] ** 3 * x[1] ** 2 + x[0] * x[1]

    points = rational_points(3, 2)
    both = []
    for sign in (1.0, -1.0):
        leaf = Constant(Array(np.array([[1.0, sign]])), (DirectionAxis("r", 1),))
        both.append(at_points(stage(of(function, point, 2, leaf), method), points))
    assert [(a - b) / 4 for a, b in zip(*both, strict=True)] == [
        6 * x**2 * y + 1 for x, y in points
    ]


def test_collapsing_all_at_once_is_collapsing_in_two_stages() -> None:
    graph = of(lambda x: np.tanh(x * x.sum()).sum(), Input("x", Type((3,))), 2)
    once = simplify(rewrite(graph, COLLAPSE).graph).graph
    points = np.random.default_rng(1).normal(size=(4, 3))
    expected = at_points(stage(graph, "collapsed"), points)
    np.testing.assert_allclose(at_points(once, points), expected, rtol=1e-13)
