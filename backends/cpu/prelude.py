"""What does not vary from point to point, computed once per call and laid out for the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cpu.arguments import shared_sizes
from jetfold.backends.cpu.simd import pack_into, packed_size
from jetfold.backends.cpu.threads import run_chunks
from jetfold.backends.program import Program
from jetfold.backends.shared import SharedValues

FloatArray = NDArray[Any]


class Prelude:
    """Computes a program's shared numbers from the parameters: values, then packed matrices."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.size, self.starts = shared_sizes(program)
        self.values = SharedValues(program)

    def __call__(
        self, parameters: Mapping[str, FloatArray], dtype: np.dtype[Any], threads: int
    ) -> FloatArray:
        """One flat array; see `jetfold.backends.cpu.arguments.shared_sizes` for its layout."""
        numbers, matrices = self.values(parameters, dtype)
        shared = np.empty(self.size, dtype)
        at = 0
        for array in numbers:
            shared[at : at + array.size].reshape(array.shape)[...] = array
            at += array.size
        self._pack(shared, matrices, threads)
        return shared

    def _pack(self, shared: FloatArray, matrices: list[FloatArray], threads: int) -> None:
        """Pack all matrices, in parallel: for wide layers this is the part that takes time."""
        jobs: list[tuple[FloatArray, FloatArray]] = []
        for batches, start in zip(matrices, self.starts, strict=True):
            _, rows, inner = batches.shape
            step = packed_size(rows, inner)
            for number, batch in enumerate(batches):
                jobs.append((batch, shared[start + number * step : start + (number + 1) * step]))

        def work(first: int, last: int) -> None:
            for batch, place in jobs[first:last]:
                pack_into(place, batch)

        large = sum(place.size for _, place in jobs) > PARALLEL_SIZE
        run_chunks(work, len(jobs), 1, threads if large else 1)


PARALLEL_SIZE = 1 << 17
"""Numbers to pack above which waking other threads pays."""
