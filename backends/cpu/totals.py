"""Sums over the batch: which tiles add to which accumulators, and how these are added up."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cpu.arguments import accumulator_starts
from jetfold.backends.cpu.simd import ROWS, aligned_empty, lanes, unpacked
from jetfold.backends.cpu.threads import run_chunks
from jetfold.backends.program import Program

FloatArray = NDArray[Any]

SMALL_BYTES = 1 << 18
"""Accumulators of this size, or smaller, are so small that each thread may have several."""

MOST_RANGES = 4
"""Ranges of tiles for each thread: with several, threads that are late hold up the others less."""

PARALLEL_SIZE = 1 << 17
"""Numbers of an accumulator above which waking other threads to add up pays."""

PIECE = 1 << 14
"""Numbers that are added up at a time."""

PANELS = 16
"""Panels of outer products that are arranged at a time."""

LINE = 16
"""Accumulators begin at multiples of so many numbers, so that no two share a line of the cache."""


class Totals:
    """Accumulators for fixed ranges of tiles, which are added up in a fixed order."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._free: list[FloatArray] = []
        self._lock = threading.Lock()
        self._starts = lru_cache(maxsize=4)(lambda count: accumulator_starts(program, count))

    def ranges(self, tiles: int, threads: int, dtype: np.dtype[Any]) -> int:
        """How many ranges the tiles are split into."""
        small = self._size(dtype) * dtype.itemsize <= SMALL_BYTES
        return min(tiles, threads * (MOST_RANGES if small else 1))

    def idle(self, points: int, samples: int, threads: int, dtype: np.dtype[Any]) -> float:
        """How much longer all ranges would be, relative to the batch, if all had as many tiles."""
        tiles = -(-points // samples)
        ranges = self.ranges(tiles, threads, dtype)
        return ranges * -(-tiles // ranges) * samples / points - 1

    def _size(self, dtype: np.dtype[Any]) -> int:
        """Numbers of all accumulators of a range together."""
        *_, size = self._starts(lanes(dtype))
        return -(-size // LINE) * LINE

    def accumulate(
        self,
        work: Callable[[int, int, FloatArray], None],
        tiles: int,
        threads: int,
        dtype: np.dtype[Any],
    ) -> list[FloatArray]:
        """Call ``work(first, last, accumulators)`` for ranges of tiles; the sums over all ranges.

        There is one array for each accumulator of the program, of its shape.
        """
        ranges = self.ranges(tiles, threads, dtype)
        sums = self._borrow((ranges, self._size(dtype)), dtype)

        def add(number: int, _: int) -> None:
            sums[number] = 0
            work(number * tiles // ranges, (number + 1) * tiles // ranges, sums[number])

        run_chunks(add, ranges, 1, threads)
        results = self._add_up(sums, threads)
        with self._lock:  # kept for the next call, those of other sizes no longer
            self._free = [known for known in self._free if known.shape == sums.shape]
            self._free.append(sums)
        return results

    def _borrow(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> FloatArray:
        """Accumulators (ranges, size) of any content, which nobody else uses meanwhile."""
        with self._lock:
            for i, known in enumerate(self._free):
                if known.dtype == dtype and known.shape == shape:
                    return self._free.pop(i)
        return aligned_empty(math.prod(shape), dtype).reshape(shape)

    def _add_up(self, sums: FloatArray, threads: int) -> list[FloatArray]:
        """The sums over ranges, first to last, one array for each accumulator."""
        (total, *others), size = sums, sums.shape[1]
        threads = threads if size > PARALLEL_SIZE else 1

        @np.errstate(all="ignore")  # NaN and infinity pass through, on any thread
        def add(first: int, last: int) -> None:
            for other in others:
                total[first:last] += other[first:last]

        run_chunks(add, size, PIECE if threads > 1 else size, threads)
        results: list[FloatArray] = []
        pieces: list[tuple[FloatArray, FloatArray]] = []
        for accumulator, (start, stop) in zip(
            self.program.accumulators,
            itertools.pairwise(self._starts(lanes(sums))),
            strict=True,
        ):
            if accumulator.index is None:
                results.append(total[start : start + math.prod(accumulator.shape)].copy())
            else:
                results.append(_matrices(accumulator.shape, total[start:stop], pieces))

        def arrange(first: int, last: int) -> None:
            for target, source in pieces[first:last]:
                target[...] = source

        run_chunks(arrange, len(pieces), 1, threads)
        return results


def _matrices(
    shape: tuple[int, ...], numbers: FloatArray, pieces: list[tuple[FloatArray, FloatArray]]
) -> FloatArray:
    """An array for outer products [batch][row][column]; ``pieces`` get what goes where in it."""
    batches, rows, columns = shape
    left, right = max(rows, columns), min(rows, columns)
    panels = -(-left // ROWS)
    found = np.empty((batches, panels * ROWS, right), numbers.dtype)
    for part, matrix in zip(numbers.reshape(batches, -1), found, strict=True):
        for target, source in unpacked(part, matrix):
            for i in range(0, panels, PANELS):
                pieces.append((target[:, i : i + PANELS], source[:, i : i + PANELS]))
    found = found[:, :left]
    return found if rows >= columns else found.swapaxes(1, 2)
