"""Interpolation: polynomials as combinations of powers of linear forms, in exact fractions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, product
from typing import Any

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from jetfold.rules.interpolation import Family, families, gamma
from jetfold.rules.polynomial import Polynomial, from_sympy
from problems import X

x, y, z = X[:3]


def polynomials(*operators: Any) -> list[Polynomial]:
    return [from_sympy(sp.sympify(operator), X) for operator in operators]


def shapes(found: Sequence[Family]) -> list[tuple[int, int]]:
    """How many directions of which order each family has."""
    return [(len(family.directions), family.order) for family in found]


# Gamma --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("i", "expected"),
    [
        ((1, 1), {(2, 0): "-1/4", (1, 1): "1", (0, 2): "-1/4"}),
        ((2, 1), {(3, 0): "-5/27", (2, 1): "2/3", (1, 2): "-1/3", (0, 3): "2/27"}),
        (
            (2, 2),
            {(4, 0): "13/192", (3, 1): "-1/3", (2, 2): "5/8", (1, 3): "-1/3", (0, 4): "13/192"},
        ),
    ],
)
def test_gamma_of_the_paper(i: tuple[int, ...], expected: dict[tuple[int, ...], str]) -> None:
    assert gamma(i) == {j: Fraction(number) for j, number in expected.items()}


POWERS = [
    i
    for parts in range(1, 5)
    for i in product(range(1, 5), repeat=parts)
    if sum(i) <= (4 if parts == 4 else 5)
] + [(3, 3), (4, 2), (1, 5), (2, 2, 2)]  # fmt: skip


@pytest.mark.parametrize("i", POWERS)
def test_gamma_writes_monomials_as_powers(i: tuple[int, ...]) -> None:
    """xi^i = sum_j gamma_j / K! (j.xi)^K as polynomials."""
    order, symbols = sum(i), X[: len(i)]
    total = sp.Poly(0, *symbols)
    for j, number in gamma(i).items():
        assert len(j) == len(i)
        assert sum(j) == order
        form = sp.Poly(sum(times * s for times, s in zip(j, symbols, strict=True)), *symbols)
        factor = sp.Rational(number.numerator, number.denominator) / math.factorial(order)
        total += factor * form**order
    assert (total - sp.Poly.from_dict({i: 1}, *symbols)).is_zero


# Families -----------------------------------------------------------------------------------------


def rebuilt(found: Sequence[Family], count: int) -> list[Polynomial]:
    """The polynomials that the families stand for, without their terms of order 0."""
    totals: list[Polynomial] = [{} for _ in range(count)]

    def add(q: int, weight: Fraction, direction: Any, order: int) -> None:
        coefficients = dict(direction)
        for chosen in product(coefficients, repeat=order):
            value = weight * math.prod(coefficients[symbol] for symbol in chosen)
            monomial = tuple(sorted(chosen))
            totals[q][monomial] = totals[q].get(monomial, Fraction(0)) + value

    for family in found:
        for direction in family.directions:
            for q, weight in family.weights.items():
                add(q, weight, direction, family.order)
        for (q, k), weights in family.lower.items():
            for r, weight in weights.items():
                add(q, weight, family.directions[r], k)
    return [{m: n for m, n in total.items() if n} for total in totals]


def check(given: Sequence[Polynomial]) -> list[Family]:
    """The families rebuild the polynomials, and are in normal form."""
    found = families(given)
    expected = [{m: n for m, n in polynomial.items() if m and n} for polynomial in given]
    assert rebuilt(found, len(given)) == expected
    directions = [direction for family in found for direction in family.directions]
    assert len(set(directions)) == len(directions)
    for direction in directions:
        symbols, coefficients = zip(*direction, strict=True)
        assert list(symbols) == sorted(set(symbols))
        assert math.gcd(*coefficients) == 1
        assert all(coefficients)
        assert coefficients[0] > 0
    for family in found:
        assert family.directions
        assert family.weights
        assert all(family.weights.values())
        assert all(0 < k < family.order for _, k in family.lower)
        assert all(weight for weights in family.lower.values() for weight in weights.values())
    keys = [(family.order, frozenset(family.weights.items())) for family in found]
    assert len(set(keys)) == len(keys)
    return found


MONOMIALS = [m for k in range(5) for m in combinations_with_replacement(range(3), k)]
FRACTIONS = st.fractions(-5, 5, max_denominator=12)
POLYNOMIALS = st.dictionaries(st.sampled_from(MONOMIALS), FRACTIONS, max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(POLYNOMIALS, max_size=4))
def test_random_polynomials(given: list[Polynomial]) -> None:
    found = check(given)
    shuffled = [dict(reversed(polynomial.items())) for polynomial in given]
    assert families(shuffled) == found


@pytest.mark.parametrize("d", [1, 2, 3, 5, 6])
def test_biharmonic(d: int) -> None:
    """D, D(D-1) and D(D-1)/2 directions; d = 1 is one power."""
    (given,) = polynomials(sp.expand(sum(s**2 for s in X[:d]) ** 2))
    found = check([given])
    sizes = [d, d * (d - 1) // 2, d * (d - 1)] if d > 1 else [1]
    assert shapes(found) == [(size, 4) for size in sizes]


def test_fifty_dimensions() -> None:
    n = 50
    given: Polynomial = {(i, i, j, j): Fraction(1 + (i < j)) for i in range(n) for j in range(i, n)}
    assert shapes(families([given])) == [(50, 4), (1225, 4), (2450, 4)]


def test_directions() -> None:
    """Of x^2 + 3 x y^3: unit vectors, x + y, and x + 3 y, 3 x + y; x is one family for both."""
    found = check(polynomials(x**2 + 3 * x * y**3))
    directions = [family.directions for family in found]
    assert directions == [
        (((0, 1),),),
        (((1, 1),),),
        (((0, 1), (1, 1)),),
        (((0, 1), (1, 3)),),
        (((0, 3), (1, 1)),),
    ]
    assert found[0].order == 4
    assert found[0].lower == {(0, 2): {0: Fraction(1)}}


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ([0], []),
        ([1, 7], []),
        ([x, x**3], [(1, 3)]),
        ([1, x, y, y**3], [(1, 1), (1, 3)]),
        ([x - y**2 - z**2], [(1, 1), (2, 2)]),
        ([x**2 - y**2 - z**2], [(1, 2), (2, 2)]),
        ([x**2 + y**2, x**2 - y**2], [(1, 2), (1, 2)]),
        ([x + y**2], [(1, 1), (1, 2)]),
        ([x * y], [(2, 2), (1, 2)]),
        ([x * y, y * z], [(1, 2), (1, 2), (1, 2), (1, 2), (1, 2)]),
        ([x * y + (x**2 + y**2) / 2], [(1, 2)]),
        ([(x + 2 * y) ** 3], [(1, 3)]),
    ],
)
def test_which_directions_share_a_family(
    operators: list[Any], expected: list[tuple[int, int]]
) -> None:
    assert shapes(check(polynomials(*map(sp.sympify, operators)))) == expected


def test_lower_orders_do_not_split_a_family() -> None:
    """With the gradient, the Laplacian's directions still have one sum of second derivatives."""
    (family,) = check(polynomials(x, y, z, x**2 + y**2 + z**2, x + 2 * y))
    assert len(family.directions) == 3
    assert family.weights == {3: Fraction(1)}
    assert family.lower == {
        (0, 1): {0: Fraction(1)},
        (1, 1): {1: Fraction(1)},
        (2, 1): {2: Fraction(1)},
        (4, 1): {0: Fraction(1), 1: Fraction(2)},
    }


def test_sums_of_lower_order() -> None:
    """Lap and Lap Lap together need the directions of Lap Lap, no more."""
    laplacian = x**2 + y**2
    both = check(polynomials(laplacian, sp.expand(laplacian**2)))
    assert shapes(both) == [(2, 4), (1, 4), (2, 4)]
    assert both[0].lower == {(0, 2): {0: Fraction(1), 1: Fraction(1)}}
