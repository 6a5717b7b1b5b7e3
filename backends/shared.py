"""What does not vary from point to point: which nodes these are, and their values in NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.program import Program
from jetfold.graph import Graph, Op, Parameter, Type, Value
from jetfold.graph.interpret import apply
from jetfold.graph.numbers import FLOAT

FloatArray = NDArray[Any]


class _Step(NamedTuple):
    """One node to compute: its operation, the names of its direction axes, its operands."""

    node: int
    op: Op
    lead: tuple[str, ...]
    operands: tuple[int, ...]


class SharedValues:
    """Computes what a program shares between points: numbers, and the values of its matrices."""

    def __init__(self, program: Program) -> None:
        graph = program.graph
        self.steps = _steps(graph, shared_nodes(program))
        self.kinds = [(node, graph[node].type) for node in program.shared]
        self.matrices = program.matrices

    def __call__(
        self, parameters: Mapping[str, FloatArray], dtype: np.dtype[Any]
    ) -> tuple[list[FloatArray], list[FloatArray]]:
        """The shared values, (directions.., *shape), and the matrices, (batch, row, inner)."""
        values = _computed(self.steps, parameters, dtype)
        numbers = [_whole(values[node], kind) for node, kind in self.kinds]
        matrices = [
            np.einsum(matrix.spec, values[matrix.node].array).reshape(matrix.shape)
            for matrix in self.matrices
        ]
        return numbers, matrices


def _steps(graph: Graph, nodes: Sequence[int]) -> list[_Step]:
    return [
        _Step(node, graph[node].op, _lead(graph[node].type), graph.operands(node)) for node in nodes
    ]


def _computed(
    steps: Sequence[_Step], parameters: Mapping[str, FloatArray], dtype: np.dtype[Any]
) -> dict[int, Value]:
    values: dict[int, Value] = {}
    for node, op, lead, operands in steps:
        if isinstance(op, Parameter):
            values[node] = Value(np.asarray(parameters[op.name], dtype), lead)
        else:
            values[node] = apply(op, [values[operand] for operand in operands], FLOAT)
    return values


def _whole(value: Value, kind: Type) -> FloatArray:
    """All of a value, which may have been computed for one of several equal directions."""
    shape = (*(axis.size for axis in kind.directions), *kind.shape)
    if value.array.shape == shape:
        return value.array
    return np.broadcast_to(value.align(_lead(kind), len(kind.shape)), shape)


def shared_nodes(program: Program) -> list[int]:
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


def _lead(kind: Type) -> tuple[str, ...]:
    return tuple(axis.name for axis in kind.directions)
