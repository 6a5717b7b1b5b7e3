"""Taylor rules of any order, derived by SymPy from the one expression that defines a primitive.

Coefficients are unscaled derivatives along a path, ``f_k = d^k/dt^k f(x(t)) at t = 0``.

The derivation is one line of calculus. Write a coefficient as a sum of terms ``c * m`` with ``c`` a
function of the point and ``m`` a monomial in the path's higher coefficients. Then

    d/dt (c m) = sum_i (dc/dx_i) x_{i,1} m  +  c dm/dt,       d/dt x_{i,k} = x_{i,k+1},

and repeating it gives Faa di Bruno's formula for elementwise functions and Leibniz' rule for
products (MATH: Griewank and Walther, Evaluating Derivatives, 2nd ed. 2008, chapter 13). Where the
derivative can be written in terms of the function's own value ``y`` (tanh: 1 - y**2) it is, so
that one evaluation of the function serves all orders.
"""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from jetfold.graph.elementary import Elementary
from jetfold.graph.functions import HALF, maximum, minimum
from jetfold.graph.ops import operand_symbol
from jetfold.rules.factoring import factored, fades, guarded, unguarded

OUTPUT = sp.Symbol("y", real=True)
"""Stands for the function's own value in derived rules."""

Monomial = tuple[tuple[int, int], ...]
"""A product of path coefficients: pairs (operand, order), sorted, repeated for powers."""

Terms = dict[Monomial, sp.Expr]

MOST_OPERATIONS = 200
"""Coefficients with more operations are only factored term by term, which takes no time."""


@lru_cache(maxsize=10_000)
def path_symbol(operand: int, order: int) -> sp.Symbol:
    """The coefficient of some order of an operand's path; order 0 is the operand itself."""
    return operand_symbol(operand) if order == 0 else sp.Symbol(f"a{operand}_{order}", real=True)


@lru_cache(maxsize=4096)
def taylor_rule(expr: sp.Expr, order: int, active: tuple[int, ...]) -> tuple[sp.Expr, ...]:
    """The coefficients 0..order of an elementwise function along a path.

    ``active`` are the operands that vary along the path; the others are constants. The results
    are expressions in `path_symbol` and, from order 1 on, in `OUTPUT`. A selection (Piecewise,
    maximum, minimum) is derived branch by branch, so that what is infinite in a branch not
    taken is never multiplied by zero.
    """
    selection = branches(expr)
    if selection is not None:
        rules = [(taylor_rule(branch, order, active), where) for branch, where in selection]
        higher = [
            sp.Piecewise(*((rule[k].subs(OUTPUT, branch), where) for (rule, where), (branch, _) in
                           zip(rules, selection, strict=True)))
            for k in range(1, order + 1)
        ]  # fmt: skip
        return (expr, *higher)
    terms = taylor_terms(unguarded(expr), order, active)
    fading = (OUTPUT,) if fades(expr) else ()
    return (expr, *(assemble(coefficient, fading) for coefficient in terms[1:]))


def taylor_terms(expr: sp.Expr, order: int, active: tuple[int, ...]) -> list[Terms]:
    """The coefficients as sums of terms, for a function that is not a selection."""
    slopes = {i: _slope(expr, i) for i in active}
    terms: Terms = {((i, 1),): slope for i, slope in slopes.items() if slope != 0}
    result: list[Terms] = [{(): expr}, terms]
    while len(result) <= order:
        following: Terms = {}
        for monomial, factor in result[-1].items():
            for i in active:
                slope = sp.diff(factor, operand_symbol(i))
                slope = in_output(slope, expr) + sp.diff(factor, OUTPUT) * slopes[i]
                _accumulate(following, (*monomial, (i, 1)), slope)
            for i, k in monomial:  # one summand for each factor, so that powers count themselves
                rest = list(monomial)
                rest.remove((i, k))
                _accumulate(following, (*rest, (i, k + 1)), factor)
        unit = next(iter(slopes.values())) if len(slopes) == 1 else sp.S.One
        plain = in_output(unit.written(), expr) if isinstance(unit, Elementary) else unit
        tidied = {monomial: tidy(factor, unit, plain) for monomial, factor in following.items()}
        result.append({monomial: factor for monomial, factor in tidied.items() if factor != 0})
    return result[: order + 1]


