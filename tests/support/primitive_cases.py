"""Every primitive once more, in mpmath, with the points at which its jets are judged.

Random points are drawn from ``ranges``; ``hard`` are the points where formulas break: zero, tiny,
huge, saturated, negative bases, and as near to branch points as floating point gets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpf

Range = tuple[float, float]

HARD = (0.0, 1e-300, 1e-8, 0.5, 1.0, 20.0, 50.0, 700.0, 1e30, 1e300)
LINE: Range = (-math.inf, math.inf)
POSITIVE: Range = (0.0, math.inf)
UNIT: Range = (-1.0, 1.0)
BEFORE_1, BEYOND_1 = 1 - 2.0**-53, 1 + 2.0**-52


@dataclass(frozen=True)
class Case:
    """A primitive's function on mpmath numbers and the points at which to judge it."""

    function: Callable[..., Any]
    ranges: tuple[Range, ...]
    hard: tuple[tuple[float, ...], ...]

    def points(self, count: int) -> list[tuple[float, ...]]:
        """The hard points, and as many random ones."""
        random = np.random.default_rng(len(self.hard))
        drawn = [random.uniform(low, high, count) for low, high in self.ranges]
        return [*self.hard, *(tuple(map(float, point)) for point in zip(*drawn, strict=True))]


def _unary(
    function: Callable[..., Any], domain: Range = LINE, draw: Range = (-3.0, 3.0), *near: float
) -> Case:
    """Judged at the hard points of both signs inside the (open) domain, and near some others."""
    hard = [x for size in HARD for x in ((size, -size) if size else (size,))]
    inside = [x for x in (*hard, *near) if domain[0] < x < domain[1]]
    return Case(function, (draw,), tuple((x,) for x in inside))


def _steps(function: Callable[..., Any]) -> Case:
    """A function with jumps at integers or half-integers."""
    points = (-1e15 + 0.25, -2.75, -0.25, 1e-300, 0.25, 1e-8, 3.75)
    return Case(function, ((0.51, 0.99),), tuple((x,) for x in points))


def _binary(function: Callable[..., Any], *hard: tuple[float, float], low: float = -3.0) -> Case:
    return Case(function, ((low, 3.0), (low, 3.0)), hard)


def _truth(function: Callable[..., bool]) -> Case:
    points = [(0.5, 2.0), (2.0, 0.5), (-1.0, 1.0), (1e300, -1e300), (1e-300, 2e-300), (3.0, 5.0)]
    return _binary(lambda x, y: mpf(int(function(x, y))), *points)


def _logaddexp2(x: Any, y: Any) -> Any:
    return mp.log(mp.exp(x * mp.ln2) + mp.exp(y * mp.ln2)) / mp.ln2


def _fmod(x: Any, y: Any) -> Any:
    return x - y * _trunc(x / y)


def _trunc(x: Any) -> Any:
    return mp.floor(x) if x > 0 else mp.ceil(x)


PAIRS = ((0.0, 1.0), (0.0, -1.0), (1.0, 0.0), (1e-8, 1.0), (1.0, 1e-8), (1e30, 1.0), (3.0, -1e30))
FAR = ((20.0, -20.0), (0.0, 0.0), (700.0, -700.0), (-700.0, 700.0), (1e300, 1.0), (700.0, 700.5))
QUOTIENTS = ((0.0, 1.0), (1e300, 2.0), (1.0, 1e-30), (3.0, -1e30), (1e300, 1e40), (-7.5, 2.0))
POWERS = (
    *((2.0, 3.0), (2.0, -3.5), (1e-8, 2.5), (1e-30, 0.5), (1e30, 0.5), (1e30, -2.0)),
    *((0.5, 0.0), (1.0, 1e8), (1e-30, 1.0), (2.0, 900.0), (BEFORE_1, 0.5)),
)
GAMMA = tuple((x,) for x in (1e-8, 0.5, 1.0, 1.01, 1.99, 20.0, 50.0, 1e30, 1e300))
GAMMA_POINTS = (1e-30, -1e-30, 1e-8, 0.5, 1.0, 1.46, 20.0, 170.0, -0.5, -1e-8, -2.75, -20.3)
BESSEL = tuple((x,) for x in (0.0, 1e-300, -1e-8, 0.5, 1.0, -1.9, 20.0, 24.9, -31.5, 700.0))
WAVE = tuple((x,) for x in (0.0, 1e-300, -1e-300, 1e-8, -1e-8, 0.5, 0.75, -1.25, 3.6))
NEAR_ONE = (BEFORE_1, -BEFORE_1, 1 - 1e-8, 1e-8 - 1)

