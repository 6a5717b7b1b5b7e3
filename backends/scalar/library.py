"""Functions of numbers that `math` lacks, for generated code; `source_of` gives their text.

They are plain Python on `math` and on ``real``, the type of all numbers, which compiled code binds
to its own; numba compiles them for processors and for CUDA devices. On finite numbers no operation
divides by zero or leaves a domain, as that would raise un-jitted.
"""

import ast
import inspect
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numba.extending import register_jitable

from jetfold.backends.scalar.coefficients import BERNOULLI, DIGAMMA, DIGAMMA_ROOT

real = np.float64

CONSTANTS = ("DIGAMMA", "DIGAMMA_ROOT", "BERNOULLI")
"""Tuples of numbers that functions use."""

F = TypeVar("F", bound=Callable[..., Any])


def _jitable(function: F) -> F:
    """Let compiled code call a function, which numba compiles when that happens."""
    registered: F = register_jitable(function)
    return registered


# Simple ones --------------------------------------------------------------------------------------


@_jitable
def sign(x: float) -> float:
    """-1, 0 or 1."""
    if x != x or x == 0:
        return x
    return math.copysign(real(1), x)


@_jitable
def maximum(x: float, y: float) -> float:
    """The larger of two numbers; NaN if either is."""
    return x if x > y or x != x else y


@_jitable
def minimum(x: float, y: float) -> float:
    """The smaller of two numbers; NaN if either is."""
    return x if x < y or x != x else y


@_jitable
def floor(x: float) -> float:
    """The largest integer not above x, as a number; numbers above 2**52 are integers."""
    if abs(x) < real(2**52):
        return math.copysign(real(math.floor(x)), x)
    return x


@_jitable
def ceil(x: float) -> float:
    """The smallest integer not below x."""
    return -floor(-x)


@_jitable
def rint(x: float) -> float:
    """The nearest integer, ties to even."""
    below = floor(x)
    rest = x - below
    if rest > real(0.5) or (rest == real(0.5) and below % real(2) != 0):
        return math.copysign(below + real(1), x)
    return below


@_jitable
def cbrt(x: float) -> float:
    """The cube root: pow, then a Newton step."""
    if x == 0 or not math.isfinite(x):
        return x
    y = math.pow(abs(x), real(1 / 3))
    return math.copysign(y - (y - abs(x) / (y * y)) / real(3), x)


# Of exponentials ----------------------------------------------------------------------------------


@_jitable
def expit(x: float) -> float:
    """The logistic function 1/(1 + exp(-x))."""
    e = math.exp(-abs(x))
    return real(1) / (real(1) + e) if x >= 0 else e / (real(1) + e)


@_jitable
def softplus(x: float) -> float:
    """log(1 + exp(x))"""
    return maximum(x, real(0)) + math.log1p(math.exp(-abs(x)))


@_jitable
def log_expit(x: float) -> float:
    """log(expit(x))"""
    return -softplus(-x)


@_jitable
def logaddexp(x: float, y: float) -> float:
    """log(exp(x) + exp(y))"""
    if x == y:
        return x + math.log(real(2))
    return maximum(x, y) + math.log1p(math.exp(-abs(x - y)))


@_jitable
def sech_squared(x: float) -> float:
    """1/cosh(x)**2 = 1 - tanh(x)**2"""
    e = math.exp(real(-2) * abs(x))
    return real(4) * e / ((real(1) + e) * (real(1) + e))


# Gamma and its derivatives ------------------------------------------------------------------------


@_jitable
def gamma(x: float) -> float:
    """The gamma function: infinite at 0, not defined at -1, -2, ..."""
    if x == 0:
        return math.copysign(real(math.inf), x)
    if x < 0 and (x == -math.inf or -x % real(1) == 0):
        return real(math.nan)
    if x > real(172):
        return real(math.inf)
    return math.gamma(x)


@_jitable
def gammaln(x: float) -> float:
    """log |Gamma(x)|, infinite at the poles and where it overflows."""
    if not math.isfinite(x):
        return abs(x)
    if x <= 0 and -x % real(1) == 0:
        return real(math.inf)
    if x > real(1e30) and not math.isfinite(x * (math.log(x) - real(1))):
        return real(math.inf)
    return math.lgamma(x)


