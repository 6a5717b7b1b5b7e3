"""Quadratic forms as sums of squares, and quartic ones as squares of these."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from jetfold.rules.polynomial import Polynomial, from_sympy, to_sympy
from jetfold.rules.quadratic import factors_of, matrix_of, square_root, times

X = sp.symbols("x0:4")
x, y, z, t = X
integers = st.integers(-3, 3)
PAIRS = [(i, j) for i in range(4) for j in range(i, 4)]
forms = st.lists(st.fractions(-3, 3, max_denominator=5), min_size=10, max_size=10).map(
    lambda numbers: {pair: number for pair, number in zip(PAIRS, numbers, strict=True) if number}
)


def polynomial(expr: sp.Expr) -> Polynomial:
    return from_sympy(sp.expand(expr), X)


@settings(max_examples=40)
@given(forms)
def test_matrices(form: Polynomial) -> None:
    matrix = matrix_of(form, 4)
    assert_array_equal(matrix, matrix.T)
    point = np.array([2.0, -1.0, 3.0, 0.5])
    expected = sum(float(n) * point[i] * point[j] for (i, j), n in form.items())
    assert_allclose(point @ matrix @ point, expected, rtol=1e-13, atol=1e-13)


@settings(max_examples=40)
@given(forms)
def test_factors_are_the_fewest_squares(form: Polynomial) -> None:
    matrix = matrix_of(form, 4)
    plus, minus = factors_of(matrix)
    scale = np.abs(matrix).max(initial=1.0)
    assert_allclose(plus.T @ plus - minus.T @ minus, matrix, atol=1e-13 * scale)
    exact = sp.Matrix(
        4, 4, lambda i, j: sp.Rational(form.get(tuple(sorted((i, j))), 0)) / (2 - (i == j))
    )
    assert len(plus) + len(minus) == exact.rank()  # and so the signs are right (Sylvester)


def test_axes_of_diagonal_matrices_are_kept() -> None:
    plus, minus = factors_of(np.diag([4.0, 0.0, -9.0, 1.0]))
    assert_array_equal(plus, [[2, 0, 0, 0], [0, 0, 0, 1]])
    assert_array_equal(minus, [[0, 0, 3, 0]])
    plus, minus = factors_of(np.zeros((3, 3)))
    assert plus.shape == minus.shape == (0, 3)


def test_eigenvalues_that_are_rounding_errors_are_zero() -> None:
    rows = np.random.default_rng(0).normal(size=(2, 6))
    plus, minus = factors_of(rows.T @ rows)
    assert plus.shape == (2, 6)
    assert minus.shape == (0, 6)


@pytest.mark.parametrize(
    ("expr", "factor", "form"),
    [
        (x**4, 1, x**2),
        (-3 * y**4, -3, y**2),
        ((x**2 + y**2 + z**2) ** 2, 1, x**2 + y**2 + z**2),
        (5 * (y**2 - 3 * z**2) ** 2, 5, y**2 - 3 * z**2),
        (2 * (2 * x**2 - x * y) ** 2, 8, x**2 - x * y / 2),
        ((x**2 / 3 + x * y - y * z + t**2) ** 2 * 9, 1, x**2 + 3 * x * y - 3 * y * z + 3 * t**2),
        ((x + y) ** 4, 1, (x + y) ** 2),
    ],
)  # fmt: skip
def test_square_roots(expr: sp.Expr, factor: int, form: sp.Expr) -> None:
    found = square_root(polynomial(expr))
    assert found == (Fraction(factor), polynomial(form))


@settings(max_examples=40)
@given(forms, st.fractions(-3, 3, max_denominator=5).filter(bool))
def test_squares_have_roots(form: Polynomial, factor: Fraction) -> None:
    square = times(form, form, factor)
    expected = sp.Rational(factor) * to_sympy(form, X) ** 2
    assert sp.expand(to_sympy(square, X) - expected) == 0
    found = square_root(square)
    if not any(i == j for i, j in form):
        assert found is None
        return
    assert found is not None
    assert times(found[1], found[1], found[0]) == square


@pytest.mark.parametrize(
    "expr",
    [
        x**4 + y**4,
        x**3 * y,
        x**2 * y**2,
        (x**2 + y**2) * (x**2 + 2 * y**2),
        (x**2 + y**2 + z**2) ** 2 + x * y * z * t,
        (x**2 + y * z) ** 2 - y**2 * z**2,
        sp.S.Zero,
    ],
)
def test_what_is_no_square(expr: sp.Expr) -> None:
    assert square_root(polynomial(expr)) is None


def test_products() -> None:
    a, b = polynomial(x - 2 * y), polynomial(x + 2 * y)
    assert times(a, b) == polynomial(x**2 - 4 * y**2)
    assert times(a, b, Fraction(1, 2)) == polynomial(x**2 / 2 - 2 * y**2)
    assert times(a, {}) == {}
