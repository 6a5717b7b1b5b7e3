"""Values to check a module with: coefficients from a function's values alone, by mpmath."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from jetfold.graph import ArgumentError, operand_symbol
from jetfold.graph.numbers import MPMATH

POINTS = 3
DIGITS = 40
LARGEST = 1e9
NUMBERS = tuple(
    n / 16 for n in (11, -21, 35, 5, 23, -7, 15, 59, -37, 9, 19, 3, 183, -115, 1, -3, 13, 27)
)
"""Values of arguments to choose from: exact in every precision, of either sign, near and far."""

Numbers = list[Any]
"""Floats, one for each point; or one such list for each direction."""


@dataclass(frozen=True)
class Known:
    """Coefficients by name: of the arguments, with the parameters, and those of the result."""

    arguments: Mapping[str, Numbers]
    results: Mapping[str, Numbers]


@dataclass(frozen=True)
class Path:
    """Names of the coefficients of a path x_0 + x_1 t + x_2 t**2/2 + ..; one for a parameter."""

    names: tuple[str, ...]


def known_values(
    function: sp.Expr, paths: Sequence[Path], result: Path, directions: int | None
) -> Known:
    """Coefficients at a few points where the function and its derivatives are finite.

    function   : in a0, a1, .., for which the paths stand in their order.
    directions : None for one path through each point. Otherwise the highest coefficients are summed
                 over so many directions, and the ones below, but not the lowest, have values for
                 each.

    The derivatives are mpmath's, which takes differences with many digits. Raises `ArgumentError`
    if there are no such points.
    """
    found: list[list[list[Any]]] = []
    for first in range(len(NUMBERS)):
        point = [NUMBERS[(first + 3 * i) % len(NUMBERS)] for i in range(len(paths))]
        given = [_jets(point, paths, first, r) for r in range(directions or 1)]
        computed = [_derivatives(function, jets, len(result.names)) for jets in given]
        if None not in computed:
            found.append([[*jets, end] for jets, end in zip(given, computed, strict=True)])
        if len(found) == POINTS:
            break
    if not found:
        symbols = {operand_symbol(i): sp.Symbol(path.names[0]) for i, path in enumerate(paths)}
        raise ArgumentError(
            f"{function.xreplace(symbols)} and its derivatives are not finite at any of the points "
            "tried, so a kernel could not be checked"
        )
    tables = [
        {name: _table(found, i, k, path, directions) for k, name in enumerate(path.names)}
        for i, path in enumerate((*paths, result))
    ]
    *arguments, results = tables
    return Known({name: t for table in arguments for name, t in table.items()}, results)


def _jets(
    point: Sequence[float], paths: Sequence[Path], seed: int, direction: int
) -> list[list[float]]:
    """Coefficients of each path: any numbers that are exact in every precision."""
    return [
        [x]
        + [
            (round(16 * math.cos(1 + 2.3 * i + 1.7 * k + 2.9 * direction + 0.9 * seed)) or 1) / 16
            for k in range(1, len(path.names))
        ]
        for i, (x, path) in enumerate(zip(point, paths, strict=True))
    ]


def _derivatives(function: sp.Expr, jets: Sequence[Sequence[float]], count: int) -> Any:
    """The first coefficients of the function along paths; None if one is not finite and real."""

    def along(t: Any) -> Any:
        values = [sum(c * t**k / math.factorial(k) for k, c in enumerate(jet)) for jet in jets]
        return MPMATH.evaluate(function, [np.array(mpmath.mpf(v)) for v in values]).item()

    with mpmath.workdps(DIGITS):
        try:
            series = mpmath.taylor(along, 0, count - 1)
            found = [float(c * math.factorial(k)) for k, c in enumerate(series)]
        except (ArithmeticError, TypeError, ValueError):  # not defined there, or complex
            return None
    return found if all(abs(value) < LARGEST for value in found) else None


def _table(
    found: list[list[list[Any]]], i: int, order: int, path: Path, directions: int | None
) -> Numbers:
    """Coefficient number ``order`` of value i, at all points."""
    of_directions = [[point[r][i][order] for point in found] for r in range(directions or 1)]
    if directions is None or order == 0:
        return of_directions[0]
    if order < len(path.names) - 1:
        return of_directions
    return [math.fsum(column) for column in zip(*of_directions, strict=True)]
