"""Vectorised logarithms, and inverse hyperbolic functions by them. See `exponential.py`."""

import numpy as np

from jetfold.backends.cpu.simd.exponential import exp
from jetfold.backends.cpu.simd.formats import format_of, polynomial, significand
from jetfold.backends.cpu.simd.pairs import Pair, ordered_sum, pair_product
from jetfold.backends.cpu.simd.primitives import (
    constant,
    copysign,
    fma,
    maximum,
    minimum,
    select,
    sqrt,
)
from jetfold.backends.cpu.simd.vector import Vector


def _log_of_significand(m: Vector) -> tuple[Vector, Vector, Vector]:
    """log(m) = a - (b - c) for sqrt(1/2) <= m < sqrt(2), where a = m - 1 is exact.

    With s = a/(a + 2) it is 2 s + s z p(z), z = s^2, or a - (a^2/2 - s (a^2/2 + z p(z))).
    """
    a = m - 1.0
    s = a / (a + 2.0)
    z = s * s
    half_square = 0.5 * a * a
    return a, half_square, s * fma(z, polynomial(z, format_of(m).table["log"]), half_square)


def _log_of_positive(x: Vector) -> Vector:
    """log(x) for 0 < x < inf."""
    exponent, m = significand(x)
    a, half_square, rest = _log_of_significand(m)
    high, low = format_of(x).table["ln2"]
    return fma(exponent, high, a - (half_square - fma(exponent, low, rest)))


def _log_limits(x: Vector, value: Vector) -> Vector:
    """`value`, replaced where log(x) is infinite or NaN."""
    value = select(x < np.inf, value, x)
    value = select(x == 0.0, -np.inf, value)
    return select(x < 0.0, np.nan, value)


def log(x: Vector) -> Vector:
    """Natural logarithm."""
    return _log_limits(x, _log_of_positive(x))


def _log_to_base(x: Vector, per: Pair, two: Pair) -> Vector:
    """log(x) times `per`, where the logarithm of 2 is `two`, whose first part has some zeros."""
    exponent, m = significand(x)
    a, half_square, rest = _log_of_significand(m)
    high, lost = ordered_sum(a, -half_square)
    part, low = pair_product((high, lost + rest), per)
    value, lost = ordered_sum(exponent * two[0], part)
    return _log_limits(x, value + (lost + fma(exponent, two[1], low)))


def log2(x: Vector) -> Vector:
    """Logarithm to base 2."""
    per_ln2 = format_of(x).table["per_ln2"]
    return _log_to_base(x, (per_ln2[0], per_ln2[1]), (1.0, 0.0))


def log10(x: Vector) -> Vector:
    """Logarithm to base 10."""
    table = format_of(x).table
    per_ln10, log10_2 = table["per_ln10"], table["log10_2"]
    return _log_to_base(x, (per_ln10[0], per_ln10[1]), (log10_2[0], log10_2[1]))


def log1p(x: Vector) -> Vector:
    """log(1 + x), accurate near 0."""
    u = 1.0 + x
    partner = u - 1.0
    lost = (1.0 - (u - partner)) + (x - partner)  # 1 + x = u + lost, exactly
    value = _log_limits(u, _log_of_positive(u) + lost / u)
    return select(abs(x) < format_of(x).tiny, x, value)


def _log1p_of_unit(x: Vector) -> Vector:
    """log(1 + x) for 0 <= x <= 1, as 2 atanh(s) with s = x/(2 + x)."""
    s = x / (x + 2.0)
    z = s * s
    return x - s * (x - z * polynomial(z, format_of(x).table["log1p_of_unit"]))


def softplus(x: Vector) -> Vector:
    """log(1 + exp(x))"""
    return maximum(x, 0.0) + _log1p_of_unit(exp(-abs(x)))


def log_expit(x: Vector) -> Vector:
    """log(1/(1 + exp(-x)))"""
    return minimum(x, 0.0) - _log1p_of_unit(exp(-abs(x)))


def logaddexp(x: Vector, y: Vector) -> Vector:
    """log(exp(x) + exp(y))"""
    distance = select(x == y, 0.0, abs(x - y))  # two equal infinities have distance 0
    return maximum(x, y) + _log1p_of_unit(exp(-distance))


def _log_of_twice_or_one_plus(large: Vector, x: Vector, y: Vector) -> Vector:
    """log(2 x) where the mask is set, log(1 + y) elsewhere."""
    value = log1p(select(large, x, y))  # 1 is nothing beside a large x
    return value + select(large, constant(_LN2, x), 0.0)


def arcsinh(x: Vector) -> Vector:
    """Inverse hyperbolic sine: log(1 + a + a^2/(1 + sqrt(1 + a^2))) with a = |x|."""
    a = abs(x)
    square = a * a
    y = a + square / (1.0 + sqrt(1.0 + square))
    return copysign(_log_of_twice_or_one_plus(a > 1.0 / format_of(x).tiny, a, y), x)


def arccosh(x: Vector) -> Vector:
    """Inverse hyperbolic cosine: log(1 + t + sqrt(t (t + 2))) with t = x - 1."""
    t = x - 1.0
    value = _log_of_twice_or_one_plus(x > 1.0 / format_of(x).tiny, x, t + sqrt(t * (t + 2.0)))
    return select(x < 1.0, np.nan, value)


def arctanh(x: Vector) -> Vector:
    """Inverse hyperbolic tangent: log(1 + 2 a/(1 - a))/2 with a = |x|."""
    a = abs(x)
    return copysign(0.5 * log1p((a + a) / (1.0 - a)), x)


_LN2 = float(np.log(2.0))
