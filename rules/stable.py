"""Expressions rewritten so that they neither cancel nor overflow where their value is finite.

The rules are data: a name, the identity, and a function that gives the right side of the identity
for an expression that is its left side, or None. They are tried on every part of an expression,
the innermost first, until none applies; there all symbols stand for real numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import sympy as sp

from jetfold.graph import functions as fn
from jetfold.graph.functions import HALF
from jetfold.rules.factoring import guarded


@dataclass(frozen=True)
class Identity:
    """A rule: ``rewrite`` gives the other side for an expression of this kind, or None."""

    name: str
    algebra: str
    kind: type[sp.Basic]
    rewrite: Callable[[Any], Any]


@lru_cache(maxsize=4096)
def stable(expr: sp.Expr) -> sp.Expr:
    """The expression in a form that is finite and accurate wherever its value is.

    What no rule knows is left as it is. A product with an exponential stays 0 where that is.
    """
    return rewritten(expr).replace(lambda part: part.is_Mul, guarded)


def rewritten(expr: sp.Expr) -> sp.Expr:
    """The expression after the rules."""
    if not expr.args or not expr.free_symbols:
        return expr
    parts = [
        rewritten(part) if isinstance(part, (sp.Expr, sp.Tuple)) else part for part in expr.args
    ]
    made = expr if tuple(parts) == expr.args else expr.func(*parts)
    if made.args != tuple(parts):
        return rewritten(made)
    for rule in IDENTITIES:
        if isinstance(made, rule.kind):
            found = rule.rewrite(made)
            if found is not None and found != made:
                return rewritten(found)
    return made


# Sums ---------------------------------------------------------------------------------------------

COMPLEMENTS: tuple[tuple[type[sp.Basic], int, sp.Rational, Callable[[Any], Any]], ...] = (
    (fn.erf, 1, sp.S(1), lambda z: fn.erfc(-z)),
    (fn.erf, 1, sp.S(-1), lambda z: -fn.erfc(z)),
    (fn.erfc, 1, sp.S(-1), lambda z: -fn.erf(z)),
    (fn.expit, 1, sp.S(-1), lambda z: -fn.expit(-z)),
    (fn.expit, 1, -HALF, lambda z: fn.tanh(HALF * z) / 2),
    (fn.tanh, 1, sp.S(1), lambda z: 2 * fn.expit(2 * z)),
    (fn.tanh, 1, sp.S(-1), lambda z: -2 * fn.expit(-2 * z)),
    (fn.tanh, 2, sp.S(-1), lambda z: -fn.sech_squared(z)),
    (sp.exp, 1, sp.S(-1), fn.expm1),
    (sp.cos, 1, sp.S(-1), lambda z: -2 * sp.sin(HALF * z) ** 2),
    (sp.cosh, 1, sp.S(-1), lambda z: 2 * sp.sinh(HALF * z) ** 2),
)
"""f(z)**n + c and what it is: the function f, n, c and the right side."""


def _complement(expr: sp.Add) -> sp.Expr | None:
    for term in expr.args:
        for factor in sp.Mul.make_args(term):
            base, exponent = (factor, 1) if isinstance(factor, sp.exp) else factor.as_base_exp()
            times = term / factor
            for function, n, constant, right in COMPLEMENTS:
                if not isinstance(base, function) or exponent != n:
                    continue
                partner = constant * times
                if partner in expr.args:
                    rest = [other for other in expr.args if other not in (term, partner)]
                    return sp.Add(*rest, times * right(base.args[0]))
    return None


def _opposite_exponentials(expr: sp.Add) -> sp.Expr | None:
    for term in expr.args:
        for factor in sp.Mul.make_args(term):
            if not isinstance(factor, sp.exp) or factor.args[0].could_extract_minus_sign():
                continue
            z, times = factor.args[0], term / factor
            for sign, function in ((1, sp.cosh), (-1, sp.sinh)):
                partner = sign * times * sp.exp(-z)
                if partner in expr.args:
                    rest = [other for other in expr.args if other not in (term, partner)]
                    return sp.Add(*rest, 2 * times * function(z))
    return None


def _powers_of_inverses(expr: sp.Add) -> sp.Expr | None:
    """A common factor in place of powers of 1/x that overflow on their own."""
    powers = [p for p in expr.atoms(sp.Pow) if p.exp.is_Integer and p.exp < 0 and p.free_symbols]
    monomials = all(p.base.is_Symbol for p in powers) and len(powers) > 1
    found = sp.factor_terms(expr) if monomials and expr.is_rational_function() else expr
    return None if found.is_Add else found


# Products and quotients ---------------------------------------------------------------------------

QUOTIENTS: tuple[tuple[type[sp.Basic], type[sp.Basic], Any, Callable[[Any], Any]], ...] = (
    (sp.exp, fn.expit, sp.S(-1), fn.expit),
    (fn.expm1, fn.expit, sp.S(-1), lambda z: fn.tanh(HALF * z)),
    (sp.sinh, fn.sech, sp.S(1), fn.tanh),
)
"""f(z) * g(c z) and what it is: the functions f and g, c and the right side."""


def _product(expr: sp.Mul) -> sp.Expr | None:
    for first, second, scale, right in QUOTIENTS:
        for factor in expr.args:
            if isinstance(factor, first):
                z = factor.args[0]
                partner = second(scale * z)
                if partner in expr.args:
                    return expr / factor / partner * right(z)
    return None


def _sine_quotient(expr: sp.Mul) -> sp.Expr | None:
    """sin(c z)**m / z**n as a power of sinc."""
    for factor in expr.args:
        base, times = factor.as_base_exp()
        if not isinstance(base, sp.sin) or not times.is_Integer or times < 1:
            continue
        scale, z = base.args[0].as_coeff_Mul()
        below = sp.sympify(expr.as_powers_dict()[z])
        if below.is_Integer and below < 0:
            shared = min(times, -below)
            quotient = (scale * fn.sinc(0, base.args[0])) ** shared
            return expr / base**shared * z**shared * quotient
    return None


# Powers and logarithms ----------------------------------------------------------------------------


def _one_plus(expr: sp.Expr) -> sp.Expr | None:
    """z, if the expression is 1 + z."""
    return expr - 1 if expr.is_Add and sp.S.One in expr.args else None


def _logistic(expr: sp.Pow) -> sp.Expr | None:
    rest = _one_plus(expr.base)
    if not isinstance(rest, sp.exp) or not expr.exp.is_number or not expr.exp.is_negative:
        return None
    return fn.expit(-rest.args[0]) ** -expr.exp


def _norm(expr: sp.Pow) -> sp.Expr | None:
    """sqrt(x**2 + y**2 + ..) to any odd power."""
    base, exponent = expr.args
    if not exponent.is_Rational or exponent.q != 2 or not base.is_Add:
        return None
    roots = [_root(term) for term in sp.ordered(base.args)]
    return None if None in roots else reduce(fn.hypot, roots) ** (2 * exponent)


def _root(square: sp.Expr) -> sp.Expr | None:
    factors = []
    for factor in sp.Mul.make_args(square):
        base, exponent = factor.as_base_exp()
        if factor.is_number and factor.is_positive:
            factors.append(sp.sqrt(factor))
        elif exponent.is_Integer and exponent % 2 == 0:
            factors.append(base ** (exponent / 2))
        else:
            return None
    return sp.Mul(*factors)


def _logarithm(expr: sp.log) -> sp.Expr | None:
    inner = expr.args[0]
    rest = _one_plus(inner)
    if rest is not None:
        return fn.softplus(rest.args[0]) if isinstance(rest, sp.exp) else fn.log1p(rest)
    if isinstance(inner, fn.expit):
        return fn.log_expit(inner.args[0])
    if inner.is_Add and len(inner.args) == 2 and all(isinstance(e, sp.exp) for e in inner.args):
        return fn.logaddexp(*(e.args[0] for e in inner.args))
    return None


def _long_logarithm(expr: fn.log1p) -> sp.Expr | None:
    z = expr.args[0]
    return fn.softplus(z.args[0]) if isinstance(z, sp.exp) else None


def _reciprocal_cosh(expr: sp.Pow) -> sp.Expr | None:
    negative = expr.exp.is_Integer and expr.exp < 0
    return (
        fn.sech(expr.base.args[0]) ** -expr.exp
        if negative and isinstance(expr.base, sp.cosh)
        else None
    )


IDENTITIES = (
    Identity("complement", "1 + erf(z) = erfc(-z), exp(z) - 1 = expm1(z), ..", sp.Add, _complement),
    Identity(
        "opposite exponentials", "exp(z) + exp(-z) = 2 cosh(z)", sp.Add, _opposite_exponentials
    ),
    Identity("powers of inverses", "1/x**2 - 1/x = (1/x - 1)/x", sp.Add, _powers_of_inverses),
    Identity("logistic function", "1/(1 + exp(z)) = expit(-z)", sp.Pow, _logistic),
    Identity("norm", "sqrt(x**2 + y**2) = hypot(x, y)", sp.Pow, _norm),
    Identity("hyperbolic secant", "1/cosh(z) = sech(z)", sp.Pow, _reciprocal_cosh),
    Identity("quotient", "exp(z) expit(-z) = expit(z), ..", sp.Mul, _product),
    Identity("sine quotient", "sin(z) / z = sinc(0, z)", sp.Mul, _sine_quotient),
    Identity("logarithm", "log(1 + z) = log1p(z), ..", sp.log, _logarithm),
    Identity("softplus", "log1p(exp(z)) = softplus(z)", fn.log1p, _long_logarithm),
)
