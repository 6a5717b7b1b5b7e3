"""Single arrays between the host and a GPU, in order with what their library does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cuda.arrays import GpuArray
from jetfold.backends.cuda.calls import flat
from jetfold.backends.cuda.libraries import library_for
from jetfold.backends.cuda.options import Cuda
from jetfold.backends.cuda.sessions import session


def to_host(array: GpuArray, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A copy on the host, of the dtype."""
    stream = library_for(array).stream(array.device)
    with session(Cuda(), array.device, stream) as used:
        used.follow([array])
        values = np.empty(array.shape, dtype)
        used.read(flat(used, array, dtype), values.reshape(-1))
        return values


def to_gpu(values: NDArray[Any], beside: GpuArray) -> Any:
    """A copy on the GPU of another array, as an array of the library that results for it have."""
    library = library_for(beside)
    with session(Cuda(), beside.device, library.stream(beside.device)) as used:
        target = library.empty((values.size,), values.dtype, beside.device)
        used.fill(library.flat(target, used), values)
        return target.reshape(values.shape)
