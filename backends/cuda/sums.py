"""Where sums over the batch lie on a device, and in how many parts each is summed.

Threads that add to the same sum would have to wait for each other, and in which order they came
would show in the last digits. So each sum has several parts, a part has one thread or one block
that adds to it, and the parts are added up at the end, the first one first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from jetfold.backends.program import Accumulator, Program

BLOCKS = 512
"""Blocks that outer products are shared among, in parts, where they are so small: a few for each
multiprocessor."""

TILE = 64
"""Rows and columns of outer products that a block takes, roughly."""

THREADS = 1 << 16
"""Threads that the sums of a value are shared among."""

LEAST_LANES, MOST_LANES = 32, 1024
"""Threads that share one sum; those of a warp read samples beside each other."""


@dataclass(frozen=True)
class Region:
    """The parts of an accumulator: part p of number i is at ``start + i * step + p * part_step``.

    Added up, they are numbers ``result``, ``result + 1``, .. of the results.
    """

    result: int
    size: int
    start: int
    parts: int
    step: int
    part_step: int


@dataclass(frozen=True)
class Layout:
    """All accumulators of a program: regions of ``size`` numbers together.

    There are as many ``results`` as numbers in accumulators, and ``copied`` shared numbers behind
    them, if some of these are needed for totals.
    """

    regions: tuple[Region, ...]
    size: int
    results: int
    copied: int


def layout(program: Program) -> Layout:
    """Where a program's accumulators lie; it does not depend on how many points there are."""
    regions: list[Region] = []
    start = result = 0
    for accumulator in program.accumulators:
        size, parts = math.prod(accumulator.shape), _parts(accumulator)
        steps = (parts, 1) if accumulator.index is None else (1, size)
        regions.append(Region(result, size, start, parts, *steps))
        start, result = start + size * parts, result + size
    shared = sum(program.graph[node].type.elements for node in program.shared)
    copied = shared if program.everywhere else 0
    return Layout(tuple(regions), start, result + copied, copied)


def _parts(accumulator: Accumulator) -> int:
    if accumulator.index is None:
        lanes = THREADS // max(1, math.prod(accumulator.shape))
        return min(max(lanes, LEAST_LANES), MOST_LANES) // LEAST_LANES * LEAST_LANES
    batches, rows, columns = accumulator.shape
    tiles = batches * -(-rows // TILE) * -(-columns // TILE)
    return max(1, BLOCKS // max(1, tiles))
