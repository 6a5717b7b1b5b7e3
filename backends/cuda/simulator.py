"""What numba's simulator lacks to run kernels as a device does."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

UFUNCS: dict[str, Any] = {
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "atanh": np.arctanh,
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "gamma": scipy.special.gamma,
    "lgamma": scipy.special.gammaln,
    "pow": np.float_power,  # power would take a square root for 0.5, also of -inf
}
"""The functions that NumPy names otherwise, or lacks."""


class IeeeMath:
    """The functions of `math` on numbers of type ``real``, with NaN and infinity for errors."""

    def __init__(self, real: type[np.floating[Any]]) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        known = getattr(math, name)
        if not callable(known):
            return self.real(known)
        ufunc = UFUNCS.get(name) or getattr(np, name, None)
        if ufunc is None:
            return known
        found = self._function(ufunc)
        setattr(self, name, found)
        return found

    def _function(self, ufunc: Any) -> Callable[..., Any]:
        def function(*arguments: Any) -> Any:
            with np.errstate(all="ignore"):
                value = ufunc(*map(self.real, arguments))
            return value if isinstance(value, np.bool_) else self.real(value)

        return function


def share_safely() -> None:
    """Let all threads of a block have the same shared array.

    The simulator asks whether the array is there and then makes it, in two steps: threads that ask
    at the same time are given one each.
    """
    from numba.core.types import Type
    from numba.cuda.simulator.kernelapi import FakeCUDAShared
    from numba.np.numpy_support import as_dtype

    def array(self: Any, shape: Any, dtype: Any) -> Any:
        asking = sys._getframe(1)
        line = asking.f_code.co_filename, asking.f_lineno
        kind = as_dtype(dtype) if isinstance(dtype, Type) else np.dtype(dtype)
        return self._allocations.setdefault(line, np.empty(shape, kind))

    FakeCUDAShared.array = array