CASES: Mapping[str, Case] = {
    "positive": _unary(lambda x: x),
    "negative": _unary(lambda x: -x),
    "add": _binary(lambda x, y: x + y, *PAIRS, *FAR),
    "subtract": _binary(lambda x, y: x - y, *PAIRS, *FAR),
    "multiply": _binary(lambda x, y: x * y, *PAIRS, *FAR),
    "divide": _binary(lambda x, y: x / y, *QUOTIENTS),
    "power": _binary(mpmath.power, *POWERS, low=0.1),
    "float_power": _binary(mpmath.power, *POWERS, low=0.1),
    "remainder": _binary(
        lambda x, y: x - y * mp.floor(x / y), (7.5, 2.0), (-7.5, 2.0), (7.5, -2.0)
    ),
    "fmod": _binary(_fmod, (7.5, 2.0), (-7.5, 2.0), (7.5, -2.0), (-7.5, -2.0)),
    "floor_divide": _binary(lambda x, y: mp.floor(x / y), (7.5, 2.0), (-7.5, 2.0), (1e-300, 3.0)),
    "absolute": _unary(abs, POSITIVE, (-3.0, -0.1), -1e-300, -20.0, -1e300),
    "fabs": _unary(abs, POSITIVE, (-3.0, -0.1)),
    "conjugate": _unary(lambda x: x),
    "less": _truth(lambda x, y: x < y),
    "less_equal": _truth(lambda x, y: x <= y),
    "greater": _truth(lambda x, y: x > y),
    "greater_equal": _truth(lambda x, y: x >= y),
    "equal": _truth(lambda x, y: x == y),
    "not_equal": _truth(lambda x, y: x != y),
    "logical_and": _truth(lambda x, y: bool(x and y)),
    "logical_or": _truth(lambda x, y: bool(x or y)),
    "logical_xor": _truth(lambda x, y: bool(x) != bool(y)),
    "logical_not": _unary(lambda x: mpf(int(not x)), POSITIVE, (-3.0, -0.1)),
    "square": _unary(lambda x: x * x),
    "sqrt": _unary(mp.sqrt, POSITIVE, (0.1, 3.0), 1e-30),
    "cbrt": _unary(lambda x: mp.sign(x) * mp.cbrt(abs(x)), POSITIVE, (-3.0, -0.1), 1e-30),
    "reciprocal": _unary(lambda x: 1 / x, POSITIVE, (-3.0, -0.1), 1e-30),
    "hypot": _binary(mpmath.hypot, *PAIRS, (1e300, 1e300), (1e-8, 1e-8), (3e-30, 4e-30)),
    "exp": _unary(mp.exp),
    "exp2": _unary(lambda x: mp.exp(x * mp.ln2)),
    "expm1": _unary(lambda x: mp.exp(x) - 1),
    "log": _unary(mp.log, POSITIVE, (0.1, 3.0), BEFORE_1, BEYOND_1, 1e-30),
    "log2": _unary(lambda x: mp.log(x) / mp.ln2, POSITIVE, (0.1, 3.0), BEFORE_1, BEYOND_1),
    "log10": _unary(lambda x: mp.log(x) / mp.ln10, POSITIVE, (0.1, 3.0), BEFORE_1, BEYOND_1),
    "log1p": _unary(lambda x: mp.log(1 + x), (-1.0, math.inf), (-0.9, 3.0), -BEFORE_1, 1e-8 - 1),
    "logaddexp": _binary(lambda x, y: mp.log(mp.exp(x) + mp.exp(y)), *FAR, (1e-8, -1e-8)),
    "logaddexp2": _binary(_logaddexp2, *FAR, (1e-8, -1e-8)),
    "sin": _unary(mp.sin, LINE, (-9.0, 9.0), np.pi, np.pi / 2),
    "cos": _unary(mp.cos, LINE, (-9.0, 9.0), np.pi, np.pi / 2),
    "tan": _unary(mp.tan, LINE, (-9.0, 9.0), np.pi, np.pi / 2, np.pi / 2 - 1e-8),
    "arcsin": _unary(mp.asin, UNIT, (-0.9, 0.9), *NEAR_ONE),
    "arccos": _unary(mp.acos, UNIT, (-0.9, 0.9), *NEAR_ONE),
    "arctan": _unary(mp.atan),
    "arctan2": _binary(mp.atan2, *PAIRS, (1.0, -1.0), (1e-30, -1.0), (-1.0, -1.0), (1e300, 1e300)),
    "sinh": _unary(mp.sinh),
    "cosh": _unary(mp.cosh),
    "tanh": _unary(mp.tanh),
    "arcsinh": _unary(mp.asinh),
    "arccosh": _unary(mp.acosh, (1.0, math.inf), (1.1, 4.0), BEYOND_1, 1 + 1e-8),
    "arctanh": _unary(mp.atanh, UNIT, (-0.9, 0.9), *NEAR_ONE),
    "deg2rad": _unary(mp.radians),
    "rad2deg": _unary(mp.degrees),
    "radians": _unary(mp.radians),
    "degrees": _unary(mp.degrees),
    "sign": _unary(mp.sign, POSITIVE, (-3.0, -0.1)),
    "maximum": _binary(max, *PAIRS, (1e300, -1e300), (1e-300, 2e-300)),
    "minimum": _binary(min, *PAIRS, (1e300, -1e300), (1e-300, 2e-300)),
    "floor": _steps(mp.floor),
    "ceil": _steps(mp.ceil),
    "rint": _steps(mp.nint),
    "trunc": _steps(_trunc),
    "heaviside": _binary(lambda x, y: mpf(int(x > 0)), (1e-300, 0.5), (-1e-300, 0.5), (5.0, 1e300)),
    "erf": _unary(mp.erf),
    "erfc": _unary(lambda x: mp.erfc(x) if x < 1e6 else mpf(0)),
    "expit": _unary(lambda x: 1 / (1 + mp.exp(-x))),
    "log_expit": _unary(lambda x: -mp.log(1 + mp.exp(-x))),
    "logit": _unary(lambda x: mp.log(x / (1 - x)), (0.0, 1.0), (0.1, 0.9), BEFORE_1, 1 - 1e-8),
    "softplus": _unary(lambda x: mp.log(1 + mp.exp(x))),
    "gammaln": Case(mp.loggamma, ((0.1, 6.0),), GAMMA),
    "psi": Case(lambda x: mp.psi(0, x), ((0.1, 6.0),), GAMMA),
    "gamma": Case(mp.gamma, ((0.1, 6.0),), tuple((x,) for x in GAMMA_POINTS)),
    "sinc": Case(lambda x: mp.sinc(mp.pi * x), ((-0.9, 0.9),), WAVE),
    "j0": Case(lambda x: mp.besselj(0, x), ((-9.0, 9.0),), BESSEL),
    "j1": Case(lambda x: mp.besselj(1, x), ((-9.0, 9.0),), BESSEL),
    "where": Case(
        lambda c, x, y: x if c else y,
        ((1.0, 2.0), (-3.0, 3.0), (-3.0, 3.0)),
        ((1.0, 2.0, 3.0), (-1.0, 2.0, 1e300), (1e-300, 0.0, 2.0)),
    ),
}

