"""`FUNCTIONS`: elementary and special functions by their NumPy or SciPy names."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from jetfold.backends.cpu.simd import elementary, primitives
from jetfold.backends.cpu.simd.lanewise import lanewise
from jetfold.backends.cpu.simd.vector import vector_function
from jetfold.backends.scalar import library

_VECTORISED = (
    *(elementary.exp, elementary.expm1, elementary.log, elementary.log1p),
    *(elementary.sin, elementary.cos, elementary.tan, elementary.erf),
    *(elementary.sinh, elementary.cosh, elementary.tanh, elementary.sign),
    *(elementary.expit, elementary.log_expit, elementary.softplus, elementary.logaddexp),
    *(primitives.sqrt, primitives.floor, primitives.ceil, primitives.rint),
    *(primitives.absolute, primitives.maximum, primitives.minimum),
)


def _exp2(x: float) -> float:
    return math.pow(2.0, x)


_LANEWISE = {
    "arcsin": lanewise(math.asin, np.arcsin),
    "arccos": lanewise(math.acos, np.arccos),
    "arctan": lanewise(math.atan, np.arctan),
    "arctan2": lanewise(math.atan2, np.arctan2),
    "arcsinh": lanewise(math.asinh, np.arcsinh),
    "arccosh": lanewise(math.acosh, np.arccosh),
    "arctanh": lanewise(math.atanh, np.arctanh),
    "hypot": lanewise(math.hypot, np.hypot),
    "power": lanewise(math.pow, np.power),
    "exp2": lanewise(_exp2, np.exp2),
    "log2": lanewise(math.log2, np.log2),
    "log10": lanewise(math.log10, np.log10),
    "cbrt": lanewise(library.cbrt, np.cbrt),
    "erfc": lanewise(math.erfc),
    "gammaln": lanewise(library.gammaln),
    "digamma": lanewise(library.digamma),
    "polygamma": lanewise(library.polygamma, integers=(0,)),
}

FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{function.__name__: function for function in _VECTORISED},
    **{name: vector_function(function) for name, function in _LANEWISE.items()},
}
"""Usable on vectors inside and outside numba; `polygamma(n, x)` takes a literal n >= 1."""
