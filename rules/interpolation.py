"""Linear operators by interpolation: mixed derivatives from derivatives along single directions.

A homogeneous polynomial of degree k is a combination of k-th powers of linear forms, and the k-th
power of a form belongs to the k-th derivative along one direction. So every operator with constant
coefficients can be had from jets along straight lines, in exact fractions:

    <d^K f, v_1^(i_1) x .. x v_I^(i_I)> = sum over |j| = K of gamma_j / K! <d^K f, (j_1 v_1 + ..)^K>

Source: Griewank, Utke and Walther, Evaluating Higher Derivative Tensors by Forward Propagation of
Univariate Taylor Series (Mathematics of Computation 69, 2000), and section 3.3 of "Collapsing
Taylor Mode Automatic Differentiation" (arXiv 2505.13644).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product

from jetfold.rules.polynomial import Polynomial

Direction = tuple[tuple[int, int], ...]
"""A combination of the symbols' directions with integer coefficients: pairs (symbol, coefficient).

By symbol, without zeros, without a common divisor, the first coefficient positive.
"""


@dataclass(frozen=True)
class Family:
    """Directions whose highest coefficients are wanted only as one sum.

    Polynomial q is the sum, over all families, of ``weights[q]`` times the sum over r of
    ``direction_r^order``, and of ``lower[q, k][r] * direction_r^k`` for orders k below the highest.
    """

    directions: tuple[Direction, ...]
    order: int
    weights: Mapping[int, Fraction]
    lower: Mapping[tuple[int, int], Mapping[int, Fraction]]


def families(polynomials: Sequence[Polynomial]) -> list[Family]:
    """The directions that some polynomials need, and how the polynomials come from them.

    Directions that differ only in length or sign are one direction; those of the same highest order
    and with the same weights there are one family. Terms of order 0 need no direction and are left
    out. Families and their directions are sorted.
    """
    powers: defaultdict[Direction, dict[tuple[int, int], Fraction]] = defaultdict(dict)
    for q, polynomial in enumerate(polynomials):
        for monomial, number in polynomial.items():
            for direction, weight in _as_powers(monomial):
                known = powers[direction]
                key = q, len(monomial)
                known[key] = known.get(key, Fraction(0)) + number * weight
    members: defaultdict[object, list[Direction]] = defaultdict(list)
    for direction in sorted(powers, key=_fewest_symbols_first):
        weights = {key: weight for key, weight in powers[direction].items() if weight}
        powers[direction] = weights
        if weights:
            order = max(k for _, k in weights)
            members[order, frozenset(_of_order(weights, order).items())].append(direction)
    return [_family(directions, powers) for directions in members.values()]


def _family(
    directions: Sequence[Direction],
    powers: Mapping[Direction, Mapping[tuple[int, int], Fraction]],
) -> Family:
    order = max(k for _, k in powers[directions[0]])
    lower: defaultdict[tuple[int, int], dict[int, Fraction]] = defaultdict(dict)
    for r, direction in enumerate(directions):
        for (q, k), weight in powers[direction].items():
            if k < order:
                lower[q, k][r] = weight
    weights = _of_order(powers[directions[0]], order)
    return Family(tuple(directions), order, weights, dict(sorted(lower.items())))


def _of_order(weights: Mapping[tuple[int, int], Fraction], order: int) -> dict[int, Fraction]:
    """The weights of one order, by polynomial."""
    return {q: weight for (q, k), weight in sorted(weights.items()) if k == order}


def _fewest_symbols_first(direction: Direction) -> tuple[int, Direction]:
    return len(direction), direction


def _as_powers(monomial: Sequence[int]) -> Iterator[tuple[Direction, Fraction]]:
    """The directions and weights whose powers of the monomial's degree add up to it."""
    counted = Counter(monomial)
    symbols = sorted(counted)
    for combination, weight in _powers(tuple(counted[symbol] for symbol in symbols)):
        pairs = zip(symbols, combination, strict=True)
        yield tuple((symbol, times) for symbol, times in pairs if times), weight


@lru_cache(maxsize=1024)
def _powers(i: tuple[int, ...]) -> tuple[tuple[tuple[int, ...], Fraction], ...]:
    """Combinations j without a common divisor and weights w with xi^i = sum of w (j.xi)^|i|."""
    order = sum(i)
    found: defaultdict[tuple[int, ...], Fraction] = defaultdict(Fraction)
    for j, number in gamma(i).items():
        length = math.gcd(*j)
        shortest = tuple(times // length for times in j)
        found[shortest] += number * length**order / math.factorial(order)
    return tuple(found.items())


def gamma(i: tuple[int, ...]) -> dict[tuple[int, ...], Fraction]:
    """The numbers with xi^i = sum over j of gamma_j / K! (j_1 xi_1 + j_2 xi_2 + ..)^K, K = |i|.

    Those that are not zero, for all j of as many parts with |j| = K.
    """
    order = sum(i)
    found = {}
    for j in product(range(order + 1), repeat=len(i)):
        if sum(j) == order and (number := _coefficient(i, j)):
            found[j] = number
    return found


def _coefficient(i: tuple[int, ...], j: tuple[int, ...]) -> Fraction:
    """sum over 0 < m <= i of (-1)^|i-m| C(i, m) C(|i| m / |m|, j) (|m| / |i|)^|i|."""
    order = sum(i)
    total = Fraction(0)
    for m in product(*(range(part + 1) for part in i)):
        size = sum(m)
        if size:
            scale = Fraction(order, size)
            number = Fraction((-1) ** (order - size)) / scale**order
            for i_part, j_part, m_part in zip(i, j, m, strict=True):
                number *= math.comb(i_part, m_part) * _binomial(scale * m_part, j_part)
            total += number
    return total


def _binomial(above: Fraction, below: int) -> Fraction:
    """The binomial coefficient for any number above: above (above - 1) .. / below!."""
    return math.prod((above - k for k in range(below)), start=Fraction(1)) / math.factorial(below)
