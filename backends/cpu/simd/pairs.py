"""Sums and products with the part that rounding loses, for functions that need more digits.

A pair stands for the sum of its two vectors, of which the second is small. Sources: Dekker (1971),
Knuth (The Art of Computer Programming, volume 2, 4.2.2).
"""

from jetfold.backends.cpu.simd.emit import Register
from jetfold.backends.cpu.simd.host import HAS_FMA
from jetfold.backends.cpu.simd.primitives import fma
from jetfold.backends.cpu.simd.vector import Vector

Pair = tuple[Vector, Vector]


def ordered_sum(a: Vector, b: Vector) -> Pair:
    """a + b, exactly, where |a| >= |b| or a = 0."""
    total = a + b
    return total, b - (total - a)


def product(a: Vector, b: Vector) -> Pair:
    """a * b, exactly unless it overflows or is tiny."""
    value = a * b
    if HAS_FMA or not isinstance(value, Register):
        return value, fma(a, b, -value)
    a_high, a_low = _halves(value.coerce(a))
    b_high, b_low = _halves(value.coerce(b))
    return value, ((a_high * b_high - value) + a_high * b_low + a_low * b_high) + a_low * b_low


def _halves(x: Register) -> Pair:
    """x as the sum of two numbers of half as many digits."""
    digits = 12 if x.dtype.itemsize == 4 else 27
    lifted = x * (2.0**digits + 1.0)
    high = lifted - (lifted - x)
    return high, x - high


def pair_product(a: Pair, b: Pair) -> Pair:
    """a * b, to about twice the digits of a number."""
    value, lost = product(a[0], b[0])
    return value, lost + (a[0] * b[1] + a[1] * b[0])
