"""Matrix products by cuBLAS, through CuPy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cuda.launches import Gemm, Outer, Repeat

# The numbers of cublas_api.h.
NO_TRANSPOSE = 0
TRANSPOSE = 1
DEFAULT_MATH = 0
"""At least the precision of the operands: float32 stays float32."""
TF32_MATH = 3
"""Tensor cores, which round the factors of float32 to 10 bits of mantissa."""

NUMBERS: Mapping[np.dtype[Any], tuple[NDArray[Any], NDArray[Any]]] = {
    np.dtype(kind): (np.ones(1, kind), np.zeros(1, kind)) for kind in (np.float32, np.float64)
}
"""One and zero, which cuBLAS reads from memory."""


LINE = 32
"""Numbers of a line of memory in single precision, of two in double precision."""


class Products:
    """cuBLAS on a stream of the current device, for as long as it is entered.

    CuPy's handle for this thread and device is used, and left as it was before.
    """

    def __init__(self, stream: int, tf32: bool) -> None:
        import cupy
        from cupy_backends.cuda.libs import cublas

        self.cublas = cublas
        self.stream = cupy.cuda.Stream.from_external(_Stream(stream))
        self.tf32 = tf32
        self.handle = cupy.cuda.device.get_cublas_handle()

    def __enter__(self) -> Products:
        self.stream.__enter__()
        self.before = self.mode = self.cublas.getMathMode(self.handle)
        return self

    def __exit__(self, *error: object) -> None:
        self._set(self.before)
        self.stream.__exit__(*error)

    def _set(self, mode: int) -> None:
        if mode != self.mode:
            self.cublas.setMathMode(self.handle, mode)
            self.mode = mode

    def multiply(self, gemm: Gemm, shared: int, workspace: int, dtype: np.dtype[Any]) -> None:
        """Begin products of numbers that begin at these pointers.

        cuBLAS takes matrices column by column. Row by row, as ours lie, it sees their transposes,
        so the transposed product is asked for: result^T = operand^T matrix^T.
        """
        size = dtype.itemsize
        cublas = self.cublas
        product = cublas.sgemmStridedBatched if size == 4 else cublas.dgemmStridedBatched
        one, zero = NUMBERS[dtype]
        strided, starts = calls(gemm)
        self._set(TF32_MATH if self.tf32 and not gemm.exact else DEFAULT_MATH)
        for matrix, operand, result in starts:
            product(
                self.handle,
                NO_TRANSPOSE,
                NO_TRANSPOSE,
                gemm.columns,
                gemm.rows,
                gemm.inner,
                one.ctypes.data,
                workspace + operand * size,
                max(gemm.operand_step, gemm.columns),
                strided.operand,
                shared + matrix * size,
                max(gemm.inner, 1),
                strided.matrix,
                zero.ctypes.data,
                workspace + result * size,
                max(gemm.result_step, gemm.columns),
                strided.result,
                strided.count,
            )

    def add(self, outer: Outer, workspace: int, sums: int, dtype: np.dtype[Any]) -> None:
        """Begin to add outer products of numbers that begin at these pointers.

        A call computes some parts of the sums. cuBLAS sees transposes, as in ``multiply``:
        sums^T = right left^T, where it sees left^T.
        """
        size = dtype.itemsize
        cublas = self.cublas
        product = cublas.sgemmStridedBatched if size == 4 else cublas.dgemmStridedBatched
        one, _ = NUMBERS[dtype]
        self._set(TF32_MATH if self.tf32 else DEFAULT_MATH)
        for left, right, result, inner, parts in shares(outer):
            product(
                self.handle,
                TRANSPOSE,
                NO_TRANSPOSE,
                outer.columns,
                outer.rows,
                inner,
                one.ctypes.data,
                workspace + right * size,
                max(outer.right.row, inner),
                inner,
                workspace + left * size,
                max(outer.left.row, inner),
                inner,
                one.ctypes.data,
                sums + result * size,
                outer.columns,
                outer.part_step,
                parts,
            )


@lru_cache(maxsize=1024)
def shares(outer: Outer) -> list[tuple[int, int, int, int, int]]:
    """For each call where left, right and result begin, how many numbers a part takes, the parts.

    Parts take equally many numbers, in whole lines of memory; what is left is for the next part.
    """
    each = -(-outer.inner // (outer.parts * LINE)) * LINE
    full, rest = divmod(outer.inner, each)
    found = []
    for batch in range(outer.batches):
        for group in range(outer.groups):
            left = outer.left.start + batch * outer.left.batch + group * outer.left.group
            right = outer.right.start + batch * outer.right.batch + group * outer.right.group
            result = outer.result + batch * outer.rows * outer.columns
            if full:
                found.append((left, right, result, each, full))
            if rest:
                done = full * each
                last = result + full * outer.part_step
                found.append((left + done, right + done, last, rest, 1))
    return found


@lru_cache(maxsize=1024)
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


class _Stream:
    """A stream by its handle, in NVIDIA's protocol for streams of other libraries.

    https://nvidia.github.io/cuda-python/cuda-core/latest/interoperability.html
    """

    def __init__(self, handle: int) -> None:
        self.handle = handle

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.handle
