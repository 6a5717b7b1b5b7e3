"""Vectorised functions made from exp.

Each is one plain function on vectors (see `emit.py`): reduce the argument, evaluate a polynomial
of `coefficients.py`, put the result back together. Special values follow IEEE 754. The scheme is
that of fdlibm, with fused multiply-adds: exp by Cody and Waite's reduction, tanh by expm1 (which
keeps small arguments accurate). There are no branches.
"""

from jetfold.backends.cpu.simd.formats import format_of, polynomial, power_of_two, scaled
from jetfold.backends.cpu.simd.pairs import ordered_sum, product
from jetfold.backends.cpu.simd.primitives import (
    bits,
    constant,
    copysign,
    fma,
    maximum,
    minimum,
    select,
)
from jetfold.backends.cpu.simd.vector import Vector


def reduce_by_ln2(x: Vector) -> tuple[Vector, Vector]:
    """n as integers and expm1(r), where x = n ln 2 + r and |r| <= (ln 2)/2."""
    f = format_of(x)
    shifted = fma(x, f.table["per_ln2"][0], f.magic)
    n = shifted - f.magic
    high, low = f.table["ln2"]
    r = fma(n, -low, fma(n, -high, x))
    return bits(shifted) - f.magic_bits, fma(r * r, polynomial(r, f.table["expm1"]), r)


def exp(x: Vector) -> Vector:
    """e**x"""
    f = format_of(x)
    n, rest = reduce_by_ln2(minimum(maximum(x, f.exp_range[0]), f.exp_range[1]))
    return scaled(rest + 1.0, n, f)


def exp2(x: Vector) -> Vector:
    """2**x"""
    return exp2_of_sum(x)


def exp2_of_sum(x: Vector, small: Vector | None = None) -> Vector:
    """2**(x + small), rounded almost as if it were known exactly."""
    f = format_of(x)
    clamped = minimum(maximum(x, f.exp2_range[0]), f.exp2_range[1])
    shifted = clamped + f.magic
    r = clamped - (shifted - f.magic)
    ln2, ln2_low = f.table["exp2_lead"]
    rest, lost = product(r, ln2)
    low = fma(r, ln2_low, lost) + r * r * polynomial(r, f.table["exp2"])
    if small is not None:
        low = fma(small * ln2, rest + low + 1.0, low)
    value, lost = ordered_sum(1.0, rest)
    return scaled(value + (lost + low), bits(shifted) - f.magic_bits, f)


def expm1(x: Vector) -> Vector:
    """e**x - 1, accurate near 0."""
    f = format_of(x)
    clamped = minimum(maximum(x, -2.0 * f.fraction_bits), f.exp_range[1])
    n, rest = reduce_by_ln2(clamped)
    half_scale = power_of_two(n - 1, f)  # 2**n may overflow where the result does not
    value = 2.0 * fma(half_scale, rest, half_scale - 0.5)
    return select(abs(x) < f.tiny, x, value)


def _expm1_of_twice(x: Vector) -> tuple[Vector, Vector]:
    """n and expm1(2|x|), but divided by 2**n where n > 0, as it is too large there."""
    f = format_of(x)
    n, rest = reduce_by_ln2(2.0 * minimum(abs(x), 2.0 - 0.5 * f.exp_range[0]))
    most = select(n > f.bias, constant(f.bias, n), n)
    scale = power_of_two(most, f)
    return n - most, fma(scale, rest, scale - 1.0)


def tanh(x: Vector) -> Vector:
    """Hyperbolic tangent: t/(t + 2) with t = expm1(2|x|)."""
    _, t = _expm1_of_twice(x)
    return copysign(t / (t + 2.0), x)


def sech_squared(x: Vector) -> Vector:
    """1 - tanh(x)^2, without cancellation: 1 - (1 - r)^2 with r = 2/(t + 2).

    Beside tanh(x) in the same loop it costs little more than the division.
    """
    n, t = _expm1_of_twice(x)
    r = 2.0 / (t + 2.0)
    return fma(r, -r, 2.0 * r) * power_of_two(-n, format_of(x))


def sinh(x: Vector) -> Vector:
    """Hyperbolic sine: (t + t/(t + 1))/2 with t = expm1(|x|), scaled such that t is finite."""
    f = format_of(x)
    n, rest = reduce_by_ln2(minimum(abs(x), f.exp_range[1] + 0.5))
    scale = power_of_two(n - 2, f)
    quarter = fma(scale, rest, scale - 0.25)
    return copysign(2.0 * (quarter + quarter / (4.0 * quarter + 1.0)), x)


def cosh(x: Vector) -> Vector:
    """Hyperbolic cosine: (e + 1/e)/2 with e = exp(|x|), scaled such that e is finite."""
    f = format_of(x)
    n, rest = reduce_by_ln2(minimum(abs(x), f.exp_range[1] + 0.5))
    quarter = (rest + 1.0) * power_of_two(n - 2, f)
    return 2.0 * quarter + 0.125 / quarter


def expit(x: Vector) -> Vector:
    """1/(1 + exp(-x)), the logistic sigmoid."""
    z = exp(-abs(x))
    return select(x < 0.0, z, 1.0) / (1.0 + z)
