"""Sums over the batch: which tiles add to which accumulators, and what becomes of these."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cpu.arguments import accumulator_starts
from jetfold.backends.cpu.simd import aligned_empty, lanes, positions
from jetfold.backends.cpu.threads import run_chunks
from jetfold.backends.program import Accumulator, Program, SharedPlace

FloatArray = NDArray[Any]

SMALL_BYTES = 1 << 18
"""Accumulators of this size, or smaller, are so small that each thread may have several."""

MOST_RANGES = 4
"""Ranges of tiles for each thread: with several, threads that are late hold up the others less."""

PARALLEL_SIZE = 1 << 17
"""Numbers to add up above which waking other threads pays."""

LINE = 16
"""Accumulators begin at multiples of so many numbers, so that no two share a line of the cache."""


class Totals:
    """Accumulators for fixed ranges of tiles, and the totals made of them in a fixed order."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._free: list[FloatArray] = []
        self._lock = threading.Lock()

    def ranges(self, tiles: int, threads: int, size: int) -> int:
        """How many ranges the tiles are split into, for accumulators of this size in bytes."""
        small = size <= SMALL_BYTES
        return min(tiles, threads * (MOST_RANGES if small else 1))

    def accumulate(
        self,
        work: Callable[[int, int, FloatArray], None],
        tiles: int,
        threads: int,
        dtype: np.dtype[Any],
    ) -> FloatArray:
        """Call ``work(first, last, accumulators)`` for ranges of tiles; the sum over ranges."""
        *_, size = accumulator_starts(self.program, lanes(dtype))
        size = -(-size // LINE) * LINE
        ranges = self.ranges(tiles, threads, size * dtype.itemsize)
        sums = self._borrow((ranges, size), dtype)

        def add(number: int, _: int) -> None:
            sums[number] = 0
            work(number * tiles // ranges, (number + 1) * tiles // ranges, sums[number])

        run_chunks(add, ranges, 1, threads)
        whole = self._add_up(sums, threads)
        with self._lock:  # kept for the next call, those of other sizes no longer
            self._free = [known for known in self._free if known.shape == sums.shape]
            self._free.append(sums)
        return whole

    def _borrow(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> FloatArray:
        """Accumulators (ranges, size) of any content, which nobody else uses meanwhile."""
        with self._lock:
            for i, known in enumerate(self._free):
                if known.dtype == dtype and known.shape == shape:
                    return self._free.pop(i)
        return aligned_empty(math.prod(shape), dtype).reshape(shape)

    def _add_up(self, sums: FloatArray, threads: int) -> FloatArray:
        """The sum over ranges, first to last."""
        size = sums.shape[1]
        whole = np.empty(size, sums.dtype)

        def work(first: int, last: int) -> None:
            part = whole[first:last]
            part[:] = sums[0, first:last]
            for row in sums[1:, first:last]:
                part += row

        pieces = threads if sums.size > PARALLEL_SIZE else 1
        run_chunks(work, size, -(-size // pieces), pieces)
        return whole

    def finish(
        self, sums: FloatArray | None, shared: FloatArray, points: int, dtype: np.dtype[Any]
    ) -> list[FloatArray]:
        """The totals, from accumulators and from shared numbers if there are points at all."""
        program = self.program
        found = []
        for kind in program.totals:
            sizes = [axis.size for axis in kind.directions]
            found.append(np.zeros([*sizes, *kind.shape], dtype))
        if sums is not None:
            starts = accumulator_starts(program, lanes(dtype))
            for accumulator, (start, stop) in zip(
                program.accumulators, itertools.pairwise(starts), strict=True
            ):
                target = found[accumulator.total]
                target += _arranged(accumulator, sums[start:stop], target.shape)
        for number, node in program.everywhere if points else ():
            found[number] += points * self._summed(node, number, shared)
        return found

    def _summed(self, node: int, number: int, shared: FloatArray) -> FloatArray:
        """A shared value in the shape of a total, summed over direction axes that it lacks."""
        program = self.program
        kind, kept = program.graph[node].type, program.totals[number].directions
        place = program.places[node]
        assert isinstance(place, SharedPlace)
        value: FloatArray = shared[place.offset : place.offset + kind.elements]
        value = value.reshape([*(axis.size for axis in kind.directions), *kind.shape])
        value = value.sum(tuple(i for i, axis in enumerate(kind.directions) if axis not in kept))
        have = [axis.size if axis in kind.directions else 1 for axis in kept]
        return value.reshape([*have, *kind.shape])


def _arranged(accumulator: Accumulator, numbers: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """The numbers of an accumulator as a part of its total."""
    size = math.prod(shape)
    if accumulator.index is None:
        return numbers[:size].reshape(shape)
    batches, rows, columns = accumulator.shape
    place = positions(max(rows, columns), min(rows, columns), lanes(numbers))
    if rows < columns:
        place = place.T
    matrices = numbers.reshape(batches, -1)[:, place].reshape(-1)
    index = accumulator.index.value
    return np.where(index < 0, 0, matrices[index]).astype(numbers.dtype).reshape(shape)
