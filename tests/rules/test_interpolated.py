"""Operators from jets along straight lines: any polynomials, along any directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import exact
from jetfold.graph import (
    Array,
    Constant,
    Contract,
    Direct,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Parameter,
    Type,
    Value,
    add_map,
    interpret,
    operand_symbol,
    rewrite,
    simplify,
)
from jetfold.graph.numbers import EXACT
from jetfold.graph.trace import trace
from jetfold.graph.validate import validate
from jetfold.rules.collapse import PULL_SUM, PUSH_REPLICATE
from jetfold.rules.operators import interpolated
from jetfold.rules.polynomial import Polynomial, from_sympy, to_sympy
from jetfold.rules.problem import Functional, Problem
from problems import (
    METHODS,
    X,
    along,
    as_they_are,
    derivative,
    outputs_at,
    problem,
    rational_points,
    stage,
)
from sample_functions import SAMPLES, Sample

Function = Callable[..., Any]

# Any operators: SymPy's derivatives at rational points --------------------------------------------


x, y, z, t = X[:4]
LAPLACIAN = x**2 + y**2 + z**2
MATRIX = np.array([[1.0, -2.0, 3.0], [2.0, 0.0, 1.0], [-1.0, 1.0, 2.0]])


def layers(x: Any) -> Any:
    hidden = (x @ MATRIX) ** 3 + x
    return ((hidden @ MATRIX) ** 2).sum() / (1 + x @ x)


def mixture(x: Any) -> Any:
    return x[0] ** 3 * x[1] ** 2 * x[2] + (x[0] + 2 * x[1] - x[2]) ** 5 / 3 + x[0] * x[1]


def written(function: Function, coordinates: Sequence[Any]) -> Any:
    """The function as an expression in these coordinates."""
    return sp.nsimplify(function(np.array(coordinates, dtype=object)), rational=True)


def rational(point: NDArray[Any]) -> list[sp.Rational]:
    return [sp.Rational(v.numerator, v.denominator) for v in point]


def fractions(graph: Graph, points: NDArray[Any], **parameters: Any) -> list[list[sp.Rational]]:
    """The outputs of a graph at points, one list for each point."""
    found = [rational(values) for values in outputs_at(graph, points, **parameters)]
    return [list(values) for values in zip(*found, strict=True)]


def agrees(function: Function, operators: Sequence[Any], points: NDArray[Any]) -> None:
    """Both methods give what SymPy gives."""
    point = Input("x", Type(points.shape[1:]))
    graph = simplify(trace(function, (point,)).graph).graph
    built = interpolated(graph, point, problem(operators, point.type.shape))
    validate(built)
    symbols = X[: points.shape[1]]
    expr = written(function, symbols)
    derivatives = [derivative(expr, operator) for operator in operators]
    places = [dict(zip(symbols, rational(p), strict=True)) for p in points]
    expected = [[sp.Rational(d.subs(place)) for d in derivatives] for place in places]
    for method in METHODS:
        final = stage(built, method)
        validate(final)
        assert fractions(final, points) == expected


OPERATORS: dict[str, list[Any]] = {
    "the function itself": [1],
    "a multiple of it": [sp.Rational(2, 3)],
    "gradient": [x, y, z],
    "divergence": [x + y + z],
    "Laplacian": [LAPLACIAN],
    "third derivative": [x**3],
    "xy": [x * y],
    "xxy": [x**2 * y],
    "xyz": [x * y * z],
    "xxyy": [x**2 * y**2],
    "xxxy": [x**3 * y],
    "xyzz": [x * y * z**2],
    "all second derivatives": [x**2, x * y, x * z, y**2, y * z, z**2],
    "gradient and Laplacian": [1, x, y, z, LAPLACIAN],
    "Laplacian and its square": [LAPLACIAN, sp.expand(LAPLACIAN**2)],
    "orders 0 to 4": [2 - 3 * x + x * y / 7 - z**2 + x**2 * y - x * y**2 * z / 3],
    "heat": [x - y**2 - z**2],
    "wave": [x**2 - y**2 - z**2],
    "Korteweg-de Vries": [1, x, y, y**3],
    "Cahn-Hilliard": [1, x, y, z, y**2 + z**2, sp.expand((y**2 + z**2) ** 2)],
    "weights that floats round": [x / 3 + y / 7 + LAPLACIAN, x**2 / 10 + y**2 / 3],
    "nothing": [0],
    "opposite weights": [x**4 - y**4, x**2 - y**2, x - y],
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_are_exact(name: str) -> None:
    for function in (layers, mixture):
        agrees(function, OPERATORS[name], rational_points(1, 3))


def test_four_different_variables() -> None:
    agrees(
        lambda x: np.prod(x) ** 2 + x[0] ** 2 * x[3] ** 3, [x * y * z * t], rational_points(2, 4)
    )


MONOMIALS = [m for k in range(5) for m in combinations_with_replacement(range(3), k)]
POLYNOMIAL = st.dictionaries(
    st.sampled_from(MONOMIALS), st.fractions(-3, 3, max_denominator=6), max_size=4
)


@settings(max_examples=20, deadline=None)
@given(st.lists(POLYNOMIAL, min_size=1, max_size=3))
def test_random_operators(polynomials: list[Polynomial]) -> None:
    operators = [to_sympy(polynomial, X) for polynomial in polynomials]
    agrees(mixture, operators, rational_points(1, 3))


STEPPED = {
    "biharmonic": [(x**2 + y**2) ** 2],
    "orders 0 to 3": [1, x, y - x**2, x * y, 2 * x**2 * y - x, x**2 + y**2],
}


@pytest.mark.parametrize("operators", STEPPED)
@pytest.mark.parametrize("name", ["network of tanh", "division", "where", "stacked"])
def test_every_step_is_exact(name: str, operators: str) -> None:
    """Replicates pushed, sums pulled and cleaned up one by one, in rationals."""
    sample, values = SAMPLES[name], exact.Exact()
    graph = sample.graph()
    wanted = problem([sp.expand(p) for p in STEPPED[operators]], sample.shape, len(graph.outputs))
    push = exact.check(rewrite(interpolated(graph, sample.point, wanted), PUSH_REPLICATE), values)
    pull = exact.check(rewrite(push.graph, PULL_SUM), values)
    exact.check(simplify(pull.graph), values)
    exact.check(simplify(push.graph), values)


# Directions ---------------------------------------------------------------------------------------


VECTORS = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0], [-1.0, 1.0, 0.25]])
MIXED: dict[str, list[Any]] = {
    "powers": [LAPLACIAN],
    "mixed": [x * y, x**2 * z - 3 * y],
    "one": [y**2],
    "two": [x**3 + z**3],
    "a combination": [sp.expand((x + 2 * y) ** 2)],
    "many orders": [1, x + y + z, LAPLACIAN + 2 * x * y, x**4],
}


def along_lines(function: Function, x0: NDArray[Any], vectors: Any, operator: Any) -> sp.Expr:
    """P(d/ds) f(x0 + s_0 v_0 + s_1 v_1 + ..) at s = 0, by SymPy."""
    start = np.array(rational(x0))
    line = start + sum(s * np.array(v) for s, v in zip(X, vectors, strict=False))
    return derivative(written(function, line), operator).subs(dict.fromkeys(X, 0))


@pytest.mark.parametrize("name", MIXED)
def test_directions_that_are_constants_or_given_later(name: str) -> None:
    operators, points, point = MIXED[name], rational_points(2, 3), Input("x", Type((3,)))
    axis, array = DirectionAxis("r", 3), Array(VECTORS)
    graph = simplify(trace(mixture, (point,)).graph).graph
    vectors = [[sp.Rational(c) for c in v] for v in VECTORS]
    expected = [[along_lines(mixture, p, vectors, o) for o in operators] for p in points]
    for leaf in (Constant(array, (axis,)), Parameter("v", Type((3,), (axis,)))):
        functionals = problem(operators, (3,)).functionals
        wanted = Problem(3, along(leaf), functionals, as_they_are)
        built = interpolated(graph, point, wanted)
        for method in METHODS:
            final = stage(built, method)
            validate(final)
            assert fractions(final, points, v=VECTORS) == expected


@pytest.mark.parametrize("name", MIXED)
def test_directions_that_depend_on_the_point(name: str) -> None:
    """v_i = x_i a_i, frozen while f is derived."""
    operators, points, point = MIXED[name], rational_points(2, 3), Input("x", Type((3,)))
    graph = simplify(trace(mixture, (point,)).graph).graph

    def directions(editor: Editor, axis: DirectionAxis) -> int:
        rows = editor.add(Constant(Array(VECTORS)))
        scaled = editor.add(Contract("a,ab->ab"), editor.add(point), rows)
        return editor.add(Direct(0, axis), scaled)

    functionals = problem(operators, (3,)).functionals
    built = interpolated(graph, point, Problem(3, directions, functionals, as_they_are))
    expected = []
    for p in points:
        scaled = [
            [c * sp.Rational(a) for a in v] for c, v in zip(rational(p), VECTORS, strict=True)
        ]
        expected.append([along_lines(mixture, p, scaled, o) for o in operators])
    for method in METHODS:
        assert fractions(stage(built, method), points) == expected


def test_unit_vectors_where_all_are_wanted() -> None:
    """Exactly the identity, so that products with it are read off as rows of the matrix."""
    sample = SAMPLES["network of tanh"]
    wanted = problem([x * y, x**2 + y**2 + x * y], sample.shape)
    built = interpolated(sample.graph(), sample.point, wanted)
    constants = [op for node in built if isinstance(op := built[node].op, Constant)]
    identities = [op for op in constants if np.array_equal(op.value.value, np.eye(2))]
    assert len(identities) == 1


@pytest.mark.parametrize(
    ("operators", "picks", "collects"),
    [
        ([LAPLACIAN], 0, 0),
        ([LAPLACIAN, LAPLACIAN - z], 1, 0),
        ([x * y], 2, 0),
        ([x * y + y * z + z * x], 1, 1),
    ],
)
def test_directions_given_later_are_combined_only_where_they_must(
    operators: list[Any], picks: int, collects: int
) -> None:
    """All of them are used themselves; only their first coefficients have to be picked."""
    leaf = Parameter("v", Type((3,), (DirectionAxis("r", 3),)))
    sample = Sample(lambda x, p: mixture(x), (3,))
    wanted = Problem(3, along(leaf), problem(operators, (3,)).functionals, as_they_are)
    counts = interpolated(sample.graph(), sample.point, wanted).counts()
    assert (counts["Pick"], counts["Collect"]) == (picks, collects)


# Structure ----------------------------------------------------------------------------------------


def test_single_directions_need_no_axes() -> None:
    sample = SAMPLES["network of tanh"]
    built = interpolated(sample.graph(), sample.point, problem([1, x, y, y**3, x + y**2], (2,)))
    assert not any(built[node].type.directions for node in built)
    assert not {"Replicate", "Sum", "Pick", "Collect"} & set(built.counts())
    roles = [role for node in built if (role := built[node].role) is not None]
    last = max(role.of for role in roles)
    orders = [(0,), (1, "e0"), (1, "e1"), (2, "e1"), (3, "e1")]
    assert {(role.order, *role.along) for role in roles if role.of < last} == set(orders)


def test_the_value_alone_is_the_function() -> None:
    graph = SAMPLES["network of tanh"].graph()
    built = interpolated(graph, SAMPLES["network of tanh"].point, problem([1], (2,)))
    assert built.counts() == graph.counts()


def test_functionals_of_different_outputs_and_what_is_made_of_them() -> None:
    """w_0 w_1 for w_0 = d/dx f_1 and w_1 = Lap f_0, and w_2 = f_1 + d^2/dy^2 f_1."""
    point, points = Input("x", Type((2,))), rational_points(3, 2)

    def function(x: Any) -> Any:
        return x[0] ** 3 * x[1] ** 2, x[0] ** 2 * x[1] ** 4

    def finish(editor: Editor, nodes: Sequence[int]) -> list[int]:
        a, b = operand_symbol(0), operand_symbol(1)
        return [nodes[2], add_map(editor, a * b, {a: nodes[0], b: nodes[1]})]

    polynomials = [from_sympy(p, X) for p in (x, x**2 + y**2, 1 + y**2)]
    functionals = tuple(map(Functional, (1, 0, 1), polynomials))
    wanted = Problem(2, problem([1], (2,)).directions, functionals, finish)
    built = interpolated(simplify(trace(function, (point,)).graph).graph, point, wanted)
    f, g = function(X)
    expected = [g + sp.diff(g, y, 2), sp.diff(g, x) * (sp.diff(f, x, 2) + sp.diff(f, y, 2))]
    for method in METHODS:
        for p, found in zip(points, fractions(stage(built, method), points), strict=True):
            place = dict(zip(X, rational(p), strict=False))
            assert found == [e.subs(place) for e in expected]


@pytest.mark.parametrize("method", METHODS)
def test_outputs_that_do_not_depend_on_the_point(method: str) -> None:
    """Their derivatives are zeros of their shape, their values are values; 0 f is zero."""
    point = Input("x", Type((2,)))
    graph = trace(lambda x: (x, np.ones((3, 2)) * 2, x[0]), (point,)).graph
    operators = [x, x**2 + y**2, 3 + x + x * y, 0]
    final = stage(interpolated(graph, point, problem(operators, (2,), 3)), method)
    validate(final)
    points = rational_points(2, 2)
    found = outputs_at(final, points)
    assert [array.shape[1:] for array in found] == [(2,)] * 4 + [(3, 2)] * 4 + [()] * 4
    assert all((found[i] == 0).all() for i in (1, 3, 4, 5, 7, 9, 11))
    assert (found[6] == 6).all()
    assert found[2].tolist() == [[3 * a + 1, 3 * b] for a, b in points]
    assert found[10].tolist() == [3 * a + 1 for a, _ in points]


@pytest.mark.parametrize("method", METHODS)
def test_only_the_point_moves(method: str) -> None:
    first, second = Input("x", Type((2,))), Input("y", Type((2,)))
    graph = trace(lambda x, y: (x * x * x * y**3).sum() * y[0], (first, second)).graph
    operators = [1, x + y, x**2 + y**2 + 5 * x]
    final = stage(interpolated(graph, first, problem(operators, (2,))), method)
    places = {first: np.array([1.0, 2.0]), second: np.array([3.0, -1.0])}
    leaves = {n: Value(EXACT.array(places[final[n].op])) for n in final.inputs}  # type: ignore[index]
    values = interpret(final, leaves, EXACT)
    assert [int(values[output].array) for output in final.outputs] == [
        3 * (27 - 8),
        3 * (3 * 27 - 12),
        3 * (6 * 27 - 12 + 15 * 27),
    ]


@pytest.mark.parametrize("method", METHODS)
def test_matrices_and_numbers_as_points(method: str) -> None:
    matrix, number = Input("x", Type((2, 2))), Input("x", Type(()))
    graph = trace(lambda x: (x**3).sum() * x[0, 1], (matrix,)).graph
    final = stage(interpolated(graph, matrix, problem([x * y, y * t], (2, 2))), method)
    points = rational_points(2, 2, 2)
    assert fractions(final, points) == [
        [3 * a**2, 3 * d**2] for (a, _), (_, d) in map(_rows, points)
    ]
    cube = trace(lambda x: x**3, (number,)).graph
    final = stage(interpolated(cube, number, problem([x**2 - x], ())), method)
    assert fractions(final, rational_points(2)) == [
        [6 * c - 3 * c**2] for c in rational(rational_points(2))
    ]


def _rows(point: NDArray[Any]) -> list[list[sp.Rational]]:
    return [rational(row) for row in point]
