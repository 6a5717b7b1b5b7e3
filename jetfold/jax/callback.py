"""Calls from compiled JAX code to Python, with arrays of NumPy.

On the CPU `jax.experimental.buffer_callback` hands over XLA's own memory: operands are views, and
results are copied once, into the place where JAX wants them. `jax.pure_callback`, which other
platforms need, first copies every operand into an array of JAX: measured, that takes longer than
the rest of the call, and it is work for JAX's thread pool, which waits for the callback meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.experimental.buffer_callback import buffer_callback
from numpy.typing import NDArray

Function = Callable[..., Sequence[NDArray[Any]]]
"""Takes arrays, and gives a list of them."""


@dataclass(frozen=True)
class _InPlace:
    """A function for `buffer_callback`; equal ones are compiled once."""

    function: Function

    def __call__(self, context: Any, results: Any, *operands: Any) -> None:
        for result, found in zip(results, self.function(*map(_view, operands)), strict=True):
            np.asarray(result)[...] = found


@dataclass(frozen=True)
class _Returning:
    """A function for `pure_callback`."""

    function: Function

    def __call__(self, *operands: Any) -> list[NDArray[Any]]:
        return list(self.function(*map(_view, operands)))


def _view(operand: Any) -> NDArray[Any]:
    """JAX's memory, which is nobody's to write to."""
    array = np.asarray(operand).view()
    array.setflags(write=False)
    return array


def call(function: Function, results: list[jax.ShapeDtypeStruct], *operands: Any) -> list[Any]:
    """The results of a function of arrays, in compiled code too.

    Under vmap it is called with new axes in front of all operands, of size 1 for those that are not
    mapped, and gives results with these axes.
    """
    in_place = buffer_callback(_InPlace(function), results, vmap_method="expand_dims")

    def returned(*arrays: Any) -> Any:
        return jax.pure_callback(_Returning(function), results, *arrays, vmap_method="expand_dims")

    found: list[Any] = jax.lax.platform_dependent(*operands, cpu=in_place, default=returned)
    return found
