"""The kernel that is the same in every program: storing an output."""

from __future__ import annotations

from typing import Any

from numba import cuda
from numpy import uint64

Array = Any
"""An array of the device, in one dimension."""


@cuda.jit
def store_points(y: Array, ws: Array, sh: Array, table: Array, args: Array) -> None:
    """Copy rows of samples to y, points times rows; ``args``: points, rows, place in the table.

    The table tells where each row is: from 0 on in the workspace, -1 is zero, and -2, -3, .. are
    shared numbers 0, 1, .. (which go to every point).
    """
    s = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    block = cuda.blockIdx.z * cuda.gridDim.y + cuda.blockIdx.y
    f = block * cuda.blockDim.y + cuda.threadIdx.y
    points, rows, place = args[0], args[1], args[2]
    if s < points and f < rows:
        address = table[uint64(place + f)]
        if address >= 0:
            y[uint64(s * rows + f)] = ws[uint64(address + s)]
        elif address == -1:
            y[uint64(s * rows + f)] = 0
        else:
            y[uint64(s * rows + f)] = sh[uint64(-2 - address)]
