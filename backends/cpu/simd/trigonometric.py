"""Vectorised trigonometric functions. See `exponential.py`; large arguments take a branch."""

import math

import numpy as np

from jetfold.backends.cpu.simd.formats import format_of, polynomial
from jetfold.backends.cpu.simd.lanewise import lanewise
from jetfold.backends.cpu.simd.primitives import bits, fma, patch, select
from jetfold.backends.cpu.simd.vector import Vector

_scalar_sin = lanewise(math.sin, np.sin)
_scalar_cos = lanewise(math.cos, np.cos)
_scalar_tan = lanewise(math.tan, np.tan)


def _reduce_by_half_pi(x: Vector) -> tuple[Vector, Vector]:
    """n as integers and r, where x = n pi/2 + r and |r| <= pi/4."""
    f = format_of(x)
    shifted = fma(x, f.table["per_half_pi"][0], f.magic)
    n = shifted - f.magic
    r = x
    for part in f.table["half_pi"]:
        r = fma(n, -part, r)
    return bits(shifted), r


def _sine_and_cosine(r: Vector) -> tuple[Vector, Vector]:
    """sin(r) and cos(r) for |r| <= pi/4"""
    f = format_of(r)
    z = r * r
    sine = fma(r * z, polynomial(z, f.table["sin"]), r)
    return sine, fma(z * z, polynomial(z, f.table["cos"]), fma(z, -0.5, 1.0))


def _quadrant_sine(n: Vector, r: Vector) -> Vector:
    """sin(n pi/2 + r)"""
    sine, cosine = _sine_and_cosine(r)
    value = select((n & 1) == 0, sine, cosine)
    return select((n & 2) == 0, value, -value)


def sin(x: Vector) -> Vector:
    """Sine; large arguments go through the C library, lane by lane."""
    n, r = _reduce_by_half_pi(x)
    value = select(x == 0.0, x, _quadrant_sine(n, r))  # the polynomial loses the sign of -0
    return patch(abs(x) > format_of(x).sine_limit, _scalar_sin, x, value)


def cos(x: Vector) -> Vector:
    """Cosine; large arguments go through the C library, lane by lane."""
    n, r = _reduce_by_half_pi(x)
    return patch(abs(x) > format_of(x).sine_limit, _scalar_cos, x, _quadrant_sine(n + 1, r))


def tan(x: Vector) -> Vector:
    """Tangent; large arguments go through the C library, lane by lane."""
    n, r = _reduce_by_half_pi(x)
    sine, cosine = _sine_and_cosine(r)
    even = (n & 1) == 0
    value = select(even, sine, -cosine) / select(even, cosine, sine)
    value = select(x == 0.0, x, value)
    return patch(abs(x) > format_of(x).sine_limit, _scalar_tan, x, value)


def sinc(n: int, x: Vector) -> Vector:
    """The n-th derivative of sin(x)/x, n literal.

    From x s_n + n s_(n-1) = sin(x + n pi/2), but by the power series where that would cancel.
    """
    sines = [sin(x), cos(x)]
    value = sines[0] / x
    for k in range(1, n + 1):
        sine = sines[k % 2] if k % 4 < 2 else -sines[k % 2]
        value = (sine - k * value) / x
    end = max(2.0, 0.5 * n)  # neither of the two loses more than two digits here, up to n = 15
    series = _sinc_series(n, end, format_of(x).tiny)
    power = x if n % 2 else 1.0
    return select(abs(x) < end, power * polynomial(x * x, series), value)


def _sinc_series(n: int, end: float, tiny: float) -> list[float]:
    """Coefficients of s_n in x^2, but for a factor x if n is odd, as far as they count at `end`.

    The power x^m has the coefficient (-1)^k/(m! (n + m + 1)) with n + m = 2 k.
    """
    coefficients = []
    m = n % 2
    size = end**m  # the power at `end`, over m!
    while m < end or size > tiny:
        sign = (-1) ** ((n + m) // 2)
        coefficients.append(sign / (math.factorial(m) * (n + m + 1)))
        size *= end / (m + 1) * (end / (m + 2))
        m += 2
    return coefficients
