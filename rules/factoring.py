"""Factored forms that neither overflow nor cancel where the expression they stand for is finite."""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from math import gcd, lcm
from operator import mul

import sympy as sp

from jetfold.graph import functions as fn
from jetfold.graph.elementary import Shorthand, damped


def factored(expr: sp.Expr) -> sp.Expr:
    """The product that an expression is, without a common denominator of powers.

    1/x**6 - 1/x**12 becomes (1 - 1/x**6) / x**6 and not (x**6 - 1) / x**12, whose parts overflow
    long before x**-6 vanishes. exp(-x) is never written as 1 / exp(x).
    """
    powers, roots = _exponentials(expr)
    found = sp.factor(expr.xreplace(powers))
    for factor in sp.Mul.make_args(found):
        base, exponent = factor.as_base_exp()
        if exponent.is_Integer and exponent < 0 and not base.is_Add:
            found = _in_inverse(found, base)
    return found.xreplace(roots)


def _exponentials(expr: sp.Expr) -> tuple[dict[sp.Expr, sp.Expr], dict[sp.Expr, sp.Expr]]:
    """Exponentials as powers of symbols, and what the symbols stand for.

    exp(-2x) is the square of exp(-x); exp(x) is no power of that.
    """
    families: defaultdict[sp.Expr, list[sp.Rational]] = defaultdict(list)
    for exponential in expr.atoms(sp.exp):
        exponent = exponential.args[0]
        split = exponent.primitive() if exponent.is_Add else exponent.as_coeff_Mul(rational=True)
        rate, variable = split
        families[variable * sp.sign(rate)].append(abs(rate))
    powers: dict[sp.Expr, sp.Expr] = {}
    roots: dict[sp.Expr, sp.Expr] = {}
    for number, variable in enumerate(sp.ordered(families)):
        rates = families[variable]
        unit, symbol = _common(rates), sp.Symbol(f"exponential_{number}", real=True)
        powers |= {sp.exp(rate * variable): symbol ** (rate / unit) for rate in rates}
        roots[symbol] = sp.exp(unit * variable)
    return powers, roots


def _common(rates: list[sp.Rational]) -> sp.Rational:
    """The largest number of which all of these are multiples."""
    return sp.Rational(
        reduce(gcd, (int(rate.p) for rate in rates)), reduce(lcm, (int(rate.q) for rate in rates))
    )


def _in_inverse(product: sp.Expr, base: sp.Expr) -> sp.Expr:
    """A product divided by a power of the base, as polynomials in 1 / base where they can be."""
    variable = sp.Symbol("base", real=True)
    power, factors = 0, []
    for factor in sp.Mul.make_args(product.xreplace({base: variable})):
        inner, exponent = factor.as_base_exp()
        if inner == variable:
            power += int(exponent)
        elif not factor.has(variable):
            factors.append(factor)
        elif exponent.is_Integer and exponent > 0 and inner.is_polynomial(variable):
            power += int(sp.degree(inner, variable) * exponent)
            factors.append(_horner(inner, variable) ** exponent)
        else:
            return product
    if power > 0:
        return product
    return sp.Mul(*factors, variable**power).xreplace({variable: base})


def _horner(polynomial: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    """A polynomial over its highest power, by Horner's rule from the lowest on.

    2 + 3 x**2 + x**3 becomes 1 + (3 + 2 / x**2) / x: no infinities of both signs meet.
    """
    lowest, *others = reversed(sp.Poly(polynomial, variable).all_coeffs())
    total, steps = lowest, 0
    for coefficient in others:
        steps += 1
        if coefficient != 0:
            total, steps = coefficient + total / variable**steps, 0
    return total


BOUNDED = (sp.exp, sp.tanh, sp.sin, sp.cos, fn.expit, fn.erf, fn.erfc, fn.sech_squared)
"""Functions that do not overflow where an exponential beside them vanishes."""


def guarded(expr: sp.Expr, fading: tuple[sp.Expr, ...] = ()) -> sp.Expr:
    """A product in which what an exponential has brought to 0 stays 0, however large the rest.

    Exponentials, and powers of what is said to be ``fading``, count as such.
    """
    if not expr.is_Mul:
        return expr
    number, factors = expr.as_coeff_mul()
    small = [f for f in factors if isinstance(f, sp.exp) or f.as_base_exp()[0] in fading]
    rest = sp.Mul(*(f for f in factors if f not in small))
    bounded = dict.fromkeys((*rest.atoms(*BOUNDED), *fading), sp.S.One)
    if not small or not rest.xreplace(bounded).free_symbols:
        return expr
    return number * damped(rest, sp.Mul(*small))


def unguarded(expr: sp.Expr) -> sp.Expr:
    """The expression with plain products, for calculus."""
    return expr.replace(damped, mul)


def fades(expr: sp.Expr) -> bool:
    """Whether an expression is 0 only where an exponential has vanished."""
    if isinstance(expr, Shorthand):
        return fades(unguarded(expr) if isinstance(expr, damped) else expr.meaning())
    factors = [f for f in sp.Mul.make_args(expr) if not isinstance(f, sp.exp)]
    powers = (factor.as_base_exp()[1] for factor in factors if not factor.is_number)
    below = all(power.is_number and power.is_negative for power in powers)
    return below and len(factors) < len(sp.Mul.make_args(expr))
