"""Elementwise functions of PyTorch, by the names that they have in `torch`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.special

from jetfold.graph import TraceError
from jetfold.graph.source import located
from jetfold.torch.values import Value, aligned

Rule = Callable[..., Any]


def applied(name: str, function: Callable[..., Any], *operands: Any) -> Value:
    """A function of NumPy applied to values and numbers, broadcast as in PyTorch."""
    arrays, batch = aligned(operands, name)
    return Value(function(*arrays), batch)


def _unary(name: str, function: Callable[[Any], Any]) -> Rule:
    def rule(input: Any) -> Value:
        return applied(name, function, input)

    return rule


def _binary(name: str, function: Callable[[Any, Any], Any]) -> Rule:
    def rule(input: Any, other: Any) -> Value:
        return applied(name, function, input, other)

    return rule


def _scaled(other: Any, alpha: Any) -> Any:
    unscaled = not isinstance(alpha, Value) and alpha == 1
    return other if unscaled else applied("mul", np.multiply, other, alpha)


def add(input: Any, other: Any, *, alpha: Any = 1) -> Value:
    return applied("add", np.add, input, _scaled(other, alpha))


def sub(input: Any, other: Any, *, alpha: Any = 1) -> Value:
    return applied("sub", np.subtract, input, _scaled(other, alpha))


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Value:
    return applied("rsub", np.subtract, other, _scaled(input, alpha))


def mul(input: Any, other: Any) -> Value:
    return applied("mul", np.multiply, input, other)


_ROUNDINGS: Mapping[str, Callable[[Any], Any]] = {"floor": np.floor, "trunc": np.trunc}


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Value:
    quotient = applied("div", np.divide, input, other)
    if rounding_mode is None:
        return quotient
    if rounding_mode not in _ROUNDINGS:
        raise located(TraceError, f"div with rounding_mode={rounding_mode!r}")
    return applied("div", _ROUNDINGS[rounding_mode], quotient)


def pow(input: Any, exponent: Any) -> Value:
    return applied("pow", np.power, input, exponent)


def where(condition: Any, input: Any, other: Any) -> Value:
    return applied("where", np.where, condition, input, other)


def _where_method(input: Any, condition: Any, other: Any) -> Value:
    return where(condition, input, other)


def masked_fill(input: Any, mask: Any, value: Any) -> Value:
    return where(mask, value, input)


def clamp(input: Any, min: Any = None, max: Any = None) -> Value:
    """Between two bounds; at a bound the derivative is that of the input, as in PyTorch."""
    result = input
    if min is not None:
        result = where(applied("clamp", np.less, result, min), min, result)
    if max is not None:
        result = where(applied("clamp", np.greater, result, max), max, result)
    return applied("clamp", np.positive, result) if result is input else result


def clamp_min(input: Any, min: Any) -> Value:
    return clamp(input, min)


def clamp_max(input: Any, max: Any) -> Value:
    return clamp(input, None, max)


def round(input: Any, *, decimals: int = 0) -> Value:
    return applied("round", lambda x: np.round(x, decimals), input)


def frac(input: Any) -> Value:
    return sub(input, applied("frac", np.trunc, input))


def lerp(input: Any, end: Any, weight: Any) -> Value:
    return add(input, mul(weight, sub(end, input)))


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Value:
    return add(input, mul(tensor1, tensor2), alpha=value)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Value:
    return add(input, div(tensor1, tensor2), alpha=value)


def heaviside(input: Any, values: Any) -> Value:
    return applied("heaviside", np.heaviside, input, values)


def logit(input: Any, eps: float | None = None) -> Value:
    inside = input if eps is None else clamp(input, eps, 1 - eps)
    return applied("logit", scipy.special.logit, inside)


def nan_to_num(
    input: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Value:
    """NaN replaced; infinities stay, for they have no value that all precisions share."""
    if posinf is not None or neginf is not None:
        raise located(TraceError, "nan_to_num with posinf or neginf", "Use torch.clamp for these.")
    return where(applied("nan_to_num", np.not_equal, input, input), nan, input)


_UNARY: Mapping[str, Callable[[Any], Any]] = {
    "abs": np.abs,
    "absolute": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "arccos": np.arccos,
    "arccosh": np.arccosh,
    "arcsin": np.arcsin,
    "arcsinh": np.arcsinh,
    "arctan": np.arctan,
    "arctanh": np.arctanh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "bitwise_not": np.invert,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg2rad": np.deg2rad,
    "digamma": scipy.special.psi,
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "fix": np.trunc,
    "floor": np.floor,
    "lgamma": scipy.special.gammaln,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "logical_not": np.logical_not,
    "neg": np.negative,
    "negative": np.negative,
    "positive": np.positive,
    "rad2deg": np.rad2deg,
    "reciprocal": lambda x: np.divide(1.0, x),
    "rsqrt": lambda x: np.power(x, -0.5),
    "sgn": np.sign,
    "sigmoid": scipy.special.expit,
    "sign": np.sign,
    "sin": np.sin,
    "sinc": np.sinc,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "square": np.square,
    "tan": np.tan,
    "tanh": np.tanh,
    "trunc": np.trunc,
}

_BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    "arctan2": np.arctan2,
    "atan2": np.arctan2,
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "divide": np.divide,
    "eq": np.equal,
    "floor_divide": np.floor_divide,
    "fmod": np.fmod,
    "ge": np.greater_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "gt": np.greater,
    "hypot": np.hypot,
    "le": np.less_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "logaddexp": np.logaddexp,
    "logaddexp2": np.logaddexp2,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "lt": np.less,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "multiply": np.multiply,
    "ne": np.not_equal,
    "not_equal": np.not_equal,
    "remainder": np.remainder,
    "true_divide": np.divide,
}

_SPECIAL: Mapping[str, Callable[[Any], Any]] = {
    "bessel_j0": scipy.special.j0,
    "bessel_j1": scipy.special.j1,
    "digamma": scipy.special.psi,
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "exp2": np.exp2,
    "expit": scipy.special.expit,
    "expm1": np.expm1,
    "gammaln": scipy.special.gammaln,
    "log1p": np.log1p,
    "psi": scipy.special.psi,
    "sinc": np.sinc,
}

FUNCTIONS: Mapping[str, Rule] = {
    **{name: _unary(name, function) for name, function in _UNARY.items()},
    **{name: _binary(name, function) for name, function in _BINARY.items()},
    "add": add,
    "addcdiv": addcdiv,
    "addcmul": addcmul,
    "clamp": clamp,
    "clamp_max": clamp_max,
    "clamp_min": clamp_min,
    "clip": clamp,
    "div": div,
    "float_power": pow,
    "frac": frac,
    "heaviside": heaviside,
    "lerp": lerp,
    "logit": logit,
    "masked_fill": masked_fill,
    "mul": mul,
    "nan_to_num": nan_to_num,
    "pow": pow,
    "round": round,
    "rsub": rsub,
    "sub": sub,
    "subtract": sub,
    "where": where,
}
"""Functions of `torch`, and methods of tensors."""

METHODS: Mapping[str, Rule] = {"where": _where_method}
"""Methods that take their arguments in another order than the function."""

SPECIAL: Mapping[str, Rule] = {
    **{name: _unary(name, function) for name, function in _SPECIAL.items()},
    "logit": logit,
}
"""Functions of `torch.special`."""
