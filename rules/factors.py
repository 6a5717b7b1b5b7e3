"""Operators as products of simpler ones."""

from __future__ import annotations

import sympy as sp

from jetfold.rules.polynomial import Polynomial, degree, from_sympy, to_sympy

MOST_VARIABLES = 6
"""Factoring polynomials in more variables than this may take long."""


def factored(polynomial: Polynomial, count: int) -> tuple[Polynomial, ...]:
    """Factors of order 1 and above of a polynomial in ``count`` variables, if there are several.

    Their product is the polynomial; its number goes with the first.
    """
    if count > MOST_VARIABLES or degree(polynomial) < 2:
        return ()
    symbols = sp.symbols(f"x:{count}", real=True)
    number, powers = sp.factor_list(to_sympy(polynomial, symbols), *symbols)
    factors = [factor for factor, times in powers for _ in range(times)]
    if len(factors) < 2:
        return ()
    factors[0] *= number
    return tuple(from_sympy(factor, symbols) for factor in factors)
