"""What does not vary from point to point: which nodes these are, and their values in NumPy."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.program import Program
from jetfold.graph import Contract, Graph, Op, Parameter, Sum, Type, Value
from jetfold.graph.interpret import apply
from jetfold.graph.numbers import FLOAT
from jetfold.graph.ops import split_spec

FloatArray = NDArray[Any]

LARGE = 1 << 32
"""Products of operands' sizes above which a contraction is left to BLAS, with its own threads."""


class _Step(NamedTuple):
    """One node to compute: its operation, the names of its direction axes, its operands.

    A contraction of which only the sum over directions is needed is computed together with it.
    """

    node: int
    op: Op
    lead: tuple[str, ...]
    operands: tuple[int, ...]
    summed: bool = False


class SharedValues:
    """Computes what a program shares between points: numbers, and the values of its matrices."""

    def __init__(self, program: Program) -> None:
        graph = program.graph
        wanted = {*program.shared, *(matrix.node for matrix in program.matrices)}
        self.steps = _steps(graph, shared_nodes(program), wanted)
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


class SharedGraph:
    """A graph without inputs, computed in NumPy once for a call.

    The arrays of parameters named in ``given`` may be handed on as results, but none of them twice;
    all other results are arrays of their own.
    """

    def __init__(self, graph: Graph, given: Collection[str] = ()) -> None:
        self.steps = _steps(graph, graph.order, graph.outputs)
        handed_on = {
            node: graph.outputs.index(node)
            for node in graph.outputs
            if isinstance(op := graph[node].op, Parameter) and op.name in given
        }
        self.outputs = [
            (node, graph[node].type, handed_on.get(node) != i)
            for i, node in enumerate(graph.outputs)
        ]

    def __call__(
        self, parameters: Mapping[str, FloatArray], dtype: np.dtype[Any]
    ) -> list[FloatArray]:
        """The outputs, (directions.., *shape), given the values of parameters by name."""
        values = _computed(self.steps, parameters, dtype)
        results = []
        for node, kind, copied in self.outputs:
            array = _whole(values[node], kind)
            results.append(np.array(array, dtype) if copied else array)
        return results


def _steps(graph: Graph, nodes: Sequence[int], wanted: Collection[int]) -> list[_Step]:
    inner: dict[int, int] = {}
    for node in nodes:
        op = graph[node].op
        if isinstance(op, Sum) and op.directions and not op.axes:
            (operand,) = graph.operands(node)
            users = [user for user in graph.users(operand) if user in nodes]
            alone = users == [node] and operand not in wanted
            if alone and isinstance(graph[operand].op, Contract):
                inner[node] = operand
    found = []
    for node in nodes:
        if node not in inner.values():
            source = inner.get(node, node)
            lead = _lead(graph[node].type)
            operands = graph.operands(source)
            found.append(_Step(node, graph[source].op, lead, operands, node in inner))
    return found


def _summed(op: Op, operands: Sequence[Value], lead: Sequence[str], dtype: np.dtype[Any]) -> Value:
    """A contraction, summed over the direction axes that are not among ``lead``."""
    assert isinstance(op, Contract)
    letters, result = split_spec(op.spec)
    names = sorted({name for operand in operands for name in operand.lead})
    axes = {name: chr(ord("A") + i) for i, name in enumerate(names)}
    parts = [
        "".join(axes[name] for name in operand.lead) + part
        for operand, part in zip(operands, letters, strict=True)
    ]
    kept = tuple(name for name in names if name in lead)
    spec = f"{','.join(parts)}->{''.join(axes[name] for name in kept)}{result}"
    arrays = [operand.array.astype(dtype, copy=False) for operand in operands]
    large = math.prod(array.size for array in arrays) > LARGE
    return Value(np.einsum(spec, *arrays, optimize=large), kept)


def _computed(
    steps: Sequence[_Step], parameters: Mapping[str, FloatArray], dtype: np.dtype[Any]
) -> dict[int, Value]:
    values: dict[int, Value] = {}
    for node, op, lead, operands, summed in steps:
        if summed:
            values[node] = _summed(op, [values[operand] for operand in operands], lead, dtype)
        elif isinstance(op, Parameter):
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