@_jitable
def _digamma_from_one(x: float) -> float:
    """digamma for x >= 1"""
    if x <= 2:  # (x - root) times a polynomial keeps the digits next to the root
        value = real(0)
        for k in range(len(DIGAMMA) - 1, -1, -1):
            value = value * (x - real(1.5)) + DIGAMMA[k]
        return (((x - DIGAMMA_ROOT[0]) - DIGAMMA_ROOT[1]) - DIGAMMA_ROOT[2]) * value
    lower = real(0)
    while x < 12:
        lower += real(1) / x
        x += real(1)
    series = real(0)
    square = real(1) / (x * x)
    for k in range(8, 0, -1):
        series = (series + BERNOULLI[k - 1] / real(2 * k)) * square
    return math.log(x) - real(0.5) / x - series - lower


@_jitable
def _digamma_of_positive(x: float) -> float:
    return _digamma_from_one(x + real(1)) - real(1) / x if x < 1 else _digamma_from_one(x)


@_jitable
def _at_pole(x: float, odd: bool) -> float:
    """polygamma at 0, -1, -2, ..., where an even order changes sign."""
    if odd:
        return real(math.inf)
    return math.copysign(real(math.inf), -x) if x == 0 else real(math.nan)


@_jitable
def digamma(x: float) -> float:
    """The logarithmic derivative of Gamma."""
    if x > 0:
        return x if x == math.inf else _digamma_of_positive(x)
    if not math.isfinite(x):
        return real(math.nan)
    above = -x % real(1)  # exact
    if above == 0:
        return _at_pole(x, False)
    # Reflection. The distance to the nearer integer is exact, pi x would not be.
    pi = real(math.pi)
    tangent = -math.tan(pi * above) if above <= real(0.5) else math.tan(pi * (real(1) - above))
    return _digamma_of_positive(real(1) - x) - pi / tangent


@_jitable
def _factorial_over_power(n: int, x: float) -> float:
    """n!/x**(n+1), without overflow on the way"""
    value = real(1) / x
    for k in range(1, n + 1):
        value *= real(k) / x
    return value


@_jitable
def _factorial_zeta(n: int, x: float) -> float:
    """n! sum over k >= 0 of 1/(x + k)**(n+1), for x > 0 and n >= 1"""
    if x == math.inf:
        return real(0)
    total = real(0)
    while x < real(n + 12):
        total += _factorial_over_power(n, x)
        x += real(1)
    # Euler and Maclaurin's formula for the rest
    integral = _factorial_over_power(n - 1, x)
    ratio = real(n) / x
    series = real(1) + real(0.5) * ratio
    ratio *= real(0.5) * real(n + 1) / x
    for k in range(1, len(BERNOULLI) + 1):
        series += BERNOULLI[k - 1] * ratio
        step = real(n + 2 * k) / x * (real(n + 2 * k + 1) / x)
        ratio *= step / real((2 * k + 1) * (2 * k + 2))
    return total + integral * series


@_jitable
def polygamma(n: int, x: float) -> float:
    """The n-th derivative of digamma, n >= 1."""
    odd = n % 2 == 1
    factor = real(1) if odd else real(-1)
    if x > 0:
        return factor * _factorial_zeta(n, x)
    if not math.isfinite(x):
        return real(math.nan)
    above = -x % real(1)  # exact
    if above == 0:
        return _at_pole(x, odd)
    # The terms with x + k < 0 are those of a sum over positive numbers, cut at 1 - x.
    negative = _factorial_zeta(n, above) - _factorial_zeta(n, real(1) - x)
    return factor * _factorial_zeta(n, real(1) - above) + negative


# Of waves -----------------------------------------------------------------------------------------


@_jitable
def sinc(n: int, x: float) -> float:
    """The n-th derivative of sin(x)/x."""
    if abs(x) < real(n + 2):  # the power series
        term = real(-1) if (n + 1) // 2 % 2 == 1 else real(1)
        if n % 2 == 1:
            term *= x
        total = real(0)
        for power in range(n % 2, 2 * n + 40, 2):
            total += term / real(n + power + 1)
            term *= -x * x / real((power + 1) * (power + 2))
        return total
    if not math.isfinite(x):
        return x - x  # NaN
    s, c = math.sin(x), math.cos(x)
    value = s / x
    for k in range(1, n + 1):  # x s_k + k s_(k-1) is the k-th derivative of sin
        s, c = c, -s
        value = (s - real(k) * value) / x
    return value


