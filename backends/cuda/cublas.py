"""Matrix products by cuBLAS, through CuPy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from jetfold.backends.cuda.launches import Gemm, Repeat

# The numbers of cublas_api.h.
NO_TRANSPOSE = 0
DEFAULT_MATH = 0
"""At least the precision of the operands: float32 stays float32."""
TF32_MATH = 3
"""Tensor cores, which round the factors of float32 to 10 bits of mantissa."""

ONE = {np.dtype(kind): np.ones(1, kind) for kind in (np.float32, np.float64)}
ZERO = {np.dtype(kind): np.zeros(1, kind) for kind in (np.float32, np.float64)}


def multiply(
    gemm: Gemm, shared: int, workspace: int, dtype: np.dtype[Any], stream: int, tf32: bool
) -> None:
    """Begin products on a stream of the current device, where their numbers begin at pointers.

    cuBLAS takes matrices column by column. Row by row, as ours lie, it sees their transposes,
    so the transposed product is asked for: result^T = operand^T matrix^T.
    """
    from cupy_backends.cuda.libs import cublas

    size = dtype.itemsize
    product = {4: cublas.sgemmStridedBatched, 8: cublas.dgemmStridedBatched}[size]
    one, zero = ONE[dtype].ctypes.data, ZERO[dtype].ctypes.data
    strided, starts = calls(gemm)
    with _handle(stream, TF32_MATH if tf32 and not gemm.exact else DEFAULT_MATH) as handle:
        for matrix, operand, result in starts:
            product(
                handle,
                NO_TRANSPOSE,
                NO_TRANSPOSE,
                gemm.columns,
                gemm.rows,
                gemm.inner,
                one,
                workspace + operand * size,
                max(gemm.operand_step, gemm.columns),
                strided.operand,
                shared + matrix * size,
                max(gemm.inner, 1),
                strided.matrix,
                zero,
                workspace + result * size,
                max(gemm.result_step, gemm.columns),
                strided.result,
                strided.count,
            )


def calls(gemm: Gemm) -> tuple[Repeat, list[tuple[int, int, int]]]:
    """What each call repeats, and where matrix, operand and result begin in each call.

    A call repeats along one axis, with steps that are not negative; there is a call for each
    position along the other axis.
    """
    once = Repeat(1, 0, 0, 0)
    axes = sorted((gemm.groups, gemm.batches), key=lambda repeat: repeat.count)
    forward = (axis for axis in axes[::-1] if min(axis.matrix, axis.operand, axis.result) >= 0)
    strided = next(forward, once)
    starts = [(gemm.matrix, gemm.operand, gemm.result)]
    for axis in axes:
        if axis is not strided:
            starts = [
                (m + i * axis.matrix, x + i * axis.operand, y + i * axis.result)
                for m, x, y in starts
                for i in range(axis.count)
            ]
    return strided, starts


@contextmanager
def _handle(stream: int, mode: int) -> Iterator[int]:
    """CuPy's handle for this thread and device, on a stream, in a mode; then as it was before."""
    import cupy
    from cupy_backends.cuda.libs import cublas

    handle = cupy.cuda.device.get_cublas_handle()
    before = cublas.getMathMode(handle)
    with cupy.cuda.Stream.from_external(_Stream(stream)):
        cublas.setMathMode(handle, mode)
        try:
            yield handle
        finally:
            cublas.setMathMode(handle, before)


class _Stream:
    """A stream by its handle, in NVIDIA's protocol for streams of other libraries.

    https://nvidia.github.io/cuda-python/cuda-core/latest/interoperability.html
    """

    def __init__(self, handle: int) -> None:
        self.handle = handle

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.handle
