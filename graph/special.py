"""Special functions that NumPy, SciPy and mpmath lack, or know for some numbers only.

Orders and numbers of derivatives come as arrays, too, as all operands of a function do; they are
the same for all elements.
"""

from __future__ import annotations

import math
import operator
from functools import reduce
from typing import Any

import mpmath
import numpy as np
import scipy.special


def _literal(n: Any) -> int:
    return round(float(np.max(n)))


def power(x: Any, p: Any, n: Any) -> Any:
    """The n-th derivative of x**p."""
    order = _literal(n)
    falling = reduce(operator.mul, (p - i for i in range(order)), np.ones_like(p))
    return np.where(falling == 0, 0, falling * np.power(x, p - order))


def sech_squared(x: Any) -> Any:
    """1 - tanh(x)**2 = 4 e / (1 + e)**2 with e = exp(-2|x|)."""
    e = np.exp(-2 * np.where(np.real(x) < 0, -x, x))
    return 4 * e / (1 + e) ** 2


def sinc(n: Any, x: Any) -> Any:
    """The n-th derivative of sin(x) / x: a power series near 0 and a recurrence elsewhere.

    With f = sin(x) / x it is x f^(n) + n f^(n-1) = sin(x + n pi/2); a division by x that is not
    below n/2 does not make the error larger than a few units of round-off.
    """
    order = _literal(n)
    near = np.abs(x) < 1 + order / 2
    return np.where(near, _sinc_series(order, np.where(near, x, 0)), _sinc_recurrence(order, x))


def _sinc_series(n: int, x: Any) -> Any:
    """sum over m of (-1)**m x**(2m-n) / ((2m+1) (2m-n)!)."""
    total, first = np.zeros_like(x), (n + 1) // 2
    for m in reversed(range(first, first + 12 + n)):
        step = (2 * m + 1 - n) * (2 * m + 2 - n)
        total = (-1) ** m / (2 * m + 1) + x * x * total / step
    return x ** (2 * first - n) * total


def _sinc_recurrence(n: int, x: Any) -> Any:
    sine, cosine = np.sin(x), np.cos(x)
    value = sine / x
    for k in range(1, n + 1):
        value = ((sine, cosine, -sine, -cosine)[k % 4] - k * value) / x
    return value


def polygamma(n: Any, x: Any) -> Any:
    """The n-th derivative of digamma, also of negative numbers.

    There the terms of the series n! / (x+k)**(n+1) with x + k < 0 are those of a series of
    positive numbers, cut off at 1 - x.
    """
    order = _literal(n)
    if order == 0:
        return scipy.special.psi(x)
    sign, factorial = (-1) ** (order + 1), math.factorial(order)
    above = np.mod(-x, 1)
    before = scipy.special.zeta(order + 1, above) - scipy.special.zeta(order + 1, 1 - x)
    negative = scipy.special.zeta(order + 1, 1 - above) + sign * before
    if sign < 0:  # at a pole it changes its sign
        negative = np.where((above == 0) & (x != 0), np.nan, negative)
    series = np.where(np.signbit(x), negative, scipy.special.zeta(order + 1, x))
    return sign * factorial * series


BESSEL_RECURRENCE = 25
"""From here on the recurrence of Bessel functions is taken, which needs arguments above n."""


def besselj(n: Any, x: Any) -> Any:
    """The Bessel function of the first kind of integer order, also of huge arguments."""
    order = _literal(n)
    lower, value = scipy.special.j0(x), scipy.special.j1(x)
    if order < 2:
        return value if order else lower
    for k in range(1, order):
        lower, value = value, 2 * k / x * value - lower
    return np.where(np.abs(x) > BESSEL_RECURRENCE + order, value, scipy.special.jv(order, x))


def long_sinc(n: Any, x: Any) -> Any:
    """The n-th derivative of sin(x) / x in mpmath, with the digits that its recurrence loses."""
    order = int(n)
    if x == 0:
        return mpmath.mpf((0, 1, 0, -1)[(order + 1) % 4]) / (order + 1)
    lost = 10 * order + order * max(0, 1 - mpmath.mag(x)) * 2
    with mpmath.workprec(mpmath.mp.prec + lost):
        value = mpmath.sin(x) / x
        for k in range(1, order + 1):
            wave = mpmath.cos(x) if k % 2 else mpmath.sin(x)
            value = ((-wave if k % 4 > 1 else wave) - k * value) / x
    return +value
