"""The reference backend: a graph interpreted node by node, slow and obvious."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.graph import BATCH, Graph, Input, Parameter, Total, Type, Value
from jetfold.graph.interpret import evaluate
from jetfold.graph.numbers import FLOAT, NumberSystem
from jetfold.graph.ops import meet
from jetfold.graph.total import check_totals, outputs_at_points


class ReferenceGraph:
    """A graph that is interpreted: the same calls as `jetfold.backends.cpu.CompiledGraph`.

    Works in the number system given: floating point or complex numbers of any precision NumPy
    has, exact rationals or mpmath numbers (the dtype is ``object`` then). Outputs that ``totals``
    do not use come first, then the totals.
    """

    def __init__(
        self, graph: Graph, numbers: NumberSystem = FLOAT, totals: Sequence[Total] = ()
    ) -> None:
        check_totals(graph, totals)
        self.graph = graph
        self.numbers = numbers
        self.totals = tuple(totals)
        self._at_points = outputs_at_points(graph, totals)

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
        values = evaluate(graph, leaves, numbers)
        results = []
        for position in self._at_points:
            node = graph.outputs[position]
            results.append(_at_points(values[node], graph[node].type, points))
        results += [self._total(total, values, points) for total in self.totals]
        return [np.array(r, None if r.dtype == object else dtype) for r in results]

    @np.errstate(all="ignore")  # as in what is summed, NaN and infinity are no reason to warn
    def _total(self, total: Total, values: Mapping[int, Value], points: int) -> NDArray[Any]:
        """The sum over the batch, floats in double precision at least."""
        kept = total.type.directions
        found = self.numbers.array(np.zeros([*(axis.size for axis in kept), *total.type.shape]))
        for term in total.terms if points else ():
            node = self.graph.outputs[term]
            axes = meet([kept, self.graph[node].type.directions])
            array = _at_points(values[node], Type(total.type.shape, axes), points)
            if array.dtype != object:
                array = array.astype(np.result_type(array.dtype, np.float64))
            summed = (i for i, axis in enumerate(axes, start=1) if axis not in kept)
            found = found + array.sum((0, *summed))
        return found


def _at_points(value: Value, kind: Type, points: int) -> NDArray[Any]:
    """A value at every point: (points, direction axes.., *shape)."""
    array = value.align((BATCH, *(axis.name for axis in kind.directions)), len(kind.shape))
    return np.broadcast_to(array, (points, *(axis.size for axis in kind.directions), *kind.shape))
