"""NumPy's reductions and scans: sums as `Sum`, the others by halving an axis again and again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from jetfold.graph.contractions import contract
from jetfold.graph.errors import ShapeError, TraceError
from jetfold.graph.moves import as_tracer, as_tracers, concatenate, reshape
from jetfold.graph.ops import Sum
from jetfold.graph.source import located
from jetfold.graph.tracer import Tracer, elementwise, record

Axis = int | tuple[int, ...] | None


def _axes(a: Tracer, axis: Axis) -> tuple[int, ...]:
    return tuple(range(a.ndim)) if axis is None else normalize_axis_tuple(axis, a.ndim)


def _with_ones(a: Tracer, axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if i in axes else size for i, size in enumerate(a.shape))


def total(a: Any, axis: Axis = None, keepdims: bool = False) -> Tracer:
    a = as_tracer(a)
    axes = tuple(sorted(_axes(a, axis)))
    result = record(a.editor, Sum(axes), a.node) if axes else Tracer(a.editor, a.node)
    return reshape(result, _with_ones(a, axes)) if keepdims else result


def mean(a: Any, axis: Axis = None, keepdims: bool = False) -> Tracer:
    count = math.prod(a.shape[i] for i in _axes(a, axis))
    return elementwise("divide", total(a, axis, keepdims), count)


def var(
    a: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False, correction: float = 0
) -> Tracer:
    count = math.prod(a.shape[i] for i in _axes(a, axis)) - (ddof or correction)
    squares = elementwise("square", a - mean(a, axis, keepdims=True))
    return elementwise("divide", total(squares, axis, keepdims), count)


def std(
    a: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False, correction: float = 0
) -> Tracer:
    return elementwise("sqrt", var(a, axis, ddof, keepdims, correction))


def reduce(name: str, array: Any, axis: Axis = 0, keepdims: bool = False) -> Tracer:
    """The reduction with an associative function: the halves of an axis are combined, log n times.

    So a product of n factors is n - 1 products of two, to which Leibniz' rule applies.
    """
    if name == "add":
        return total(array, axis, keepdims)
    a = _prepared(name, array)
    axes = _axes(a, axis)
    kept = [i for i in range(a.ndim) if i not in axes]
    n = math.prod(a.shape[i] for i in axes)
    neutral = _neutral(name, "reduce")
    if n == 0 and neutral is None:
        raise located(ShapeError, f"np.{name} over no elements (an array of shape {a.shape})")
    shape = tuple(a.shape[i] for i in kept)
    x: Any = reshape(a.transpose((*kept, *axes)), (*shape, n))
    while n > 1:
        half = n // 2
        pairs = elementwise(name, x[..., :half], x[..., half : 2 * half])
        x = concatenate([pairs, x[..., 2 * half :]], -1) if n % 2 else pairs
        n -= half
    if n == 0:
        x = elementwise("add", total(x, -1), neutral)
    return reshape(x, _with_ones(a, axes) if keepdims else shape)


# Associative functions, and what they give on no elements.
_NEUTRAL: Mapping[str, float | None] = {
    "multiply": 1,
    "maximum": None,
    "minimum": None,
    "logaddexp": -math.inf,
    "hypot": 0,
    "logical_and": 1,
    "logical_or": 0,
}


def _neutral(name: str, method: str) -> float | None:
    if name not in _NEUTRAL:
        raise located(
            TraceError,
            f"np.{name}.{method} cannot be traced",
            f"Functions with a reduction are add, {', '.join(_NEUTRAL)}.",
        )
    return _NEUTRAL[name]


def _prepared(name: str, array: Any) -> Tracer:
    """The array as truth values for logic, and as numbers for sums and products, as in NumPy."""
    a = as_tracer(array)
    if name.startswith("logical"):
        return elementwise("not_equal", a, 0)
    return Tracer(a.editor, a.node) if name in ("add", "multiply") else a


def accumulate(name: str, array: Any, axis: int = 0) -> Tracer:
    """The running reduction with an associative function, by doubling steps."""
    x: Any = _prepared(name, array)
    axis = normalize_axis_index(axis, x.ndim)
    n = x.shape[axis]
    if name == "add":
        axes = [*range(x.ndim)]
        ends = ["end" if i == axis else i for i in axes]
        x, triangle = as_tracers(x, np.tri(n))
        return contract(triangle, ["end", axis], x, axes, ends)
    _neutral(name, "accumulate")
    before, step = (slice(None),) * axis, 1
    while step < n:
        later = elementwise(name, x[(*before, slice(step, None))], x[(*before, slice(None, -step))])
        x = concatenate([x[(*before, slice(None, step))], later], axis)
        step *= 2
    result: Tracer = x
    return result


def outer(name: str, a: Any, b: Any) -> Tracer:
    """The function of all pairs of elements."""
    x, y = as_tracers(a, b)
    return elementwise(name, reshape(x, x.shape + (1,) * y.ndim), y)


UFUNC_METHODS: Mapping[str, Callable[..., Any]] = {
    "reduce": reduce,
    "accumulate": accumulate,
    "outer": outer,
}


def _reducing(name: str) -> Callable[..., Any]:
    def call(a: Any, axis: Axis = None, keepdims: bool = False) -> Tracer:
        return reduce(name, a, axis, keepdims)

    return call


def _accumulating(name: str) -> Callable[..., Any]:
    def call(a: Any, axis: int | None = None) -> Tracer:
        return accumulate(name, reshape(a, -1), 0) if axis is None else accumulate(name, a, axis)

    return call


def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Tracer:
    """Norms of vectors of any order, and the Frobenius norm of matrices."""
    x = as_tracer(x)
    axes = _axes(x, axis)
    flat = axis is None and ord is None
    matrix = len(axes) == 2 and not flat
    if (len(axes) not in (1, 2) and not flat) or (matrix and ord not in (None, "fro")):
        raise located(
            TraceError,
            f"np.linalg.norm of order {ord!r} over {len(axes)} axes cannot be traced",
            "Norms of vectors and the Frobenius norm of matrices can.",
        )
    return vector_norm(x, axes, keepdims, 2 if ord in (None, "fro") else ord)


def vector_norm(x: Any, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Tracer:
    if ord == 2:
        return elementwise("sqrt", total(elementwise("square", x), axis, keepdims))
    sizes = elementwise("absolute", x)
    if math.isinf(ord):
        return reduce("maximum" if ord > 0 else "minimum", sizes, axis, keepdims)
    if ord == 0:
        return total(elementwise("not_equal", x, 0), axis, keepdims)
    powers = total(elementwise("power", sizes, ord), axis, keepdims)
    return elementwise("power", powers, 1 / ord)


def ptp(a: Any, axis: Axis = None, keepdims: bool = False) -> Tracer:
    ends = (reduce(name, a, axis, keepdims) for name in ("maximum", "minimum"))
    return elementwise("subtract", *ends)


def matrix_norm(x: Any, keepdims: bool = False, ord: Any = "fro") -> Tracer:
    return norm(x, ord, (-2, -1), keepdims)


FUNCTIONS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    np.all: _reducing("logical_and"),
    np.any: _reducing("logical_or"),
    np.amax: _reducing("maximum"),
    np.amin: _reducing("minimum"),
    np.max: _reducing("maximum"),
    np.min: _reducing("minimum"),
    np.ptp: ptp,
    np.prod: _reducing("multiply"),
    np.cumprod: _accumulating("multiply"),
    np.cumsum: _accumulating("add"),
    np.linalg.matrix_norm: matrix_norm,
    np.linalg.norm: norm,
    np.linalg.vector_norm: vector_norm,
    np.mean: mean,
    np.std: std,
    np.sum: total,
    np.var: var,
}
