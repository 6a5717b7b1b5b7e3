"""Along which directions an expression depends on its unknowns: its gradient, term by term."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection
from fractions import Fraction

import sympy as sp

from jetfold.rules.polynomial import fraction

Term = tuple[tuple[int, Fraction], ...]
"""A product of powers of generators: pairs of a generator's number and its exponent, ascending."""
Terms = dict[Term, Fraction]

LONGEST_POWER = 1000
"""A power that would have more terms than this when multiplied out stays a generator."""


def gradient(
    expr: sp.Expr, unknowns: Collection[sp.Symbol]
) -> dict[sp.Expr, dict[sp.Symbol, sp.Expr]]:
    """The gradient as ``sum over keys phi of phi * vector``, with numbers in the vectors.

    So the span of all gradients is that of the vectors wherever the keys, which are products of
    powers without a numeric factor, are linearly independent. They are if the expression is a
    polynomial without long powers; otherwise the vectors may span more. For example
    x*s**2 + x*r**2 + 3*x*r*s has {x*s: (2, 3), x*r: (3, 2)}.
    """
    expansion = _Expansion(unknowns)
    vectors: dict[sp.Expr, dict[sp.Symbol, sp.Expr]] = defaultdict(
        lambda: defaultdict(lambda: sp.S.Zero)
    )
    for unknown, terms in expansion.differentiate(expansion.expand(expr)).items():
        for term, coefficient in terms.items():
            phi, number = expansion.factors(term)
            vectors[phi][unknown] += sp.Rational(coefficient) * number
    found = {
        phi: {unknown: number for unknown, number in vector.items() if not _is_zero(number)}
        for phi, vector in vectors.items()
    }
    return {phi: vector for phi, vector in found.items() if vector}


def _is_zero(number: sp.Expr) -> bool:
    """Whether a number is zero, also if it does not look so, as cos(1)**2 + sin(1)**2 - 1."""
    return number == 0 or bool(number.is_Add and number.equals(0))


class _Expansion:
    """Multiplies expressions out into sums of products of powers of generators.

    A generator is any expression that is no sum, product or power; numbers but rational ones too.
    """

    def __init__(self, unknowns: Collection[sp.Symbol]) -> None:
        self.unknowns = frozenset(unknowns)
        self.numbers: dict[sp.Expr, int] = {}
        self.generators: list[sp.Expr] = []
        self.derivatives: dict[int, dict[sp.Symbol, Terms]] = {}

    def power(self, base: sp.Expr, exponent: Fraction) -> Terms:
        number = self.numbers.setdefault(base, len(self.generators))
        if number == len(self.generators):
            self.generators.append(base)
        return {((number, exponent),): Fraction(1)}

    def expand(self, expr: sp.Expr) -> Terms:
        if expr.is_Rational:
            return {(): fraction(expr)} if expr != 0 else {}
        if expr.is_Add:
            total: Terms = {}
            for argument in expr.args:
                _add(total, self.expand(argument))
            return total
        if expr.is_Mul:
            product: Terms = {(): Fraction(1)}
            for argument in expr.args:
                product = _product(product, self.expand(argument))
            return product
        if expr.is_Pow and expr.exp.is_Rational:
            base, exponent = expr.args
            if base.is_Add and exponent.is_Integer and exponent > 0:
                terms = self.expand(base)
                if math.comb(len(terms) + exponent - 1, exponent) <= LONGEST_POWER:
                    product = terms
                    for _ in range(exponent - 1):
                        product = _product(product, terms)
                    return product
            return self.power(base, fraction(exponent))
        return self.power(expr, Fraction(1))

    def differentiate(self, terms: Terms) -> dict[sp.Symbol, Terms]:
        """The derivative with respect to each unknown."""
        found: dict[sp.Symbol, Terms] = defaultdict(dict)
        for term, coefficient in terms.items():
            for at, (number, exponent) in enumerate(term):
                lower = (*term[:at], (number, exponent - 1), *term[at + 1 :])
                for unknown, inner in self.inner_derivatives(number).items():
                    _add(found[unknown], _product({lower: coefficient * exponent}, inner))
        return found

    def inner_derivatives(self, number: int) -> dict[sp.Symbol, Terms]:
        """The derivatives of a generator, where they are not zero."""
        if number not in self.derivatives:
            generator = self.generators[number]
            self.derivatives[number] = {
                unknown: self.expand(sp.diff(generator, unknown))
                for unknown in generator.free_symbols & self.unknowns
            }
        return self.derivatives[number]

    def factors(self, term: Term) -> tuple[sp.Expr, sp.Expr]:
        """A product as what varies, and a number."""
        powers = [(self.generators[number], exponent) for number, exponent in term]
        varying = [sp.Pow(base, sp.Rational(e)) for base, e in powers if base.free_symbols]
        constant = [sp.Pow(base, sp.Rational(e)) for base, e in powers if not base.free_symbols]
        return sp.Mul(*varying), sp.Mul(*constant)


def _add(total: Terms, terms: Terms) -> None:
    """total += terms, without zeros."""
    for term, coefficient in terms.items():
        value = total.get(term, 0) + coefficient
        if value:
            total[term] = value
        else:
            del total[term]


def _product(left: Terms, right: Terms) -> Terms:
    product: Terms = {}
    for a, x in left.items():
        for b, y in right.items():
            exponents = dict(a)
            for number, exponent in b:
                exponents[number] = exponents.get(number, 0) + exponent
            term = tuple(sorted((number, e) for number, e in exponents.items() if e))
            _add(product, {term: x * y})
    return product
