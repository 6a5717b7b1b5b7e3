"""A graph compiled for the CPU: callable on arrays of points and parameter values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cpu.arguments import Arguments, arguments
from jetfold.backends.cpu.cache import load_source
from jetfold.backends.cpu.emit import emit
from jetfold.backends.cpu.prelude import Prelude
from jetfold.backends.cpu.simd import aligned_empty, lanes
from jetfold.backends.cpu.threads import run_chunks, thread_count
from jetfold.backends.cpu.totals import Totals
from jetfold.backends.lower import lower
from jetfold.backends.program import MatrixKernel, OuterProduct, Product, Program, Run
from jetfold.backends.totals import Finish
from jetfold.graph import Graph, Input, Total

FloatArray = NDArray[Any]

TARGET_COLUMNS = 256
"""Slots times samples of a tile that a matrix product runs best on."""

LEAST_SAMPLES, MOST_SAMPLES = 16, 256
TILE_BYTES = 1 << 18
"""A tile's workspace should stay within a core's cache, if that leaves it enough samples."""

SUM_COLUMNS, SUM_BYTES = 384, 3 << 19
"""Likewise where there are outer products: they want long rows, and what lies in the workspace
between the way there and the way back is read just once more, so that it may be further away."""

SERIAL_WORK = 2_000_000
"""Operations below which waking other threads costs more than it saves."""


class CompiledGraph:
    """A graph as compiled code.

    Call it with the number of points, the dtype (float32 or float64), and the values of inputs,
    arrays (points, *point shape), and of parameters by name; the result is one array
    (points, *shape) for each output that no total uses, and then the totals. Calls from several
    threads may overlap. Results are the same bit for bit as often as they are computed with the
    same number of threads.
    """

    def __init__(self, graph: Graph, totals: Sequence[Total] = ()) -> None:
        self.graph = graph
        self.program = lower(graph, totals)
        self.source = emit(self.program)
        self._workspaces: list[FloatArray] = []
        self._prelude = Prelude(self.program)
        self._totals = Totals(self.program)
        self._finish = Finish(self.program)
        self._arguments = lru_cache(maxsize=16)(self._make_arguments)
        self._work = _operations(self.program)
        inputs = [graph[node].op for node in self.program.inputs]
        self._input_names = [op.name for op in inputs if isinstance(op, Input)]

    def __call__(
        self,
        points: int,
        dtype: np.dtype[Any],
        inputs: Mapping[str, FloatArray],
        parameters: Mapping[str, FloatArray],
    ) -> list[FloatArray]:
        outputs = [np.empty((points, *shape), dtype) for shape in self.program.outputs]
        if not points:
            return outputs + self._finish.zeros(dtype)
        if not self.program.totals and not sum(output.size for output in outputs):
            return outputs
        wanted = [inputs[name] for name in self._input_names]
        flat = [_rows(x, points, dtype) for x in wanted]
        arrays = [*flat, *(output.reshape(points, -1) for output in outputs)]
        threads = thread_count()
        if points * self._work <= SERIAL_WORK:
            threads = 1
        shared = self._prelude(parameters, dtype, threads)
        samples = self._samples(points, threads, dtype)
        known = self._arguments(samples, lanes(dtype))
        run = load_source(self.source, dtype).run
        tiles = -(-points // samples)

        def work(first: int, last: int, *sums: FloatArray) -> None:
            workspace = self._borrow(self.program.workspace * samples, dtype)
            run(*arrays, *sums, workspace, shared, known.args, known.code, samples, first, last)
            self._workspaces.append(workspace)

        sums: list[FloatArray] = []
        if self.program.accumulators:
            sums = self._totals.accumulate(work, tiles, threads, dtype)
        elif outputs:
            run_chunks(work, tiles, max(1, tiles // (8 * threads)), threads)
        return outputs + self._finish(sums, shared, points)

    def _make_arguments(self, samples: int, width: int) -> Arguments:
        return arguments(self.program, samples, width)

    def _samples(self, points: int, threads: int, dtype: np.dtype[Any]) -> int:
        """Samples of a tile: a multiple of the vector length, by columns, cache and batch size.

        Where ranges of tiles are summed, so many that these are about equally long.
        """
        step = max(LEAST_SAMPLES, lanes(dtype))
        both_ways = any(isinstance(i, OuterProduct) for i in self.program.instructions)
        columns, most = (SUM_COLUMNS, SUM_BYTES) if both_ways else (TARGET_COLUMNS, TILE_BYTES)
        by_columns = columns // self.program.slots
        by_cache = most // max(1, self.program.workspace * dtype.itemsize)
        by_batch = -(-points // (4 * threads))
        wanted = min(by_columns, max(by_cache, step), by_batch, MOST_SAMPLES)
        largest = max(step, wanted // step * step)
        if not self.program.accumulators:
            return largest
        sizes = range(largest, largest // 2, -step)
        return min(
            sizes, key=lambda size: round(self._totals.idle(points, size, threads, dtype), 2)
        )

    def _borrow(self, size: int, dtype: np.dtype[Any]) -> FloatArray:
        """A workspace that nobody else uses meanwhile."""
        while self._workspaces:
            try:
                workspace = self._workspaces.pop()
            except IndexError:
                break
            if workspace.dtype == dtype and workspace.size >= size:
                return workspace
        workspace = aligned_empty(size, dtype)
        workspace[:] = 0  # columns that only fill up a vector are computed with, too
        return workspace


def _rows(x: FloatArray, points: int, dtype: np.dtype[Any]) -> FloatArray:
    """Points as compiled code takes them, whatever was given: anything else is compiled again.

    Read-only, so that compiled code cannot write to what belongs to the caller.
    """
    rows = np.require(x, dtype, ["C", "A"]).reshape(points, -1).view()
    rows.setflags(write=False)
    return rows


def _operations(program: Program) -> int:
    """Roughly how many operations one point takes."""
    total = 0
    for instruction in program.instructions:
        match instruction:
            case Product():
                repeats = instruction.batches * instruction.groups * instruction.slots
                total += 2 * repeats * instruction.rows * instruction.inner
            case OuterProduct():
                numbers = math.prod(program.accumulators[instruction.accumulator].shape)
                total += 2 * numbers * instruction.groups * instruction.slots
            case Run(MatrixKernel(), matrices, sizes, size):
                total += 2 * matrices * math.prod(sizes) * size**3
            case Run():
                total += 8 * instruction.rows * instruction.reduced * math.prod(instruction.sizes)
    return total
