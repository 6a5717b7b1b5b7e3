"""NumPy functions that only put elements elsewhere, as moves.

Where NumPy's own function tells what the result looks like, it is asked: it is applied to an array
without memory (for a shape), to one whose axes have their own numbers as sizes (for an order of
axes), or to the positions of the elements (for a `Gather`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from jetfold.graph.errors import ShapeError, TraceError
from jetfold.graph.indexing import flat_index, gather
from jetfold.graph.ops import Broadcast, Concatenate, Move, Reshape, Shape, Transpose
from jetfold.graph.source import located
from jetfold.graph.tracer import Tracer, editor_of, elementwise, lift, record, wrap

Function = Callable[..., Any]


def as_tracers(*values: Any) -> list[Tracer]:
    """Tracers of the same graph for values of which at least one is traced."""
    editor = editor_of(values)
    nodes = [lift(editor, value) for value in values]
    return [
        value if isinstance(value, Tracer) else wrap(editor, node)
        for value, node in zip(values, nodes, strict=True)
    ]


def as_tracer(value: Any) -> Tracer:
    """A traced argument; if the function has come here because of another one, an error."""
    if isinstance(value, Tracer):
        return value
    raise located(
        TraceError,
        "a traced value among the arguments that say how to arrange a plain array",
        "Sizes, positions and fill values have to be known numbers.",
    )


def _asking(
    function: Function, probe: Callable[[Shape], Any], read: Callable[[Any], Move]
) -> Function:
    """``function`` for tracers, its move read off what it does to a probe of the same shape."""

    def call(a: Any, *_: Any, **options: Any) -> Tracer:
        x = as_tracer(a)
        return x.move(read(function(probe(x.shape), **options)))

    return call


def _without_memory(shape: Shape) -> Any:
    return np.empty(shape, "V0")


def _numbered_axes(shape: Shape) -> Any:
    return np.empty(tuple(range(len(shape))))


def _numbered(shape: Shape) -> Any:
    return flat_index(shape) + 1  # 0 is what NumPy fills with


def _reshaping(function: Function) -> Function:
    return _asking(function, _without_memory, lambda answer: Reshape(answer.shape))


def _transposing(function: Function) -> Function:
    return _asking(function, _numbered_axes, lambda answer: Transpose(answer.shape))


def _gathering(function: Function) -> Function:
    return _asking(function, _numbered, lambda answer: gather(answer - 1))


# Shapes ---------------------------------------------------------------------------------------


def reshape(a: Any, shape: Any, order: str = "C") -> Tracer:
    x = as_tracer(a)
    to = _without_memory(x.shape).reshape(shape).shape
    if order == "F":
        reordered: Tracer = reshape(x.T, to[::-1]).T
        return reordered
    return x.move(Reshape(to))


def ravel(a: Any, order: str = "C") -> Tracer:
    return reshape(a, -1, order)


def broadcast_to(array: Any, shape: Any) -> Tracer:
    x = as_tracer(array)
    to = tuple(shape) if np.iterable(shape) else (shape,)
    return x.move(Broadcast(to))


def broadcast_arrays(*args: Any) -> tuple[Tracer, ...]:
    arrays = as_tracers(*args)
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    return tuple(broadcast_to(array, shape) for array in arrays)


def _atleast(function: Function) -> Function:
    def call(*arys: Any) -> Any:
        arrays = as_tracers(*arys)
        results = tuple(reshape(x, function(_without_memory(x.shape)).shape) for x in arrays)
        return results if len(results) > 1 else results[0]

    return call


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    arrays = as_tracers(*(np.ravel(x) for x in xi))
    ones, axes = [1] * len(arrays), [*range(len(arrays))]
    if indexing == "xy" and len(arrays) > 1:
        axes[:2] = [1, 0]
    shapes = [(*ones[:i], -1, *ones[i + 1 :]) for i in axes]
    grids = tuple(reshape(x, shape) for x, shape in zip(arrays, shapes, strict=True))
    return grids if sparse else broadcast_arrays(*grids)


# Joining and cutting --------------------------------------------------------------------------


def concatenate(arrays: Any, axis: int | None = 0) -> Tracer:
    parts = as_tracers(*arrays)
    if axis is None:
        parts, axis = [ravel(part) for part in parts], 0
    axis = normalize_axis_index(axis, parts[0].ndim)
    for part in parts[1:]:
        if part.ndim != parts[0].ndim:
            shapes = ", ".join(str(part.shape) for part in parts)
            raise located(ShapeError, f"cannot concatenate arrays of different ranks: {shapes}")
    truth = all(part.truth for part in parts)
    nodes = [part.node for part in parts]
    return record(parts[0].editor, Concatenate(axis), *nodes, truth=truth)


def stack(arrays: Any, axis: int = 0) -> Tracer:
    parts = as_tracers(*arrays)
    shapes = sorted({part.shape for part in parts})
    if len(shapes) > 1:
        raise located(ShapeError, f"cannot stack arrays of shapes {', '.join(map(str, shapes))}")
    return concatenate([np.expand_dims(part, axis) for part in parts], axis)


def vstack(tup: Any) -> Tracer:
    return concatenate([np.atleast_2d(part) for part in as_tracers(*tup)], 0)


def hstack(tup: Any) -> Tracer:
    parts: list[Any] = [np.atleast_1d(part) for part in as_tracers(*tup)]
    return concatenate(parts, 0 if parts[0].ndim == 1 else 1)


def dstack(tup: Any) -> Tracer:
    return concatenate([np.atleast_3d(part) for part in as_tracers(*tup)], 2)


def column_stack(tup: Any) -> Tracer:
    parts = as_tracers(*tup)
    return concatenate([reshape(p, (p.size, 1)) if p.ndim < 2 else p for p in parts], 1)


def append(arr: Any, values: Any, axis: int | None = None) -> Tracer:
    return concatenate([arr, values], axis)


def block(arrays: Any) -> Tracer:
    def rank(part: Any) -> int:
        return max(map(rank, part)) if isinstance(part, list) else np.ndim(part)

    def depth(part: Any) -> int:
        return 1 + depth(part[0]) if isinstance(part, list) else 0

    dimensions = max(rank(arrays), depth(arrays))

    def join(part: Any, level: int) -> Any:
        if isinstance(part, list):
            joined = [join(inner, level + 1) for inner in part]
            return np.concatenate(joined, axis=level - depth(arrays))
        return np.reshape(part, (1,) * (dimensions - np.ndim(part)) + np.shape(part))

    joined: Tracer = join(arrays, 0)
    return joined


def _splitting(function: Function) -> Function:
    def call(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Tracer]:
        x = as_tracer(ary)
        axis = normalize_axis_index(axis, x.ndim)
        parts = function(np.arange(x.shape[axis]), indices_or_sections)
        ends = [(part[0], part[-1] + 1) if part.size else (0, 0) for part in parts]
        return [x[(slice(None),) * axis + (slice(*end),)] for end in ends]

    return call


def hsplit(ary: Any, indices_or_sections: Any) -> Any:
    return np.split(ary, indices_or_sections, axis=0 if ary.ndim == 1 else 1)


# Copies ---------------------------------------------------------------------------------------


def repeat(a: Any, repeats: Any, axis: int | None = None) -> Tracer:
    x, axis = (ravel(a), 0) if axis is None else (as_tracer(a), axis)
    axis = normalize_axis_index(axis, x.ndim)
    if np.size(repeats) != 1:
        return x.move(gather(np.repeat(flat_index(x.shape), repeats, axis)))
    count = int(np.reshape(repeats, ()))
    before, size, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    copies = broadcast_to(reshape(x, (*before, size, 1, *after)), (*before, size, count, *after))
    return reshape(copies, (*before, size * count, *after))


def tile(A: Any, reps: Any) -> Tracer:
    x = as_tracer(A)
    counts = tuple(reps) if np.iterable(reps) else (reps,)
    counts = (1,) * (x.ndim - len(counts)) + counts
    shape = (1,) * (len(counts) - x.ndim) + x.shape
    pairs = list(zip(counts, shape, strict=True))
    between = reshape(x, tuple(n for _, size in pairs for n in (1, size)))
    copies = broadcast_to(between, tuple(n for pair in pairs for n in pair))
    return reshape(copies, tuple(count * size for count, size in pairs))


def flip(m: Any, axis: Any = None) -> Tracer:
    x = as_tracer(m)
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    return x[tuple(slice(None, None, -1 if i in axes else 1) for i in range(x.ndim))]


def pad(
    array: Any,
    pad_width: Any,
    mode: Any = "constant",
    constant_values: Any = 0,
    reflect_type: str = "even",
) -> Tracer:
    x = as_tracer(array)
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap") or reflect_type != "even":
        raise located(
            TraceError,
            f"np.pad with mode={mode!r}, reflect_type={reflect_type!r} cannot be traced",
            'Use "constant", "edge", "reflect", "symmetric" or "wrap".',
        )
    padded = x.move(gather(np.pad(_numbered(x.shape), pad_width, mode) - 1))
    if mode != "constant" or not np.any(constant_values):
        return padded
    frame = np.pad(np.zeros(x.shape), pad_width, constant_values=constant_values)
    return elementwise("add", padded, frame)


FUNCTIONS: Mapping[Function, Function] = {
    **{f: _reshaping(f) for f in (np.expand_dims, np.squeeze)},
    **{
        f: _transposing(f)
        for f in (
            np.transpose,
            np.swapaxes,
            np.moveaxis,
            np.rollaxis,
            np.matrix_transpose,
            np.linalg.matrix_transpose,
        )
    },
    **{
        f: _gathering(f)
        for f in (
            np.delete,
            np.diag,
            np.diagflat,
            np.diagonal,
            np.linalg.diagonal,
            np.fliplr,
            np.flipud,
            np.roll,
            np.rot90,
            np.take,
            np.take_along_axis,
            np.tril,
            np.triu,
        )
    },
    **{f: _atleast(f) for f in (np.atleast_1d, np.atleast_2d, np.atleast_3d)},
    **{f: _splitting(f) for f in (np.split, np.array_split)},
    np.append: append,
    np.block: block,
    np.broadcast_arrays: broadcast_arrays,
    np.broadcast_to: broadcast_to,
    np.column_stack: column_stack,
    np.concatenate: concatenate,
    np.dstack: dstack,
    np.flip: flip,
    np.hsplit: hsplit,
    np.hstack: hstack,
    np.meshgrid: meshgrid,
    np.pad: pad,
    np.ravel: ravel,
    np.repeat: repeat,
    np.reshape: reshape,
    np.stack: stack,
    np.tile: tile,
    np.vsplit: np.split,
    np.vstack: vstack,
}
