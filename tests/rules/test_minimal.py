"""Minimal jets: exact derivatives, and as few coefficients as there can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from exact import check
from jetfold.graph import (
    BATCH,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Map,
    Parameter,
    Type,
    Value,
    interpret,
    operand_symbol,
    rewrite,
    simplify,
)
from jetfold.graph.numbers import EXACT
from jetfold.graph.trace import trace
from jetfold.graph.validate import validate
from jetfold.rules.collapse import COLLAPSE
from jetfold.rules.cost import vectors
from jetfold.rules.minimal import minimal
from jetfold.rules.polynomial import Polynomial, from_sympy
from jetfold.rules.problem import Functional, Problem
from problems import X, derivative, problem

Function = Callable[[Any], Any]
x, y, z, t = X[:4]


def graph_of(function: Function, shape: tuple[int, ...]) -> tuple[Graph, Input]:
    point = Input("x", Type(shape))
    return simplify(trace(function, (point,)).graph).graph, point


def exact_values(graph: Graph, point: NDArray[Any]) -> list[NDArray[Any]]:
    leaves = {node: Value(point) for node in graph.inputs}
    values = interpret(graph, leaves, EXACT)
    return [values[output].array for output in graph.outputs]


def at(expr: sp.Expr, place: dict[sp.Symbol, sp.Rational]) -> Fraction:
    """The value of an expression at a rational point."""
    value = sp.Rational(expr.subs(place))
    return Fraction(int(value.p), int(value.q))


def agree(function: Function, operators: Sequence[sp.Expr], shape: tuple[int, ...] = (3,)) -> Graph:
    """Compare the minimal graph, before and after clean-up, with SymPy at rational points."""
    graph, point = graph_of(function, shape)
    built = minimal(graph, point, problem(operators, shape))
    validate(built)
    cleaned = check(simplify(built)).graph
    size = int(np.prod(shape))
    written = sp.nsimplify(function(np.array(X[:size], dtype=object).reshape(shape)), rational=True)
    for seed in range(2):
        numbers = np.random.default_rng(seed).integers(1, 9, size)
        place = {X[i]: sp.Rational(int(n), 4) for i, n in enumerate(numbers)}
        expected = [at(derivative(written, operator), place) for operator in operators]
        rational = EXACT.array(numbers / 4).reshape(shape)
        for stage in (built, cleaned):
            assert [value.item() for value in exact_values(stage, rational)] == expected
    return cleaned


# Exactly: rational functions ----------------------------------------------------------------------

A = np.array([[1.0, -2.0, 3.0], [2.0, 0.0, 1.0], [-1.0, 1.0, 2.0]])


def layers(x: Any) -> Any:
    hidden = (x @ A) ** 3 + x
    return ((hidden @ A) ** 2).sum() / (1 + x @ x)


def products(x: Any) -> Any:
    return x[0] * x[1] * x[2] * (x @ x) + (x[0] - x[2]) ** 5 / (2 + x[1])


def form(x: Any) -> Any:
    rows = x[:, None] * A
    return ((rows @ (x * x)) @ x) + (rows * rows[::-1]).sum()


def joined(x: Any) -> Any:
    both = np.concatenate([x, (x * x)[::-1], x[:1] ** 3])
    return (both[1:] * both[:-1]).sum() ** 2


FUNCTIONS: list[Function] = [layers, products, form, joined]
LAPLACIAN = x**2 + y**2 + z**2
OPERATORS: dict[str, list[sp.Expr]] = {
    "value": [sp.S.One],
    "gradient": [x, y, z],
    "Laplacian": [LAPLACIAN],
    "value, gradient, Laplacian": [sp.S.One, x, y, z, LAPLACIAN],
    "heat": [t.subs(t, z) - x**2 - y**2],
    "biharmonic": [sp.expand(LAPLACIAN**2)],
    "mixed": [x * y],
    "mixed of order 4": [x**2 * y * z],
    "all of order 2": [a * b for a in (x, y, z) for b in (x, y, z)],
    "orders together": [sp.S.One, z, x, x**2, x**4, sp.expand(LAPLACIAN**2) - 3 * x * y**2],
    "advection and diffusion": [z + 2 * x - sp.Rational(1, 3) * x**2 + x * y],
    "order 5": [x**3 * y**2 - 7 * z],
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_derivatives_of_rational_functions(function: Function, name: str) -> None:
    agree(function, OPERATORS[name])


def test_points_of_two_axes() -> None:
    operators = [sum(s**2 for s in X), X[0] * X[5], X[2] ** 3]
    agree(lambda x: (x @ x.T).sum() * x[0, 2] ** 2 + x[1, 2] ** 4 * x[0, 0], operators, (2, 3))


monomials = st.lists(st.sampled_from([x, y, z]), max_size=4).map(lambda f: sp.Mul(*f))
terms = st.tuples(st.fractions(-3, 3, max_denominator=4), monomials)
operators = st.lists(terms, min_size=1, max_size=4).map(
    lambda parts: sp.Add(*(sp.Rational(c.numerator, c.denominator) * m for c, m in parts))
)


@settings(deadline=None, max_examples=25)
@given(st.lists(operators, min_size=1, max_size=3))
def test_derivatives_by_random_operators(chosen: list[sp.Expr]) -> None:
    agree(products, chosen)


# Vectors: the counts of the table -----------------------------------------------------------------


def net(x: Any) -> Any:
    return np.tanh(np.tanh(x @ np.ones((x.shape[0], 7))) @ np.ones((7, 7))) @ np.ones(7)


def count(operators: Sequence[sp.Expr], size: int) -> int:
    graph, point = graph_of(net, (size,))
    return vectors(simplify(minimal(graph, point, problem(operators, (size,)))).graph)


@pytest.mark.parametrize("size", [2, 3, 5, 6])
def test_vectors_of_laplacians(size: int) -> None:
    laplacian = sp.Add(*(s**2 for s in X[:size]))
    assert count([laplacian], size) == size + 2
    assert count([sp.S.One, *X[:size], laplacian], size) == size + 2
    assert count([sp.expand(laplacian**2)], size) == (size**2 + 5 * size + 4) // 2
    space = laplacian - X[size - 1] ** 2
    assert count([X[size - 1] - space], size) == size + 1  # d = size - 1 space dimensions: 2 + d


@pytest.mark.parametrize(
    ("operators", "size", "expected"),
    [
        ([t**2 - x**2 - y**2], 4, 5),
        ([x * y], 2, 4),
        ([x**2 * y**2], 2, 9),
        ([sp.S.One, t, x, x**3], 4, 5),
        ([sp.S.One, t, x, x**2, x**4], 4, 6),
        ([sp.S.One, t, x, y, x**2 + y**2, sp.expand((x**2 + y**2) ** 2)], 4, 10),
    ],
    ids=["wave", "u_xy", "u_xxyy", "KdV", "Kuramoto-Sivashinsky", "Cahn-Hilliard"],
)
def test_vectors_of_equations(operators: list[sp.Expr], size: int, expected: int) -> None:
    assert count(operators, size) == expected


# The Laplacian's minimal jets are the collapsed ones ----------------------------------------------


def test_minimal_jets_of_the_laplacian_are_the_collapsed_ones() -> None:
    from jetfold.rules.operators import interpolated

    graph, point = graph_of(net, (3,))
    wanted = problem([LAPLACIAN], (3,))
    collapsed = simplify(rewrite(interpolated(graph, point, wanted), COLLAPSE).graph).graph
    built = simplify(minimal(graph, point, wanted)).graph
    assert sorted(built.counts().items()) == sorted(collapsed.counts().items())
    assert _canonical(built) == _canonical(collapsed)


def _canonical(graph: Graph) -> list[str]:
    """The graph's nodes by what they are, whatever their order."""
    names: dict[int, str] = {}
    for node in graph.order:
        op = graph[node].op
        parts = [names[operand] for operand in graph.operands(node)]
        if isinstance(op, Map):
            symbols = {operand_symbol(i): sp.Symbol(part) for i, part in enumerate(parts)}
            names[node] = str(op.expr.xreplace(symbols))
        else:
            names[node] = f"{op}({', '.join(parts)})"
    return sorted(names[output] for output in graph.outputs)


