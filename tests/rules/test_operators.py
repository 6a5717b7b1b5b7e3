"""Operators as graphs: what they sum, exactly, and functions with known derivatives."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from jetfold.graph import (
    Array,
    Constant,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Parameter,
    Replicate,
    Type,
    Value,
    interpret,
    rewrite,
    simplify,
)
from jetfold.graph.numbers import EXACT
from jetfold.graph.trace import trace
from jetfold.graph.validate import validate
from jetfold.rules.collapse import COLLAPSE
from jetfold.rules.directions import fresh_axes
from jetfold.rules.operators import exact_directions, interpolated, jet, path_inputs
from problems import (
    METHODS,
    X,
    at_points,
    power_sum,
    problem,
    rational_points,
    stage,
)

Function = Callable[..., Any]


def of(
    function: Function, point: Input, order: int, directions: Constant | Parameter | None = None
) -> Graph:
    """Standard Taylor mode, along the axes if no directions are given."""
    graph = simplify(trace(function, (point,)).graph).graph
    return power_sum(graph, point, order, directions)


def biharmonic(function: Function, point: Input) -> Graph:
    """Standard Taylor mode for Lap Lap, from derivatives of order 4."""
    graph = simplify(trace(function, (point,)).graph).graph
    laplacian = sum(symbol**2 for symbol in X[: point.type.shape[0]])
    wanted = problem([sp.expand(laplacian**2)], point.type.shape, len(graph.outputs))
    return interpolated(graph, point, wanted)


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
    """Lap^2 r^4 = 8 D (D + 2) and Lap^2 r^6 = 24 (D + 4) (D + 2) r^2, nested and at once."""
    d = dimension
    known: dict[int, Function] = {
        2: lambda x: 8 * d * (d + 2),
        3: lambda x: 24 * (d + 4) * (d + 2) * squares(x),
    }
    for power, expected in known.items():
        point, points = Input("x", Type((d,))), rational_points(3, d)
        inner = jf.laplacian(radial(power), method=method)
        for graph in (of(inner, point, 2), biharmonic(radial(power), point)):
            found = at_points(stage(graph, method), points)
            assert found.tolist() == [expected(place) for place in points]


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
    for method in METHODS:
        half = stage(power_sum(graph, point, 2, weight=Fraction(1, 2)), method)
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
    editor = Editor()
    op = editor[exact_directions((2, 3))(editor, DirectionAxis("r", 6))].op
    assert isinstance(op, Constant)
    assert (op.value.value.reshape(6, 6) == np.eye(6)).all()
    assert op.directions == (DirectionAxis("r", 6),)
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
    summed = power_sum(graph, x, 2)
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
    _, function, laplacian, fourth = KNOWN[name]
    point = Input("x", Type((dimension,)))
    points = np.random.default_rng(dimension).uniform(0.3, 1.5, (5, dimension))
    values = np.array([function(x) for x in points])
    found = at_points(stage(of(function, point, 2), method), points)
    np.testing.assert_allclose(found, values * [laplacian(x) for x in points], rtol=1e-13)
    if dimension <= 3:
        expected = values * [fourth(x) for x in points]
        nested = of(jf.laplacian(function, method=method), point, 2)
        for graph in (nested, biharmonic(function, point)):
            found = at_points(stage(graph, method), points)
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_logarithm_of_the_radius_is_harmonic_in_the_plane(method: str) -> None:
    graph = stage(of(lambda x: np.log(np.sqrt(r2(x))), Input("x", Type((2,))), 2), method)
    points = np.random.default_rng(0).uniform(0.5, 2.0, (5, 2))
    np.testing.assert_allclose(at_points(graph, points), 0, atol=1e-14)


# Structure ----------------------------------------------------------------------------------------


def test_axes_have_fresh_names() -> None:
    fresh = fresh_axes(trace(squares, (Input("x", Type((2,))),)).graph)
    assert [str(fresh(size)) for size in (2, 3, 3)] == ["r:2", "r1:3", "r2:3"]
    editor = Editor()
    node = editor.add(Input("x", Type((2,))))
    for name in ("r", "q", "r2"):
        node = editor.add(Replicate(DirectionAxis(name, 2)), node)
    fresh = fresh_axes(editor.freeze([node]))
    assert [str(fresh(size)) for size in (7, 8)] == ["r1:7", "r3:8"]


def test_one_output_for_each_output_of_the_function() -> None:
    point = Input("x", Type((2,)))
    graph = trace(lambda x: {"a": x.sum(), "b": (x, np.outer(x, x), 1.0)}, (point,)).graph
    summed = power_sum(graph, point, 2)
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


def test_collapsing_all_at_once_is_collapsing_in_two_stages() -> None:
    graph = of(lambda x: np.tanh(x * x.sum()).sum(), Input("x", Type((3,))), 2)
    once = simplify(rewrite(graph, COLLAPSE).graph).graph
    points = np.random.default_rng(1).normal(size=(4, 3))
    expected = at_points(stage(graph, "collapsed"), points)
    np.testing.assert_allclose(at_points(once, points), expected, rtol=1e-13)
