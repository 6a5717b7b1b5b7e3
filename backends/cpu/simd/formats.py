"""What the vectorised functions know about float32 and float64, and the steps they share."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jetfold.backends.cpu.simd.coefficients import TABLES
from jetfold.backends.cpu.simd.host import HAS_FMA
from jetfold.backends.cpu.simd.primitives import bits, constant, fma, from_bits, select
from jetfold.backends.cpu.simd.vector import Vector


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
    exp2_range: tuple[float, float]
    tanh_limit: float  # tanh is 1 above
    sine_limit: float  # sin and cos reduce their argument by three parts of pi/2 below
    erfc_limit: float  # erfc is 0 above
    tiny: float  # nothing beside 1


def _format(name: str, integer: type[np.signedinteger[Any]], limits: dict[str, Any]) -> Format:
    dtype = np.dtype(name)
    info = np.finfo(dtype)
    magic = dtype.type(1.5 * 2.0**info.nmant)
    root = dtype.type(np.sqrt(0.5))
    return Format(
        table=TABLES[name],
        fraction_bits=int(info.nmant),
        bias=int(info.maxexp) - 1,
        magic=float(magic),
        magic_bits=int(magic.view(integer)),
        smallest_normal=float(info.smallest_normal),
        sqrt_half_bits=int(root.view(integer)),
        tiny=2.0 ** -(int(info.nmant) + 4),
        **limits,
    )


_FORMATS = {
    "float32": _format(
        "float32",
        np.int32,
        {
            "exp_range": (-105.0, 89.0),
            "exp2_range": (-151.0, 129.0),
            "tanh_limit": 10.0,
            "sine_limit": 2.0**13 if HAS_FMA else 0.75,
            "erfc_limit": 10.3,
        },
    ),
    "float64": _format(
        "float64",
        np.int64,
        {
            "exp_range": (-746.0, 710.0),
            "exp2_range": (-1076.0, 1025.0),
            "tanh_limit": 20.0,
            # the reduction needs products that are not rounded
            "sine_limit": 2.0**30 if HAS_FMA else 0.75,
            "erfc_limit": 27.3,
        },
    ),
}


def format_of(x: Vector) -> Format:
    """The format of a vector's elements."""
    return _FORMATS[x.dtype.name]


def polynomial(x: Vector, coefficients: Sequence[float]) -> Vector:
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


def power_of_two(n: Vector, f: Format) -> Vector:
    """2**n for integers n, where that is a normal number."""
    return from_bits((n + f.bias) << f.fraction_bits)


def scaled(x: Vector, n: Vector, f: Format) -> Vector:
    """x * 2**n for integers n and x of about 1, rounded once where that is subnormal."""
    half = n >> 1  # two factors, as 2**n alone may overflow
    return x * power_of_two(half, f) * power_of_two(n - half, f)


def significand(x: Vector) -> tuple[Vector, Vector]:
    """k (in floating point) and m with x = 2**k m and sqrt(1/2) <= m < sqrt(2), for 0 < x < inf."""
    f = format_of(x)
    subnormal = x < f.smallest_normal
    lift = f.fraction_bits + 2
    i = bits(select(subnormal, x * 2.0**lift, x))
    k = (i - f.sqrt_half_bits) >> f.fraction_bits
    m = from_bits(i - (k << f.fraction_bits))
    offset = select(subnormal, constant(f.magic + lift, x), f.magic)
    return from_bits(k + f.magic_bits) - offset, m
