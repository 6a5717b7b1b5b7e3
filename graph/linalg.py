"""NumPy's inverses, solutions and determinants of traced matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from jetfold.graph.contractions import contract
from jetfold.graph.errors import ShapeError
from jetfold.graph.moves import as_tracer, as_tracers
from jetfold.graph.ops import MatrixFunction, MatrixFunctionName, Shape
from jetfold.graph.source import located
from jetfold.graph.tracer import Tracer, record

LARGEST_POLYNOMIAL = 3
"""Determinants up to this size are written out: they are exact and smooth at singular matrices."""


class SlogdetResult(NamedTuple):
    """The sign of a determinant and the logarithm of its absolute value, named as in NumPy."""

    sign: Any
    logabsdet: Any


def _square(name: str, value: Tracer) -> Tracer:
    """The value, if it consists of square matrices."""
    if value.ndim < 2:
        what = f"np.linalg.{name} of an array of shape {value.shape}, which is no matrix"
        raise located(ShapeError, what, "A stack of matrices has them on its last two axes.")
    if value.shape[-1] != value.shape[-2]:
        what = f"np.linalg.{name} of an array of shape {value.shape}: its matrices are not square"
        raise located(ShapeError, what)
    return value


def _of(name: MatrixFunctionName, value: Tracer) -> Tracer:
    return record(value.editor, MatrixFunction(name), value.node)


def inv(a: Any) -> Tracer:
    return _of("inverse", _square("inv", as_tracer(a)))


def solve(a: Any, b: Any) -> Tracer:
    """As in NumPy 2, b is a vector if it has one axis, and otherwise a stack of matrices."""
    matrix, right = as_tracers(a, b)
    _square("solve", matrix)
    columns = ["k"] * (right.ndim > 1)
    size = right.shape[-1 - len(columns)] if right.ndim else None
    try:
        lead: tuple[int, ...] | None = np.broadcast_shapes(matrix.shape[:-2], right.shape[:-2])
    except ValueError:
        lead = None
    if size != matrix.shape[-1] or lead is None:
        what = f"np.linalg.solve of matrices {matrix.shape} and right-hand sides {right.shape}"
        raise located(
            ShapeError,
            f"{what}, which do not fit together",
            "The right-hand side is a vector (n,) or a stack of matrices (..., n, k).",
        )
    mine, theirs = range(2 - matrix.ndim, 0), range(min(0, 2 - right.ndim), 0)
    return contract(
        _of("inverse", matrix),
        [*mine, "i", "j"],
        right,
        [*theirs, "j", *columns],
        [*range(-len(lead), 0), "i", *columns],
    )


def slogdet(a: Any) -> SlogdetResult:
    matrix = _square("slogdet", as_tracer(a))
    return SlogdetResult(_of("sign_det", matrix), _of("log_abs_det", matrix))


def det(a: Any) -> Any:
    """A polynomial for small matrices; otherwise by way of the logarithm."""
    matrix = _square("det", as_tracer(a))
    if matrix.shape[-1] <= LARGEST_POLYNOMIAL:
        places = range(matrix.shape[-1])
        return _expanded([[matrix[..., i, j] for j in places] for i in places], matrix.shape[:-2])
    sign, log = slogdet(matrix)
    return sign * np.exp(log)


def _expanded(rows: list[list[Any]], shape: Shape) -> Any:
    """The determinant by its first row; all entries have this shape."""
    if not rows:
        return np.ones(shape)
    if len(rows) == 1:
        return rows[0][0]
    total: Any = 0
    for j, entry in enumerate(rows[0]):
        minor = _expanded([row[:j] + row[j + 1 :] for row in rows[1:]], shape)
        total = total - entry * minor if j % 2 else total + entry * minor
    return total


FUNCTIONS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    np.linalg.det: det,
    np.linalg.inv: inv,
    np.linalg.slogdet: slogdet,
    np.linalg.solve: solve,
}
