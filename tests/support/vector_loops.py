"""Compile functions of vectors into loops over arrays, and measure errors in ulps."""

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
from numba import njit
from numba.extending import register_jitable

from jetfold.backends.cpu.simd import lanes, load, store

Array = npt.NDArray[Any]


def _known(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a test's own function callable from compiled code."""
    ours = function.__module__.startswith("jetfold")
    registered: Callable[..., Any] = function if ours else register_jitable(function)
    return registered


@cache
def unary_loop(function: Callable[..., Any]) -> Any:
    """numba's (x, out): out = function(x), vector by vector; .py_func is the same un-jitted."""
    function = _known(function)

    def loop(x: Any, out: Any) -> None:
        for i in range(0, x.size, lanes(x)):
            store(out, i, function(load(x, i)))

    return njit(error_model="numpy")(loop)


@cache
def binary_loop(function: Callable[..., Any]) -> Any:
    """numba's (x, y, out): out = function(x, y), vector by vector."""
    function = _known(function)

    def loop(x: Any, y: Any, out: Any) -> None:
        for i in range(0, x.size, lanes(x)):
            store(out, i, function(load(x, i), load(y, i)))

    return njit(error_model="numpy")(loop)


def whole_vectors(values: Any, dtype: Any) -> Array:
    """The values as an array of `dtype`, the last one repeated to fill a vector."""
    array = np.asarray(values, dtype).ravel()
    missing = -len(array) % lanes(dtype)
    return np.concatenate([array, np.full(missing, array[-1])])


def evaluate(function: Callable[..., Any], *operands: Array, jit: bool = True) -> Array:
    """`function` of arrays of whole vectors, compiled or as plain Python on NumPy arrays."""
    loop = (unary_loop if len(operands) == 1 else binary_loop)(function)
    out = np.empty_like(operands[0])
    with np.errstate(all="ignore"):
        (loop if jit else loop.py_func)(*operands, out)
    return out


def ulps(values: Array, exact: Callable[..., Any], *operands: Array) -> npt.NDArray[np.float64]:
    """Errors of `values` in units in the last place of the exact results.

    Where the exact result rounds to infinity or is not real, the error is 0 if the value says so
    and infinite otherwise. Operands must be finite.
    """
    errors = np.zeros(len(values))
    for i, value in enumerate(values):
        with mpmath.workdps(50):
            truth = exact(*(mpmath.mpf(float(operand[i])) for operand in operands))
            if isinstance(truth, mpmath.mpc) or mpmath.isnan(truth):
                errors[i] = 0.0 if np.isnan(value) else np.inf
                continue
            with np.errstate(over="ignore"):
                rounded = values.dtype.type(mpmath.nstr(truth, 40))
            if np.isfinite(value) and np.isfinite(rounded):
                unit = mpmath.mpf(float(np.spacing(np.abs(rounded))))
                errors[i] = float(abs(mpmath.mpf(float(value)) - truth) / unit)
            else:
                errors[i] = 0.0 if value == rounded else np.inf
    return errors
