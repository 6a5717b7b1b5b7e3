"""Matrix products in numba.cuda, for where there is no cuBLAS: tiles in shared memory.

A block of threads computes a tile of the result. It walks along the inner axis in slabs, which it
copies to shared memory together; each thread keeps a square of the tile in registers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from numba import cuda, float32, float64
from numpy import uint32, uint64

from jetfold.backends.cuda.launches import Gemm, Size

Array = Any
"""An array of the device, in one dimension."""


@dataclass(frozen=True)
class Tiling:
    """How a block of ``tall`` times ``wide`` threads divides its tile of the result.

    Each thread computes ``each`` times ``each`` results; ``depth`` is the length of a slab along
    the inner axis, and a multiple of the threads divided by rows and by columns.
    """

    tall: int
    wide: int
    each: int
    depth: int

    @property
    def rows(self) -> int:
        """Rows of a tile of the result."""
        return self.tall * self.each

    @property
    def columns(self) -> int:
        """Columns of a tile of the result."""
        return self.wide * self.each


TILINGS = {"float32": Tiling(8, 16, 8, 8), "float64": Tiling(16, 16, 4, 8)}
"""With 8 times 8 results a thread reads 16 numbers from shared memory for 64 multiplications.

In double precision their registers would not do.
"""

INTEGERS = 14
"""How many integers the kernel takes."""


def geometry(gemm: Gemm, dtype: str) -> tuple[Size, Size]:
    """Grid and block of the kernel's launch: tiles of columns for all repeats, tiles of rows."""
    tiling = TILINGS[dtype]
    repeats = gemm.batches.count * gemm.groups.count
    across, along = -(-gemm.columns // tiling.columns), -(-gemm.rows // tiling.rows)
    return (repeats * across, along, 1), (tiling.wide, tiling.tall, 1)


def integers(gemm: Gemm) -> tuple[int, ...]:
    """The kernel's integers."""
    batches, groups = gemm.batches, gemm.groups
    return (
        *(gemm.matrix, gemm.operand, gemm.result),
        *(gemm.rows, gemm.columns, gemm.inner, gemm.operand_step, gemm.result_step),
        *(groups.count, batches.matrix, batches.operand, batches.result),
        *(groups.operand, groups.result),
    )


def product_kernel(dtype: str) -> Any:
    """The kernel for float32 or float64, ``kernel(shared, workspace, integers)``."""
    return _kernel(dtype, TILINGS[dtype])


@lru_cache
def _kernel(dtype: str, tiling: Tiling) -> Any:
    kind = {"float32": float32, "float64": float64}[dtype]
    tall, wide, each, depth = tiling.tall, tiling.wide, tiling.each, tiling.depth
    height, width = tiling.rows, tiling.columns
    padded = height + 1  # threads that write a row of the matrix write to different banks so

    @cuda.jit
    def multiply(sh: Array, ws: Array, args: Array) -> None:
        matrix, operand, result = args[0], args[1], args[2]
        rows, columns, inner = args[3], args[4], args[5]
        operand_step, result_step = args[6], args[7]
        repeat, tile = divmod(cuda.blockIdx.x, (columns + width - 1) // width)
        batch, group = divmod(repeat, args[8])
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        number = uint32(y * wide + x)
        first_row, first_column = cuda.blockIdx.y * height, tile * width
        matrix += batch * args[9] + first_row * inner
        operand += batch * args[10] + group * args[12] + first_column
        result += batch * args[11] + group * args[13] + first_row * result_step + first_column
        rows, columns = rows - first_row, columns - first_column
        left = cuda.shared.array((depth, padded), kind)
        right = cuda.shared.array((depth, width), kind)
        totals = cuda.local.array((each, each), kind)
        for i in range(each):
            for j in range(each):
                totals[i, j] = 0
        for start in range(0, inner, depth):
            for e in range(depth * height // (tall * wide)):
                row, term = divmod(number + e * tall * wide, depth)
                value = kind(0)
                if row < rows and start + term < inner:
                    value = sh[uint64(matrix + row * inner + start + term)]
                left[uint64(term), uint64(row)] = value
            for e in range(depth * width // (tall * wide)):
                term, column = divmod(number + e * tall * wide, width)
                value = kind(0)
                if column < columns and start + term < inner:
                    value = ws[uint64(operand + (start + term) * operand_step + column)]
                right[uint64(term), uint64(column)] = value
            cuda.syncthreads()
            for k in range(depth):
                for i in range(each):
                    factor = left[uint64(k), uint64(y + i * tall)]
                    for j in range(each):
                        totals[i, j] += factor * right[uint64(k), uint64(x + j * wide)]
            cuda.syncthreads()
        for i in range(each):
            for j in range(each):
                if y + i * tall < rows and x + j * wide < columns:
                    place = result + (y + i * tall) * result_step + x + j * wide
                    ws[uint64(place)] = totals[i, j]

    return multiply
