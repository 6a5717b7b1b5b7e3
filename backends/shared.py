"""What does not vary from point to point: which nodes these are, and their values in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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


class SharedValues:
    """Computes what a program shares between points: numbers, and the values of its matrices."""

    def __init__(self, program: Program) -> None:
        graph = program.graph
        self.steps = [
            _Step(node, graph[node].op, _lead(graph[node].type), graph.operands(node))
            for node in shared_nodes(program)
        ]
        self.kinds = [(node, graph[node].type) for node in program.shared]
        self.matrices = program.matrices

    def __call__(
        self, parameters: Mapping[str, FloatArray], dtype: np.dtype[Any]
    ) -> tuple[list[FloatArray], list[FloatArray]]:
        """The shared values, (directions.., *shape), and the matrices, (batch, row, inner)."""
        values: dict[int, Value] = {}
        for node, op, lead, operands in self.steps:
            if isinstance(op, Parameter):
                values[node] = Value(np.asarray(parameters[op.name], dtype), lead)
            else:
                values[node] = apply(op, [values[operand] for operand in operands], FLOAT)
        numbers = []
        for node, kind in self.kinds:
            sizes = tuple(axis.size for axis in kind.directions)
            array = values[node].align(_lead(kind), len(kind.shape))
            numbers.append(np.broadcast_to(array, sizes + kind.shape))
        matrices = [
            np.einsum(matrix.spec, values[matrix.node].array).reshape(matrix.shape)
            for matrix in self.matrices
        ]
        return numbers, matrices


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
