"""Estimates of functionals: their means are the functionals, in exact algebra."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from jetfold.rules.estimate import CannotEstimate, Estimate, estimate
from jetfold.rules.polynomial import from_sympy, to_sympy
from jetfold.rules.problem import Functional

X = sp.symbols("x0:3")
x, y, z = X
LAPLACIAN = x**2 + y**2 + z**2


def normal(_: int) -> Fraction:
    return Fraction(3)


def sphere(n: int) -> Fraction:
    return Fraction(3 * n, n + 2)


def estimated(
    operators: Sequence[sp.Expr],
    samples: int = 2,
    fourth: Callable[[int], Fraction] | None = normal,
) -> Estimate:
    functionals = [
        Functional(i, from_sympy(sp.expand(operator), X)) for i, operator in enumerate(operators)
    ]
    return estimate(functionals, 3, samples, fourth)


def mean(found: Estimate, q: int, samples: int, fourth: Callable[[int], Fraction]) -> sp.Expr:
    """The mean of functional q over directions with these moments, as a polynomial in `X`.

    E w^2 is the sum of squares of the base's forms, E w^4 is c times its square.
    """
    total = sp.S.Zero
    for monomial, number in found.functionals[q].polynomial.items():
        if all(i < 3 for i in monomial):
            total += sp.Rational(number) * sp.Mul(*(X[i] for i in monomial))
            continue
        assert len(set(monomial)) == 1
        base = found.bases[(monomial[0] - 3) // samples]
        squares = sp.Add(*(sp.Add(*(sp.nsimplify(c) * s for c, s in zip(row, X, strict=True))) ** 2
                           for row in base))  # fmt: skip
        weight = {2: 1, 4: fourth(len(base))}[len(monomial)]
        total += sp.Rational(number) * sp.Rational(weight) * squares ** (len(monomial) // 2)
    return total


def same(found: sp.Expr, expected: sp.Expr) -> bool:
    """Equal but for the rounding of the bases' numbers."""
    difference = sp.Poly(sp.expand(found - expected), *X)
    return all(abs(float(number)) < 1e-12 for number in difference.coeffs())


@pytest.mark.parametrize("fourth", [normal, sphere])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize(
    ("operator", "bases"),
    [
        (LAPLACIAN, 1),
        (-2 * LAPLACIAN, 1),
        (x**2 - 3 * y**2, 2),
        (x * y, 2),
        (x**2 + 2 * x * y + y**2, 1),
        (x**2 + x * z + 5 * z**2 - y + 3, 1),
        (LAPLACIAN**2, 1),
        (-(LAPLACIAN**2) / 5 + LAPLACIAN - x, 2),
        (x**4 + y**2, 2),
        ((x**2 + x * y + y**2) ** 2 * 7, 1),
        ((-(x**2) - 4 * z**2) ** 2, 1),
    ],
)
def test_means(
    operator: sp.Expr, bases: int, samples: int, fourth: Callable[[int], Fraction]
) -> None:
    found = estimated([operator], samples, fourth)
    assert len(found.bases) == bases
    assert found.random == {0}
    assert same(mean(found, 0, samples, fourth), operator)
    drawn = {i for monomial in found.functionals[0].polynomial for i in monomial if i >= 3}
    assert drawn == set(range(3, 3 + samples * bases))


coefficients = st.lists(st.integers(-3, 3), min_size=10, max_size=10)


@settings(max_examples=20)
@given(coefficients, st.integers(1, 3))
def test_means_of_random_operators_of_order_2(numbers: list[int], samples: int) -> None:
    terms = [sp.S.One, x, y, z, x**2, y**2, z**2, x * y, x * z, y * z]
    operator = sp.Add(*(n * term for n, term in zip(numbers, terms, strict=True)))
    found = estimated([operator], samples, None)
    assert same(mean(found, 0, samples, normal), operator)
    assert found.random == ({0} if any(numbers[4:]) else set())
    assert all(len(base) for base in found.bases)


def test_several_functionals_have_directions_of_their_own() -> None:
    found = estimated([x + 1, LAPLACIAN, z, x**2 - y**2], samples=2)
    assert found.random == {1, 3}
    assert [functional.output for functional in found.functionals] == [0, 1, 2, 3]
    assert [len(base) for base in found.bases] == [3, 1, 1]
    assert found.functionals[0].polynomial == {(): 1, (0,): 1}
    assert found.functionals[2].polynomial == {(2,): 1}
    assert found.functionals[1].polynomial == {(i, i): Fraction(1, 2) for i in (3, 4)}
    expected = {(5, 5): 1, (6, 6): 1, (7, 7): -1, (8, 8): -1}
    assert found.functionals[3].polynomial == {k: Fraction(n, 2) for k, n in expected.items()}


def test_first_derivatives_stay_exact() -> None:
    found = estimated([3 * x - y + 2])
    assert found.bases == ()
    assert found.random == frozenset()
    assert to_sympy(found.functionals[0].polynomial, X) == 3 * x - y + 2


@pytest.mark.parametrize(
    ("operator", "term", "why"),
    [
        (x**2 + y**3, (1, 1, 1), "only terms of order 2, and squares of such operators"),
        (x**5, (0,) * 5, "only terms of order 2"),
        (x**3 * y, (0, 0, 0, 1), "only terms of order 2"),
        (x**4 + y**4, (0,) * 4, "only terms of order 2"),
        ((x**2 - y**2) ** 2, (0,) * 4, "the square of an indefinite one"),
        ((x**2 + x * y) ** 2, (0,) * 4, "the square of an indefinite one"),
    ],
)
def test_what_has_no_estimate(operator: sp.Expr, term: tuple[int, ...], why: str) -> None:
    with pytest.raises(CannotEstimate, match=why) as caught:
        estimated([LAPLACIAN, operator])
    assert caught.value.functional == 1
    assert caught.value.term == term


def test_fourth_moments_are_needed_at_order_4_only() -> None:
    assert np.shape(estimated([LAPLACIAN], fourth=None).bases) == (1, 3, 3)
    with pytest.raises(CannotEstimate, match="the distribution lacks the fourth moments"):
        estimated([LAPLACIAN**2], fourth=None)
