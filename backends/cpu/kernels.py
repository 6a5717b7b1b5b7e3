"""The instructions that are the same in every program: load, store, matrix product, sums."""

from __future__ import annotations

from typing import Any

from numba import njit

from jetfold.backends.cpu.simd import (
    ROWS,
    VECTORS,
    add_outer_product,
    gemm,
    lanes,
    load,
    reduce_add,
    zero,
)

Array = Any
"""A NumPy array, in compiled code or out of it."""


@njit
def load_points(x: Array, ws: Array, args: Array, t: int, start: int, samples: int) -> None:
    """Copy points ``start ..`` of x (points, rows) to rows of samples, repeating the last point."""
    rows, first, step = args[t], args[t + 1], args[t + 2]
    last = x.shape[0] - 1
    for s in range(samples):
        point = min(start + s, last)
        for f in range(rows):
            ws[first + f * step + s] = x[point, f]


@njit
def store_points(
    y: Array, ws: Array, sh: Array, args: Array, t: int, start: int, samples: int
) -> None:
    """Copy rows of samples to points ``start ..`` of y (points, rows).

    Row f is at ``args[table + f]``; -1 stands for zero. A shared value goes to every point.
    """
    rows, shared, table = args[t], args[t + 1], args[t + 2]
    count = min(samples, y.shape[0] - start)
    for f in range(rows):
        address = args[table + f]
        for s in range(count):
            if address < 0:
                y[start + s, f] = 0.0
            elif shared:
                y[start + s, f] = sh[address]
            else:
                y[start + s, f] = ws[address + s]


@njit
def multiply(ws: Array, sh: Array, args: Array, t: int) -> None:
    """All batches and groups of a matrix product; see `jetfold.backends.program.Product`."""
    a, a_batch = args[t], args[t + 1]
    batches, groups, rows, inner, vectors = (
        args[t + 2],
        args[t + 3],
        args[t + 4],
        args[t + 5],
        args[t + 6],
    )
    b, b_batch, b_group, b_row = args[t + 7], args[t + 8], args[t + 9], args[t + 10]
    c, c_batch, c_group, c_row = args[t + 11], args[t + 12], args[t + 13], args[t + 14]
    width = lanes(ws)
    for i in range(batches):
        for j in range(groups):
            operand = b + i * b_batch + j * b_group
            result = c + i * c_batch + j * c_group
            gemm(
                sh, a + i * a_batch, ws, operand, b_row, width,
                ws, result, c_row, width, rows, inner, vectors,
            )  # fmt: skip


@njit
def trim(ws: Array, args: Array, t: int, count: int, samples: int) -> None:
    """Set rows of slots to zero beyond their first ``count`` samples."""
    rows, slots, first, step = args[t], args[t + 1], args[t + 2], args[t + 3]
    for f in range(rows):
        for k in range(slots):
            for s in range(count, samples):
                ws[first + f * step + k * samples + s] = 0.0


@njit
def add_samples(acc: Array, ws: Array, args: Array, t: int) -> None:
    """Add sums over samples; see `jetfold.backends.program.SampleSum`.

    Each number of the accumulator has ``terms`` places in the list ``table``; -1 stands for zero.
    """
    numbers, terms, first = args[t], args[t + 1], args[t + 2]
    samples, table = args[t + 3], args[t + 4]
    for f in range(numbers):
        total = zero(ws)
        for k in range(terms):
            address = args[table + f * terms + k]
            if address >= 0:
                for s in range(0, samples, lanes(ws)):
                    total = total + load(ws, address + s)
        acc[first + f] += reduce_add(total)


@njit
def add_products(acc: Array, ws: Array, args: Array, t: int) -> None:
    """Add sums of outer products; see `jetfold.backends.program.OuterProduct`.

    Long rows are taken in parts, so that a block of both operands stays in the innermost cache.
    """
    first, size, batches, groups = args[t], args[t + 1], args[t + 2], args[t + 3]
    vectors, part = args[t + 4], args[t + 5]
    m, a, a_batch, a_group, a_row = (
        args[t + 6],
        args[t + 7],
        args[t + 8],
        args[t + 9],
        args[t + 10],
    )
    n, b, b_batch, b_group, b_row = (
        args[t + 11],
        args[t + 12],
        args[t + 13],
        args[t + 14],
        args[t + 15],
    )
    for i in range(batches):
        for j in range(groups):
            for start in range(0, vectors, part):
                left = a + i * a_batch + j * a_group + start * lanes(ws)
                right = b + i * b_batch + j * b_group + start * lanes(ws)
                add_outer_product(
                    acc, first + i * size, ws, left, a_row, ws, right, b_row,
                    m, n, min(part, vectors - start),
                )  # fmt: skip


@njit
def add_up_products(
    sums: Array, start: int, size: int, matrix: Array, first: int, last: int
) -> None:
    """Columns of a matrix: outer products of all rows of ``sums``, which are added in order.

    The blocks ``first .. last``, of ``size`` numbers, of the accumulator that begins at ``start``
    are arranged; see `jetfold.backends.cpu.simd.unpacked`.
    """
    rows, columns = matrix.shape
    panels = (rows + ROWS - 1) // ROWS
    for block in range(first, min(last, (columns + VECTORS - 1) // VECTORS)):
        wide = min(VECTORS, columns - block * VECTORS)
        for panel in range(panels):
            place = start + (block * panels + panel) * size
            for n in range(wide):
                for m in range(min(ROWS, rows - panel * ROWS)):
                    total = sums[0, place + n * ROWS + m]
                    for k in range(1, sums.shape[0]):
                        total += sums[k, place + n * ROWS + m]
                    matrix[panel * ROWS + m, block * VECTORS + n] = total
