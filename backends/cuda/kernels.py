"""The kernels that are the same in every program: storing an output, summing over the batch."""

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


@cuda.jit
def clear(sums: Array, args: Array) -> None:
    """Set numbers to zero; ``args``: how many."""
    s = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if s < args[0]:
        sums[uint64(s)] = 0


@cuda.jit
def trim(ws: Array, args: Array) -> None:
    """Set samples past the last point to zero.

    ``args``: points, rows, slots of each; the first element, distances of rows and of slots.
    """
    s = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    block = cuda.blockIdx.z * cuda.gridDim.y + cuda.blockIdx.y
    f = block * cuda.blockDim.y + cuda.threadIdx.y
    points, rows, slots = args[0], args[1], args[2]
    if s >= points and f < rows * slots:
        row, slot = divmod(f, slots)
        ws[uint64(args[3] + row * args[4] + slot * args[5] + s)] = 0


@cuda.jit
def sum_samples(ws: Array, sums: Array, table: Array, args: Array) -> None:
    """Add sums over samples, each of which several threads share, to a part for each thread.

    ``args``: samples, sums, terms of each, place in the table, the first part, threads of a sum.
    The table tells where each term begins; -1 is zero.
    """
    lane = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    block = cuda.blockIdx.z * cuda.gridDim.y + cuda.blockIdx.y
    f = block * cuda.blockDim.y + cuda.threadIdx.y
    samples, rows, terms, place, start, lanes = args
    if f < rows:
        part = start + f * lanes + lane
        total = sums[uint64(part)]
        for i in range(terms):
            address = table[uint64(place + f * terms + i)]
            if address >= 0:
                for s in range(lane, samples, lanes):
                    total += ws[uint64(address + s)]
        sums[uint64(part)] = total


@cuda.jit
def add_up(y: Array, sums: Array, args: Array) -> None:
    """Add up the parts of sums, the first part first.

    ``args``: the first result, how many; the first part, parts of a sum, distances of sums and of
    their parts.
    """
    s = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    result, size, start, parts, step, part_step = args
    if s < size:
        place = start + s * step
        total = sums[uint64(place)]
        for part in range(1, parts):
            total += sums[uint64(place + part * part_step)]
        y[uint64(result + s)] = total
