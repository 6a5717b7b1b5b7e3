"""Trees of parameters as vectors, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jetfold.arrays import FloatArray, as_array
from jetfold.graph import ArgumentError
from jetfold.graph.tree import flatten, unflatten


def ravel(params: Any) -> tuple[FloatArray, Callable[[Any], Any]]:
    """A tree of arrays as one vector, and the function that makes such a tree of a vector.

    Optimisers, SciPy's for instance, work on vectors. The order is that of the columns of
    `residual_and_jacobian`: leaf after leaf, dicts by sorted keys, each in row-major order.

    Parameters
    ----------
    params : nested dicts, lists, tuples and namedtuples of floating-point arrays and numbers.

    Returns
    -------
    ``(vector, unravel)``: a copy of all entries, of the widest dtype among the arrays, and a
    function from an array of that length to a tree of the same structure, shapes and dtypes, whose
    arrays are views where the dtypes are equal. Python's floats, which have no precision of their
    own, stay such.

    Raises
    ------
    ArgumentError for leaves that are no floating-point numbers; ``unravel`` for another length.
    """
    leaves, structure = flatten(params)
    names = structure.paths("params")
    arrays = [as_array(leaf, name) for leaf, name in zip(leaves, names, strict=True)]
    for array, name in zip(arrays, names, strict=True):
        if array.dtype.kind != "f":
            raise ArgumentError(
                f"{name} has dtype {array.dtype}; only floating-point numbers go into a vector of "
                "parameters"
            )
    ends = np.cumsum([array.size for array in arrays], dtype=int)
    total = int(ends[-1]) if arrays else 0

    def unravel(vector: Any) -> Any:
        flat = np.asarray(vector)
        if flat.shape != (total,):
            raise ArgumentError(
                f"a vector of shape {flat.shape} was given, but the parameters {structure} have "
                f"{total} entries"
            )
        parts = np.split(flat, ends[:-1]) if arrays else []
        restored: list[Any] = [
            part.reshape(array.shape).astype(array.dtype, copy=False)
            for part, array in zip(parts, arrays, strict=True)
        ]
        for i in bare:
            restored[i] = float(restored[i])
        return unflatten(structure, restored)

    bare = {i for i, leaf in enumerate(leaves) if type(leaf) is float}
    kinds = [array.dtype for i, array in enumerate(arrays) if i not in bare]
    dtype = np.result_type(*kinds) if kinds else np.dtype(np.float64)
    flat = [np.empty(0, dtype), *(array.reshape(-1) for array in arrays)]
    return np.concatenate(flat, dtype=dtype), unravel
