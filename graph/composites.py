"""NumPy functions made of elementwise functions, sums and moves; and those that only ask."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from jetfold.graph.errors import ShapeError, TraceError
from jetfold.graph.moves import as_tracer, as_tracers, broadcast_to
from jetfold.graph.source import located
from jetfold.graph.tracer import Tracer, elementwise

MISSING: Any = np._NoValue


def where(condition: Any, x: Any = MISSING, y: Any = MISSING) -> Any:
    if x is MISSING or y is MISSING:
        raise located(
            TraceError,
            "np.where with a condition only: which places it finds is not known yet",
            "Use np.where(condition, a, b).",
        )
    if isinstance(condition, (bool, np.bool_)):  # known now
        shape = np.broadcast_shapes(np.shape(x), np.shape(y))
        return np.broadcast_to(x if condition else y, shape)
    return elementwise("where", condition, x, y)


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = np.where(condition, choice, result)
    return result


def clip(a: Any, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None) -> Any:
    low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
    if low is not None:
        a = np.maximum(a, low)
    return a if high is None else np.minimum(a, high)


def around(a: Any, decimals: int = 0) -> Tracer:
    if decimals == 0:
        return elementwise("rint", a)
    scale = 10.0**decimals
    return elementwise("divide", elementwise("rint", elementwise("multiply", a, scale)), scale)


def diff(a: Any, n: int = 1, axis: int = -1) -> Tracer:
    x = as_tracer(a)
    before = (slice(None),) * normalize_axis_index(axis, x.ndim)
    for _ in range(n):
        x = x[(*before, slice(1, None))] - x[(*before, slice(None, -1))]
    return x


def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    axes = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    x: Any
    y: Any
    x, y = as_tracers(a, b)
    if x.shape[axes[0]] != 3 or y.shape[axes[1]] != 3:
        raise located(ShapeError, f"np.cross: {x.shape} and {y.shape} are not vectors of length 3")
    x, y = np.moveaxis(x, axes[0], -1), np.moveaxis(y, axes[1], -1)
    one, two = [1, 2, 0], [2, 0, 1]
    return np.moveaxis(x[..., one] * y[..., two] - x[..., two] * y[..., one], -1, axes[2])


def polyval(p: Any, x: Any) -> Any:
    """Horner's rule, as in NumPy."""
    value: Any = 0
    for coefficient in p:
        value = value * x + coefficient
    return value


# Functions that only ask ----------------------------------------------------------------------


def _like(value: float) -> Callable[..., Any]:
    def call(a: Any, dtype: Any = None, shape: Any = None) -> Any:
        return np.full(as_tracer(a).shape if shape is None else shape, value, dtype or a.dtype)

    return call


def full_like(a: Any, fill_value: Any, dtype: Any = None, shape: Any = None) -> Any:
    shape = np.shape(a) if shape is None else shape
    if isinstance(fill_value, Tracer):
        return broadcast_to(fill_value, shape)
    return np.full(shape, fill_value, dtype or as_tracer(a).dtype)


def size(a: Any, axis: int | None = None) -> int:
    return math.prod(a.shape) if axis is None else int(a.shape[axis])


def _itself(a: Any, *_: Any, **options: Any) -> Tracer:
    return as_tracer(a)


def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    return np.result_type(*(x.dtype if isinstance(x, Tracer) else x for x in arrays_and_dtypes))


FUNCTIONS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    np.around: around,
    np.clip: clip,
    np.copy: _itself,
    np.cross: cross,
    np.diff: diff,
    np.empty_like: lambda prototype, dtype=None, shape=None: _like(0)(prototype, dtype, shape),
    np.full_like: full_like,
    np.iscomplexobj: lambda x: False,
    np.isrealobj: lambda x: True,
    np.linalg.cross: lambda x1, x2, axis=-1: cross(x1, x2, axis=axis),
    np.ndim: lambda a: a.ndim,
    np.ones_like: _like(1),
    np.polyval: polyval,
    np.real: _itself,
    np.result_type: result_type,
    np.round: around,
    np.select: select,
    np.shape: lambda a: a.shape,
    np.sinc: lambda x: elementwise("sinc", x),
    np.size: size,
    np.where: where,
    np.zeros_like: _like(0),
}
