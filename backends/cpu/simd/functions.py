"""`FUNCTIONS`: elementary and special functions by their NumPy or SciPy names."""

from collections.abc import Callable
from typing import Any

import scipy.special

from jetfold.backends.cpu.simd import (
    error_function,
    exponential,
    inverse,
    logarithm,
    power,
    primitives,
    trigonometric,
)
from jetfold.backends.cpu.simd.lanewise import lanewise
from jetfold.backends.cpu.simd.vector import vector_function
from jetfold.backends.scalar import library

_VECTORISED = (
    *(exponential.exp, exponential.exp2, exponential.expm1, exponential.expit),
    *(exponential.sinh, exponential.cosh, exponential.tanh, exponential.sech_squared),
    *(logarithm.log, logarithm.log2, logarithm.log10, logarithm.log1p),
    *(logarithm.log_expit, logarithm.softplus, logarithm.logaddexp),
    *(logarithm.arcsinh, logarithm.arccosh, logarithm.arctanh),
    *(trigonometric.sin, trigonometric.cos, trigonometric.tan, trigonometric.sinc),
    *(inverse.arcsin, inverse.arccos, inverse.arctan, inverse.arctan2),
    *(error_function.erf, error_function.erfc),
    *(power.power, power.cbrt, power.hypot),
    *(primitives.sqrt, primitives.floor, primitives.ceil, primitives.rint, primitives.sign),
    *(primitives.absolute, primitives.maximum, primitives.minimum),
)

_LANEWISE = {
    "gamma": lanewise(library.gamma, scipy.special.gamma),
    "gammaln": lanewise(library.gammaln),
    "digamma": lanewise(library.digamma),
    "polygamma": lanewise(library.polygamma, integers=(0,)),
    "besselj": lanewise(library.besselj, integers=(0,)),
}

FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{function.__name__: vector_function(function) for function in _VECTORISED},
    **{name: vector_function(function) for name, function in _LANEWISE.items()},
}
"""Usable on vectors inside and outside numba.

`polygamma(n, x)` with n >= 1, `sinc(n, x)` and `besselj(n, x)` take a literal integer n.
"""
