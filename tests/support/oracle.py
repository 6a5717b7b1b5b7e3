"""An independent judge of primitives: jets of functions of mpmath numbers, by differences.

Nothing here comes from jetfold: a function is written down in mpmath, its partial derivatives are
forward differences with a step so small, in numbers so long, that 60 digits are right, and the
jet is the composition of truncated power series.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import mpmath
from mpmath import mp, mpf

Function = Callable[..., Any]
Index = tuple[int, ...]
"""How often to differentiate with respect to each operand."""

STEP_BITS = 220
"""The step of the differences is 2**-STEP_BITS, or that much less than a tiny operand."""

JET_BITS = 200
"""A jet is this accurate relative to its scale; long numbers have exponents of any size."""


class Reference(NamedTuple):
    """The coefficients 0..K of a jet, and for each the sum of the sizes of its terms."""

    values: list[Any]
    scales: list[Any]


@cache
def partials(function: Function, point: tuple[float, ...], order: int) -> dict[Index, Any]:
    """All partial derivatives up to a total order, by forward differences on a grid.

    The error of a difference is a step times the next derivative, and so on; what is not larger
    than this is zero.
    """
    tiny = min((abs(x) for x in point if x), default=1.0)
    huge = max(abs(x) for x in point)
    step_bits = STEP_BITS + max(0, -math.frexp(tiny)[1])
    spare = 2200 if tiny < 1e-9 or huge > 100 else 400  # values of 1e300 and values of 1e-300
    with mp.workprec((order + 2) * step_bits + spare):
        step = mpmath.ldexp(1, -step_bits)
        grid: dict[Index, Any] = {}
        for index in _indices(len(point), order + 1):
            shifted = (mpf(x) + i * step for x, i in zip(point, index, strict=True))
            grid[index] = mpf(function(*shifted))
        found = {index: _difference(grid, index) / step ** sum(index) for index in grid}
        rounding = mpmath.ldexp(max(map(abs, grid.values())), 20 - mp.prec)
        return {
            index: found[index] if abs(found[index]) > _noise(found, index, step, rounding) else 0
            for index in _indices(len(point), order)
        }


def _noise(found: Mapping[Index, Any], index: Index, step: Any, rounding: Any) -> Any:
    """The error of a derivative: of truncation, from the derivatives above it, and of rounding."""
    truncation = max(
        (10 * step) ** (sum(above) - sum(index)) * abs(value)
        for above, value in found.items()
        if above != index and all(n >= k for n, k in zip(above, index, strict=True))
    )
    return max(truncation, rounding / step ** sum(index))


def _indices(count: int, order: int) -> Iterator[Index]:
    everything = itertools.product(range(order + 1), repeat=count)
    return (index for index in everything if sum(index) <= order)


def _difference(grid: Mapping[Index, Any], index: Index) -> Any:
    total = mpf(0)
    for below in itertools.product(*(range(n + 1) for n in index)):
        sign = (-1) ** (sum(index) - sum(below))
        weight = math.prod(math.comb(n, k) for n, k in zip(index, below, strict=True))
        total += sign * weight * grid[below]
    return total


def jet(derivatives: Mapping[Index, Any], path: Sequence[Sequence[float]]) -> Reference:
    """The unscaled coefficients along a path, from the partial derivatives at its beginning.

    ``path[i][k]`` is the coefficient k of operand i. The scale of a coefficient is the sum of the
    absolute values of the terms in Faa di Bruno's formula, over all partial derivatives and all
    partitions: scale / |value| is the condition number of that sum.
    """
    with mp.workprec(JET_BITS):
        values = _compose(derivatives, path, mpf)
        return Reference(values, _compose(derivatives, path, lambda number: abs(mpf(number))))


def _compose(
    derivatives: Mapping[Index, Any],
    path: Sequence[Sequence[float]],
    part: Callable[[Any], Any],
) -> list[Any]:
    """k! times the coefficients of t^k in sum_n derivatives[n] / n! * (x(t) - x(0))^n."""
    order = len(path[0]) - 1
    one = [mpf(1)] + [mpf(0)] * order
    powers = []
    for coefficients in path:
        move = [mpf(0)] + [part(c) / math.factorial(k) for k, c in enumerate(coefficients) if k]
        column = [one]
        for _ in range(order):
            column.append(_product(column[-1], move))
        powers.append(column)
    total = [mpf(0)] * (order + 1)
    for index, derivative in derivatives.items():
        if sum(index) > order:
            continue
        term = one
        for operand, n in enumerate(index):
            term = _product(term, powers[operand][n])
        factor = part(derivative) / math.prod(map(math.factorial, index))
        total = [t + factor * c if c else t for t, c in zip(total, term, strict=True)]
    return [math.factorial(k) * c for k, c in enumerate(total)]


def _product(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    """The product of two truncated series, most of whose first coefficients are zero."""
    total = [mpf(0)] * len(a)
    for i, x in enumerate(a):
        if x:
            for k, y in enumerate(b[: len(a) - i], i):
                if y:
                    total[k] += x * y
    return total
