"""Copies of arrays that lie elsewhere or have another dtype: row-major, on the device."""

from __future__ import annotations

from typing import Any

from numba import cuda

from jetfold.backends.cuda.arrays import GpuArray

Array = Any
"""An array of the device, in one dimension."""


@cuda.jit
def pack(target: Array, source: Array, args: Array) -> None:
    """Copy elements in row-major order to where they lie one behind the other, and convert them.

    ``args``: how many there are, where the first one is, and for each axis, the last one first, its
    length and its stride.
    """
    step = cuda.gridDim.x * cuda.blockDim.x
    for i in range(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x, args[0], step):
        rest, at = i, args[1]
        for axis in range(2, len(args), 2):
            at += rest % args[axis] * args[axis + 1]
            rest //= args[axis]
        target[i] = source[at]


def layout_integers(array: GpuArray) -> tuple[tuple[int, ...], int, int]:
    """The kernel's integers, and the block of memory that it reads: first byte and elements.

    The block begins at the lowest element, which is not the first where a stride is negative.
    """
    size = array.dtype.itemsize
    axes = list(zip(array.layout.shape, array.layout.strides, strict=True))
    spans = [(length - 1) * stride for length, stride in axes]
    low = sum(min(span, 0) for span in spans)
    high = sum(max(span, 0) for span in spans)
    integers = [array.size, -low // size]
    for length, stride in reversed(axes):
        integers += [length, stride // size]
    return tuple(integers), array.pointer + low, (high - low) // size + 1
