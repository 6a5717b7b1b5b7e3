"""Functions for the test of accuracy: in jetfold, in mpmath, and the points at which to judge."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mp, mpf

from jetfold.rules.definition import define
from jetfold.rules.primitives import PRIMITIVES, custom_primitive
from primitive_cases import CASES, KINKS, SINGULAR

Point = tuple[float, ...]

SIZES = (
    *(10.0**k for k in (-300, -160, -100, -75, -16, -8, -3)),
    *(0.03, 0.3, 0.5, 0.9, 1.0, 1.5, 2.5, 3.3, 5.0, 6.0, 8.5, 10.0, 20.0),
    *(26.5, 38.0, 100.0, 356.0, 709.5, 746.0, 1000.0),
    *(10.0**k for k in (5, 8, 16, 50, 75, 100, 160, 300)),
)
LINE = (0.0, *SIZES, *(-size for size in SIZES))
ABOUT_1 = (1 - 2.0**-53, 1 + 2.0**-52, 1 - 1e-8, 1 + 1e-4, 0.5 - 1e-9)
GAMMA_POINTS = (
    *SIZES,
    *(-x for x in SIZES if x < 400 and (x % 1 or x < 0.9)),
    *(1.4616321449683623, -0.5, -0.5040830082644554, -1.573498473162390, -2.5, -50.5, -170.3),
)
BESSEL_POINTS = (
    *(x for x in LINE if abs(x) < 1e9),
    *(2.404825557695773, -3.831705970207512, 5.520078110286311, 24.9, 29.1, 1e4, -1e6),
)
SMALL = (0.0, *(10.0**k for k in (-300, -160, -100, -16, -8, 8, 100, 160, 300)), 0.3, 1.0, 30.0)


@dataclass(frozen=True)
class Subject:
    """An expression and what it stands for in mpmath.

    ``function`` takes the arguments and the parameters; outside of its domain it is complex or
    raises an error. ``derivatives(x, n)``, where it is given, are the first n ones by a recursion,
    where differences would take long.
    """

    expr: sp.Expr
    function: Callable[..., Any]
    points: tuple[Point, ...]
    parameters: tuple[float, ...] = ()
    derivatives: Callable[[Any, int], list[Any]] | None = None


def _columns(points: tuple[float, ...]) -> tuple[Point, ...]:
    return tuple((x,) for x in points)


def _pairs(count: int, first: tuple[float, ...], second: tuple[float, ...]) -> tuple[Point, ...]:
    random = np.random.default_rng(2)
    columns = random.choice(first, count), random.choice(second, count)
    return tuple((float(x), float(y)) for x, y in zip(*columns, strict=True))


SIGNED = (*SMALL, *(-x for x in SMALL if x))
PAIRS = _pairs(25, SIGNED, SIGNED)
LEVELS = (
    *_pairs(10, (0.0, 1e-8, 0.3, 1.0, 30.0, 700.0, -0.3, -50.0), (0.0, 1.0, 700.0, -1e-8, -30.0)),
    *((1e300, 1.0), (1e300, 1e300), (-1e300, 1e300), (-1e-300, 0.3), (1e-160, 1e-160)),
)
POWERS = _pairs(20, SMALL[1:], (*(x for x in SIGNED if abs(x) < 1e9), 2.0, 3.0, -1.5))


# Recursions ---------------------------------------------------------------------------------------


def _psi(x: Any, order: int) -> list[Any]:
    return [mp.psi(k, x) for k in range(order + 1)]


def _gammaln(x: Any, order: int) -> list[Any]:
    value = mp.log(abs(mp.gamma(x))) if abs(x) < 1e3 else mp.loggamma(x)
    return [value, *_psi(x, order - 1)]


def _gamma(x: Any, order: int) -> list[Any]:
    slopes, found = _psi(x, order), [mp.gamma(x) if x < 1e3 else mpf(10) ** 999]
    for n in range(order):
        found.append(sum(math.comb(n, k) * found[k] * slopes[n - k] for k in range(n + 1)))
    return found


def _bell(x: Any, order: int, rate: Any) -> list[Any]:
    """Of exp(-rate x**2 / 2)."""
    found = [mp.exp(-rate * x * x / 2)]
    for k in range(order):
        found.append(-rate * (x * found[k] + (k * found[k - 1] if k else 0)))
    return found


def _erf(x: Any, order: int) -> list[Any]:
    scale = 2 / mp.sqrt(mp.pi)
    value = mp.erf(x) if abs(x) < 1e4 else mp.sign(x)
    return [value, *(scale * slope for slope in _bell(x, order - 1, 2))]


def _erfc(x: Any, order: int) -> list[Any]:
    value = mp.erfc(x) if abs(x) < 1e4 else 1 - mp.sign(x)
    return [value, *(-slope for slope in _erf(x, order)[1:])]


def _gelu(x: Any, order: int) -> list[Any]:
    value = mp.erfc(-x / mp.sqrt(2)) / 2 if abs(x) < 1e4 else (1 + mp.sign(x)) / 2
    scale = 1 / mp.sqrt(2 * mp.pi)
    phi = [value, *(scale * slope for slope in _bell(x, order - 1, 1))]
    return [x * phi[k] + (k * phi[k - 1] if k else 0) for k in range(order + 1)]


def _bessel(n: int) -> Callable[[Any, int], list[Any]]:
    return lambda x, order: [mp.besselj(n, x, derivative=k) for k in range(order + 1)]


RECURSIONS: Mapping[str, Callable[[Any, int], list[Any]]] = {
    "psi": _psi, "gammaln": _gammaln, "gamma": _gamma, "gamma_of": _gamma,
    "erf": _erf, "erfc": _erfc, "gelu": _gelu,
    "j0": _bessel(0), "j1": _bessel(1), "bessel0": _bessel(0), "bessel1": _bessel(1),
}  # fmt: skip


# Built-in -----------------------------------------------------------------------------------------

_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "hypot": lambda x, y: mp.sqrt(x * x + y * y),
    "arctanh": lambda x: mp.log((1 + x) / (1 - x)) / 2,
}
_POINTS: Mapping[str, tuple[Point, ...]] = {
    **dict.fromkeys(("gamma", "gammaln", "psi"), _columns(GAMMA_POINTS)),
    **dict.fromkeys(("j0", "j1"), _columns(BESSEL_POINTS)),
    **dict.fromkeys(
        ("arcsin", "arccos", "arccosh", "arctanh", "log", "log2", "log10", "log1p", "logit"),
        _columns((*LINE, *ABOUT_1, *(-x for x in ABOUT_1))),
    ),
    "sinc": _columns((*(x for x in LINE if abs(x) < 1e9), 0.75, -1.25, 3.6)),
    **dict.fromkeys(("power", "float_power"), POWERS),
    **dict.fromkeys(("logaddexp", "logaddexp2"), LEVELS),
}
_FLAT = {*KINKS} - {"absolute", "fabs"}
"""Primitives that are constant between steps, or equal to one of their operands."""


def _built_in(name: str) -> Subject:
    known = PRIMITIVES[name]
    points = _POINTS.get(name, _columns(LINE) if known.arity == 1 else PAIRS)
    elsewhere = (*KINKS.get(name, ()), *SINGULAR.get(name, ()))
    return Subject(
        known.expr,
        _FUNCTIONS.get(name, CASES[name].function),
        tuple(point for point in points if point not in elsewhere),
        derivatives=RECURSIONS.get(name),
    )


# Custom -------------------------------------------------------------------------------------------

x, y, r = sp.symbols("x y r")
beta, depth, width, place, mu, eps, sigma = sp.symbols("beta depth width place mu eps sigma")


def _custom(
    name: str, expr: sp.Expr, function: Callable[..., Any], values: Mapping[sp.Symbol, float] = {},
    points: tuple[float, ...] = LINE,
) -> tuple[str, Subject]:  # fmt: skip
    (argument,) = expr.free_symbols - set(values)
    made = custom_primitive(define(name, expr, (argument,), tuple(values)))
    recursion = RECURSIONS.get(name)
    return name, Subject(made.expr, function, _columns(points), tuple(values.values()), recursion)


def _softplus(x: Any) -> Any:
    return mp.log(1 + mp.exp(x))


EXAMPLES = dict((
    _custom("gelu", x * (1 + sp.erf(x / sp.sqrt(2))) / 2, _gelu),
    _custom("swish", x / (1 + sp.exp(-beta * x)), lambda x, b: x / (1 + mp.exp(-b * x)),
            {beta: 1.5}),
    _custom("mish", x * sp.tanh(sp.log(1 + sp.exp(x))), lambda x: x * mp.tanh(_softplus(x))),
    _custom("soft", sp.log(1 + sp.exp(x)), _softplus),
    _custom("morse", depth * (1 - sp.exp(-width * (r - place))) ** 2,
            lambda r, d, a, p: d * (1 - mp.exp(-a * (r - p))) ** 2,
            {depth: 4.5, width: 1.25, place: 0.75}, (*LINE, 0.75, 0.75 + 1e-12, 0.75 - 1e-6)),
    _custom("lennard_jones", 4 * eps * ((sigma / r) ** 12 - (sigma / r) ** 6),
            lambda r, e, s: 4 * e * ((s / r) ** 12 - (s / r) ** 6), {eps: 0.3, sigma: 1.25},
            (*LINE, 1.25, 1.25 + 1e-9)),
    _custom("coulomb", sp.exp(-mu * r) / r, lambda r, m: mp.exp(-m * r) / r, {mu: 0.75}),
    _custom("huber",
            sp.Piecewise((x**2 / 2, sp.Abs(x) < 1), (sp.Abs(x) - sp.Rational(1, 2), True)),
            lambda x: x**2 / 2 if abs(x) < 1 else abs(x) - mpf(1) / 2,
            points=tuple(x for x in LINE if abs(x) != 1)),
    _custom("gaussian", sp.exp(-(x**2)), lambda x: mp.exp(-x * x)),
    _custom("bump", x * sp.exp(-(x**2)), lambda x: x * mp.exp(-x * x)),
    _custom("gamma_of", sp.gamma(x), mp.gamma, points=GAMMA_POINTS),
    _custom("bessel0", sp.besselj(0, x), mp.j0, points=BESSEL_POINTS),
    _custom("bessel1", sp.besselj(1, x), mp.j1, points=BESSEL_POINTS),
))  # fmt: skip

DISTINCT = {known.expr: name for name, known in PRIMITIVES.items() if name not in _FLAT}

SUBJECTS: Mapping[str, Subject] = {
    **{name: _built_in(name) for name in DISTINCT.values()},
    **EXAMPLES,
}


# The truth --------------------------------------------------------------------------------------

BITS = 70


def truth(subject: Subject, point: Point, order: int) -> tuple[list[Any], list[Any]] | None:
    """The derivatives 0..order along (1, .., 1), and the sizes by which errors are measured.

    With g one of the partial derivatives of which a derivative along (1, .., 1) is the sum, the
    latter is the sum of |g| + sum over the operands x of |x dg/dx|; for a function of one operand
    it divided by |g| is 1 + the condition number. None outside of the domain.
    """
    try:
        found = _partials(subject, point, order + 1)
    except (ValueError, ZeroDivisionError, TypeError):
        return None
    values, sizes = [], []
    for k in range(order + 1):
        value = size = mpf(0)
        for index in (index for index in found if sum(index) == k):
            times = math.factorial(k) // math.prod(map(math.factorial, index))
            value += times * found[index]
            size += times * abs(found[index])
            for i, x in enumerate(point):
                above = tuple(n + (i == j) for j, n in enumerate(index))
                size += times * abs(x * found[above])
        values.append(value)
        sizes.append(size)
    return values, sizes


def _partials(subject: Subject, point: Point, order: int) -> dict[tuple[int, ...], Any]:
    """Partial derivatives by forward differences, with a step so small that 25 digits are right."""
    if subject.derivatives is not None:
        with mp.workdps(60):
            listed = subject.derivatives(mpf(point[0]), order)
        return {(k,): value for k, value in enumerate(listed)}
    tiny = max(0, -math.frexp(min((abs(x) for x in point if x), default=1.0))[1])
    huge = max(0, math.frexp(max(map(abs, point)))[1])
    saturated = round(3 * min(max(map(abs, point)), 1000))  # 1 - tanh(700)
    with mp.workprec((order + 1) * (BITS + tiny + huge) + 2 * tiny + saturated + 200):
        step = mpmath.ldexp(1, -BITS - tiny)
        indices = [i for i in np.ndindex(*[order + 1] * len(point)) if sum(i) <= order]
        parameters = [mpf(value) for value in subject.parameters]
        grid = {}
        for index in indices:
            moved = (mpf(x) + i * step for x, i in zip(point, index, strict=True))
            grid[index] = mpf(subject.function(*moved, *parameters))
        noise = mpmath.ldexp(max(map(abs, grid.values())), 30 - mp.prec)
        found: dict[tuple[int, ...], Any] = {}
        for index in sorted(indices, key=sum, reverse=True):
            total = mpf(0)
            for below in np.ndindex(*(n + 1 for n in index)):
                pairs = list(zip(index, below, strict=True))
                weight = math.prod((-1) ** (n - k) * math.comb(n, k) for n, k in pairs)
                total += weight * grid[below]
            value = total / step ** sum(index) if abs(total) > noise else mpf(0)
            above = (tuple(n + (i == j) for j, n in enumerate(index)) for i in range(len(index)))
            truncation = max((abs(found[i]) for i in above if i in found), default=mpf(0))
            found[index] = value if abs(value) > 100 * step * truncation else mpf(0)
        return found
