"""Exact arithmetic with Python's whole numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from jetfold.graph import Contract, MatrixFunction, Sum, Value, operand_symbol
from jetfold.graph import functions as fn
from jetfold.graph.elementary import damped
from jetfold.graph.interpret import apply
from jetfold.graph.numbers import EXACT, MPMATH, NumberSystem
from jetfold.graph.whole import WHOLE

A, B = map(operand_symbol, range(2))
ARGUMENTS = [Fraction(-7, 3), -2, -1, 0, 1, 5, Fraction(1, 2)]


def at(expr: sp.Expr, *values: Any) -> Any:
    arrays = [np.array([value], dtype=object) for value in values]
    (found,) = WHOLE.evaluate(expr, arrays)
    return found


def test_whole_numbers_stay_whole() -> None:
    """And what becomes whole again is a whole number again."""
    assert type(at(A * B - A, 3, 4)) is int
    assert type(at(A / B, 8, 4)) is int
    assert at(A / B, 3, 4) == Fraction(3, 4)
    assert type(at(sp.exp(A), 3)) is int
    assert [type(n) for n in WHOLE.array(np.array([2.0, 0.5]))] == [int, Fraction]


@pytest.mark.parametrize("value", ARGUMENTS)
@pytest.mark.parametrize(
    "identity",
    [
        fn.tanh(A) + fn.tanh(-A),
        fn.sech_squared(A) + fn.tanh(A) ** 2 - 1,
        fn.expit(A) + fn.expit(-A) - 1,
        2 * fn.expit(2 * A) - 1 - fn.tanh(A),
        fn.logistic_density(A) - fn.expit(A) * (1 - fn.expit(A)),
        fn.softplus(A) - fn.softplus(-A) - A,
        fn.log_expit(A) + fn.softplus(-A),
        fn.logaddexp(A, 3) - 3 - fn.softplus(A - 3),
        fn.erf(A) + fn.erfc(A) - 1,
    ],
)
def test_related_functions_stay_related(identity: sp.Expr, value: Any) -> None:
    assert at(identity, value) == 0


def test_other_functions_are_arbitrary() -> None:
    values = [at(f(A), v) for f in (sp.sin, sp.cos, sp.exp, fn.erf) for v in (3, Fraction(1, 3))]
    assert len(set(values)) == len(values)
    assert at(sp.sin(A) ** 2 + sp.cos(A) ** 2, 3) != 1


def test_large_whole_numbers_are_exact() -> None:
    """Sums and contractions of Python's numbers do not become machine integers."""
    large = Value(np.array([[3**50, 1], [1, 3**50]], dtype=object))
    total = apply(Sum((0, 1)), [large], WHOLE).array
    product = apply(Contract("ab,ba->"), [large, large], WHOLE).array
    assert total.dtype == product.dtype == object
    assert total.item() == 2 * 3**50 + 2
    assert product.item() == 2 * 3**100 + 2
    small = apply(Sum((0,)), [Value(np.array([1, 2], dtype=object))], WHOLE).array
    assert small.dtype == object


def test_what_is_no_rational_number() -> None:
    for expr in (1 / A, sp.Piecewise((A, A > 1))):
        with pytest.raises(ArithmeticError):
            at(expr, 0)


@pytest.mark.parametrize("numbers", [EXACT, WHOLE, MPMATH])
def test_selections_that_are_hidden_in_a_function(numbers: NumberSystem) -> None:
    """p e, but 0 where e is 0, for all elements of an array."""
    arrays = [numbers.array(np.array(values)) for values in ([3.0, 5.0], [0.0, 2.0])]
    assert list(numbers.evaluate(1 + damped(A, B), arrays)) == [1, 11]


def test_inverses_of_whole_matrices() -> None:
    matrix = np.array([[2, 1], [1, 1]], dtype=object)
    found = apply(MatrixFunction("inverse"), [Value(matrix)], WHOLE).array
    assert (found == [[1, -1], [-1, 2]]).all()
    half = apply(MatrixFunction("inverse"), [Value(2 * matrix)], WHOLE).array
    assert (2 * half == [[1, -1], [-1, 2]]).all()
