"""Vectorised error functions. See `exponential.py`."""

from jetfold.backends.cpu.simd.exponential import reduce_by_ln2
from jetfold.backends.cpu.simd.formats import format_of, polynomial, power_of_two, scaled
from jetfold.backends.cpu.simd.pairs import product
from jetfold.backends.cpu.simd.primitives import copysign, fma, minimum, select
from jetfold.backends.cpu.simd.vector import Vector


def erf(x: Vector) -> Vector:
    """The error function: -expm1(-a p(a)) with a = |x|, as -log(erfc(a)) is nearly quadratic."""
    f = format_of(x)
    a = minimum(abs(x), f.table["erf_end"][0])
    exponent = fma(a, f.table["erf_lead"][0], a * polynomial(a, f.table["erf"]))
    n, rest = reduce_by_ln2(-exponent)
    scale = power_of_two(n, f)
    return copysign(fma(scale, rest, scale - 1.0), x)


def erfc(x: Vector) -> Vector:
    """1 - erf(x), accurate for large x.

    With a = |x| and u = a/(a + c) it is exp(-a^2) (1 + u p(2 u - 1))/(1 + 2 a). Source: Shepherd
    and Laframboise, Mathematics of Computation 36 (1981), 249.
    """
    f = format_of(x)
    a = minimum(abs(x), f.erfc_limit)
    u = a / (a + f.table["erfc_centre"][0])
    above = u * polynomial(fma(2.0, u, -1.0), f.table["erfc"])
    near = a < 0.5  # where the quotient is better computed as 1 + quotient
    quotient = select(near, fma(-2.0, a, above), above + 1.0) / fma(2.0, a, 1.0)
    quotient = select(near, quotient + 1.0, quotient)
    square, lost = product(a, a)
    n, rest = reduce_by_ln2(-square)
    rest = rest - fma(lost, rest, lost)  # exp(-lost) = 1 - lost
    value = scaled(fma(rest, quotient, quotient), n, f)
    return select(x < 0.0, 2.0 - value, value)
