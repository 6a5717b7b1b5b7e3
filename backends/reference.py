"""The reference backend: a graph interpreted node by node, slow and obvious."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.graph import BATCH, Graph, Input, Parameter, Value, interpret
from jetfold.graph.numbers import FLOAT, NumberSystem


class ReferenceGraph:
    """A graph that is interpreted: the same calls as `jetfold.backends.cpu.CompiledGraph`.

    Works in the number system given: floating point or complex numbers of any precision NumPy
    has, exact rationals or mpmath numbers (the dtype is ``object`` then).
    """

    def __init__(self, graph: Graph, numbers: NumberSystem = FLOAT) -> None:
        self.graph = graph
        self.numbers = numbers

    def __call__(
        self,
        points: int,
        dtype: np.dtype[Any],
        inputs: Mapping[str, NDArray[Any]],
        parameters: Mapping[str, NDArray[Any]],
    ) -> list[NDArray[Any]]:
        graph, numbers = self.graph, self.numbers
        leaves: dict[int, Value] = {}

        def read(array: NDArray[Any]) -> NDArray[Any]:
            exact = dtype.kind == "O"  # the number system converts floats itself
            return numbers.array(np.asarray(array, None if exact else dtype))

        for node in graph.leaves:
            match graph[node].op:
                case Input(name):
                    leaves[node] = Value(read(inputs[name]), (BATCH,))
                case Parameter(name, kind):
                    lead = tuple(axis.name for axis in kind.directions)
                    leaves[node] = Value(read(parameters[name]), lead)
        values = interpret(graph, leaves, numbers)
        results = []
        for node in graph.outputs:
            shape, axes = graph[node].type
            array = values[node].align((BATCH, *(axis.name for axis in axes)), len(shape))
            array = np.broadcast_to(array, (points, *(axis.size for axis in axes), *shape))
            if array.dtype != object:
                array = array.astype(dtype, copy=False)
            results.append(np.array(array))
        return results
