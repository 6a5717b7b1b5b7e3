"""Operators of order 2 whose coefficients differ from point to point, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from jetfold.graph import (
    Array,
    Constant,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
    Input,
    Type,
    Value,
    add_map,
    interpret,
    simplify,
)
from jetfold.graph.numbers import EXACT
from jetfold.graph.trace import trace
from jetfold.graph.validate import validate
from jetfold.rules.cost import vectors
from jetfold.rules.form import Form, FormAlgebra, split_form
from jetfold.rules.minimal import minimal
from jetfold.rules.polynomial import Polynomial, from_sympy
from jetfold.rules.prediction import minimal_jets
from jetfold.rules.problem import Functional, Problem
from problems import X as SYMBOLS
from problems import derivative

X = SYMBOLS[:3]
x, y, z = X
D = sp.symbols("d:4", real=True)
MATRIX = np.array([[1.0, -2.0, 3.0], [2.0, 0.0, 1.0], [-1.0, 1.0, 2.0]])


def products(p: Any) -> Any:
    return p[0] * p[1] * p[2] * (p @ p) + (p[0] - p[2]) ** 4 / (2 + p[1])


def layers(p: Any) -> Any:
    hidden = (p @ MATRIX) ** 3 + p
    return ((hidden @ MATRIX) ** 2).sum() + (p @ MATRIX) @ (p * p)


# Coefficients, each with a polynomial in d/dx.
FORMS: dict[str, list[tuple[sp.Expr, sp.Expr]]] = {
    "diagonal": [(1 + x**2, x**2), (y * z, y**2)],
    "one coefficient": [(x * y, x**2 - y**2)],
    "full": [(x, x**2), (y, x * y), (2 - z, y * z), (x * z, z**2)],
    "drift": [(x, x**2), (y**2, y), (z, z), (x + 3, x)],
    "all orders": [(x * y, x**2 + y * z + 3 * z), (z, sp.S.One), (sp.S(2), x - sp.Rational(1, 3))],
}


def form_of(parts: Sequence[tuple[sp.Expr, sp.Expr]], outputs: tuple[int, ...] = (0,)) -> Form:
    point = Input("x", Type((3,)))

    def coefficients(editor: Editor, _: Sequence[int]) -> list[int]:
        start = editor.add(point)
        nodes = {s: editor.add(Gather(Array(np.array(i))), start) for i, s in enumerate(X)}
        return [add_map(editor, c, nodes) for c, _ in parts]

    return Form(outputs, tuple(from_sympy(p, X) for _, p in parts), coefficients)


def problem_of(form: Form, others: Sequence[sp.Expr] = ()) -> Problem:
    def directions(editor: Editor, axis: DirectionAxis) -> int:
        return editor.add(Constant(Array(np.eye(3)), (axis,)))

    functionals = tuple(Functional(0, from_sympy(other, X)) for other in others)
    return Problem(3, directions, functionals, lambda _, nodes: list(nodes), form=form)


def traced(function: Any) -> tuple[Graph, Input]:
    point = Input("x", Type((3,)))
    return simplify(trace(function, (point,)).graph).graph, point


@pytest.mark.parametrize("others", [(), (sp.S.One, z, x - 2 * y)], ids=["alone", "with others"])
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("function", [products, layers])
def test_values_of_forms(function: Any, name: str, others: tuple[sp.Expr, ...]) -> None:
    graph, point = traced(function)
    problem = problem_of(form_of(FORMS[name]), others)
    built = minimal(graph, point, problem)
    validate(built)
    written = sp.nsimplify(function(np.array(X, dtype=object)), rational=True)
    place = dict(zip(X, map(sp.Rational, ("1/2", "3/4", "-5/4")), strict=True))
    form = sum(c * derivative(written, p) for c, p in FORMS[name])
    expected = [*(derivative(written, other) for other in others), form]
    exact = [sp.Rational(sp.sympify(e).subs(place)) for e in expected]
    for stage in (built, simplify(built).graph):
        numbers = EXACT.array(np.array([0.5, 0.75, -1.25]))
        values = interpret(stage, {node: Value(numbers) for node in stage.inputs}, EXACT)
        found = [values[output].array.item() for output in stage.outputs]
        assert found == [Fraction(int(e.p), int(e.q)) for e in exact]


@pytest.mark.parametrize(
    ("name", "count"),
    [("diagonal", 4), ("one coefficient", 4), ("full", 5), ("drift", 3), ("all orders", 5)],
)
def test_vectors(name: str, count: int) -> None:
    """1, one for each variable of the terms of order 2, and the form."""

    def net(p: Any) -> Any:
        return np.tanh(np.tanh(p @ np.ones((3, 5))) @ np.ones((5, 5))) @ np.ones(5)

    graph, point = traced(net)
    problem = problem_of(form_of(FORMS[name]))
    assert vectors(simplify(minimal(graph, point, problem)).graph) == count
    assert problem.algebra.dimension == count
    assert minimal_jets(problem.algebra).vectors == count


def test_several_outputs() -> None:
    graph, point = traced(lambda p: (p[0] ** 2 * p[1], p * p[2], np.ones(2)))
    built = simplify(minimal(graph, point, problem_of(form_of([(y, x**2)], (0, 1, 2))))).graph
    numbers = EXACT.array(np.array([3.0, 0.5, 2.0]))
    values = interpret(built, {node: Value(numbers) for node in built.inputs}, EXACT)
    found = [values[output].array.astype(float) for output in built.outputs]
    for value, right in zip(found, [0.5, [0, 0, 0], [0, 0]], strict=True):
        np.testing.assert_array_equal(value, right)


def polynomials(*operators: sp.Expr) -> list[Polynomial]:
    return [from_sympy(operator, X) for operator in operators]


def test_what_is_linear_becomes_a_form() -> None:
    a, b, c, _ = D
    nu = sp.Symbol("nu", real=True)
    wanted = polynomials(x**2, y, sp.S.One)
    split = split_form(nu * x * a + c * b + sp.sin(y) * c + c**2, D[:3], wanted)
    assert split is not None
    assert (split.chosen, split.others) == ((0,), (1, 2))
    assert split.coefficients == (nu * x,)
    assert split.expression - split.symbol == c * b + sp.sin(y) * c + c**2
    linear = split_form(x * a + y * b + c + 1, D[:3], wanted)
    assert linear is not None
    assert (linear.chosen, linear.others, linear.coefficients) == ((0, 1, 2), (), (x, y, 1))
    assert linear.expression == linear.symbol + 1


@pytest.mark.parametrize(
    ("expr", "operators"),
    [
        (D[0] * D[1], (x**2, sp.S.One)),  # not linear in what is of order 2
        (x * D[0] + D[1] ** 2, (x**2, y**2)),  # a square of second derivatives
        (x * D[0] + D[1], (x**3, y**2)),  # of order 3
        (x * D[0] + D[1], (x, sp.S.One)),  # of order 1
    ],
    ids=["product", "square", "order 3", "order 1"],
)
def test_what_is_no_form_of_order_2(expr: sp.Expr, operators: tuple[sp.Expr, ...]) -> None:
    assert split_form(expr, D[: len(operators)], polynomials(*operators)) is None


def test_products_in_the_algebra() -> None:
    """Of one element with itself, mixed products count twice."""
    algebra = FormAlgebra(form_of(FORMS["full"]), [])
    square = algebra.product((1, 1), (0, 0), 2)
    twice = algebra.product((1, 1), (0, 1), 2)
    assert square.indices.tolist() == [[0, 0], [0, 1], [1, 2], [2, 2]]
    assert [*square.coefficients] == [{0: 2}, {1: 2}, {2: 2}, {3: 2}]
    assert twice.indices.tolist() == [[0, 0], [0, 1], [1, 0], [1, 2], [2, 1], [2, 2]]
    assert [*twice.coefficients] == [{0: 2}, {1: 1}, {1: 1}, {2: 1}, {2: 1}, {3: 2}]
    assert not algebra.product((1, 1), (0, 0), 1).coefficients
    assert not algebra.product((1, 1, 1), (0, 0, 0), 2).coefficients
