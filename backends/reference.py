"""The reference backend: a graph interpreted node by node, slow and obvious."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.graph import BATCH, Graph, Input, Parameter, Value, interpret
from jetfold.graph.numbers import FLOAT, NumberSystem


class ReferenceGraph:
    """A graph that is interpreted: the same calls as `jetfold.backends.cpu.CompiledGraph`.

    Works in the number system given: floating point or complex numbers of any precision NumPy
    has, exact rationals or mpmath numbers (arrays of objects).
    """

    def __init__(self, graph: Graph, numbers: NumberSystem = FLOAT) -> None:
        self.graph = graph
        self.numbers = numbers

    def __call__(
        self, inputs: Sequence[NDArray[Any]], parameters: Mapping[str, NDArray[Any]]
    ) -> list[NDArray[Any]]:
        graph, numbers = self.graph, self.numbers
        leaves: dict[int, Value] = {}
        points = inputs[0].shape[0]
        arrays = dict(zip(graph.inputs, inputs, strict=True))
        for node in graph.leaves:
            match graph[node].op:
                case Input():
                    leaves[node] = Value(numbers.array(np.asarray(arrays[node])), (BATCH,))
                case Parameter(name, kind):
                    lead = tuple(axis.name for axis in kind.directions)
                    leaves[node] = Value(numbers.array(np.asarray(parameters[name])), lead)
        values = interpret(graph, leaves, numbers)
        results = []
        for node in graph.outputs:
            shape = graph[node].type.shape
            array = values[node].align((BATCH,), len(shape))
            array = np.broadcast_to(array, (points, *shape))
            if array.dtype != object:
                array = array.astype(np.result_type(*inputs), copy=False)
            results.append(np.array(array))
        return results
