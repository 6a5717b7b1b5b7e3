"""Whether what is declared of a custom primitive agrees with its expression, at sampled points.

Points are drawn from several ranges, the same ones every time; those where the expression has no
real value are left out. The expression is evaluated by SymPy, in long numbers, and its derivative
is a difference quotient of mpmath.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import mpmath
import numpy as np
import sympy as sp
from mpmath import mp

from jetfold.graph import ArgumentError, operand_symbol
from jetfold.graph.custom import Definition
from jetfold.graph.numbers import FLOAT

POINTS = 15
"""At so many points a definition is checked."""
CANDIDATES = 400
"""So many points are tried."""
DIGITS = 30
DERIVATIVE_TOLERANCE = 1e-6
"""Relative; constants in a derivative may be rounded."""
VALUE_TOLERANCE = 1e-9
"""Relative to the value and to what moving an operand by its own size changes."""
TINY = 1e-12

Point = tuple[float, ...]


class _Sample(NamedTuple):
    point: Point
    value: Any
    slopes: tuple[Any, ...]


def check_derivative(definition: Definition, position: int) -> None:
    """Raise `ArgumentError` if a declared derivative is not that of the expression."""
    declared = definition.partials[position]
    assert declared is not None
    operand = definition.operands[position]
    what = f"the derivative of the primitive {definition.name!r} with respect to {operand}"
    for sample in _samples(definition, what):
        found = _evaluate(declared, (*sample.point, sample.value))
        wanted = sample.slopes[position]
        if not _close(found, wanted, DERIVATIVE_TOLERANCE * abs(wanted) + TINY):
            raise ArgumentError(
                f"{what} disagrees with the expression: at {_shown(definition, sample.point)} it "
                f"is {_number(found)}, but the expression's is {_number(wanted)}; correct it, or "
                "leave derivative out and SymPy derives it"
            )


def check_value(definition: Definition, value: Callable[..., Any]) -> None:
    """Raise `ArgumentError` if the safe value is not the expression's.

    It is called with numbers, and computed as the expression that has become of it.
    """
    what = f"value of the primitive {definition.name!r}"
    for sample in _samples(definition, what):
        numbers = [np.array(x) for x in sample.point]
        with np.errstate(all="ignore"):
            called = mpmath.mpf(float(value(*sample.point)))
        computed = mpmath.mpf(float(FLOAT.evaluate(definition.meaning, numbers)))
        moves = zip(sample.point, sample.slopes, strict=True)
        scale = abs(sample.value) + sum(abs(x * slope) for x, slope in moves)
        allowed = VALUE_TOLERANCE * scale + TINY**2
        at = f"at {_shown(definition, sample.point)} it is"
        if not _close(called, sample.value, allowed):
            raise ArgumentError(
                f"{what} disagrees with the expression: {at} {_number(called)}, but the "
                f"expression is {_number(sample.value)}"
            )
        if not _close(computed, sample.value, allowed):
            raise ArgumentError(
                f"{what} loses its digits when it is written as one expression: {at} "
                f"{_number(computed)}, not {_number(called)}; what relies on rounding, as in "
                "(x + 1) - 1, is simplified away: use functions such as np.log1p and np.expm1"
            )


def _close(found: Any, wanted: Any, allowed: Any) -> bool:
    return found is not None and bool(abs(found - wanted) <= allowed)


def _samples(definition: Definition, what: str) -> Iterator[_Sample]:
    """Points where the expression has a value and derivatives. Raises `ArgumentError` for none."""
    candidates = (_sample(definition, point) for point in _points(len(definition.operands)))
    found = list(itertools.islice((sample for sample in candidates if sample), POINTS))
    if not found:
        raise ArgumentError(
            f"{what} cannot be checked: the expression has no real value at any of {CANDIDATES} "
            "points tried, with operands between -100 and 100"
        )
    yield from found


def _points(operands: int) -> Iterator[Point]:
    """Points in several ranges, rounded so that they can be read in messages."""
    draw = random.Random(operands)
    ranges: list[Callable[[], float]] = [
        lambda: draw.uniform(0.2, 2.0),
        lambda: draw.uniform(-2.0, 2.0),
        lambda: 10 ** draw.uniform(-3.0, 2.0),
        lambda: draw.choice([-1.0, 1.0]) * 10 ** draw.uniform(-3.0, 2.0),
        lambda: draw.choice([-1.0, 1.0]) * 10 ** draw.uniform(-14.0, -3.0),
    ]
    for number in range(CANDIDATES):
        of_range = ranges[number % len(ranges)]
        yield tuple(float(f"{of_range():.4g}") for _ in range(operands))


def _sample(definition: Definition, point: Point) -> _Sample | None:
    with mp.workdps(DIGITS):
        value = _evaluate(definition.written, point)
        if value is None:
            return None
        slopes = []
        for position in range(len(point)):

            def along(x: Any, position: int = position) -> Any:
                moved = (*point[:position], x, *point[position + 1 :])
                found = _evaluate(definition.written, moved)
                return mpmath.nan if found is None else found

            slope = mpmath.diff(along, mpmath.mpf(point[position]))
            if not mpmath.isfinite(slope):
                return None
            slopes.append(slope)
        return _Sample(point, value, tuple(slopes))


def _evaluate(expr: sp.Expr, point: tuple[Any, ...]) -> Any:
    """The expression at a point to `DIGITS` digits or what mpmath works in; None if not real."""
    with mp.workprec(max(mp.prec, mpmath.libmp.dps_to_prec(DIGITS))):
        numbers = {
            operand_symbol(i): sp.Float(mpmath.mpf(x), precision=mp.prec)
            for i, x in enumerate(point)
        }
        found = expr.xreplace(numbers).evalf(mp.dps)
        if not (found.is_Float or found.is_Rational) or not found.is_finite:
            return None
        return found._to_mpmath(mp.prec)


def _shown(definition: Definition, point: Point) -> str:
    pairs = zip(definition.operands, point, strict=True)
    return ", ".join(f"{name} = {x:g}" for name, x in pairs)


def _number(value: Any) -> str:
    return "not a real number" if value is None else str(mpmath.nstr(value, 12))
