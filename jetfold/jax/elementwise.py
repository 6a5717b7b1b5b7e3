"""Elementwise primitives of JAX as NumPy functions."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import scipy.special
import sympy as sp

from jetfold.graph.custom import Definition
from jetfold.graph.custom import traced as traced_custom
from jetfold.graph.ops import operand_symbol
from jetfold.graph.tracer import Tracer
from jetfold.jax.equation import Equation, Rule, Rules


def _plain(function: Any) -> Rule:
    return lambda equation, *values: function(*values)


def _divide(equation: Equation, x: Any, y: Any) -> Any:
    """JAX's quotient of integers is rounded towards 0."""
    if equation.dtype.kind not in "iu":
        return np.divide(x, y)
    quotient = np.trunc(np.divide(x, y))
    return quotient if isinstance(quotient, Tracer) else quotient.astype(equation.dtype)


def _convert(equation: Equation, x: Any) -> Any:
    """Between floating types nothing happens: jetfold computes in the precision of the points."""
    kind = np.dtype(equation.params["new_dtype"]).kind
    if kind == "c":
        raise equation.refused(
            "a complex number: jetfold computes with real ones",
            "Write real and imaginary part as two real functions.",
        )
    if not isinstance(x, Tracer):
        return np.asarray(x).astype(equation.dtype if kind in "biu" else np.float64)
    if kind == "b":
        return x if x.truth else np.not_equal(x, 0)
    if kind in "iu":
        return x.astype(float) if x.truth else np.trunc(x)
    return x.astype(float)


def _select(equation: Equation, which: Any, *cases: Any) -> Any:
    """The case of this number; a truth value chooses between the first and the second."""
    if len(cases) == 2:
        return np.where(which, cases[1], cases[0])
    last, *others = reversed(list(enumerate(cases)))
    return reduce(lambda rest, case: np.where(which == case[0], case[1], rest), others, last[1])


def _round(equation: Equation, x: Any) -> Any:
    if int(equation.params["rounding_method"]) == 1:  # to the nearest even number
        return np.rint(x)
    return np.sign(x) * np.floor(np.abs(x) + 0.5)


_X = operand_symbol(0)
_HELD = Definition("held", ("x",), (), written=_X, meaning=_X, partials=(sp.S.Zero,))
"""The function x with the derivative 0."""


def _hold(equation: Equation, x: Any) -> Any:
    return traced_custom(_HELD, (x,)) if isinstance(x, Tracer) else x


RULES: Rules = {
    **{
        name: _plain(getattr(np, ours))
        for name, ours in {
            "abs": "absolute",
            "acos": "arccos",
            "acosh": "arccosh",
            "add": "add",
            "add_any": "add",
            "and": "bitwise_and",
            "asin": "arcsin",
            "asinh": "arcsinh",
            "atan": "arctan",
            "atan2": "arctan2",
            "atanh": "arctanh",
            "cbrt": "cbrt",
            "ceil": "ceil",
            "cos": "cos",
            "cosh": "cosh",
            "eq": "equal",
            "exp": "exp",
            "exp2": "exp2",
            "expm1": "expm1",
            "floor": "floor",
            "ge": "greater_equal",
            "gt": "greater",
            "le": "less_equal",
            "log": "log",
            "log1p": "log1p",
            "lt": "less",
            "max": "maximum",
            "min": "minimum",
            "mul": "multiply",
            "ne": "not_equal",
            "neg": "negative",
            "not": "invert",
            "or": "bitwise_or",
            "pow": "power",
            "rem": "fmod",
            "sign": "sign",
            "sin": "sin",
            "sinh": "sinh",
            "sqrt": "sqrt",
            "square": "square",
            "sub": "subtract",
            "tan": "tan",
            "tanh": "tanh",
            "xor": "bitwise_xor",
        }.items()
    },
    **{
        name: _plain(getattr(scipy.special, ours))
        for name, ours in {
            "digamma": "psi",
            "erf": "erf",
            "erfc": "erfc",
            "lgamma": "gammaln",
            "logistic": "expit",
        }.items()
    },
    "clamp": lambda equation, low, x, high: np.minimum(np.maximum(x, low), high),
    "convert_element_type": _convert,
    "div": _divide,
    "integer_pow": lambda equation, x: np.power(x, equation.params["y"]),
    "is_finite": lambda equation, x: np.less(np.absolute(x), np.inf),
    "round": _round,
    "rsqrt": lambda equation, x: np.reciprocal(np.sqrt(x)),
    "select_n": _select,
    "stop_gradient": _hold,
    # Where a value lies and how it is scheduled is no business of a graph.
    "copy": _plain(lambda x: x),
    "reduce_precision": _plain(lambda x: x),
    **{name: _plain(lambda *x: list(x)) for name in ("device_put", "optimization_barrier")},
}
