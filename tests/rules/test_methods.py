"""Random operators: every method's graph gives the same rational numbers, and SymPy's."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jetfold.graph import Graph, Input, Type, simplify
from jetfold.graph.numbers import EXACT
from jetfold.graph.trace import trace
from jetfold.graph.validate import validate
from jetfold.rules.cost import vectors
from jetfold.rules.factors import factored
from jetfold.rules.methods import methods, wanted_part
from jetfold.rules.polynomial import Polynomial, degree, from_sympy
from jetfold.rules.prediction import EFFORT, minimal_jets, predict, straight_jets
from jetfold.rules.problem import Functional, Problem
from jetfold.rules.quadratic import times
from problems import X, at_points, derivative, outputs_at, problem, stage

Function = Callable[[Any], Any]
x, y, z = X[:3]
A = np.array([[1.0, -2.0, 3.0], [2.0, 0.0, 1.0], [-1.0, 1.0, 2.0]])


def layers(v: Any) -> Any:
    hidden = (v @ A) ** 2 + v
    return ((hidden @ A) ** 3).sum()


def products(v: Any) -> Any:
    return v[0] * v[1] * v[2] * (v @ v) ** 2 + (v[0] - 2 * v[2]) ** 4 * v[1]


def forms(v: Any) -> Any:
    rows = v[:, None] * A
    return (v @ A @ v) ** 2 * v[1] + (rows @ rows * rows[::-1]).sum()


FUNCTIONS: list[Function] = [layers, products, forms]
POINT = np.array([[3, -2, 5], [1, 7, -4]])

monomials = st.lists(st.sampled_from([x, y, z]), max_size=4).map(lambda factors: sp.Mul(*factors))
numbers = st.fractions(-3, 3, max_denominator=4).filter(bool)
terms = st.tuples(numbers, monomials).map(
    lambda term: sp.Rational(term[0].numerator, term[0].denominator) * term[1]
)
operators = st.lists(terms, min_size=1, max_size=4).map(lambda parts: sp.Add(*parts))


def graph_of(function: Function) -> tuple[Graph, Input]:
    point = Input("x", Type((3,)))
    return simplify(trace(function, (point,)).graph).graph, point


def graphs(function: Function, wanted: Problem) -> dict[str, Graph]:
    """The graph that each method runs."""
    graph, point = graph_of(function)
    built = {name: build() for name, build in methods(graph, point, wanted).items()}
    for built_graph in built.values():
        validate(built_graph)
    standard = built.pop("standard")
    cleaned = {name: simplify(built_graph).graph for name, built_graph in built.items()}
    return {method: stage(standard, method) for method in ("standard", "collapsed")} | cleaned


def expected_of(function: Function, operator: sp.Expr) -> list[Any]:
    written = sp.nsimplify(function(np.array(X[:3], dtype=object)), rational=True)
    found = derivative(written, operator)
    return [sp.Rational(found.subs(dict(zip(X, row, strict=False)))) for row in POINT.tolist()]


@settings(max_examples=25)
@given(st.lists(operators, min_size=1, max_size=3), st.sampled_from(FUNCTIONS))
def test_methods_agree_exactly(chosen: list[sp.Expr], function: Function) -> None:
    wanted = problem(chosen, (3,))
    expected = [expected_of(function, operator) for operator in chosen]
    for method, graph in graphs(function, wanted).items():
        found = outputs_at(graph, EXACT.array(POINT / 1))
        assert [values.tolist() for values in found] == expected, method


factor = st.lists(terms, min_size=1, max_size=2).map(lambda parts: sp.Add(*parts))
small = factor.filter(lambda p: sp.Poly(p, x, y, z).total_degree() in (1, 2))


@settings(max_examples=15)
@given(small, small, st.sampled_from(FUNCTIONS))
def test_products_by_nesting_agree_exactly(a: sp.Expr, b: sp.Expr, function: Function) -> None:
    """A product of operators is one after the other, in either order."""
    polynomial = from_sympy(sp.expand(a * b), X[:3])
    factors = factored(polynomial, 3)
    assert len(factors) >= 2
    product = factors[0]
    for part in factors[1:]:
        product = times(product, part)
    assert product == polynomial
    assert all(degree(part) >= 1 for part in factors)
    plain = problem([a * b], (3,))
    wanted = Problem(3, plain.directions, plain.functionals, plain.finish, factors)
    found = graphs(function, wanted)
    assert set(found) == {"standard", "collapsed", "minimal", "nested"}
    expected = expected_of(function, sp.expand(a * b))
    for method, graph in found.items():
        assert at_points(graph, EXACT.array(POINT / 1)).tolist() == expected, method


def net(v: Any) -> Any:
    """Deep enough that all coefficients of a value in the middle are there."""
    return np.tanh(np.tanh(v @ A) @ A + v[0]) @ A[0]


@settings(max_examples=25)
@given(st.lists(operators, min_size=1, max_size=3))
def test_predicted_vectors_are_the_graphs_own(chosen: list[sp.Expr]) -> None:
    polynomials = [from_sympy(operator, X[:3]) for operator in chosen]
    assume(any(degree(polynomial) for polynomial in polynomials))
    wanted = problem(chosen, (3,))
    graph, point = graph_of(net)
    built = methods(graph, point, wanted)
    standard = built["standard"]()
    assert straight_jets(polynomials, collapsed=False).vectors == vectors(
        stage(standard, "standard")
    )
    collapsed = stage(standard, "collapsed")
    assert straight_jets(polynomials, collapsed=True).vectors == vectors(collapsed)
    assert minimal_jets(wanted.algebra).vectors == vectors(built["minimal"]())
    assert vectors(built["minimal"]()) <= vectors(collapsed)


# What methods there are, and what they cost -------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "factors"),
    [
        (x**2 + y**2, []),
        (x * y, [x, y]),
        (3 * x**2, [3 * x, x]),
        (sp.expand((x**2 + y**2) ** 2), [x**2 + y**2, x**2 + y**2]),
        (-2 * x**2 + 2 * y**2, [-2 * x + 2 * y, x + y]),
        (x**3 + x * y**2 - x / 2, [x, x**2 + y**2 - sp.Rational(1, 2)]),
        (x - 2 * y, []),
        (sp.S(5), []),
    ],
)
def test_factors(operator: sp.Expr, factors: list[sp.Expr]) -> None:
    found = factored(from_sympy(operator, X[:2]), 2)
    product = sp.Mul(*(_in_symbols(part) for part in found)) if found else operator
    assert sp.expand(product - operator) == 0
    assert len(found) == len(factors)
    for part in factors:
        assert any(sp.simplify(_in_symbols(own) / part).is_number for own in found)


def _in_symbols(polynomial: Any) -> sp.Expr:
    return sp.Add(
        *(sp.Rational(n) * sp.Mul(*(X[i] for i in powers)) for powers, n in polynomial.items())
    )


def test_many_variables_are_not_factored() -> None:
    total: Polynomial = {(i,): Fraction(1) for i in range(7)}
    assert factored(times(total, total), 7) == ()
    del total[6,]
    assert factored(times(total, total), 6) == (total, total)


def test_predicted_costs() -> None:
    """Vectors times the operations of products, and the effort of every term of every element."""
    graph, _ = graph_of(lambda v: np.tanh(v @ A))
    wanted = problem([x**2 + y**2 + z**2], (3,), outputs=1)
    # 1 + 3 + 3 vectors; terms: y1 and y2 = g'' x1^2 + g' x2, 3 of each and 3 products; collapsed
    # one linear term for all.
    product = 2 * 9
    assert predict(graph, wanted) == {
        "standard": 7 * product + 2 * EFFORT["standard"] * 9 * 3,
        "collapsed": 5 * product + 2 * EFFORT["collapsed"] * 7 * 3,
        "minimal": 5 * product + 2 * EFFORT["minimal"] * 7 * 3,
    }
    value = problem([sp.S.One], (3,))
    assert set(predict(graph, value).values()) == {product}


def test_only_what_is_wanted_is_differentiated() -> None:
    def three(v: Any) -> Any:
        return v[0] ** 2, np.exp(v @ A).sum(), v[1] * v[0]

    graph, _ = graph_of(three)
    plain = problem([x**2], (3,))
    functionals = (Functional(2, {(0, 1): Fraction(1)}), Functional(0, {(0, 0): Fraction(1)}))
    part, wanted = wanted_part(graph, Problem(3, plain.directions, functionals, plain.finish))
    assert len(part.outputs) == 2
    assert [functional.output for functional in wanted.functionals] == [1, 0]
    assert part.counts().get("Contract", 0) == 0 < graph.counts()["Contract"]
    built = methods(part, Input("x", Type((3,))), wanted)["minimal"]()
    values = outputs_at(built, EXACT.array(POINT / 1))
    assert [value.tolist() for value in values] == [[1, 1], [2, 2]]
