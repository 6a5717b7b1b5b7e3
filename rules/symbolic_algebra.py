"""Jet algebras to look at: in SymPy symbols and plain monomials."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy as sp

from jetfold.graph import ArgumentError
from jetfold.rules import algebra_text
from jetfold.rules.jet_algebra import JetAlgebra
from jetfold.rules.polynomial import Polynomial, divisors, factorial, to_sympy


class SymbolicJetAlgebra:
    """A_P = R[t_1, .., t_n] / Ann(P): what of a function has to be carried to get P(d/dx) of it.

    Its elements are combinations of plain monomials t^a. A function's coordinates on them are
    derivatives divided by a!, as in its Taylor polynomial; `JetAlgebra` does the same in divided
    powers t^a / a!, where nothing is divided. Several operators share one algebra. Nothing depends
    on the function or on the point.
    """

    symbols: tuple[sp.Symbol, ...]
    """Each stands for the derivative along it in P, and for the increment along it in A."""
    algebra: JetAlgebra
    """The same in monomials and fractions."""

    def __init__(self, polynomials: Sequence[Polynomial], symbols: Sequence[sp.Symbol]) -> None:
        self.symbols = tuple(symbols)
        self.algebra = JetAlgebra(polynomials, len(self.symbols))

    @cached_property
    def basis(self) -> tuple[sp.Expr, ...]:
        """Monomials, by degree, then in the order of the symbols; the first one is 1."""
        return tuple(sp.Mul(*(self.symbols[i] for i in a)) for a in self.algebra.basis)

    @property
    def dimension(self) -> int:
        """How many numbers of a function are carried."""
        return self.algebra.dimension

    @property
    def hilbert(self) -> list[int]:
        """How many basis monomials there are of each degree, from 0 on (the Hilbert function)."""
        return [1, *(len(block) for block in self.algebra.blocks.values())]

    @cached_property
    def table(self) -> dict[tuple[int, int], dict[int, sp.Rational]]:
        """``basis[i] * basis[j]`` is the sum of ``table[i, j][k] * basis[k]``.

        Given for ``i <= j``. Products that are zero are left out, coordinates that are zero too.
        """
        return {
            pair: {k: sp.Rational(number) for k, number in product.items()}
            for pair, product in self._products.items()
        }

    @cached_property
    def functionals(self) -> tuple[tuple[sp.Rational, ...], ...]:
        """For each P the numbers lambda(t^a) = a! p_a on the basis.

        P(d/dx) of a function is their scalar product with the function's coordinates.
        """
        return tuple(
            tuple(sp.Rational(p.get(a, 0) * factorial(a)) for a in self.algebra.basis)
            for p in self.algebra.polynomials
        )

    @cached_property
    def relations(self) -> list[sp.Eq]:
        """What the smallest monomials outside the basis are equal to.

        All others outside the basis are multiples of them, or 0 because their degree is higher
        than any in the basis.
        """
        return [
            sp.Eq(
                to_sympy({monomial: Fraction(1)}, self.symbols),
                to_sympy(self.algebra.reduce_plain(monomial), self.symbols),
                evaluate=False,
            )
            for monomial in self.algebra.corners()
        ]

    def multiply(self, a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
        """The product of two elements, by their coordinates on the basis.

        Coordinates are numbers of any kind or SymPy expressions; exact ones stay exact. Raises
        `ArgumentError` for a wrong number of them.
        """
        for name, coordinates in (("a", a), ("b", b)):
            if len(coordinates) != self.dimension:
                raise ArgumentError(
                    f"{name} has {len(coordinates)} coordinates, but the basis has "
                    f"{self.dimension} elements: give one for each"
                )
        total: list[Any] = [0] * self.dimension
        for (i, j), product in self._products.items():
            term = a[i] * b[j] if i == j else a[i] * b[j] + a[j] * b[i]
            for k, number in product.items():
                # A whole number as an int, so that integers stay integers.
                total[k] += (number.numerator if number.denominator == 1 else number) * term
        return total

    def explain(self) -> str:
        """What the operators are, what is carried for them, and why that is enough."""
        return algebra_text.explain(self.algebra, self.symbols)

    def latex(self) -> str:
        """The algebra, its basis and its relations as a LaTeX ``align*`` environment."""
        return algebra_text.latex(self.algebra, self.symbols)

    def _repr_latex_(self) -> str:
        return self.latex()

    def __repr__(self) -> str:
        return f"<{algebra_text.title(self.algebra, self.symbols)}>"

    @cached_property
    def _products(self) -> dict[tuple[int, int], dict[int, Fraction]]:
        positions = {monomial: at for at, monomial in enumerate(self.algebra.basis)}
        products: dict[tuple[int, int], dict[int, Fraction]] = {}
        for monomial in {monomial for row in self.algebra.rows.values() for monomial in row}:
            reduced = self.algebra.reduce_plain(monomial)
            product = {positions[a]: number for a, number in reduced.items()}
            for size in range(len(monomial) // 2 + 1):
                for part, rest in divisors(monomial, size):
                    if part in positions and rest in positions:
                        i, j = sorted((positions[part], positions[rest]))
                        products[i, j] = product
        return dict(sorted(products.items()))
