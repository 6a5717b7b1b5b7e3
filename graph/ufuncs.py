"""The table of elementwise functions: a NumPy or SciPy name and its expression, one line each.

Truth values are the numbers 0 and 1, and any other number than 0 counts as true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

import numpy as np
import scipy.special
import sympy as sp

from jetfold.graph import functions as fn
from jetfold.graph.ops import Map, operand_symbol
from jetfold.graph.powers import power


def _truth(condition: Any) -> Any:
    return sp.Piecewise((1, condition), (0, True))


def _is(x: Any) -> Any:
    return sp.Ne(x, 0)


LARGEST_EXPONENT = 1024


def _power(x: Any, p: Any) -> Any:
    if p.is_number:
        return x**p if abs(p) <= LARGEST_EXPONENT else sp.nan
    if x.is_number:
        # The derivative is log(x) x**p, and SymPy's logarithm of a negative number is complex.
        return x**p if x.is_positive else sp.nan
    return power(x, p, 0)


def _trunc(x: Any) -> Any:
    return sp.Piecewise((fn.floor(x), x > 0), (fn.ceil(x), True))


def _rest(whole: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """What remains of x when the whole part of x / y is taken off."""
    return lambda x, y: sp.nan if 0 in (x, y) else x - y * whole(x / y)  # SymPy: 0 * zoo = 0


def _heaviside(x: Any, middle: Any) -> Any:
    return sp.Piecewise((0, x < 0), (1, x > 0), (middle, sp.Eq(x, 0)), (x, True))


def _different(x: Any, y: Any) -> Any:
    return _truth((_is(x) & sp.Eq(y, 0)) | (sp.Eq(x, 0) & _is(y)))


_OPERATORS: Mapping[str, Callable[..., Any]] = {
    "positive": lambda x: x,
    "negative": lambda x: -x,
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "power": _power,
    "float_power": _power,
    "remainder": _rest(fn.floor),
    "fmod": _rest(_trunc),
    "floor_divide": lambda x, y: fn.floor(x / y),
    "absolute": fn.absolute,
    "fabs": fn.absolute,
    "conjugate": lambda x: x,
}

# Comparisons and logic give truth values.
_TRUTH: Mapping[str, Callable[..., Any]] = {
    "less": lambda x, y: _truth(x < y),
    "less_equal": lambda x, y: _truth(x <= y),
    "greater": lambda x, y: _truth(x > y),
    "greater_equal": lambda x, y: _truth(x >= y),
    "equal": lambda x, y: _truth(sp.Eq(x, y)),
    "not_equal": lambda x, y: _truth(sp.Ne(x, y)),
    "logical_and": lambda x, y: _truth(_is(x) & _is(y)),
    "logical_or": lambda x, y: _truth(_is(x) | _is(y)),
    "logical_xor": _different,
    "logical_not": lambda x: _truth(sp.Eq(x, 0)),
}

_ELEMENTARY: Mapping[str, Callable[..., Any]] = {
    "square": lambda x: x**2,
    "sqrt": sp.sqrt,
    "cbrt": fn.cbrt,
    "reciprocal": lambda x: 1 / x,
    "hypot": fn.hypot,
    "exp": sp.exp,
    "exp2": fn.exp2,
    "expm1": fn.expm1,
    "log": sp.log,
    "log2": fn.log2,
    "log10": fn.log10,
    "log1p": fn.log1p,
    "logaddexp": fn.logaddexp,
    "logaddexp2": fn.logaddexp2,
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "arcsin": sp.asin,
    "arccos": sp.acos,
    "arctan": fn.arctan,
    "arctan2": fn.arctan2,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": fn.tanh,
    "arcsinh": fn.arcsinh,
    "arccosh": fn.arccosh,
    "arctanh": sp.atanh,
    "deg2rad": lambda x: x * sp.pi / 180,
    "rad2deg": lambda x: x * 180 / sp.pi,
    "radians": lambda x: x * sp.pi / 180,
    "degrees": lambda x: x * 180 / sp.pi,
}

_PIECEWISE: Mapping[str, Callable[..., Any]] = {
    "sign": fn.sign,
    "maximum": fn.maximum,
    "minimum": fn.minimum,
    "floor": fn.floor,
    "ceil": fn.ceil,
    "rint": fn.rint,
    "trunc": _trunc,
    "heaviside": _heaviside,
}

_SPECIAL: Mapping[str, Callable[..., Any]] = {
    "erf": fn.erf,
    "erfc": fn.erfc,
    "expit": fn.expit,
    "log_expit": fn.log_expit,
    "logit": lambda x: sp.log(x) - fn.log1p(-x),
    "softplus": fn.softplus,  # in SciPy from 1.18 on
    "gammaln": sp.loggamma,
    "psi": lambda x: sp.polygamma(0, x),
    "gamma": sp.gamma,
    "j0": lambda x: sp.besselj(0, x),
    "j1": lambda x: sp.besselj(1, x),
}

EXPRESSIONS: Mapping[str, Callable[..., Any]] = {
    **_OPERATORS,
    **_TRUTH,
    **_ELEMENTARY,
    **_PIECEWISE,
    **_SPECIAL,
    # No ufuncs, but elementwise all the same.
    "sinc": lambda x: fn.sinc(0, sp.pi * x),
    "where": lambda c, x, y: sp.Piecewise((x, _is(c)), (y, True)),
}

TRUTH = frozenset(_TRUTH)

# Which entry a ufunc stands for. SciPy has some of NumPy's functions a second time.
UFUNCS: Mapping[np.ufunc, str] = {
    getattr(module, name): name
    for module in (np, scipy.special)
    for name in EXPRESSIONS
    if isinstance(getattr(module, name, None), np.ufunc)
}

# On truth values the operations on bits are the logical ones.
ON_BITS: Mapping[np.ufunc, str] = {
    np.bitwise_and: "logical_and",
    np.bitwise_or: "logical_or",
    np.bitwise_xor: "logical_xor",
    np.invert: "logical_not",
}


@lru_cache(maxsize=4096)
def exact(value: float) -> sp.Rational:
    """A finite number as the rational with the shortest decimal form: 0.1 is 1/10."""
    return sp.Integer(value) if isinstance(value, int) else sp.Rational(repr(value))


@lru_cache(maxsize=4096)
def elementwise(name: str, scalars: tuple[float | None, ...]) -> Map | None:
    """An entry of the table with numbers in place of some operands (None: an operand stays).

    None where the number has to be an operand: where SymPy's simplification would change what is
    computed (``0 * x`` is not 0 if x is infinite) or where the table says so by giving NaN.
    """
    remaining = [operand_symbol(i) for i in range(scalars.count(None))]
    symbols = iter(remaining)
    numbers = [next(symbols) if scalar is None else exact(scalar) for scalar in scalars]
    expr = EXPRESSIONS[name](*numbers)
    faithful = (
        expr.free_symbols == set(remaining)
        and not expr.has(sp.nan, sp.zoo, sp.oo, sp.I)
        and _functions(expr) <= _functions(general(name, len(scalars)).expr)
    )
    return Map(expr) if faithful else None


@cache
def general(name: str, count: int) -> Map:
    """An entry of the table in as many operands."""
    return Map(EXPRESSIONS[name](*(operand_symbol(i) for i in range(count))))


def _functions(expr: Any) -> set[type]:
    return {type(function) for function in expr.atoms(sp.Function)}
