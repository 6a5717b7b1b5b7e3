"""The oracle for PDE expressions: SymPy's derivatives of functions that are written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import sympy as sp

from jetfold.rules.pde import Residual
from jetfold.rules.polynomial import to_sympy
from jetfold.rules.problem import Functional


def some_function(coords: Sequence[sp.Symbol], seed: int) -> sp.Expr:
    """A polynomial of degree 7 of which no derivative of low order vanishes anywhere in sight."""
    random = np.random.default_rng(seed)
    total = sp.S.Zero
    for _ in range(2):
        *slopes, shift, weight = map(int, random.integers(1, 9, len(coords) + 2))
        linear = sp.Add(*(a * c for a, c in zip(slopes, coords, strict=True)), shift) / 7
        total += sp.Rational(weight, 5) * linear**7
    return total


def some_numbers(symbols: Sequence[sp.Symbol], seed: int) -> dict[sp.Symbol, sp.Rational]:
    """Positive rational values."""
    random = np.random.default_rng(seed)
    return {symbol: sp.Rational(*map(int, random.integers(1, 20, 2))) for symbol in symbols}


def value_of(functional: Functional, found: Residual, functions: Sequence[sp.Expr]) -> sp.Expr:
    """A functional of a function that is written out."""
    terms = []
    for monomial, number in functional.polynomial.items():
        derivative = functions[functional.output]
        for variable in monomial:
            derivative = sp.diff(derivative, found.coords[variable])
        terms.append(sp.Rational(number) * derivative)
    return sp.Add(*terms)


def check_values(
    found: Residual,
    expressions: Sequence[sp.Expr],
    functions: Mapping[sp.Expr, sp.Expr] | None = None,
    tolerance: float = 0,
) -> None:
    """The expressions have the same values by the functionals as by SymPy's differentiation."""
    functions = functions or {}
    written = {
        field: functions.get(field, some_function(field.args, seed))
        for seed, field in enumerate(found.fields)
    }
    point = some_numbers([*found.coords, *found.parameters], seed=5)
    values = {
        symbol: value_of(functional, found, list(written.values())).subs(point)
        for symbol, functional in zip(found.symbols, found.functionals, strict=True)
    }
    assert len(found.expressions) == len(expressions)
    for by_functionals, expr in zip(found.expressions, expressions, strict=True):
        assert by_functionals.free_symbols <= values.keys() | point.keys()
        expected = expr.subs(written).doit().subs(point)
        actual = by_functionals.subs(values).subs(point)
        assert expected.is_number
        difference = sp.expand(actual - expected)
        if tolerance:
            assert abs(sp.N(difference, 30)) <= tolerance * abs(sp.N(expected, 30))
        else:
            assert difference == 0
        assert expected != 0  # else anything could have been lost


def forms(found: Residual, output: int = 0) -> list[sp.Expr]:
    """The functionals of one output as polynomials in the coordinates."""
    return [
        to_sympy(functional.polynomial, found.coords)
        for functional in found.functionals
        if functional.output == output
    ]
