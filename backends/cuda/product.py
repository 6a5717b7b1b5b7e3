"""Matrix products in numba.cuda, for where there is no cuBLAS: tiles in shared memory.

A block of threads computes a tile of the result. It walks along the inner axis in slabs, which it
copies to shared memory together; each thread keeps a square of the tile in registers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from numba import cuda, float32, float64

from jetfold.backends.cuda.launches import Gemm

Array = Any
"""An array of the device, in one dimension."""


@dataclass(frozen=True)
class Tiling:
    """A block of ``threads`` times ``threads`` threads, with ``each`` times ``each`` results each.

    ``depth`` is the length of a slab along the inner axis.
    """

    threads: int = 16
    each: int = 4
    depth: int = 8

    @property
    def side(self) -> int:
        """Rows, and columns, of a tile of the result."""
        return self.threads * self.each


TILING = Tiling()

Size = tuple[int, int, int]


def geometry(gemm: Gemm) -> tuple[Size, Size]:
    """Grid and block of the kernel's launch: tiles of columns, tiles of rows, repeats."""
    repeats = gemm.batches.count * gemm.groups.count
    side = TILING.side
    grid = (-(-gemm.columns // side), -(-gemm.rows // side), repeats)
    return grid, (TILING.threads, TILING.threads, 1)


def integers(gemm: Gemm) -> tuple[int, ...]:
    """The kernel's integers."""
    return (
        *(gemm.matrix, gemm.operand, gemm.result),
        *(gemm.rows, gemm.columns, gemm.inner, gemm.operand_step, gemm.result_step),
        *(gemm.groups.count, *gemm.batches[1:], *gemm.groups[2:]),
    )


def product_kernel(dtype: str) -> Any:
    """The kernel for float32 or float64, ``kernel(shared, workspace, integers)``."""
    return _kernel(dtype, TILING)


@lru_cache
def _kernel(dtype: str, tiling: Tiling) -> Any:
    kind = {"float32": float32, "float64": float64}[dtype]
    threads, each, depth, side = tiling.threads, tiling.each, tiling.depth, tiling.side
    count = threads * threads
    slab = depth * side
    padded = side + 1  # so that threads that write a column of the matrix use different banks

    @cuda.jit
    def multiply(sh: Array, ws: Array, args: Array) -> None:
        matrix, operand, result = args[0], args[1], args[2]
        rows, columns, inner, operand_step, result_step = (
            args[3],
            args[4],
            args[5],
            args[6],
            args[7],
        )
        batch = cuda.blockIdx.z // args[8]
        group = cuda.blockIdx.z % args[8]
        matrix += batch * args[9]
        operand += batch * args[10] + group * args[12]
        result += batch * args[11] + group * args[13]
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        number = y * threads + x
        first_row, first_column = cuda.blockIdx.y * side, cuda.blockIdx.x * side
        left = cuda.shared.array((depth, padded), kind)
        right = cuda.shared.array((depth, side), kind)
        totals = cuda.local.array((each, each), kind)
        for i in range(each):
            for j in range(each):
                totals[i, j] = 0
        for start in range(0, inner, depth):
            for e in range(number, slab, count):
                row, k = e // depth, e % depth
                inside = first_row + row < rows and start + k < inner
                if inside:
                    left[k, row] = sh[matrix + (first_row + row) * inner + start + k]
                else:
                    left[k, row] = 0
                column, k = e % side, e // side
                inside = first_column + column < columns and start + k < inner
                if inside:
                    right[k, column] = ws[
                        operand + (start + k) * operand_step + first_column + column
                    ]
                else:
                    right[k, column] = 0
            cuda.syncthreads()
            for k in range(depth):
                for i in range(each):
                    factor = left[k, y + i * threads]
                    for j in range(each):
                        totals[i, j] += factor * right[k, x + j * threads]
            cuda.syncthreads()
        for i in range(each):
            row = first_row + y + i * threads
            for j in range(each):
                column = first_column + x + j * threads
                if row < rows and column < columns:
                    ws[result + row * result_step + column] = totals[i, j]

    return multiply
