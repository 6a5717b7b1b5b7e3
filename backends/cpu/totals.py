"""Sums over the batch: which tiles add to which accumulators, and what becomes of these."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cpu.arguments import accumulator_starts
from jetfold.backends.cpu.simd import aligned_empty
from jetfold.backends.cpu.threads import run_chunks
from jetfold.backends.program import Program, SharedPlace

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
        *self.starts, size = accumulator_starts(program)
        self.size = -(-size // LINE) * LINE
        self._free: list[FloatArray] = []
        self._lock = threading.Lock()

    def ranges(self, tiles: int, threads: int, dtype: np.dtype[Any]) -> int:
        """How many ranges the tiles are split into."""
        small = self.size * dtype.itemsize <= SMALL_BYTES
        return min(tiles, threads * (MOST_RANGES if small else 1))

    def accumulate(
        self,
        work: Callable[[int, int, FloatArray], None],
        tiles: int,
        threads: int,
        dtype: np.dtype[Any],
    ) -> FloatArray:
        """Call ``work(first, last, accumulators)`` for ranges of tiles; the sum over ranges."""
        ranges = self.ranges(tiles, threads, dtype)
        sums = self._borrow(ranges, dtype)

        def add(number: int, _: int) -> None:
            sums[number] = 0
            work(number * tiles // ranges, (number + 1) * tiles // ranges, sums[number])

        run_chunks(add, ranges, 1, threads)
        whole = self._add_up(sums, threads)
        with self._lock:  # kept for the next call, those of other sizes no longer
            self._free = [known for known in self._free if known.shape == sums.shape]
            self._free.append(sums)
        return whole

    def _borrow(self, ranges: int, dtype: np.dtype[Any]) -> FloatArray:
        """Accumulators (ranges, size) of any content, which nobody else uses meanwhile."""
        with self._lock:
            for i, known in enumerate(self._free):
                if known.dtype == dtype and known.shape == (ranges, self.size):
                    return self._free.pop(i)
        return aligned_empty(ranges * self.size, dtype).reshape(ranges, self.size)

    def _add_up(self, sums: FloatArray, threads: int) -> FloatArray:
        """The sum over ranges, first to last."""
        whole = np.empty(self.size, sums.dtype)

        def work(first: int, last: int) -> None:
            part = whole[first:last]
            part[:] = sums[0, first:last]
            for row in sums[1:, first:last]:
                part += row

        pieces = threads if sums.size > PARALLEL_SIZE else 1
        run_chunks(work, self.size, -(-self.size // pieces), pieces)
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
            for accumulator, start in zip(program.accumulators, self.starts, strict=True):
                target = found[accumulator.total]
                target += sums[start : start + target.size].reshape(accumulator.shape)
        for number, node in program.everywhere if points else ():
            found[number] += points * self._summed(node, number, shared)
        return found

    def _summed(self, node: int, number: int, shared: FloatArray) -> FloatArray:
        """A shared value in the shape of a total, summed over direction axes that it lacks."""
        program = self.program
        kind, kept = program.graph[node].type, program.totals[number].directions
        place = program.places[node]
        assert isinstance(place, SharedPlace)
        value = shared[place.offset : place.offset + kind.elements]
        value = value.reshape([*(axis.size for axis in kind.directions), *kind.shape])
        value = value.sum(tuple(i for i, axis in enumerate(kind.directions) if axis not in kept))
        have = [axis.size if axis in kind.directions else 1 for axis in kept]
        return value.reshape([*have, *kind.shape])
