"""Vectorised elementary functions for float32 and float64.

Each is one plain function on vectors (see `emit.py`): reduce the argument, evaluate a polynomial
of `coefficients.py`, put the result back together. Special values follow IEEE 754. The scheme is
that of fdlibm, with fused multiply-adds: exp by Cody and Waite's reduction, log by atanh,
tanh by expm1 (which keeps small arguments accurate). There are no branches, but for sines of
large arguments.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from jetfold.backends.cpu.simd.coefficients import TABLES
from jetfold.backends.cpu.simd.host import HAS_FMA
from jetfold.backends.cpu.simd.lanewise import lanewise
from jetfold.backends.cpu.simd.primitives import (
    bits,
    constant,
    copysign,
    fma,
    from_bits,
    isnan,
    maximum,
    minimum,
    patch,
    select,
)
from jetfold.backends.cpu.simd.vector import Vector, vector_function


class Format(NamedTuple):
    """What the functions need to know about a dtype."""

    table: dict[str, tuple[float, ...]]
    fraction_bits: int
    bias: int
    magic: float  # x + magic - magic rounds x to an integer, which the low bits of the sum hold
    magic_bits: int
    smallest_normal: float
    sqrt_half_bits: int
    exp_range: tuple[float, float]  # exp is 0 below and infinite above
    tanh_limit: float  # tanh is 1 above
    sine_limit: float  # sin and cos reduce their argument by three parts of pi/2 below


def _format(name: str, integer: type[np.signedinteger[Any]], limits: tuple[float, ...]) -> Format:
    dtype = np.dtype(name)
    info = np.finfo(dtype)
    magic = dtype.type(1.5 * 2.0**info.nmant)
    root = dtype.type(np.sqrt(0.5))
    return Format(
        TABLES[name],
        int(info.nmant),
        int(info.maxexp) - 1,
        float(magic),
        int(magic.view(integer)),
        float(info.smallest_normal),
        int(root.view(integer)),
        (limits[0], limits[1]),
        limits[2],
        limits[3] if HAS_FMA else 0.75,  # the reduction needs products that are not rounded
    )


_FORMATS = {
    "float32": _format("float32", np.int32, (-105.0, 89.0, 10.0, 2.0**13)),
    "float64": _format("float64", np.int64, (-746.0, 710.0, 20.0, 2.0**30)),
}

_scalar_sin = lanewise(math.sin, np.sin)
_scalar_cos = lanewise(math.cos, np.cos)
_scalar_tan = lanewise(math.tan, np.tan)


def _format_of(x: Vector) -> Format:
    return _FORMATS[x.dtype.name]


def polynomial(x: Vector, coefficients: tuple[float, ...]) -> Vector:
    """A polynomial; the coefficient of the lowest degree comes first.

    A short one by Horner's scheme. In a long one even and odd powers are summed apart, so that the
    two chains of multiply-adds run at the same time.
    """
    if len(coefficients) > 8:
        square = x * x
        even, odd = polynomial(square, coefficients[::2]), polynomial(square, coefficients[1::2])
        return fma(odd, x, even)
    value: Any = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        value = fma(value, x, coefficient)
    return value


def _reduce_by_ln2(x: Vector) -> tuple[Vector, Vector]:
    """n as integers and expm1(r), where x = n ln 2 + r and |r| <= (ln 2)/2."""
    f = _format_of(x)
    shifted = fma(x, f.table["per_ln2"][0], f.magic)
    n = shifted - f.magic
    high, low = f.table["ln2"]
    r = fma(n, -low, fma(n, -high, x))
    return bits(shifted) - f.magic_bits, fma(r * r, polynomial(r, f.table["expm1"]), r)


def _power_of_two(n: Vector, f: Format) -> Vector:
    """2**n for integers n, where that is a normal number."""
    return from_bits((n + f.bias) << f.fraction_bits)


def exp(x: Vector) -> Vector:
    """e**x"""
    f = _format_of(x)
    n, rest = _reduce_by_ln2(minimum(maximum(x, f.exp_range[0]), f.exp_range[1]))
    half = n >> 1  # two factors, as 2**n alone may overflow, or round twice when subnormal
    return (rest + 1.0) * _power_of_two(half, f) * _power_of_two(n - half, f)


def expm1(x: Vector) -> Vector:
    """e**x - 1, accurate near 0."""
    f = _format_of(x)
    clamped = minimum(maximum(x, -2.0 * f.fraction_bits), f.exp_range[1])
    n, rest = _reduce_by_ln2(clamped)
    half_scale = _power_of_two(n - 1, f)  # 2**n may overflow where the result does not
    value = 2.0 * fma(half_scale, rest, half_scale - 0.5)
    return select(abs(x) < 2.0 ** -(f.fraction_bits + 4), x, value)


def tanh(x: Vector) -> Vector:
    """Hyperbolic tangent: t/(t + 2) with t = expm1(2|x|)."""
    f = _format_of(x)
    n, rest = _reduce_by_ln2(2.0 * minimum(abs(x), f.tanh_limit))
    scale = _power_of_two(n, f)
    t = fma(scale, rest, scale - 1.0)
    return copysign(t / (t + 2.0), x)


def sinh(x: Vector) -> Vector:
    """Hyperbolic sine: (t + t/(t + 1))/2 with t = expm1(|x|), scaled such that t is finite."""
    f = _format_of(x)
    n, rest = _reduce_by_ln2(minimum(abs(x), f.exp_range[1] + 0.5))
    scale = _power_of_two(n - 2, f)
    quarter = fma(scale, rest, scale - 0.25)
    return copysign(2.0 * (quarter + quarter / (4.0 * quarter + 1.0)), x)


def cosh(x: Vector) -> Vector:
    """Hyperbolic cosine: (e + 1/e)/2 with e = exp(|x|), scaled such that e is finite."""
    f = _format_of(x)
    n, rest = _reduce_by_ln2(minimum(abs(x), f.exp_range[1] + 0.5))
    quarter = (rest + 1.0) * _power_of_two(n - 2, f)
    return 2.0 * quarter + 0.125 / quarter


def expit(x: Vector) -> Vector:
    """1/(1 + exp(-x)), the logistic sigmoid."""
    z = exp(-abs(x))
    return select(x < 0.0, z, 1.0) / (1.0 + z)


def _log_of_positive(x: Vector) -> Vector:
    """log(x) for 0 < x < inf."""
    f = _format_of(x)
    subnormal = x < f.smallest_normal
    lift = f.fraction_bits + 2
    i = bits(select(subnormal, x * 2.0**lift, x))
    k = (i - f.sqrt_half_bits) >> f.fraction_bits
    m = from_bits(i - (k << f.fraction_bits))  # x = 2**k m, sqrt(1/2) <= m < sqrt(2)
    offset = select(subnormal, constant(f.magic + lift, x), f.magic)
    exponent = from_bits(k + f.magic_bits) - offset
    y = m - 1.0
    s = y / (y + 2.0)
    z = s * s
    # log(m) = 2 s + s z p(z) = y - (y^2/2 - s (y^2/2 + z p(z)))
    half_square = 0.5 * y * y
    rest = fma(z, polynomial(z, f.table["log"]), half_square)
    high, low = f.table["ln2"]
    return fma(exponent, high, y - (half_square - fma(s, rest, exponent * low)))


def _log_limits(x: Vector, value: Vector) -> Vector:
    """`value`, replaced where log(x) is infinite or NaN."""
    value = select(x < np.inf, value, x)
    value = select(x == 0.0, -np.inf, value)
    return select(x < 0.0, np.nan, value)


def log(x: Vector) -> Vector:
    """Natural logarithm."""
    return _log_limits(x, _log_of_positive(x))


def log1p(x: Vector) -> Vector:
    """log(1 + x), accurate near 0."""
    f = _format_of(x)
    u = 1.0 + x
    partner = u - 1.0
    lost = (1.0 - (u - partner)) + (x - partner)  # 1 + x = u + lost, exactly
    value = _log_limits(u, _log_of_positive(u) + lost / u)
    return select(abs(x) < 2.0 ** -(f.fraction_bits + 4), x, value)


def erf(x: Vector) -> Vector:
    """The error function: -expm1(-a p(a)) with a = |x|, as -log(erfc(a)) is nearly quadratic."""
    f = _format_of(x)
    a = minimum(abs(x), f.table["erf_end"][0])
    exponent = fma(a, f.table["erf_lead"][0], a * polynomial(a, f.table["erf"]))
    n, rest = _reduce_by_ln2(-exponent)
    scale = _power_of_two(n, f)
    return copysign(fma(scale, rest, scale - 1.0), x)


def _reduce_by_half_pi(x: Vector) -> tuple[Vector, Vector]:
    """n as integers and r, where x = n pi/2 + r and |r| <= pi/4."""
    f = _format_of(x)
    shifted = fma(x, f.table["per_half_pi"][0], f.magic)
    n = shifted - f.magic
    r = x
    for part in f.table["half_pi"]:
        r = fma(n, -part, r)
    return bits(shifted), r


def _sine_and_cosine(r: Vector) -> tuple[Vector, Vector]:
    """sin(r) and cos(r) for |r| <= pi/4"""
    f = _format_of(r)
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
    return patch(abs(x) > _format_of(x).sine_limit, _scalar_sin, x, value)


def cos(x: Vector) -> Vector:
    """Cosine; large arguments go through the C library, lane by lane."""
    n, r = _reduce_by_half_pi(x)
    return patch(abs(x) > _format_of(x).sine_limit, _scalar_cos, x, _quadrant_sine(n + 1, r))


def tan(x: Vector) -> Vector:
    """Tangent; large arguments go through the C library, lane by lane."""
    n, r = _reduce_by_half_pi(x)
    sine, cosine = _sine_and_cosine(r)
    even = (n & 1) == 0
    value = select(even, sine, -cosine) / select(even, cosine, sine)
    value = select(x == 0.0, x, value)
    return patch(abs(x) > _format_of(x).sine_limit, _scalar_tan, x, value)


def _log1p_of_unit(x: Vector) -> Vector:
    """log(1 + x) for 0 <= x <= 1, as 2 atanh(s) with s = x/(2 + x)."""
    s = x / (x + 2.0)
    z = s * s
    return x - s * (x - z * polynomial(z, _format_of(x).table["log1p_of_unit"]))


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


def sign(x: Vector) -> Vector:
    """-1, 0 or 1, and NaN of NaN."""
    return select(isnan(x), x, select(x == 0.0, constant(0.0, x), copysign(1.0, x)))


_ALL = (
    exp, expm1, log, log1p, sin, cos, tan, sinh, cosh, tanh, erf,
    expit, log_expit, softplus, logaddexp, sign,
)  # fmt: skip

for _function in _ALL:
    vector_function(_function)
