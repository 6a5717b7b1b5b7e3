"""Scalar special functions that the C library lacks, in float64, for `lanewise`.

They are plain Python on numbers, which numba also compiles; no operation divides by zero or
leaves a domain, as that would raise un-jitted.
"""

import math

from jetfold.backends.cpu.simd.coefficients import TABLES
from jetfold.backends.cpu.simd.numba_extension import jitable

_DIGAMMA = TABLES["float64"]["digamma"]
_ROOT_HIGH, _ROOT_LOW = TABLES["float64"]["digamma_root"]
_BERNOULLI = TABLES["float64"]["bernoulli"]  # B_2, B_4, ...
_GAMMALN_LIMIT = 2.5e305  # log(gamma(x)) overflows a little above


def cbrt(x: float) -> float:
    """Cube root: pow, then a Newton step."""
    if x == 0.0 or not math.isfinite(x):
        return x
    y = math.pow(abs(x), 1.0 / 3.0)
    return math.copysign(y - (y - abs(x) / (y * y)) / 3.0, x)


def gammaln(x: float) -> float:
    """log |Gamma(x)|, infinite at the poles."""
    if not math.isfinite(x):
        return abs(x)
    if (x <= 0.0 and -x % 1.0 == 0.0) or x > _GAMMALN_LIMIT:
        return math.inf
    return math.lgamma(x)


@jitable
def _digamma_from_one(x: float) -> float:
    """digamma for x >= 1"""
    if x <= 2.0:  # (x - root) times a polynomial keeps the digits next to the root
        value = 0.0
        for k in range(len(_DIGAMMA) - 1, -1, -1):
            value = value * (x - 1.5) + _DIGAMMA[k]
        return ((x - _ROOT_HIGH) - _ROOT_LOW) * value
    lower = 0.0
    while x < 12.0:
        lower += 1.0 / x
        x += 1.0
    series = 0.0
    square = 1.0 / (x * x)
    for k in range(8, 0, -1):
        series = (series + _BERNOULLI[k - 1] / (2 * k)) * square
    return math.log(x) - 0.5 / x - series - lower


@jitable
def _digamma_of_positive(x: float) -> float:
    return _digamma_from_one(x + 1.0) - 1.0 / x if x < 1.0 else _digamma_from_one(x)


@jitable
def _at_pole(x: float, odd: bool) -> float:
    """polygamma at 0, -1, -2, ..., where an even order changes sign."""
    if odd:
        return math.inf
    return math.copysign(math.inf, -x) if x == 0.0 else math.nan


@jitable
def digamma(x: float) -> float:
    """The logarithmic derivative of Gamma."""
    if x > 0.0:
        return x if x == math.inf else _digamma_of_positive(x)
    if not math.isfinite(x):
        return math.nan
    above = -x % 1.0  # exact
    if above == 0.0:
        return _at_pole(x, False)
    # Reflection. The distance to the nearer integer is exact, pi x would not be.
    tangent = -math.tan(math.pi * above) if above <= 0.5 else math.tan(math.pi * (1.0 - above))
    return _digamma_of_positive(1.0 - x) - math.pi / tangent


@jitable
def _factorial_over_power(n: int, x: float) -> float:
    """n!/x^(n+1), without overflow on the way"""
    value = 1.0 / x
    for k in range(1, n + 1):
        value *= k / x
    return value


@jitable
def _factorial_zeta(n: int, x: float) -> float:
    """n! sum over k >= 0 of 1/(x + k)^(n+1), for x > 0 and n >= 1"""
    if x == math.inf:
        return 0.0
    total = 0.0
    while x < n + 12.0:
        total += _factorial_over_power(n, x)
        x += 1.0
    # Euler and Maclaurin's formula for the rest
    integral = _factorial_over_power(n - 1, x)
    ratio = n / x
    series = 1.0 + 0.5 * ratio
    ratio *= 0.5 * (n + 1) / x
    for k in range(1, len(_BERNOULLI) + 1):
        series += _BERNOULLI[k - 1] * ratio
        ratio *= (n + 2 * k) / x * ((n + 2 * k + 1) / x) / ((2 * k + 1) * (2 * k + 2))
    return total + integral * series


def polygamma(n: int, x: float) -> float:
    """The n-th derivative of digamma, n >= 0."""
    if n == 0:
        return digamma(x)
    odd = n % 2 == 1
    sign = 1.0 if odd else -1.0
    if x > 0.0:
        return sign * _factorial_zeta(n, x)
    if not math.isfinite(x):
        return math.nan
    above = -x % 1.0  # exact
    if above == 0.0:
        return _at_pole(x, odd)
    # The terms with x + k < 0 are those of a sum over positive numbers, cut at 1 - x.
    negative = _factorial_zeta(n, above) - _factorial_zeta(n, 1.0 - x)
    return sign * _factorial_zeta(n, 1.0 - above) + negative
