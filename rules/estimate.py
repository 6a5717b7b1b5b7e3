"""Functionals as means over random directions.

Of directions z with mean zero and covariance one, w = sum_r z_r v_r has E<d^2 f, w, w> = sum_r
<d^2 f, v_r, v_r>; and where E<d^4 g, z, z, z, z> = c Lap Lap g, E<d^4 f, w, w, w, w> is c times the
square of that operator. So derivatives of first order stay exact, second ones are means of squares,
and fourth ones are means of fourth powers where they are the square of a form.

Source: Shi et al., Stochastic Taylor Derivative Estimator (NeurIPS 2024, arXiv 2412.00088).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from jetfold.rules.polynomial import Monomial, Polynomial
from jetfold.rules.problem import Functional
from jetfold.rules.quadratic import FloatArray, factors_of, matrix_of, square_root


@dataclass(frozen=True)
class Estimate:
    """Functionals in the exact directions, then ``samples`` random ones for each of ``bases``.

    ``random`` are the positions of the functionals that are means.
    """

    functionals: tuple[Functional, ...]
    bases: tuple[FloatArray, ...]
    random: frozenset[int]


class CannotEstimate(ValueError):
    """A term has no estimate; ``term`` says which, and ``args`` why."""

    def __init__(self, functional: int, term: Monomial, why: str) -> None:
        super().__init__(why)
        self.functional = functional
        self.term = term


def estimate(
    functionals: Sequence[Functional],
    count: int,
    samples: int,
    fourth_moment: Callable[[int], Fraction] | None,
) -> Estimate:
    """The functionals of ``count`` exact directions with orders above 1 as means.

    ``fourth_moment`` gives c for a number of components. Raises `CannotEstimate`.
    """
    found: list[Functional] = []
    bases: list[FloatArray] = []
    random: set[int] = set()
    for q, functional in enumerate(functionals):
        parts: dict[int, Polynomial] = {}
        for monomial, number in functional.polynomial.items():
            parts.setdefault(len(monomial), {})[monomial] = number
        polynomial = parts.pop(0, {}) | parts.pop(1, {})
        for order, part in parts.items():
            random.add(q)
            for base, weight in _means(q, order, part, count, fourth_moment):
                first = count + samples * len(bases)
                bases.append(base)
                for s in range(first, first + samples):
                    polynomial[(s,) * order] = weight / samples
        found.append(Functional(functional.output, polynomial))
    return Estimate(tuple(found), tuple(bases), frozenset(random))


def _means(
    q: int,
    order: int,
    part: Polynomial,
    count: int,
    fourth_moment: Callable[[int], Fraction] | None,
) -> list[tuple[FloatArray, Fraction]]:
    """The directions v_r of each mean, and its weight."""
    term = min(part)
    if order == 2:
        plus, minus = factors_of(matrix_of(part, count))
        weighted = [(plus, Fraction(1)), (minus, Fraction(-1))]
        return [(base, weight) for base, weight in weighted if len(base)]
    root = square_root(part) if order == 4 else None
    if root is None:
        raise CannotEstimate(
            q, term, "only terms of order 2, and squares of such operators, have an estimate"
        )
    factor, form = root
    plus, minus = factors_of(matrix_of(form, count))
    if len(plus) and len(minus):
        raise CannotEstimate(q, term, "the operator is the square of an indefinite one")
    base = plus if len(plus) else minus
    if fourth_moment is None:
        raise CannotEstimate(q, term, "the distribution lacks the fourth moments that it needs")
    return [(base, factor / fourth_moment(len(base)))]
