"""Primitives of JAX that arrange elements, add them up or contract arrays, as NumPy functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jetfold.graph.tracer import Tracer
from jetfold.jax.equation import Equation, Rule, Rules

# New shape, new order ---------------------------------------------------------------------------


def _broadcast_in_dim(equation: Equation, x: Any, *sizes: Any) -> Any:
    shape = equation.shape
    between = [1] * len(shape)
    for axis, size in zip(equation.params["broadcast_dimensions"], np.shape(x), strict=True):
        between[axis] = size
    return np.broadcast_to(np.reshape(x, tuple(between)), shape)


def _slice(equation: Equation, x: Any) -> Any:
    starts, stops = equation.params["start_indices"], equation.params["limit_indices"]
    steps = equation.params["strides"] or (1,) * len(starts)
    return x[tuple(map(slice, starts, stops, steps))]


def _iota(equation: Equation, *sizes: Any) -> Any:
    axis, shape = equation.params["dimension"], equation.shape
    numbers = np.arange(shape[axis]).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return np.broadcast_to(numbers, shape).astype(equation.dtype)


def _split(equation: Equation, x: Any) -> Any:
    ends = [int(end) for end in np.cumsum(equation.params["sizes"])[:-1]]
    return list(np.split(x, ends, axis=equation.params["axis"]))


def _unstack(equation: Equation, x: Any) -> Any:
    return list(np.moveaxis(x, equation.params["axis"], 0))


def _pad(equation: Equation, x: Any, value: Any) -> Any:
    """Elements in front, behind and in between; a negative number takes elements away."""
    config = equation.params["padding_config"]
    with_zeros = not isinstance(value, Tracer) and not np.any(value)
    if with_zeros and all(low >= 0 <= high and not between for low, high, between in config):
        return np.pad(x, [(low, high) for low, high, _ in config])
    wide = [max(0, size + (size - 1) * c[2]) for size, c in zip(np.shape(x), config, strict=True)]
    index = np.full(wide, -1)
    index[tuple(slice(None, None, c[2] + 1) for c in config)] = positions(np.shape(x))
    added = [(max(0, low), max(0, high)) for low, high, _ in config]
    index = np.pad(index, added, constant_values=-1)
    cuts = [(max(0, -low), max(0, -high)) for low, high, _ in config]
    kept = (slice(low, n - high) for (low, high), n in zip(cuts, index.shape, strict=True))
    return taken(x, index[tuple(kept)], value)


def positions(shape: tuple[int, ...]) -> Any:
    """At each place of an array of this shape the place in the flattened array."""
    return np.arange(math.prod(shape)).reshape(shape)


def taken(x: Any, index: Any, fill: Any) -> Any:
    """The elements of the flattened x at these places; ``fill`` where the place is -1."""
    flat = np.reshape(x, (-1,))
    if np.any(index < 0):
        flat = np.concatenate([flat, np.reshape(fill, (1,))])
    return flat[index]


# Sums and products ------------------------------------------------------------------------------


def _dot_general(equation: Equation, x: Any, y: Any) -> Any:
    (x_sum, y_sum), (x_batch, y_batch) = equation.params["dimension_numbers"]
    letters = iter("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    x_labels = [next(letters) for _ in np.shape(x)]
    y_labels = [""] * np.ndim(y)
    for i, j in zip((*x_sum, *x_batch), (*y_sum, *y_batch), strict=True):
        y_labels[j] = x_labels[i]
    y_free = [j for j, label in enumerate(y_labels) if not label]
    for j in y_free:
        y_labels[j] = next(letters)
    x_free = [i for i in range(np.ndim(x)) if i not in (*x_sum, *x_batch)]
    result = [x_labels[i] for i in (*x_batch, *x_free)] + [y_labels[j] for j in y_free]
    return np.einsum(f"{''.join(x_labels)},{''.join(y_labels)}->{''.join(result)}", x, y)


def _reduction(function: Any) -> Rule:
    return lambda equation, x: function(x, axis=tuple(equation.params["axes"]))


def _accumulation(ufunc: Any) -> Rule:
    def rule(equation: Equation, x: Any) -> Any:
        axis = equation.params["axis"]
        if not equation.params["reverse"]:
            return ufunc.accumulate(x, axis=axis)
        return np.flip(ufunc.accumulate(np.flip(x, axis), axis=axis), axis)

    return rule


def _argument(equation: Equation, x: Any, sign: int) -> Any:
    """The first place of the largest value, as a number; jnp.select compares it."""
    (axis,) = equation.params["axes"]
    values = np.multiply(x, sign)
    found = np.equal(values, np.max(values, axis=axis, keepdims=True))
    first = np.cumsum(found, axis=axis) * found == 1
    places = np.arange(np.shape(x)[axis]).reshape([-1, *[1] * (np.ndim(x) - axis - 1)])
    return np.sum(np.multiply(first, places), axis=axis)


RULES: Rules = {
    "argmax": lambda equation, x: _argument(equation, x, 1),
    "argmin": lambda equation, x: _argument(equation, x, -1),
    "broadcast_in_dim": _broadcast_in_dim,
    "concatenate": lambda equation, *parts: np.concatenate(
        parts, axis=equation.params["dimension"]
    ),
    "cumlogsumexp": _accumulation(np.logaddexp),
    "cummax": _accumulation(np.maximum),
    "cummin": _accumulation(np.minimum),
    "cumprod": _accumulation(np.multiply),
    "cumsum": _accumulation(np.add),
    "dot_general": _dot_general,
    "iota": _iota,
    "pad": _pad,
    "reduce_and": _reduction(np.all),
    "reduce_max": _reduction(np.max),
    "reduce_min": _reduction(np.min),
    "reduce_or": _reduction(np.any),
    "reduce_prod": _reduction(np.prod),
    "reduce_sum": _reduction(np.sum),
    "reshape": lambda equation, x, *sizes: np.reshape(x, equation.shape),
    "rev": lambda equation, x: np.flip(x, tuple(equation.params["dimensions"])),
    "slice": _slice,
    "split": _split,
    "squeeze": lambda equation, x: np.reshape(x, equation.shape),
    "stack": lambda equation, *parts: np.stack(parts, axis=equation.params["axis"]),
    "tile": lambda equation, x: np.tile(x, equation.params["reps"]),
    "unstack": _unstack,
    "transpose": lambda equation, x: np.transpose(x, equation.params["permutation"]),
}