@_jitable
def _besselj_series(n: int, x: float) -> float:
    """The power series, for x**2 <= 4 (n + 1)"""
    term = real(1)
    for k in range(1, n + 1):
        term *= x / real(2 * k)
    total = term
    for k in range(1, 22):
        term *= -x * x / real(4 * k * (n + k))
        total += term
    return total


@_jitable
def _besselj_backward(n: int, x: float) -> float:
    """Miller's recurrence from far above n and x, where J is 0, normalised by its sum"""
    start = int(max(real(n), x))
    start += 20 + 10 * int(cbrt(real(start)))
    above, value, wanted, total = real(0), real(1e-18), real(0), real(0)
    for k in range(start + start % 2, 0, -1):
        if k == n:
            wanted = value
        if k % 2 == 0:
            total += real(2) * value
        above, value = value, real(2 * k) / x * value - above
        if abs(value) > real(1e18):
            above *= real(1e-18)
            value *= real(1e-18)
            wanted *= real(1e-18)
            total *= real(1e-18)
    return (value if n == 0 else wanted) / (total + value)


@_jitable
def _besselj_forward(n: int, x: float) -> float:
    """Hankel's expansions of J_0 and J_1 for x >= 25, and the recurrence up to n < x"""
    s, c = math.sin(x), math.cos(x)
    root = math.sqrt(real(math.pi) * x)
    below, value = real(0), real(0)
    for order in range(2):
        cosine, sine, term = real(0), real(0), real(1)
        for k in range(0, 20, 2):
            cosine += term
            term *= real((2 * k + 1) * (2 * k + 1) - 4 * order) / real(8 * k + 8) / -x
            sine += term
            term *= real((2 * k + 3) * (2 * k + 3) - 4 * order) / real(8 * k + 16) / x
        if order == 0:
            below = ((c + s) * cosine - (s - c) * sine) / root
        else:
            value = ((s - c) * cosine + (s + c) * sine) / root
    if n == 0:
        return below
    for k in range(1, n):
        below, value = value, real(2 * k) / x * value - below
    return value


@_jitable
def besselj(n: int, x: float) -> float:
    """The Bessel function of the first kind, of integer order n."""
    negative = n % 2 == 1 and (n < 0) != (x < 0)
    n, x = abs(n), abs(x)
    if not math.isfinite(x):
        return x - x  # NaN
    if x * x <= real(4 * (n + 1)):
        value = _besselj_series(n, x)
    elif x >= max(25, n):
        value = _besselj_forward(n, x)
    else:
        value = _besselj_backward(n, x)
    return -value if negative else value


# Text ---------------------------------------------------------------------------------------------


class _Text(NamedTuple):
    text: str
    uses: frozenset[str]


def source_of(names: Iterable[str], decorator: str) -> str:
    """The text of these functions and of what they need, each below the line ``decorator``.

    It needs ``math``, ``real`` and what the decorator names.
    """
    functions = _functions()
    needed: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            pending += functions[name].uses if name in functions else ()
    constants = [f"{name} = {_literal(globals()[name])}" for name in CONSTANTS if name in needed]
    texts = [f"{decorator}\n{functions[name].text}" for name in functions if name in needed]
    return "\n\n\n".join((["\n".join(constants)] if constants else []) + texts)


def names() -> tuple[str, ...]:
    """The names of all functions."""
    return tuple(_functions())


@cache
def _functions() -> dict[str, _Text]:
    """The functions of this module in their order, without decorators and annotations."""
    source = inspect.getsource(sys.modules[__name__])
    lines = source.splitlines()
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and lines[node.lineno - 2] == "@_jitable":
            arguments = ", ".join(argument.arg for argument in node.args.args)
            body = lines[node.body[0].lineno - 1 : node.end_lineno]
            text = "\n".join([f"def {node.name}({arguments}):", *body])
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            found[node.name] = _Text(text, frozenset(names))
    return {
        name: _Text(text, uses & (found.keys() | set(CONSTANTS)))
        for name, (text, uses) in found.items()
    }


def _literal(numbers: Sequence[float]) -> str:
    return "\n".join(["(", *(f"    real({number!r})," for number in numbers), ")"])
