"""Expressions as people write them in SymPy, in the functions that graphs know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import sympy as sp

from jetfold.graph import ArgumentError
from jetfold.graph import functions as fn
from jetfold.graph.ufuncs import EXPRESSIONS
from jetfold.graph.validate import unknown_parts

_OTHER_NAMES: Mapping[type[sp.Basic], Callable[..., sp.Expr]] = {
    sp.Abs: fn.absolute,
    sp.sign: fn.sign,
    sp.floor: fn.floor,
    sp.ceiling: fn.ceil,
    sp.Max: lambda *parts: reduce(fn.maximum, parts),
    sp.Min: lambda *parts: reduce(fn.minimum, parts),
    sp.Heaviside: EXPRESSIONS["heaviside"],
    sp.Mod: EXPRESSIONS["remainder"],
    sp.atan: fn.arctan,
    sp.atan2: fn.arctan2,
    sp.asinh: fn.arcsinh,
    sp.acosh: fn.arccosh,
    sp.acot: lambda x: fn.arctan(1 / x),
    sp.cot: lambda x: 1 / sp.tan(x),
    sp.sec: lambda x: 1 / sp.cos(x),
    sp.csc: lambda x: 1 / sp.sin(x),
    sp.coth: fn.coth,
    sp.sech: fn.sech,
    sp.csch: fn.csch,
    sp.sinc: lambda x: fn.sinc(0, x),
    sp.tanh: fn.tanh,
    sp.erf: fn.erf,
    sp.erfc: fn.erfc,
    sp.Pow: lambda base, exponent: (
        base**exponent if exponent.is_number else EXPRESSIONS["power"](base, exponent)
    ),
}


def from_sympy(expr: sp.Expr) -> sp.Expr:
    """An elementwise expression in real symbols, so that it can stand in a `Map`.

    Raises `ArgumentError`, which names the function, for one that has no numerical meaning here.
    """
    found = _translated(expr)
    for part in unknown_parts(found):
        raise ArgumentError(
            f"{part} in {expr} cannot be computed: write it with elementary functions of real "
            "numbers (exp, log, sin, tanh, erf, Piecewise, ...)"
        )
    return found


def _translated(expr: Any) -> Any:
    if not expr.args:
        return expr
    parts = [_translated(part) for part in expr.args]
    made: Any = _OTHER_NAMES.get(expr.func, expr.func)(*parts)
    if made is sp.nan:
        raise ArgumentError(f"{expr} is no real number for most values of its symbols")
    return made
