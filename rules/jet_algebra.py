"""The fewest coefficients that carry given operators through every function: their jet algebra.

Taylor expansion at a point sends a function to R[t_0, .., t_(n-1)], and the operator P(d/dx) sends
that expansion to lambda(t^a) = p_a a!. Everything that P does not see is the ideal
Ann(P) = {q : q(d/dxi) P = 0}, and A_P = R[t] / Ann(P) is the smallest quotient through which
functions can be composed and P still be read off at the end. Its dual space is the span of P and
all its derivatives (Macaulay's inverse system).

Everything here is in divided powers b_c = t^c / c!, in which a function's coordinates are its
unscaled derivatives and lambda(b_c) = p_c.

Source: Iarrobino and Kanev, Power Sums, Gorenstein Algebras, and Determinantal Loci (1999),
chapter 1 and appendix A; Kolar, Michor and Slovak, Natural Operations in Differential Geometry
(1993), section 35, for functions acting on such (Weil) algebras.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jetfold.rules.polynomial import (
    Monomial,
    Polynomial,
    derivative,
    divisors,
    factorial,
    variables,
)


class ProductTable(NamedTuple):
    """Terms of a product: out[target] += coefficient * product over k of factor_k[indices[k]]."""

    indices: NDArray[np.int64]
    """(terms, factors): positions in the factors' blocks."""
    target: NDArray[np.int64]
    """(terms,): positions in the result's block, ascending."""
    coefficients: tuple[Fraction, ...]


class JetAlgebra:
    """A_P = R[t_0, .., t_(n-1)] / (Ann(P_1) and .. and Ann(P_m)), exactly and sparsely.

    The basis consists of monomials: of all that are equal up to others, those of the highest
    degree, and then the lexicographically first. So a monomial outside the basis is a combination
    of basis monomials of at least its own degree, and products never lose degree. The basis always
    begins with 1, the function's value.
    """

    polynomials: tuple[Polynomial, ...]
    """The operators, without terms that are zero."""
    count: int
    """How many symbols t there are."""
    basis: tuple[Monomial, ...]
    """By degree, then lexicographically."""
    blocks: dict[int, tuple[Monomial, ...]]
    """The basis monomials of each degree from 1 on, in the order of the basis."""
    rows: dict[Monomial, Polynomial]
    """For each basis monomial l, the coordinate on b_l of every b_c for which it is not zero."""

    def __init__(self, polynomials: Sequence[Polynomial], count: int) -> None:
        self.polynomials = tuple(
            {monomial: number for monomial, number in polynomial.items() if number}
            for polynomial in polynomials
        )
        self.count = count
        rows = _reduced(_span_of_derivatives([*self.polynomials, {(): Fraction(1)}]))
        self.basis = tuple(sorted(rows, key=_degree_first))
        self.rows = {monomial: rows[monomial] for monomial in self.basis}
        self.blocks = {
            size: tuple(block) for size, block in groupby(self.basis, key=len) if size > 0
        }

    @property
    def dimension(self) -> int:
        """How many coefficients a function has."""
        return len(self.basis)

    @property
    def order(self) -> int:
        """The highest degree in the basis; monomials of a higher degree are 0."""
        return len(self.basis[-1])

    def reduce(self, monomial: Monomial) -> dict[Monomial, Fraction]:
        """The coordinates of b_c on the basis; nothing for an element of the ideal."""
        return dict(self._columns.get(monomial, {}))

    def reduce_plain(self, monomial: Monomial) -> dict[Monomial, Fraction]:
        """The same for t^c: its coordinates on the t^a of the basis."""
        times = factorial(monomial)
        return {a: number * times / factorial(a) for a, number in self.reduce(monomial).items()}

    def corners(self) -> list[Monomial]:
        """The monomials outside the basis whose divisors are all in it, up to the order.

        All other monomials outside the basis are multiples of these, or of a degree above the
        order: how these reduce says how everything does.
        """
        inside = set(self.basis)
        multiples = {
            tuple(sorted((*monomial, i)))
            for monomial in inside
            if len(monomial) < self.order
            for i in range(self.count)
        }
        found = (
            monomial
            for monomial in multiples - inside
            if all(part in inside for part, _ in divisors(monomial, len(monomial) - 1))
        )
        return sorted(found, key=_degree_first)

    def product(
        self, degrees: tuple[int, ...], groups: tuple[int, ...], target: int
    ) -> ProductTable:
        """The product of elements of the blocks of these degrees, as far as it lies in ``target``.

        Factors of one group (and degree) are the same element, so that only terms with ascending
        indices among them are listed, each with the number of its rearrangements in its
        coefficient. Terms are ordered by target, then by indices.
        """
        kinds = list(zip(groups, degrees, strict=True))
        twins = [
            max((j for j in range(i) if kinds[j] == kinds[i]), default=i) for i in range(len(kinds))
        ]
        size = sum(degrees)
        terms: list[tuple[int, tuple[int, ...], Fraction]] = []
        for at, monomial in enumerate(self.blocks.get(target, ())):
            for column, coordinate in self.rows[monomial].items():
                if len(column) != size:
                    continue
                for parts in self._factorings(column, degrees, twins):
                    # t^a / a! * t^b / b! = (a + b)! / (a! b!) * t^(a + b) / (a + b)!
                    times = factorial(column) // math.prod(map(factorial, parts))
                    indices = tuple(self._positions[part] for part in parts)
                    terms.append((at, indices, times * _arrangements(kinds, parts) * coordinate))
        terms.sort()
        return ProductTable(
            np.array([indices for _, indices, _ in terms], np.int64).reshape(-1, len(degrees)),
            np.array([at for at, _, _ in terms], np.int64),
            tuple(coefficient for _, _, coefficient in terms),
        )

    def _factorings(
        self,
        monomial: Monomial,
        degrees: tuple[int, ...],
        twins: Sequence[int],
        chosen: tuple[Monomial, ...] = (),
    ) -> Iterator[tuple[Monomial, ...]]:
        """Every way to write a monomial as a product of basis monomials of these degrees.

        Factor i has a twin, an earlier factor that it does not precede, if ``twins[i] < i``.
        """
        at = len(chosen)
        if at == len(degrees):
            yield chosen
            return
        for part, quotient in divisors(monomial, degrees[at]):
            if part in self._positions and (twins[at] == at or chosen[twins[at]] <= part):
                yield from self._factorings(quotient, degrees, twins, (*chosen, part))

    @cached_property
    def _columns(self) -> dict[Monomial, dict[Monomial, Fraction]]:
        """The rows, by monomial c."""
        columns: dict[Monomial, dict[Monomial, Fraction]] = defaultdict(dict)
        for monomial, row in self.rows.items():
            for column, coordinate in row.items():
                columns[column][monomial] = coordinate
        return dict(columns)

    @cached_property
    def _positions(self) -> dict[Monomial, int]:
        """Where each basis monomial stands in its block."""
        return {monomial: at for block in self.blocks.values() for at, monomial in enumerate(block)}


