"""Arguments of public calls: points and parameters checked, cast and split into batch and point.

Arrays on a GPU stay there: they are views, which the backend "cuda" alone can read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cuda.arrays import AnyArray, GpuArray, described, on_gpu, view
from jetfold.backends.cuda.options import Cuda
from jetfold.graph import ArgumentError, Parameter, Type
from jetfold.graph.tree import Structure, flatten, unflatten

__all__ = [
    "AnyArray",
    "Backend",
    "FloatArray",
    "Parameters",
    "Points",
    "as_array",
    "as_operand",
    "broadcast",
    "on_host",
    "precision",
    "read_parameters",
    "returned",
    "split_batch",
]

FloatArray = NDArray[Any]

Backend = str | Cuda
"""What an operator runs on: "cpu", "cuda", "reference", or options of the backend "cuda"."""


def as_operand(value: Any, name: str, backend: Backend) -> AnyArray:
    """A real array that the backend can read: on the host, or for "cuda" on a GPU, too.

    Raises `ArgumentError` for anything else.
    """
    if not on_gpu(value):
        return as_array(value, name)
    if not (backend == "cuda" or isinstance(backend, Cuda)):
        what, copied = described(value, name)
        raise ArgumentError(
            f"{what}, where the backend {backend!r} does not reach: make the operator with "
            f'backend="cuda", or pass {copied}'
        )
    array = view(value, name)
    _check_real(array.dtype, name)
    if not array.dtype.isnative:
        raise ArgumentError(f"{name} has dtype {array.dtype} in a foreign byte order")
    return array


def as_array(value: Any, name: str) -> FloatArray:
    """A real array in a native byte order. Raises `ArgumentError` for anything else."""
    if on_gpu(value):
        what, copied = described(value, name)
        raise ArgumentError(f"{what}, but is needed on the host: pass {copied}")
    try:
        array = np.asarray(value)
    except ValueError as error:  # a ragged list
        raise ArgumentError(f"{name} is not an array of numbers: {error}") from None
    if array.dtype == object and not isinstance(value, np.ndarray):  # None, a dict, ...
        raise ArgumentError(f"{name} is a {type(value).__name__}; pass an array of real numbers")
    _check_real(array.dtype, name)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def on_host(value: Any, dtype: np.dtype[Any] | None = None) -> FloatArray:
    """The elements of an array that `as_operand` takes, or of a result, on the host."""
    if not on_gpu(value):
        return np.asarray(value, dtype)
    from jetfold.backends.cuda.transfer import to_host

    array = view(value, "the array")
    return to_host(array, dtype or array.dtype)


def returned(value: FloatArray, owner: AnyArray) -> Any:
    """An array of the host where another one is: as it is, or a copy on that one's GPU."""
    if not isinstance(owner, GpuArray):
        return value
    from jetfold.backends.cuda.transfer import to_gpu

    return to_gpu(value, owner)


def _check_real(dtype: np.dtype[Any], name: str) -> None:
    if dtype.kind in "biuf" and dtype.itemsize <= np.dtype(np.float64).itemsize:
        return
    hints = {
        "c": "complex numbers are not supported; pass the real and the imaginary part as inputs",
        "O": "convert it to float32 or float64",
        "f": "extended precision is not supported; convert it to float64",
    }
    hint = hints.get(dtype.kind, "pass an array of real numbers")
    raise ArgumentError(f"{name} has dtype {dtype}; {hint}")


def precision(points: Sequence[AnyArray], parameters: Parameters) -> np.dtype[Any]:
    """The dtype to compute in: float32 or float64, the wider of the floating ones given.

    Integer points become float64; float16 is computed in float32; a Python float adapts.
    """
    if any(array.dtype.kind != "f" for array in points):
        return np.dtype(np.float64)
    arrays = [array for name, array in parameters.arrays.items() if name not in parameters.bare]
    floating = [array.dtype for array in (*points, *arrays) if array.dtype.kind == "f"]
    return np.result_type(np.float32, *floating)


@dataclass(frozen=True)
class Points:
    """A batch of points: an array (count, *point), and the batch axes it came with."""

    array: AnyArray
    batch: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape[1:]


def split_batch(array: AnyArray, point_ndim: int, name: str = "X") -> Points:
    """Leading axes are the batch, the last ``point_ndim`` axes a point (gufunc convention)."""
    if array.ndim < point_ndim:
        axes = ", ".join(f"D{i}" for i in range(1, point_ndim + 1)) if point_ndim > 1 else "D"
        raise ArgumentError(
            f"{name} has shape {array.shape}, which is less than one point (point_ndim="
            f"{point_ndim}); pass an array (..., {axes}), the axes in front being a batch"
        )
    cut = array.ndim - point_ndim
    batch, shape = array.shape[:cut], array.shape[cut:]
    return Points(array.reshape((int(np.prod(batch, dtype=int)), *shape)), batch)


@dataclass(frozen=True)
class Parameters:
    """Parameters of a call: arrays by name, and a tree in which they are to be traced.

    Arrays and floats are parameters; ``bare`` names the floats, which have no precision of their
    own. Whatever else is in the tree (integers, strings, None) is handed to the function as it
    is, and the function is traced anew when it changes.
    """

    arrays: dict[str, AnyArray]
    structure: Structure
    leaves: tuple[Any, ...]
    bare: frozenset[str]

    def tree(self) -> Any:
        """The tree with `Parameter` nodes for its arrays, to be given to the tracer."""
        return unflatten(self.structure, list(self.leaves))


def broadcast(arrays: Sequence[AnyArray]) -> list[AnyArray]:
    """All arrays in their common shape. Raises ValueError if there is none."""
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    return [
        array.broadcast_to(shape) if isinstance(array, GpuArray) else np.broadcast_to(array, shape)
        for array in arrays
    ]


def read_parameters(parameters: tuple[Any, ...], backend: Backend) -> Parameters:
    """Take a call's parameters apart. Raises `ArgumentError` for complex and object arrays."""
    values, structure = flatten(parameters)
    arrays: dict[str, AnyArray] = {}
    leaves: list[Any] = []
    bare: list[str] = []
    for name, value in zip(_names(structure, len(parameters)), values, strict=True):
        numbers = isinstance(value, (np.ndarray, np.generic, float)) or on_gpu(value)
        if numbers or hasattr(value, "__array__"):
            arrays[name] = as_operand(value, name, backend)
            if type(value) is float:
                bare.append(name)
            leaves.append(Parameter(name, Type(arrays[name].shape)))
        else:
            leaves.append(value)
    return Parameters(arrays, structure, tuple(leaves), frozenset(bare))


@lru_cache(maxsize=256)
def _names(structure: Structure, count: int) -> list[str]:
    """What the leaves of so many parameters are called.

    ``params["W"]`` where there is one argument of parameters, ``params[i]["W"]`` for several.
    """
    paths = structure.paths("params")
    if count == 1:
        return ["params" + path.removeprefix("params[0]") for path in paths]
    return paths