def _slope(expr: sp.Expr, operand: int) -> sp.Expr:
    """The first derivative; where the output is in it, factors would be no more accurate."""
    slope = in_output(sp.diff(expr, operand_symbol(operand)), expr)
    return slope if slope.has(OUTPUT) else tidy(slope)


def _accumulate(terms: Terms, monomial: Monomial, factor: sp.Expr) -> None:
    if factor != 0:
        key = tuple(sorted(monomial))
        terms[key] = terms.get(key, sp.S.Zero) + factor


def assemble(terms: Terms, fading: tuple[sp.Expr, ...]) -> sp.Expr:
    """The sum of the terms as one expression."""
    return sp.Add(
        *(
            guarded(factor, fading) * sp.Mul(*(path_symbol(i, k) for i, k in monomial))
            for monomial, factor in terms.items()
        )
    )


@lru_cache(maxsize=10_000)
def tidy(expr: sp.Expr, unit: sp.Expr = sp.S.One, plain: sp.Expr | None = None) -> sp.Expr:
    """A factored form: cheap to evaluate, and without the cancellation of an expanded one.

    What is a sum when written ``plain`` is kept as a factor where it is one, in the form ``unit``
    that does not cancel: all derivatives of tanh share the factor sech_squared(x) = 1 - y**2, and
    what else they contain is a polynomial in y. A selection is factored branch by branch: as a
    whole SymPy would expand what is in it.
    """
    if expr.has(sp.Piecewise):
        parts = sp.piecewise_fold(expr).args
        return sp.Piecewise(*((tidy(branch, unit, plain), where) for branch, where in parts))
    if sp.count_ops(expr) > MOST_OPERATIONS:
        return sp.factor_terms(expr)
    plain = unit if plain is None else plain
    if isinstance(plain, sp.Add):
        above, below = sp.cancel(expr / unit).as_numer_denom()
        if below.is_number:
            return unit * factored((above / below).xreplace({unit: plain}))
    return factored(expr)


def in_output(slope: sp.Expr, expr: sp.Expr) -> sp.Expr:
    """A derivative of ``expr`` written with `OUTPUT` wherever ``expr`` or a power of it occurs.

    The derivative of a quotient by what is below the line is the quotient once more divided.
    """
    if isinstance(expr, sp.Pow) and not (expr.exp.is_Integer and expr.exp > 0):
        base, exponent = expr.args

        def power(old: sp.Expr) -> sp.Expr:
            times = old.exp / exponent
            return OUTPUT**times if times.is_Integer else old

        return slope.replace(lambda e: isinstance(e, sp.Pow) and e.base == base, power)
    if isinstance(expr, (sp.Function, sp.exp)):
        return slope.xreplace({expr: OUTPUT})
    if isinstance(expr, sp.Mul) and expr.is_rational_function():
        below = expr.as_numer_denom()[1].free_symbols
        ratio = sp.cancel(slope / expr) if below else sp.S.Zero
        if ratio != 0 and ratio.as_numer_denom()[1].free_symbols <= below:
            return OUTPUT * ratio
    return slope


def branches(expr: sp.Expr) -> list[tuple[sp.Expr, sp.Basic]] | None:
    """A selection as pairs (branch, condition), or None for anything else."""
    if expr.has(sp.Piecewise):
        folded = sp.piecewise_fold(expr)
        return [(branch, where) for branch, where in folded.args]
    if isinstance(expr, (maximum, minimum)):
        x, y = expr.args
        return [(x, expr.order(x, y)), (y, expr.order(y, x)), (HALF * (x + y), sp.true)]
    return None


def leibniz(order: int, active: tuple[int, ...]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """The terms (factor, order of each active operand) of d^order of a multilinear function.

    They are the terms of the Taylor rule of the product of the active operands.
    """
    product = sp.Mul(*map(operand_symbol, active))
    terms = taylor_terms(product, order, active)[order] if order else {(): product}
    found = []
    for monomial, factor in terms.items():
        orders = dict(monomial)
        found.append((int(factor.as_coeff_Mul()[0]), tuple(orders.get(i, 0) for i in active)))
    return tuple(found)
