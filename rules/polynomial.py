"""Differential operators with constant coefficients as polynomials: d/dx_i is the variable i.

A monomial is the sorted tuple of its variables, each as often as its power: (0, 0, 1) is x0^2 x1.
Coefficients are exact fractions. With thousands of variables, as few terms as there are stay few.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

import sympy as sp

Monomial = tuple[int, ...]
Polynomial = dict[Monomial, Fraction]


def from_sympy(expr: sp.Expr, symbols: Sequence[sp.Symbol]) -> Polynomial:
    """A SymPy polynomial in these symbols. Floats are taken as the binary fractions they are.

    Raises `sympy.PolynomialError` for anything but a polynomial with real numbers in it.
    """
    found: Polynomial = {}
    for powers, number in sp.Poly(expr, *symbols).terms():
        if number != 0:
            monomial = tuple(i for i, power in enumerate(powers) for _ in range(power))
            found[monomial] = fraction(number)
    return found


def to_sympy(polynomial: Mapping[Monomial, Fraction], symbols: Sequence[sp.Symbol]) -> sp.Expr:
    """The polynomial in these symbols."""
    return sp.Add(
        *(
            sp.Rational(number.numerator, number.denominator)
            * sp.Mul(*(symbols[i] for i in powers))
            for powers, number in polynomial.items()
        )
    )


def fraction(number: sp.Expr | float) -> Fraction:
    """A number as a fraction: exact for rational ones and floats, else to double precision.

    Raises `sympy.PolynomialError` for what is not a finite real number.
    """
    number = sp.sympify(number)
    if number.is_Rational:
        return Fraction(int(number.p), int(number.q))
    try:
        return Fraction(float(number))
    except (TypeError, ValueError, OverflowError):
        raise sp.PolynomialError(f"{number} is not a finite real number") from None


def degree(polynomial: Mapping[Monomial, Fraction]) -> int:
    """The highest order of a term; 0 for no terms."""
    return max(map(len, polynomial), default=0)


def derivative(polynomial: Mapping[Monomial, Fraction], variable: int) -> Polynomial:
    """The derivative of the polynomial with respect to one of its variables."""
    found: Polynomial = {}
    for powers, number in polynomial.items():
        power = powers.count(variable)
        if power:
            at = powers.index(variable)
            found[powers[:at] + powers[at + 1 :]] = power * number
    return found


def variables(polynomial: Mapping[Monomial, Fraction]) -> list[int]:
    """The variables that occur, in order."""
    return sorted({i for powers in polynomial for i in powers})


def divisors(monomial: Monomial, size: int) -> Iterator[tuple[Monomial, Monomial]]:
    """Every monomial of degree ``size`` that divides this one, each once, with the quotient."""

    def choose(rest: list[tuple[int, int]], size: int) -> Iterator[Monomial]:
        if not rest:
            if size == 0:
                yield ()
            return
        (variable, power), *others = rest
        for taken in range(min(power, size) + 1):
            for tail in choose(others, size - taken):
                yield (variable,) * taken + tail

    counted = sorted(Counter(monomial).items())
    for part in choose(counted, size):
        yield part, tuple(sorted((Counter(monomial) - Counter(part)).elements()))


def factorial(monomial: Iterable[int]) -> int:
    """The product of the factorials of the powers, a! for x^a."""
    return math.prod(math.factorial(power) for power in Counter(monomial).values())
