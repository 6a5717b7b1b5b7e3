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


def ulps(values: Array, exact: Array) -> npt.NDArray[np.float64]:
    """Errors of `values` in units in the last place of the exact results.

    `exact` has the results with more digits: float64 for values in float32, else mpmath's numbers
    (`exactly`). Where a result rounds to infinity or is NaN, the error is 0 if the value says so
    and infinite otherwise.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = exact.astype(np.float64).astype(values.dtype)
        known = np.isfinite(values) & np.isfinite(rounded)
        difference = np.where(known, values, 0) - np.where(known, exact, 0)
        error = np.abs(difference / np.spacing(np.abs(rounded)).astype(np.float64))
    same = (values == rounded) | (np.isnan(values) & np.isnan(rounded))
    return np.where(known, error, np.where(same, 0, np.inf)).astype(np.float64)


def exactly(function: Callable[..., Any], *operands: Array) -> Array:
    """mpmath's `function` of float64 operands, to 40 digits; NaN where it is not real."""

    def one(*numbers: float) -> Any:
        value = function(*map(mpmath.mpf, numbers))
        return mpmath.nan if isinstance(value, mpmath.mpc) else value

    with mpmath.workdps(40):
        rows = zip(*(operand.tolist() for operand in operands), strict=True)
        return np.array([one(*row) for row in rows], dtype=object)


def check_ulps(
    function: Callable[..., Any], allowed: float, exact: Array, *operands: Array
) -> None:
    """Errors, compiled and un-jitted; these differ in how products and sums are fused."""
    for jit in (True, False):
        found = evaluate(function, *operands, jit=jit)
        assert found.dtype == operands[0].dtype
        errors = ulps(found, exact)
        worst = errors.argmax()
        where = [operand[worst] for operand in operands]
        assert errors[worst] <= allowed, f"{errors[worst]} ulp at {where}, jit={jit}"
