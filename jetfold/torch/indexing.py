"""Indexing of tensors, x[..., 0] or x[:, perm], around the batch axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from jetfold.graph import ShapeError, TraceError
from jetfold.graph.source import located
from jetfold.torch.values import Value, mixed


def getitem(input: Any, index: Any) -> Any:
    """``input[index]`` of a tensor, or of a tuple, list, dict or shape."""
    if not isinstance(input, Value):
        return input[index]
    parts = _complete(input, index if isinstance(index, tuple) else (index,))
    basic: list[Any] = []  # for the array, which has no batch axis
    chosen: list[tuple[int, Any]] = []  # axes of the result at which arrays choose
    dim = result_dim = 0
    batch = None
    for part in parts:
        if part is None:
            basic.append(None)
            result_dim += 1
            continue
        if dim == input.batch:
            if not isinstance(part, slice) or part != slice(None):
                raise mixed(f"an index with {_text(part)} at the batch axis")
            batch = result_dim
            result_dim += 1
        elif isinstance(part, (Value, list, np.ndarray)):
            basic.append(slice(None))
            chosen.append((len([b for b in basic if not _is_number(b)]) - 1, _known(part)))
            result_dim += 1
        else:
            basic.append(part)
            result_dim += not _is_number(part)
        dim += 1
    array = input.array[tuple(basic)]
    return Value(array, batch) if not chosen else _choose(array, batch, chosen)


def _choose(array: Any, batch: int | None, chosen: list[tuple[int, Any]]) -> Value:
    """The elements at positions that one array gives for one axis."""
    if len(chosen) > 1:
        raise located(
            TraceError,
            "an index with several lists or tensors",
            "Index one axis after the other: x[:, rows][..., columns].",
        )
    ((at, positions),) = chosen
    if positions.dtype == bool:
        if positions.ndim != 1:
            raise located(TraceError, "an index with a mask of several axes")
        (positions,) = np.nonzero(positions)
    if batch is not None and batch <= at:
        return Value(np.take(array, positions, axis=at), batch)
    moved = batch if batch is None else batch + positions.ndim - 1
    return Value(np.take(array, positions, axis=at), moved)


def _complete(input: Value, parts: tuple[Any, ...]) -> list[Any]:
    """The parts of an index with a slice for every axis that none of them names."""
    taken = sum(part is not None and part is not Ellipsis for part in parts)
    if taken > input.ndim:
        raise located(ShapeError, f"an index with {taken} parts into a tensor {input.shape}")
    rest = [slice(None)] * (input.ndim - taken)
    at = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    return [*parts[:at], *rest, *parts[at + 1 :]]


def _is_number(part: Any) -> bool:
    return isinstance(part, (int, np.integer)) and not isinstance(part, bool)


def _known(part: Any) -> Any:
    """Positions or a mask that do not depend on the point."""
    array = part.array if isinstance(part, Value) else np.asarray(part)
    same = not isinstance(part, Value) or part.batch is None
    if same and isinstance(array, np.ndarray) and array.dtype.kind in "iub":
        return array
    raise located(
        TraceError,
        "an index or a mask that depends on the point: what it selects is not known yet",
        "Select with torch.where(mask, a, b), which keeps the shape.",
    )


def _text(part: Any) -> str:
    return "a tensor" if isinstance(part, Value) else repr(part)
