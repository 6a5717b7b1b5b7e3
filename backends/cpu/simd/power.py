"""Vectorised powers and roots. See `exponential.py`, and `pairs.py` for the digits of power."""

import numpy as np

from jetfold.backends.cpu.simd.exponential import exp2_of_sum
from jetfold.backends.cpu.simd.formats import format_of, polynomial, power_of_two, significand
from jetfold.backends.cpu.simd.pairs import Pair, ordered_sum, pair_product, product
from jetfold.backends.cpu.simd.primitives import (
    alike,
    bits,
    constant,
    copysign,
    floor,
    fma,
    isnan,
    maximum,
    minimum,
    rint,
    select,
    sqrt,
)
from jetfold.backends.cpu.simd.vector import Vector


def _log2_pair(x: Vector) -> Pair:
    """log2(x) for 0 < x < inf, to about eleven bits more than a number has: a power takes ten.

    2^k m has the logarithm k log(2) + 2 s + s^3 (2/3 + z p(z)), s = (m - 1)/(m + 1), z = s^2.
    """
    table = format_of(x).table
    exponent, m = significand(x)
    above, below = m - 1.0, m + 1.0
    reciprocal = 1.0 / below
    high = above * reciprocal
    near, lost = product(high, below)
    rest = (above - near) - lost - high * (m - (below - 1.0))
    s = high, rest * reciprocal
    z = pair_product(s, s)
    two_thirds, low = table["two_thirds"]
    factor, lost = ordered_sum(two_thirds, z[0] * polynomial(z[0], table["log_tail"]))
    cubic = pair_product(pair_product(s, z), (factor, lost + low))
    high, lost = ordered_sum(2.0 * s[0], cubic[0])
    per_ln2 = table["per_ln2"]
    part = pair_product((high, lost + (2.0 * s[1] + cubic[1])), (per_ln2[0], per_ln2[1]))
    high, lost = ordered_sum(exponent, part[0])
    return high, lost + part[1]


_LARGE = 2.0**80  # to this power and beyond, all but 1 is 0 or infinite


def power(x: Vector, p: Vector) -> Vector:
    """x**p, as C's pow: of negative x for integers p. Errors are below 0.75 ulp.

    Powers that are numbers of the dtype therefore come out exactly.
    """
    x, p = alike(x, p)
    f = format_of(x)
    a = abs(x)
    logarithm = _log2_pair(a)
    factor = minimum(maximum(p, -_LARGE), _LARGE)
    high, low = product(logarithm[0], factor)
    inside = abs(high) < -f.exp2_range[0]
    low = select(inside, fma(logarithm[1], factor, low), 0.0)
    value = exp2_of_sum(high, low)
    nothing, infinite = constant(0.0, x), constant(np.inf, x)
    value = select(a == 0.0, select(p < 0.0, infinite, nothing), value)
    value = select(a == np.inf, select(p < 0.0, nothing, infinite), value)
    half = 0.5 * p
    integer = floor(p) == p
    odd = integer & (floor(half) != half)
    value = select(odd, copysign(value, x), value)
    value = select((x < 0.0) & ~integer & (a < np.inf), np.nan, value)
    value = select(isnan(x) | isnan(p), np.nan, value)
    return select((x == 1.0) | (p == 0.0), 1.0, value)


def cbrt(x: Vector) -> Vector:
    """Cube root: a polynomial, then a step of Newton's method."""
    f = format_of(x)
    a = abs(x)
    exponent, m = significand(a)
    third = rint(exponent * (1.0 / 3.0))
    rest = fma(third, -3.0, exponent)  # -1, 0 or 1
    less, more = rest < 0.0, rest > 0.0
    half, two = f.table["cube_roots"]
    root = select(less, constant(half, x), select(more, constant(two, x), 1.0))
    start = root * polynomial(m, f.table["cbrt"])
    cube = m * select(less, constant(0.5, x), select(more, constant(2.0, x), 1.0))
    near, lost = pair_product((start, 0.0), product(start, start))
    error = (cube - near) - lost
    scale = power_of_two(bits(third + f.magic) - f.magic_bits, f)
    value = (start + start * error / (3.0 * cube)) * scale
    return copysign(select((a > 0.0) & (a < np.inf), value, a), x)


def hypot(x: Vector, y: Vector) -> Vector:
    """sqrt(x^2 + y^2) without overflow; infinite if one of them is, whatever the other."""
    x, y = alike(x, y)
    f = format_of(x)
    a, b = abs(x), abs(y)
    above, below = maximum(a, b), minimum(a, b)
    n = (bits(above) >> f.fraction_bits) - f.bias
    most = f.bias - f.fraction_bits // 2
    n = select(n > most, constant(most, n), select(n < -most, constant(-most, n), n))
    down = power_of_two(-n, f)
    above, below = above * down, below * down
    value = sqrt(fma(above, above, below * below)) * power_of_two(n, f)
    return select((a == np.inf) | (b == np.inf), np.inf, value)
