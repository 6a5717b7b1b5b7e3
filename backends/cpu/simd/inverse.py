"""Vectorised inverses of trigonometric functions. See `exponential.py`."""

import numpy as np

from jetfold.backends.cpu.simd.formats import format_of, polynomial
from jetfold.backends.cpu.simd.primitives import (
    alike,
    bits,
    copysign,
    fma,
    maximum,
    minimum,
    select,
    sqrt,
)
from jetfold.backends.cpu.simd.vector import Vector


def _arcsin_of_half(x: Vector, square: Vector) -> Vector:
    """arcsin(x) - x for |x| <= 1/2"""
    return x * square * polynomial(square, format_of(x).table["arcsin"])


def arcsin(x: Vector) -> Vector:
    """Inverse sine; above 1/2 it is pi/2 - 2 arcsin(sqrt((1 - x)/2))."""
    half_pi, low, _ = format_of(x).table["half_pi"]
    a = abs(x)
    large = a > 0.5
    square = select(large, fma(a, -0.5, 0.5), a * a)
    s = select(large, sqrt(square), a)
    rest = _arcsin_of_half(s, square)
    turned = half_pi - 2.0 * s
    lost = (half_pi - turned) - 2.0 * s
    return copysign(select(large, turned + (lost + (low - 2.0 * rest)), s + rest), x)


def arccos(x: Vector) -> Vector:
    """Inverse cosine: pi/2 - arcsin(x) within 1/2 of 0, 2 arcsin(sqrt((1 - |x|)/2)) beyond."""
    half_pi, low, _ = format_of(x).table["half_pi"]
    a = abs(x)
    large = a > 0.5
    square = select(large, fma(a, -0.5, 0.5), x * x)
    s = select(large, sqrt(square), x)
    rest = _arcsin_of_half(s, square)
    near = half_pi - (s - (low - rest))
    far = 2.0 * (s + rest)
    far = select(x < 0.0, 2.0 * half_pi - (far - 2.0 * low), far)
    return select(large, far, near)


def _arctan_of_unit(x: Vector) -> Vector:
    """arctan(x) for 0 <= x <= 1"""
    first, *others = format_of(x).table["arctan"]
    z = x * x
    return fma(x * z, fma(z, polynomial(z, others), first), x)


def arctan(x: Vector) -> Vector:
    """Inverse tangent; above 1 it is pi/2 - arctan(1/x)."""
    half_pi, low, _ = format_of(x).table["half_pi"]
    a = abs(x)
    large = a > 1.0
    value = _arctan_of_unit(select(large, 1.0, a) / select(large, a, 1.0))
    return copysign(select(large, half_pi - (value - low), value), x)


def arctan2(y: Vector, x: Vector) -> Vector:
    """The angle of the vector (x, y), between -pi and pi."""
    y, x = alike(y, x)
    half_pi, low, _ = format_of(x).table["half_pi"]
    a, b = abs(x), abs(y)
    below, above = minimum(a, b), maximum(a, b)
    same = (a == b) & (a == np.inf)
    quotient = select(same, 1.0, below / select(above == 0.0, 1.0, above))
    value = _arctan_of_unit(quotient)
    value = select(b > a, half_pi - (value - low), value)
    value = select(bits(x) < 0, 2.0 * half_pi - (value - 2.0 * low), value)
    return copysign(value, y)