def _arrangements(kinds: Sequence[tuple[int, int]], parts: Sequence[Monomial]) -> int:
    """In how many orders the parts can stand, each among the factors of its kind."""
    orders = math.prod(math.factorial(times) for times in Counter(kinds).values())
    alike = Counter(zip(kinds, parts, strict=True))
    return orders // math.prod(math.factorial(times) for times in alike.values())


def _degree_first(monomial: Monomial) -> tuple[int, Monomial]:
    """By degree, then lexicographically."""
    return len(monomial), monomial


def _elimination_order(monomial: Monomial) -> tuple[int, Monomial]:
    """Which of several monomials is in the basis: the first in this order."""
    return -len(monomial), monomial


def _span_of_derivatives(polynomials: Sequence[Polynomial]) -> dict[Monomial, Polynomial]:
    """Independent combinations of the polynomials and all their derivatives, by first monomial.

    A polynomial that adds nothing is a combination of such as were there before, and so are its
    derivatives of theirs: they need not be looked at.
    """
    rows: dict[Monomial, Polynomial] = {}
    waiting = list(polynomials)
    while waiting:
        candidate = waiting.pop()
        rest = dict(candidate)
        while rest:
            first = min(rest, key=_elimination_order)
            if first not in rows:
                rows[first] = {key: value / rest[first] for key, value in rest.items()}
                waiting.extend(derivative(candidate, i) for i in variables(candidate))
                break
            _subtract(rest, rest[first], rows[first])
    return rows


def _reduced(rows: Mapping[Monomial, Polynomial]) -> dict[Monomial, Polynomial]:
    """The same span by rows that have 1 at their first monomial and 0 at those of the others."""
    reduced: dict[Monomial, Polynomial] = {}
    for first in sorted(rows, key=_elimination_order, reverse=True):
        row = dict(rows[first])
        for other in rows[first]:
            if other in reduced:
                _subtract(row, row[other], reduced[other])
        reduced[first] = row
    return reduced


def _subtract(row: Polynomial, times: Fraction, other: Polynomial) -> None:
    """row -= times * other, without zeros."""
    for monomial, number in other.items():
        value = row.get(monomial, 0) - times * number
        if value:
            row[monomial] = value
        else:
            del row[monomial]
