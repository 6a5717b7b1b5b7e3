"""Primitives of JAX that read or write at indices, which have to be known, as NumPy functions.

Which elements a gather or a scatter moves is asked of JAX itself: it is applied to the positions of
the elements, and the answer is an index.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np

from jetfold.jax.arrays import positions, taken
from jetfold.jax.equation import Equation, Rules


def ask_jax(equation: Equation, *values: Any, **changed: Any) -> Any:
    """What JAX makes of plain arrays, at once, also where JAX itself is tracing around us."""
    with jax.ensure_compile_time_eval():
        arrays = [jax.numpy.asarray(value) for value in values]
        result = equation.eqn.primitive.bind(*arrays, **{**equation.params, **changed})
    return jax.tree.map(np.asarray, result)


def _gather(equation: Equation, x: Any, indices: Any) -> Any:
    known = equation.known(indices, "an index")
    index = ask_jax(equation, positions(np.shape(x)), known, fill_value=-1)
    fill = equation.params["fill_value"]
    return taken(x, index, np.nan if fill is None else fill)


def _scatter(equation: Equation, x: Any, indices: Any, updates: Any) -> Any:
    """Elements of x, and of the updates where these are written."""
    known = equation.known(indices, "an index")
    ours = positions(np.shape(x))
    index = ask_jax(equation, ours, known, ours.size + positions(np.shape(updates)))
    return taken(_both(x, updates), index, 0)


def _scatter_add(equation: Equation, x: Any, indices: Any, updates: Any) -> Any:
    """To each element of x the updates that go there are added; most often that is one."""
    known, shape = equation.known(indices, "an index"), np.shape(x)
    count = int(np.prod(np.shape(updates)))
    units = np.eye(count).reshape(count, *np.shape(updates))
    with jax.ensure_compile_time_eval():
        add = partial(equation.eqn.primitive.bind, np.zeros(shape), known, **equation.params)
        goes = np.asarray(jax.vmap(add)(units)).reshape(count, -1).T != 0
    most = int(goes.sum(1).max(initial=0))
    order = np.argsort(~goes, axis=1, kind="stable")[:, :most]
    index = np.where(np.take_along_axis(goes, order, 1), order, -1).reshape(*shape, most)
    return np.add(x, np.sum(taken(updates, index, 0.0), axis=-1))


def _dynamic_slice(equation: Equation, x: Any, *starts: Any) -> Any:
    return x[_window(equation, np.shape(x), starts, equation.params["slice_sizes"])]


def _dynamic_update_slice(equation: Equation, x: Any, update: Any, *starts: Any) -> Any:
    index = positions(np.shape(x)).copy()
    window = _window(equation, np.shape(x), starts, np.shape(update))
    index[window] = index.size + positions(np.shape(update))
    return taken(_both(x, update), index, 0)


def _window(
    equation: Equation, shape: tuple[int, ...], starts: tuple[Any, ...], sizes: Any
) -> tuple[slice, ...]:
    """The slices from these places on; JAX moves them so that they lie within the array."""
    slices = []
    for length, start, size in zip(shape, starts, sizes, strict=True):
        first = min(max(0, int(equation.known(start, "an index"))), length - size)
        slices.append(slice(first, first + size))
    return tuple(slices)


def _both(x: Any, updates: Any) -> Any:
    return np.concatenate([np.reshape(x, (-1,)), np.reshape(updates, (-1,))])


RULES: Rules = {
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
    "gather": _gather,
    "scatter": _scatter,
    "scatter-add": _scatter_add,
}
