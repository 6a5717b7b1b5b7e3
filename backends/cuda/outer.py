"""Sums of outer products in numba.cuda: a matrix of rows times the transpose of another one.

A block of threads computes a tile of the result for a part of the samples. It walks along them in
slabs, which it copies to shared memory together; each thread keeps a square of the tile in
registers, and adds it to sums that no other thread touches.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from numba import cuda, float32, float64
from numpy import int64, uint32, uint64

from jetfold.backends.cuda.launches import Outer, Size
from jetfold.backends.cuda.product import TILINGS, Tiling

Array = Any
"""An array of the device, in one dimension."""

INTEGERS = 16
"""How many integers the kernel takes."""


def geometry(outer: Outer, dtype: str) -> tuple[Size, Size]:
    """Grid and block of the kernel's launch: tiles of columns for all parts, tiles of rows."""
    tiling = TILINGS[dtype]
    across, along = -(-outer.columns // tiling.columns), -(-outer.rows // tiling.rows)
    return (outer.parts * outer.batches * across, along, 1), (tiling.wide, tiling.tall, 1)


def integers(outer: Outer) -> tuple[int, ...]:
    """The kernel's integers."""
    left, right = outer.left, outer.right
    return (
        *(left.start, right.start, outer.result, outer.rows, outer.columns, outer.inner),
        *(left.row, right.row, left.batch, right.batch, left.group, right.group),
        *(outer.batches, outer.groups, outer.parts, outer.part_step),
    )


def outer_kernel(dtype: str) -> Any:
    """The kernel for float32 or float64, ``kernel(workspace, sums, integers)``."""
    return _kernel(dtype, TILINGS[dtype])


@lru_cache
def _kernel(dtype: str, tiling: Tiling) -> Any:
    kind = {"float32": float32, "float64": float64}[dtype]
    tall, wide, each, depth = tiling.tall, tiling.wide, tiling.each, tiling.depth
    height, width = tiling.rows, tiling.columns
    above, beside = height + 1, width + 1  # threads write to different banks so

    @cuda.jit
    def add_products(ws: Array, sums: Array, args: Array) -> None:
        rows, columns, inner, left_step, right_step = args[3], args[4], args[5], args[6], args[7]
        tiles = (columns + width - 1) // width
        part, repeat = divmod(cuda.blockIdx.x, args[12] * tiles)
        batch, tile = divmod(repeat, tiles)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        number = uint32(y * wide + x)
        first_row, first_column = cuda.blockIdx.y * height, tile * width
        left_start = args[0] + batch * args[8] + first_row * left_step
        right_start = args[1] + batch * args[9] + first_column * right_step
        result = args[2] + part * args[15] + (batch * rows + first_row) * columns + first_column
        rows_left, columns_left = rows - first_row, columns - first_column
        left = cuda.shared.array((depth, above), kind)
        right = cuda.shared.array((depth, beside), kind)
        totals = cuda.local.array((each, each), kind)
        for i in range(each):
            for j in range(each):
                totals[i, j] = 0
        slabs = (inner + depth - 1) // depth
        count, parts = args[13] * slabs, args[14]
        first, last = part * count // parts, (part + 1) * count // parts
        group, slab = divmod(first, slabs)
        start = slab * depth
        for _ in range(first, last):
            here, there = left_start + group * args[10], right_start + group * args[11]
            for e in range(depth * height // (tall * wide)):
                row, term = divmod(number + e * tall * wide, depth)
                value = kind(0)
                if row < rows_left and start + term < inner:
                    value = ws[uint64(here + int64(row) * left_step + start + term)]
                left[uint64(term), uint64(row)] = value
            for e in range(depth * width // (tall * wide)):
                column, term = divmod(number + e * tall * wide, depth)
                value = kind(0)
                if column < columns_left and start + term < inner:
                    value = ws[uint64(there + int64(column) * right_step + start + term)]
                right[uint64(term), uint64(column)] = value
            cuda.syncthreads()
            for k in range(depth):
                for i in range(each):
                    factor = left[uint64(k), uint64(y + i * tall)]
                    for j in range(each):
                        totals[i, j] += factor * right[uint64(k), uint64(x + j * wide)]
            cuda.syncthreads()
            start += depth
            if start >= inner:
                start, group = 0, group + 1
        for i in range(each):
            for j in range(each):
                if y + i * tall < rows_left and x + j * wide < columns_left:
                    sums[uint64(result + (y + i * tall) * columns + x + j * wide)] += totals[i, j]

    return add_products
