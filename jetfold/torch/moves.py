"""PyTorch's functions that only put elements elsewhere, around the batch axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jetfold.graph import ShapeError, TraceError
from jetfold.graph.source import located
from jetfold.torch.elementwise import Rule
from jetfold.torch.values import BATCH, Size, Value, axes, axis, mixed, place


def listed(sizes: tuple[Any, ...]) -> list[Any]:
    """Sizes that were given one by one, or as one tuple."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        return list(sizes[0])
    return list(sizes)


def _before(sizes: Sequence[Any], position: int) -> int:
    return math.prod(sizes[:position])


# Shapes -------------------------------------------------------------------------------------------


def reshape(input: Any, *shape: Any) -> Value:
    sizes = listed(shape)
    if input.batch is None:
        if BATCH in sizes:
            raise mixed("a tensor without a batch axis in the shape of one that has it")
        return Value(input.array.reshape(tuple(sizes)))
    at = _batch_place(input, sizes)
    rest = [size for i, size in enumerate(sizes) if i != at]
    try:
        array = input.array.reshape(tuple(rest))
    except ValueError as error:
        raise located(ShapeError, f"reshape to {tuple(sizes)}: {error}") from None
    if _before(array.shape, at) != _before(input.array.shape, input.batch):
        raise mixed(f"reshape of {input.shape} to {tuple(sizes)}")
    return Value(array, at)


def _batch_place(input: Value, sizes: list[Any]) -> int:
    """Which of the sizes is that of the batch axis: `BATCH`, or a -1 that nothing else can be."""
    if BATCH in sizes:
        return sizes.index(BATCH)
    if -1 in sizes:
        at = sizes.index(-1)
        if math.prod(size for i, size in enumerate(sizes) if i != at) == input.array.size:
            return at
    raise mixed(f"reshape of {input.shape} to {tuple(sizes)}, which has no axis for the batch")


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Value:
    if input.ndim == 0:
        return Value(input.array.reshape((1,)))
    first, last = place(start_dim, input.ndim), place(end_dim, input.ndim)
    middle = input.shape[first : last + 1]
    sizes = [size for size in middle if size != 1] if BATCH in middle else [_product(middle)]
    if len(sizes) != 1:
        raise mixed(f"flatten of {input.shape} from dim {first} to dim {last}")
    return reshape(input, *input.shape[:first], *sizes, *input.shape[last + 1 :])


def _product(sizes: Sequence[Any]) -> int:
    return math.prod(sizes)


def unflatten(input: Any, dim: int, sizes: Any) -> Value:
    at = place(dim, input.ndim)
    return reshape(input, *input.shape[:at], *sizes, *input.shape[at + 1 :])


def unsqueeze(input: Any, dim: int) -> Value:
    at = place(dim, input.ndim + 1)
    sizes = list(input.shape)
    sizes.insert(at, 1)
    return _resized(input, sizes)


def squeeze(input: Any, dim: Any = None) -> Value:
    shape = input.shape
    if dim is None:
        chosen = set(range(input.ndim))
    else:
        chosen = {place(d, input.ndim) for d in (dim if isinstance(dim, (tuple, list)) else (dim,))}
    return _resized(input, [size for i, size in enumerate(shape) if i not in chosen or size != 1])


def _resized(input: Value, sizes: Sequence[Size]) -> Value:
    """The same elements with axes of size 1 added or taken away."""
    batch = sizes.index(BATCH) if input.batch is not None else None
    return Value(input.array.reshape(tuple(s for s in sizes if s is not BATCH)), batch)


def expand(input: Any, *size: Any) -> Value:
    sizes = listed(size)
    new = len(sizes) - input.ndim
    if new < 0:
        raise located(ShapeError, f"expand of {input.shape} to {tuple(sizes)}: too few sizes")
    full = [1] * new + list(input.shape)
    full = [have if want == -1 else want for have, want in zip(full, sizes, strict=True)]
    batch = None if input.batch is None else input.batch + new
    if BATCH in full and batch is None:  # the same for all points, as a batch
        batch = full.index(BATCH)
        at = batch - new
        if at >= 0:
            if input.array.shape[at] != 1:
                raise mixed(f"expand of {input.shape} to {tuple(sizes)}")
            input = Value(input.array.squeeze(at))
    if batch is not None:
        if full[batch] is not BATCH or full.count(BATCH) > 1:
            raise mixed(f"expand of {input.shape} to {tuple(sizes)}")
        full.pop(batch)
    return Value(np.broadcast_to(input.array, tuple(full)), batch)


def expand_as(input: Any, other: Any) -> Value:
    return expand(input, *other.shape)


