"""Whether SymPy can show that an expression is zero."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.functions.elementary.piecewise import ExprCondPair

from jetfold.graph.elementary import Shorthand
from jetfold.graph.functions import sech_squared

MOST_OPERATIONS = 4000
"""Expressions with more operations are not expanded: that may take very long."""

FEW_OPERATIONS = 120
"""Expressions with up to so many operations are simplified by everything that SymPy has."""


@lru_cache(maxsize=1 << 14)
def is_zero(expr: sp.Expr) -> bool | None:
    """Whether an expression of real symbols is 0 for all their values; None: SymPy cannot tell.

    First functions are arbitrary functions, and the expression is a rational function of them and
    of the symbols. Then what they are made of counts (1 / cosh(x) for a shorthand, 1 - tanh(x)**2),
    and the laws of exponentials. At last SymPy's simplification is asked. That an expression is not
    zero is only said of one that is not at some point, to 30 digits.
    """
    expr = sp.sympify(expr)
    if expr == 0:
        return True
    if sp.count_ops(expr) > MOST_OPERATIONS:
        return None
    if expr.has(sp.Piecewise):
        return _all_zero(expr)
    if _rational_zero(expr):
        return True
    plain = _plain(expr)
    if _rational_zero(plain) or _rational_zero(sp.expand(plain, deep=True, mul=False)):
        return True
    if _nonzero_somewhere(plain):
        return False
    if sp.count_ops(plain) <= FEW_OPERATIONS and sp.simplify(plain) == 0:
        return True
    return None


def _all_zero(expr: sp.Expr) -> bool | None:
    folded = sp.piecewise_fold(expr)
    if not isinstance(folded, sp.Piecewise):
        return is_zero(folded)
    found = {is_zero(branch) for branch, _ in folded.args}
    if found == {True}:
        return True
    return False if _nonzero_somewhere(expr) else None


def _rational_zero(expr: sp.Expr) -> bool:
    """Whether the expression vanishes as a rational function of symbols and function values."""
    plain = expr.replace(_is_no_rational, _Placeholders())
    return bool(sp.expand(sp.together(plain).as_numer_denom()[0]) == 0)


def _is_no_rational(expr: Any) -> bool:
    if isinstance(expr, sp.Pow):
        return not expr.exp.is_Integer
    return isinstance(expr, (sp.Function, sp.exp)) or (expr.is_number and not expr.is_Rational)


class _Placeholders:
    """A symbol for each distinct expression."""

    def __init__(self) -> None:
        self.known: dict[sp.Expr, sp.Symbol] = {}

    def __call__(self, expr: sp.Expr) -> sp.Symbol:
        key = expr.func(*map(_expanded, expr.args)) if expr.args else expr
        return self.known.setdefault(key, sp.Dummy(real=True))


def _expanded(part: sp.Basic) -> sp.Basic:
    """An argument of a function with its products multiplied out, also in a piece of a choice."""
    if isinstance(part, ExprCondPair):
        return ExprCondPair(sp.expand(part.expr), part.cond)
    return sp.expand(part)


def _plain(expr: sp.Expr) -> sp.Expr:
    """The expression with shorthands spelled out, and in terms of tanh."""
    while found := expr.atoms(Shorthand):
        expr = expr.xreplace({call: call.written() for call in found})
    return expr.replace(lambda e: isinstance(e, sech_squared), lambda e: e.written())


def _nonzero_somewhere(expr: sp.Expr) -> bool:
    symbols = sorted(expr.free_symbols, key=str)
    for start in (3, 11):
        point = {s: sp.Rational(start + 5 * i, 7 + 2 * i) for i, s in enumerate(symbols)}
        try:
            terms = [abs(sp.N(term.subs(point), 30)) for term in sp.Add.make_args(expr)]
            total = abs(sp.N(expr.subs(point), 30))
            if total > 1e-15 * max(1, *terms):
                return True
        except (TypeError, ValueError, ArithmeticError):
            continue
    return False
