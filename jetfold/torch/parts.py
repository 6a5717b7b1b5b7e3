"""PyTorch's functions that put tensors together, take them apart, make new ones, and tell sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jetfold.graph import ShapeError
from jetfold.graph.source import located
from jetfold.torch.elementwise import Rule
from jetfold.torch.moves import listed, reshape, unsqueeze
from jetfold.torch.values import BATCH, Value, axes, axis, mixed, place

# Several tensors ----------------------------------------------------------------------------------


def cat(tensors: Any, dim: int = 0) -> Value:
    values = _batched_alike(tensors, "cat")
    at = axis(values[0], dim, "cat")
    return Value(np.concatenate([value.array for value in values], at), values[0].batch)


def stack(tensors: Any, dim: int = 0) -> Value:
    at = place(dim, tensors[0].ndim + 1)
    return cat([unsqueeze(tensor, at) for tensor in tensors], at)


def hstack(tensors: Any) -> Value:
    values = [unsqueeze(value, 0) if value.ndim == 0 else value for value in tensors]
    return cat(values, 0 if values[0].ndim == 1 else 1)


def column_stack(tensors: Any) -> Value:
    return cat(
        [value if value.ndim > 1 else reshape(value, *value.shape, 1) for value in tensors], 1
    )


def _batched_alike(tensors: Any, what: str) -> list[Value]:
    """The tensors, all with the same batch axis or all without one."""
    values = list(tensors)
    places = {value.batch for value in values}
    if len(places) > 1:
        shapes = " and ".join(str(value.shape) for value in values)
        raise mixed(f"{what} of tensors of shapes {shapes}")
    return values


def split(input: Any, split_size: Any, dim: int = 0) -> list[Value]:
    at = axis(input, dim, "split")
    size = input.array.shape[at]
    sections = split_size
    if isinstance(split_size, int):
        sections = [min(split_size, size - start) for start in range(0, size, split_size)]
    if sum(sections) != size:
        raise located(ShapeError, f"split of an axis of size {size} into {split_size}")
    ends = np.cumsum(sections)[:-1].tolist()
    return [Value(part, input.batch) for part in np.split(input.array, ends, at)]


def chunk(input: Any, chunks: int, dim: int = 0) -> list[Value]:
    size = input.array.shape[axis(input, dim, "chunk")]
    return split(input, -(-size // chunks), dim)


def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> list[Value]:
    at = axis(input, dim, "tensor_split")
    parts = np.array_split(input.array, indices_or_sections, at)
    return [Value(part, input.batch) for part in parts]


def unbind(input: Any, dim: int = 0) -> list[Value]:
    count = input.array.shape[axis(input, dim, "unbind")]
    return [select(input, dim, i) for i in range(count)]


def select(input: Any, dim: int, index: int) -> Value:
    at = axis(input, dim, "select")
    place_of_dim = place(dim, input.ndim)
    batch = input.batch
    if batch is not None:
        batch -= place_of_dim < batch
    return Value(input.array[(slice(None),) * at + (index,)], batch)


def narrow(input: Any, dim: int, start: int, length: int) -> Value:
    at = axis(input, dim, "narrow")
    return Value(input.array[(slice(None),) * at + (slice(start, start + length),)], input.batch)


def index_select(input: Any, dim: int, index: Any) -> Value:
    at = axis(input, dim, "index_select")
    return Value(np.take(input.array, index.array, axis=at), input.batch)


# New tensors --------------------------------------------------------------------------------------


def zeros_like(input: Any) -> Value:
    return full_like(input, 0.0)


def ones_like(input: Any) -> Value:
    return full_like(input, 1.0)


def full_like(input: Any, fill_value: float) -> Value:
    return Value(np.full(input.array.shape, float(fill_value)), input.batch)


def new_full(input: Any, size: Any, fill_value: float) -> Value:
    """A constant tensor; one of its sizes may be the number of points."""
    rest = [s for s in size if s is not BATCH]
    batch = list(size).index(BATCH) if BATCH in size else None
    return Value(np.full(tuple(rest), float(fill_value)), batch)


def new_zeros(input: Any, *size: Any) -> Value:
    return new_full(input, listed(size), 0.0)


def new_ones(input: Any, *size: Any) -> Value:
    return new_full(input, listed(size), 1.0)


def tril(input: Any, diagonal: int = 0) -> Value:
    axes(input, (-2, -1), "tril")
    return Value(np.tril(input.array, diagonal), input.batch)


def triu(input: Any, diagonal: int = 0) -> Value:
    axes(input, (-2, -1), "triu")
    return Value(np.triu(input.array, diagonal), input.batch)


# About a tensor -----------------------------------------------------------------------------------


def size(input: Any, dim: int | None = None) -> Any:
    return input.shape if dim is None else input.shape[place(dim, input.ndim)]


def dim(input: Any) -> int:
    ndim: int = input.ndim
    return ndim


def numel(input: Any) -> Any:
    if input.batch is None:
        return input.array.size
    raise mixed("numel of a tensor with a batch axis")


def unknown(input: Any) -> None:
    """The device and the dtype of a tensor, which graphs do not have."""


VIEWS: Mapping[str, Rule] = {
    "chunk": chunk,
    "narrow": narrow,
    "select": select,
    "split": split,
    "tensor_split": tensor_split,
    "unbind": unbind,
}
"""What shares the memory of its tensor in PyTorch."""

FUNCTIONS: Mapping[str, Rule] = {
    "cat": cat,
    "column_stack": column_stack,
    "concat": cat,
    "concatenate": cat,
    "full_like": full_like,
    "hstack": hstack,
    "index_select": index_select,
    "ones_like": ones_like,
    "stack": stack,
    "tril": tril,
    "triu": triu,
    "zeros_like": zeros_like,
}
"""What gives new memory."""

METHODS: Mapping[str, Rule] = {
    "new_full": new_full,
    "new_ones": new_ones,
    "new_zeros": new_zeros,
}
"""Methods of tensors that `torch` does not have as functions."""

ABOUT: Mapping[str, Rule] = {
    "dim": dim,
    "ndim": dim,
    "ndimension": dim,
    "numel": numel,
    "shape": size,
    "size": size,
}
"""Numbers and shapes."""

ATTRIBUTES: Mapping[str, Rule] = {
    "device": unknown,
    "dtype": unknown,
    "ndim": dim,
    "shape": size,
}
"""Attributes of tensors."""