SINGULAR: Mapping[str, tuple[tuple[float, ...], ...]] = {
    "sqrt": ((0.0,),),
    "cbrt": ((0.0,),),
    "reciprocal": ((0.0,),),
    "log": ((0.0,),),
    "log2": ((0.0,),),
    "log10": ((0.0,),),
    "log1p": ((-1.0,),),
    "arcsin": ((1.0,), (-1.0,)),
    "arccos": ((1.0,), (-1.0,)),
    "arccosh": ((1.0,),),
    "arctanh": ((1.0,), (-1.0,)),
    "logit": ((0.0,), (1.0,)),
    "gammaln": ((0.0,),),
    "psi": ((0.0,),),
    "gamma": ((0.0,),),
    "divide": ((1.0, 0.0),),
    "hypot": ((0.0, 0.0),),
    "arctan2": ((0.0, 0.0),),
    "power": ((0.0, 0.5), (0.0, -1.0)),
}
"""Points of the domain (or of its boundary) at which there is no finite derivative."""

KINKS: Mapping[str, Mapping[tuple[float, ...], tuple[float, ...]]] = {
    "absolute": {(0.0,): (0.0,)},
    "fabs": {(0.0,): (0.0,)},
    "sign": {(0.0,): (0.0,)},
    "maximum": {(1.5, 1.5): (0.5, 0.5)},
    "minimum": {(1.5, 1.5): (0.5, 0.5)},
    "floor": {(2.0,): (0.0,)},
    "ceil": {(2.0,): (0.0,)},
    "rint": {(2.5,): (0.0,)},
    "trunc": {(0.0,): (0.0,), (-3.0,): (0.0,)},
    "remainder": {(6.0, 2.0): (1.0, -3.0), (-6.0, 4.0): (1.0, 2.0)},
    "fmod": {(6.0, 2.0): (1.0, -3.0), (-6.0, 4.0): (1.0, 1.0)},
    "floor_divide": {(6.0, 2.0): (0.0, 0.0)},
    "heaviside": {(0.0, 0.5): (0.0, 1.0)},
    "less": {(1.0, 1.0): (0.0, 0.0)},
    "less_equal": {(1.0, 1.0): (0.0, 0.0)},
    "greater": {(1.0, 1.0): (0.0, 0.0)},
    "greater_equal": {(1.0, 1.0): (0.0, 0.0)},
    "equal": {(1.0, 1.0): (0.0, 0.0)},
    "not_equal": {(1.0, 1.0): (0.0, 0.0)},
    "logical_and": {(0.0, 1.0): (0.0, 0.0)},
    "logical_or": {(0.0, 0.0): (0.0, 0.0)},
    "logical_xor": {(0.0, 1.0): (0.0, 0.0)},
    "logical_not": {(0.0,): (0.0,)},
    "where": {(0.0, 2.0, 3.0): (0.0, 0.0, 1.0)},
}
"""Points at which a primitive jumps or has a kink, and what its first derivatives are there."""
