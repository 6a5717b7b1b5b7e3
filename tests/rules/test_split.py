"""Sums over directions move into expressions as far as linearity allows."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp

from jetfold.graph import operand_symbol
from jetfold.rules.collapse import split

A, B, C, D = map(operand_symbol, range(4))
SUMS = s0, s1 = sp.symbols("s0 s1", real=True)


@pytest.mark.parametrize(
    ("expr", "outer", "inner"),
    [
        (A, s0, (A,)),
        (C * A, C * s0, (A,)),
        (C, 3 * C, ()),
        (sp.Integer(7), 21, ()),
        (A + B, s0 + s1, (A, B)),
        (A * B, s0, (A * B,)),
        (2 * C * A * B, 2 * C * s0, (A * B,)),
        (sp.tanh(C) * A + sp.exp(A) + C, sp.tanh(C) * s0 + s1 + 3 * C, (A, sp.exp(A))),
        (A / C + B / C, s0 / C + s1 / C, (A, B)),
        (A * (C + B), C * s0 + s1, (A, A * B)),
        (C * A**2 + C * B**2, C * s0, (A**2 + B**2,)),
        (1 / (A + B) ** 2, s0, ((A + B) ** -2,)),
        (C * (A**2 + D * B), C * s0 + C * D * s1, (A**2, B)),
        ((A + C) ** 2, 3 * C**2 + 2 * C * s0 + s1, (A, A**2)),
        (sp.tanh(A + C), s0, (sp.tanh(A + C),)),
        (sp.Piecewise((A * C, C > 0), (1, True)), sp.Piecewise((C * s0, C > 0), (3, True)), (A,)),
        (sp.Piecewise((A, A > C), (C, True)), s0, (sp.Piecewise((A, A > C), (C, True)),)),
        (
            D * sp.Piecewise((A, A > C), (C, True)),
            D * s0,
            (sp.Piecewise((A, A > C), (C, True)),),
        ),
    ],
)
def test_split(expr: sp.Expr, outer: sp.Expr, inner: tuple[sp.Expr, ...]) -> None:
    """a0 and a1 depend on the direction, a2 and a3 do not; there are 3 directions.

    s0, s1, .. stand for the sums of the inner expressions in the order in which they are given.
    """
    found = split(sp.sympify(expr), frozenset({A, B}), 3)
    assert set(found.inner) == set(inner)
    names = {found.symbols[found.inner.index(term)]: SUMS[j] for j, term in enumerate(inner)}
    assert sp.expand(found.outer.subs(names, simultaneous=True) - outer) == 0


RANDOM_SPLITS = [
    sp.expand((A * C + B * D + C) ** 3),
    (A * C + B * D + C) ** 3,
    A * (B + C * (A + D * (B + A * C))),
    sp.exp(C) * (A**2 - 2 * A * B + B**2) - sp.sin(A * C) * D + 5,
    sp.Piecewise((A**2 * C + B, C > D), (sp.Piecewise((A, D > 2), (C * B, True)), True)),
    (1 - C**2) * (A - 2 * C * B**2) + sp.Piecewise((C, C > 0), (A * B, True)),
]


@pytest.mark.parametrize("expr", RANDOM_SPLITS)
def test_split_is_the_sum(expr: sp.Expr) -> None:
    """With the sums put back in, the outer expression is the sum over the directions."""
    found = split(expr, frozenset({A, B}), 3)
    point = {C: Fraction(2, 3), D: Fraction(-5, 2)}
    values = [{A: Fraction(r + 1, 3), B: Fraction(7 - r, r + 2)} for r in range(3)]
    sums = {
        symbol: sum(term.subs(point | value) for value in values)
        for symbol, term in zip(found.symbols, found.inner, strict=True)
    }
    direct = sum(expr.subs(point | value) for value in values)
    assert sp.simplify(found.outer.subs(point | sums) - direct) == 0
    assert not found.outer.free_symbols & {A, B}
    assert all(term.free_symbols & {A, B} for term in found.inner)
