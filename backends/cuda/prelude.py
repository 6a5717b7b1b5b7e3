"""What does not vary from point to point, computed on the device: a program with one sample.

The shared part of a graph, with its parameters as inputs, is a graph itself. It is lowered like any
other, and its outputs are laid out as the shared numbers and matrices that kernels read. So what
lies on the device stays there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cuda.launches import Plan, prelude_plan, shared_sizes, stored_addresses
from jetfold.backends.lower import lower
from jetfold.backends.program import Program, Store
from jetfold.backends.shared import SharedValues, shared_nodes
from jetfold.graph import Direct, Editor, Graph, Input, Parameter, Type


class Prelude:
    """The program that computes another program's shared numbers.

    program    : it takes the parameters, flat, as inputs.
    plan       : its launches; they write all shared numbers to ``y0``.
    size       : how many shared numbers there are.
    parameters : their names, in the order of the inputs.
    """

    def __init__(self, program: Program) -> None:
        self.size, _ = shared_sizes(program)
        graph, self.parameters = _shared_graph(program)
        self.program = lower(graph)
        stores = [i for i in self.program.instructions if isinstance(i, Store)]
        found = [stored_addresses(self.program, store, 1) for store in stores]
        for i, matrix in enumerate(program.matrices, len(program.shared)):
            entries = found[i].reshape(program.graph[matrix.node].type.shape)
            found[i] = np.einsum(matrix.spec, entries).reshape(-1)
        self.plan: Plan = prelude_plan(self.program, found)

    def constants(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The shared numbers of the prelude itself, which never change."""
        numbers, matrices = SharedValues(self.program)({}, dtype)
        parts = [np.zeros(0, dtype), *(array.reshape(-1) for array in (*numbers, *matrices))]
        return np.concatenate(parts, dtype=dtype)


def _shared_graph(program: Program) -> tuple[Graph, list[str]]:
    """The graph of all shared numbers, then all matrices, and the names of its inputs."""
    graph, editor = program.graph, Editor()
    new: dict[int, int] = {}
    names: dict[int, str] = {}
    for node in shared_nodes(program):
        op = graph[node].op
        if isinstance(op, Parameter):
            sizes = tuple(axis.size for axis in op.type.directions)
            value = editor.add(Input(op.name, Type(sizes + op.type.shape)))
            names[value] = op.name
            for axis in op.type.directions:
                value = editor.add(Direct(0, axis), value)
            new[node] = value
        else:
            new[node] = editor.add(op, *(new[operand] for operand in graph.operands(node)))
    wanted = [*program.shared, *(matrix.node for matrix in program.matrices)]
    shared = editor.freeze([new[node] for node in wanted])
    return shared, [names[node] for node in shared.inputs]
