"""What does not vary from point to point, computed once per call and laid out for the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cpu.arguments import shared_sizes
from jetfold.backends.cpu.simd import pack_into, packed_size
from jetfold.backends.cpu.threads import run_chunks
from jetfold.backends.program import Program
from jetfold.graph import Op, Parameter, Type, Value
from jetfold.graph.interpret import apply
from jetfold.graph.numbers import FLOAT

FloatArray = NDArray[Any]


class _Step(NamedTuple):
    """One node to compute: its operation, the names of its direction axes, its operands."""

    node: int
    op: Op
    lead: tuple[str, ...]
    operands: tuple[int, ...]


class Prelude:
    """Computes a program's shared numbers from the parameters: values, then packed matrices."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.size, self.starts = shared_sizes(program)
        graph = program.graph
        self.steps = [
            _Step(node, graph[node].op, _lead(graph[node].type), graph.operands(node))
            for node in _needed(program)
        ]
        self.kinds = [(node, graph[node].type) for node in program.shared]

    def __call__(
        self, parameters: Mapping[str, FloatArray], dtype: np.dtype[Any], threads: int
    ) -> FloatArray:
        """One flat array; see `jetfold.backends.cpu.arguments.shared_sizes` for its layout."""
        values: dict[int, Value] = {}
        for node, op, lead, operands in self.steps:
            if isinstance(op, Parameter):
                values[node] = Value(np.asarray(parameters[op.name], dtype), lead)
            else:
                values[node] = apply(op, [values[operand] for operand in operands], FLOAT)
        shared = np.empty(self.size, dtype)
        at = 0
        for node, kind in self.kinds:
            sizes = tuple(axis.size for axis in kind.directions)
            place = shared[at : at + kind.elements].reshape(sizes + kind.shape)
            place[...] = values[node].align(_lead(kind), len(kind.shape))
            at += place.size
        self._pack(shared, values, threads)
        return shared

    def _pack(self, shared: FloatArray, values: Mapping[int, Value], threads: int) -> None:
        """Pack all matrices, in parallel: for wide layers this is the part that takes time."""
        jobs: list[tuple[FloatArray, FloatArray]] = []
        for matrix, start in zip(self.program.matrices, self.starts, strict=True):
            batches = np.einsum(matrix.spec, values[matrix.node].array).reshape(matrix.shape)
            _, rows, inner = matrix.shape
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


def _lead(kind: Type) -> tuple[str, ...]:
    return tuple(axis.name for axis in kind.directions)


def _needed(program: Program) -> list[int]:
    """The nodes to compute once per call, operands first."""
    graph = program.graph
    needed: set[int] = set()
    pending = [*program.shared, *(matrix.node for matrix in program.matrices)]
    while pending:
        node = pending.pop()
        if node not in needed:
            needed.add(node)
            pending.extend(graph.operands(node))
    return [node for node in graph.order if node in needed]
