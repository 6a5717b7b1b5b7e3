"""Large and random PDE expressions: right, fast, and with the fewest functionals."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from jetfold.rules.pde import residual
from jetfold.rules.pde_gradient import LONGEST_POWER
from pde_values import check_values

x, y, z, t = COORDS = sp.symbols("x y z t")
nu = sp.Symbol("nu")
w = sp.Function("w")(x, t)
v = sp.Function("v")(*COORDS)


def laplacian(function: sp.Expr, coords: Sequence[sp.Symbol]) -> sp.Expr:
    return sp.Add(*(function.diff(coordinate, 2) for coordinate in coords))


ALL_DERIVATIVES = [
    v.diff(*by) if by else v
    for order in range(5)
    for by in itertools.combinations_with_replacement(COORDS, order)
]
LARGE = {
    "biharmonic": (laplacian(laplacian(v, COORDS), COORDS), 1),
    "biharmonic of a cube": (laplacian(laplacian(v**3, COORDS), COORDS), 20),
    "Cahn-Hilliard": (
        v.diff(t) - laplacian(v**3 - v - laplacian(v, COORDS[:3]) / 100, COORDS[:3]),
        6,
    ),
    "power of a biharmonic": (laplacian(laplacian(v, COORDS), COORDS) ** 4, 1),
    "determinant": (sp.hessian(v, COORDS).det(method="berkowitz"), 10),
    "all derivatives": (sp.Add(*(nu * x**i * s for i, s in enumerate(ALL_DERIVATIVES))), 70),
    "products of all derivatives": (sp.Add(*(s * v for s in ALL_DERIVATIVES)), 2),
    "square of a sum of all": (sp.Add(*ALL_DERIVATIVES) ** 2, 1),
    "cube of a sum of all": (sp.Add(*ALL_DERIVATIVES) ** 3, 1),
}


@pytest.mark.parametrize("name", LARGE)
def test_functionals_of_large_expressions(name: str) -> None:
    expr, count = LARGE[name]
    assert len(residual(expr, COORDS).functionals) == count


def test_long_powers_are_not_multiplied_out() -> None:
    """The span is that of the base all the same."""
    base = sp.Add(*(n * s for n, s in enumerate(ALL_DERIVATIVES, 1)))
    assert sp.binomial(len(ALL_DERIVATIVES) + 5, 6) > LONGEST_POWER
    found = residual(base**6 + v.diff(x) ** 2, COORDS)
    assert len(found.functionals) == 2
    check_values(found, [base**6 + v.diff(x) ** 2])


LEAVES = [w, w.diff(x), w.diff(t), w.diff(x, 2), w.diff(x, t), w.diff(x, 3)]
integers = st.integers(-3, 3).filter(bool)
linear = st.lists(st.tuples(integers, st.sampled_from(LEAVES)), min_size=1, max_size=3).map(
    lambda terms: sp.Add(*(number * leaf for number, leaf in terms))
)
factors = st.one_of(
    linear, st.sampled_from([x, t, nu, 1 + x]), st.builds(sp.Pow, linear, st.just(2))
)
polynomials = st.lists(
    st.tuples(integers, st.lists(factors, min_size=1, max_size=3)), min_size=1, max_size=4
).map(lambda terms: sp.Add(*(number * sp.Mul(*product) for number, product in terms)))


def rank_of_gradients(expressions: Sequence[sp.Expr]) -> int:
    """The dimension of the span of all gradients, from as many random points as it may need."""
    symbols = sp.symbols(f"s0:{len(LEAVES)}")
    replaced = [expr.xreplace(dict(zip(LEAVES, symbols, strict=True))) for expr in expressions]
    gradients = [[expr.diff(symbol) for symbol in symbols] for expr in replaced]
    values = sp.lambdify([*symbols, x, t, nu], gradients)
    rows = []
    for seed in range(2 * len(symbols)):
        point = np.random.default_rng(seed).integers(1, 100, len(symbols) + 3)
        rows.extend(values(*map(int, point)))
    return int(sp.Matrix(rows).rank())


# A term of its own for each expression, so that none vanishes altogether.
OWN_TERMS = [w.diff(t) * nu**7, w.diff(x) * nu**8]


@given(expressions=st.lists(polynomials, min_size=1, max_size=2))
def test_random_polynomials(expressions: list[sp.Expr]) -> None:
    """Values are right, and there are as many functionals as the span has dimensions, no more."""
    expressions = [expr + own for expr, own in zip(expressions, OWN_TERMS, strict=False)]
    found = residual(expressions, (x, t))
    check_values(found, expressions)
    assert len(found.functionals) == rank_of_gradients(expressions)


@settings(max_examples=30)
@given(expr=polynomials, outer=st.sampled_from([sp.exp, sp.sin, sp.atan, lambda e: 1 / (3 + e**2)]))
def test_random_functions_of_polynomials(expr: sp.Expr, outer: Any) -> None:
    """A function of an expression depends on what the expression depends on."""
    inner = expr + OWN_TERMS[0]
    expression = outer(inner) + x * w
    found = residual(expression, (x, t))
    assert len(found.functionals) == rank_of_gradients([inner, x * w])
    check_values(found, [expression])
