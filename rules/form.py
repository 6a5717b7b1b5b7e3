"""Operators of order 2 whose coefficients differ from point to point.

At every point, sum_q c_q P_q(d/dx) is one operator of order 2, and its algebra has the same basis
everywhere: 1, the t_i, and one element of degree 2 on which the operator itself is the coordinate.
Only the products t_i t_j = (d^2 P / dxi_i dxi_j) top differ, with the coefficients c_q. So D + 2
coefficients carry any such operator, with no need to know a factor of its matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from jetfold.graph import Editor
from jetfold.rules.polynomial import Monomial, Polynomial, degree, variables

TOP: Monomial = (-1, -1)
"""Stands for the basis element of degree 2."""


@dataclass(frozen=True)
class Form:
    """sum_q c_q P_q(d/dv) f, for each f of some outputs of a function graph, P_q of order <= 2.

    ``coefficients`` adds the scalars c_q to an editor, given the nodes of all of the
    graph's outputs there.
    """

    outputs: tuple[int, ...]
    polynomials: tuple[Polynomial, ...]
    coefficients: Callable[[Editor, Sequence[int]], list[int]]

    def numbers(self, monomial: Monomial) -> dict[int, Fraction]:
        """The coefficient of a monomial: for each c_q the number that multiplies it."""
        return {q: p[monomial] for q, p in enumerate(self.polynomials) if monomial in p}


class Split(NamedTuple):
    """An expression in functionals as one in fewer functionals and a form."""

    expression: sp.Expr
    """In the symbols of the functionals in ``others`` and the form's own."""
    symbol: sp.Symbol
    others: tuple[int, ...]
    chosen: tuple[int, ...]
    """The functionals that the form consists of."""
    coefficients: tuple[sp.Expr, ...]
    """What they are multiplied by."""


def split_form(
    expr: sp.Expr, symbols: Sequence[sp.Symbol], polynomials: Sequence[Polynomial]
) -> Split | None:
    """Put all that is linear in functionals, with coefficients known at the point, into one form.

    None where that is no form of order 2, or where something else is of order 2.
    """
    orders = [degree(polynomial) for polynomial in polynomials]
    if max(orders) != 2:
        return None
    slopes = [sp.diff(expr, symbol) for symbol in symbols]
    unknown = set(symbols)
    known = [q for q, slope in enumerate(slopes) if slope and not slope.free_symbols & unknown]
    others = [q for q, symbol in enumerate(symbols) if q not in known and expr.has(symbol)]
    if max((orders[q] for q in known), default=0) != 2 or any(orders[q] > 1 for q in others):
        return None
    symbol = sp.Symbol("form", real=True)
    rest = expr.xreplace({symbols[q]: sp.S.Zero for q in known})
    coefficients = tuple(slopes[q] for q in known)
    return Split(rest + symbol, symbol, tuple(others), tuple(known), coefficients)


class FormTable(NamedTuple):
    """A `ProductTable` whose coefficients are ``sum_q coefficients[p][q] * c_q``."""

    indices: NDArray[np.int64]
    target: NDArray[np.int64]
    coefficients: tuple[dict[int, Fraction], ...]


class FormAlgebra:
    """The algebra of a form, together with first derivatives: 1, t_i, top."""

    def __init__(self, form: Form, others: Iterable[Polynomial]) -> None:
        """``others`` are operators of order 0 and 1 that are wanted as well."""
        self.form = form
        second = {i for p in form.polynomials for m in p if len(m) == 2 for i in m}
        self.variables = sorted(second.union(*(variables(polynomial) for polynomial in others)))
        self.blocks: dict[int, tuple[Monomial, ...]] = {
            1: tuple((i,) for i in self.variables),
            2: (TOP,),
        }

    @property
    def dimension(self) -> int:
        """How many coefficients a function has."""
        return 2 + len(self.variables)

    @cached_property
    def pairs(self) -> list[tuple[int, int, dict[int, Fraction]]]:
        """The products t_i t_j that are not zero, i <= j, as multiples of top."""
        found = []
        for i, j in product(self.variables, repeat=2):
            numbers = self.form.numbers((i, j))
            if i <= j and numbers:
                found.append((i, j, {q: (1 + (i == j)) * n for q, n in numbers.items()}))
        return found

    def reduce(self, monomial: Monomial) -> dict[Monomial, Fraction]:
        """The part of t_i that is the same at all points."""
        return {monomial: Fraction(1)} if monomial in self.blocks[1] else {}

    def product(self, degrees: tuple[int, ...], groups: tuple[int, ...], target: int) -> FormTable:
        """The product of elements of these degrees; only those of two first-order ones is not 0."""
        at = {i: position for position, i in enumerate(self.variables)}
        terms: list[tuple[tuple[int, int], dict[int, Fraction]]] = []
        if (degrees, target) == ((1, 1), 2):
            for i, j, numbers in self.pairs:
                twice = i != j
                if groups[0] == groups[1]:
                    scaled = {q: (1 + twice) * n for q, n in numbers.items()}
                    terms.append(((at[i], at[j]), scaled))
                else:
                    terms.append(((at[i], at[j]), numbers))
                    terms += [((at[j], at[i]), numbers)] * twice
        terms.sort(key=lambda term: term[0])
        indices = np.array([index for index, _ in terms], np.int64).reshape(-1, len(degrees))
        zeros = np.zeros(len(terms), np.int64)
        return FormTable(indices, zeros, tuple(numbers for _, numbers in terms))