# Directions that are not unit vectors -------------------------------------------------------------


def test_directions_known_at_run_time() -> None:
    graph, point = graph_of(products, (3,))
    directions = np.array([[1, 2, 0], [0, -1, 1]])

    def given_later(editor: Editor, axis: DirectionAxis) -> int:
        return editor.add(Parameter("v", Type((3,), (axis,))))

    for operator in (X[0] ** 2 - X[1] ** 2, X[0] * X[1], X[0] ** 4 / 3 + X[1], X[0] - X[1] ** 2):
        functional = Functional(0, from_sympy(operator, X[:2]))
        built = minimal(graph, point, Problem(2, given_later, (functional,), lambda _, n: list(n)))
        validate(built)
        place = {X[i]: sp.Rational(i + 1, 2) for i in range(3)}
        along = [sum(int(c) * X[i] for i, c in enumerate(row)) for row in directions]
        spatial = sp.expand(operator.subs(dict(zip(X, along, strict=False)), simultaneous=True))
        written = sp.nsimplify(products(np.array(X[:3])), rational=True)
        expected = at(derivative(written, spatial), place)
        leaves = {node: Value(EXACT.array(np.array([0.5, 1, 1.5]))) for node in built.inputs}
        for node in built.parameters:
            names = tuple(axis.name for axis in built[node].type.directions)
            leaves[node] = Value(EXACT.array(directions.astype(float)), names)
        assert interpret(built, leaves, EXACT)[built.outputs[0]].array.item() == expected


# Functions that choose ----------------------------------------------------------------------------


def test_what_is_infinite_in_a_branch_not_taken_does_not_matter() -> None:
    def guarded(x: Any) -> Any:
        return np.where(x > 0, np.sqrt(np.abs(x)), x**2).sum()

    graph, point = graph_of(guarded, (2,))
    built = simplify(minimal(graph, point, problem([x**2 + y**2], (2,)))).graph
    batch = np.array([[0.25, -1.0], [-3.0, 0.0]])
    leaves = {node: Value(batch, (BATCH,)) for node in built.inputs}
    values = interpret(built, leaves)[built.outputs[0]].array
    np.testing.assert_allclose(values, [-0.25 * 0.25**-1.5 + 2, 4])


def test_several_outputs_and_constant_ones() -> None:
    def both(x: Any) -> Any:
        return x[0] ** 2 * x[1], np.array([1.0, 2.0]), x * x[1]

    graph, point = graph_of(both, (2,))
    built = minimal(graph, point, problem([x * y, sp.S.One], (2,), outputs=3))
    validate(built)
    found = exact_values(simplify(built).graph, EXACT.array(np.array([3.0, 0.5])))
    expected: list[Any] = [6, 4.5, [0, 0], [1, 2], [1, 0], [1.5, 0.25]]
    for value, right in zip(found, expected, strict=True):
        np.testing.assert_array_equal(value.astype(float), right)


def test_polynomials_share_what_they_need() -> None:
    polynomial: Polynomial = {(0, 0): Fraction(1), (1,): Fraction(1)}
    wanted = problem([sp.S.One], (2,))
    wanted = Problem(2, wanted.directions, (Functional(0, polynomial),), wanted.finish)
    assert wanted.algebra.dimension == 3
