"""NumPy's indexing as moves: basic indices become a `Slice`, arrays of indices a `Gather`."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.graph.errors import ShapeError
from jetfold.graph.ops import Array, Gather, Move, Reshape, Shape, Slice
from jetfold.graph.source import located


def index_ops(shape: Shape, key: Any) -> list[Move]:
    """The moves that take ``x[key]`` from an ``x`` of this shape, in order.

    Raises `ShapeError` for an index that does not fit.
    """
    keys = key if isinstance(key, tuple) else (key,)
    if all(_is_basic(part) for part in keys):
        return _slice(shape, _complete(shape, keys))
    try:
        return [gather(flat_index(shape)[key])]
    except (IndexError, ValueError) as error:
        raise located(ShapeError, f"an array of shape {shape}: {error}") from None


def flat_index(shape: Shape) -> NDArray[np.int64]:
    """At each place of an array of this shape the place in the flattened array."""
    return np.arange(math.prod(shape)).reshape(shape)


def gather(index: NDArray[Any]) -> Gather:
    """The move that picks these places of the flattened operand; -1 gives 0."""
    return Gather(Array(index.astype(np.int64)))


def _is_basic(part: Any) -> bool:
    if part is None or part is Ellipsis or isinstance(part, slice):
        return True
    return hasattr(part, "__index__") and not isinstance(part, (bool, np.bool_, np.ndarray))


def _complete(shape: Shape, keys: tuple[Any, ...]) -> list[Any]:
    """The keys with an explicit slice for every axis and no Ellipsis."""
    given = sum(part is not None and part is not Ellipsis for part in keys)
    missing = [slice(None)] * (len(shape) - given)
    ellipses = [i for i, part in enumerate(keys) if part is Ellipsis]
    if given > len(shape) or len(ellipses) > 1:
        raise located(
            ShapeError, f"the index {_text(keys)} has too many parts for an array of shape {shape}"
        )
    at = ellipses[0] if ellipses else len(keys)
    return [*keys[:at], *missing, *keys[at + 1 :]]


def _slice(shape: Shape, keys: list[Any]) -> list[Move]:
    starts, steps, lengths, result = [], [], [], []
    sizes = iter(shape)
    for part in keys:
        if part is None:
            result.append(1)
            continue
        size = next(sizes)
        if isinstance(part, slice):
            start, stop, step = part.indices(size)
            length = len(range(start, stop, step))
            result.append(length)
        else:
            start, step, length = _position(part, size, shape), 1, 1
        starts.append(start if length else 0)
        steps.append(step if length > 1 else 1)
        lengths.append(length)
    ops: list[Move] = []
    if tuple(lengths) != shape or any(step != 1 for step in steps):
        ops.append(Slice(tuple(starts), tuple(steps), tuple(lengths)))
    if result != lengths:
        ops.append(Reshape(tuple(result)))
    return ops


def _position(part: Any, size: int, shape: Shape) -> int:
    position = operator.index(part)
    if not -size <= position < size:
        raise located(
            ShapeError,
            f"the index {position} is out of bounds for an axis of size {size} "
            f"(an array of shape {shape})",
        )
    return position % size


def _text(keys: tuple[Any, ...]) -> str:
    return "[" + ", ".join("..." if part is Ellipsis else repr(part) for part in keys) + "]"