def view_as(input: Any, other: Any) -> Value:
    return reshape(input, *other.shape)


def repeat(input: Any, *repeats: Any) -> Value:
    counts = listed(repeats)
    new = len(counts) - input.ndim
    if new < 0:
        raise located(ShapeError, f"repeat of {input.shape} by {tuple(counts)}: too few numbers")
    batch = None if input.batch is None else input.batch + new
    if batch is None and BATCH in counts:  # the same for all points, as a batch
        batch = counts.index(BATCH)
        if batch >= new and input.array.shape[batch - new] != 1:
            raise mixed(f"repeat of {input.shape} by {tuple(counts)}")
        counts[batch] = 1
        array = np.tile(input.array, tuple(counts))
        return Value(array.squeeze(batch), batch)
    if batch is not None and (counts.pop(batch) != 1 or BATCH in counts):
        raise mixed(f"repeat of {input.shape}, with its points")
    return Value(np.tile(input.array, tuple(counts)), batch)


def tile(input: Any, *dims: Any) -> Value:
    counts = listed(dims)
    return repeat(input, *[1] * (input.ndim - len(counts)), *counts)


def repeat_interleave(input: Any, repeats: Any, dim: int | None = None) -> Value:
    if not isinstance(repeats, int) or dim is None:
        raise located(TraceError, "repeat_interleave without dim=, or with a tensor of repeats")
    return Value(
        np.repeat(input.array, repeats, axis(input, dim, "repeat_interleave")), input.batch
    )


# Order --------------------------------------------------------------------------------------------


def permute(input: Any, *dims: Any) -> Value:
    order = [place(dim, input.ndim) for dim in listed(dims)]
    if sorted(order) != list(range(input.ndim)):
        raise located(ShapeError, f"permute of {input.shape} by {tuple(order)}")
    if input.batch is None:
        return Value(np.transpose(input.array, order))
    kept = [dim - (dim > input.batch) for dim in order if dim != input.batch]
    return Value(np.transpose(input.array, kept), order.index(input.batch))


def transpose(input: Any, dim0: int, dim1: int) -> Value:
    order = list(range(input.ndim))
    first, second = place(dim0, input.ndim), place(dim1, input.ndim)
    order[first], order[second] = second, first
    return permute(input, order)


def t(input: Any) -> Value:
    return permute(input, list(reversed(range(input.ndim))))


def mT(input: Any) -> Value:
    return transpose(input, -2, -1)


def movedim(input: Any, source: Any, destination: Any) -> Value:
    order = np.moveaxis(np.empty(range(input.ndim), "V0"), source, destination).shape
    return permute(input, [int(dim) for dim in order])


def flip(input: Any, *dims: Any) -> Value:
    return Value(np.flip(input.array, axes(input, listed(dims), "flip")), input.batch)


def roll(input: Any, shifts: Any, dims: Any = None) -> Value:
    return Value(np.roll(input.array, shifts, axes(input, dims, "roll")), input.batch)


# The same elements --------------------------------------------------------------------------------


def itself(input: Any) -> Value:
    value: Value = input
    return value


def to(input: Any, *args: Any, **kwargs: Any) -> Value:
    """The same values: jetfold computes all of them in the precision of the points."""
    for wanted in (*args, *kwargs.values()):
        if not getattr(wanted, "is_floating_point", True):
            raise located(TraceError, f"conversion of a tensor to {wanted}, which is not floating")
    return floating(input)


def floating(input: Any) -> Value:
    """Numbers that are no longer truth values or integers."""
    whole = input.array.dtype.kind in "biu"
    return Value(input.array.astype(np.float64), input.batch) if whole else itself(input)


VIEWS: Mapping[str, Rule] = {
    "contiguous": itself,
    "cpu": itself,
    "double": floating,
    "expand": expand,
    "expand_as": expand_as,
    "flatten": flatten,
    "float": floating,
    "mT": mT,
    "movedim": movedim,
    "moveaxis": movedim,
    "permute": permute,
    "reshape": reshape,
    "reshape_as": view_as,
    "squeeze": squeeze,
    "swapaxes": transpose,
    "swapdims": transpose,
    "T": t,
    "t": t,
    "to": to,
    "transpose": transpose,
    "type_as": to,
    "unflatten": unflatten,
    "unsqueeze": unsqueeze,
    "view": reshape,
    "view_as": view_as,
}
"""What shares the memory of its tensor in PyTorch."""

FUNCTIONS: Mapping[str, Rule] = {
    "clone": itself,
    "flip": flip,
    "repeat": repeat,
    "repeat_interleave": repeat_interleave,
    "roll": roll,
    "tile": tile,
}
"""What gives new memory."""
