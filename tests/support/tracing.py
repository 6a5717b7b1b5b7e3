"""Compare a traced function with the function itself on plain arrays, point by point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.graph.graph import Graph
from jetfold.graph.interpret import BATCH, Value, interpret
from jetfold.graph.ops import Input, Type
from jetfold.graph.trace import Traced, trace
from jetfold.graph.tree import flatten
from jetfold.graph.validate import validate

POINTS = 3


def trace_at(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Traced:
    """The graph of a function of inputs x0, x1, ... of these shapes."""
    inputs = [Input(f"x{i}", Type(shape)) for i, shape in enumerate(shapes)]
    return trace(function, tuple(inputs))


def batch(*shapes: tuple[int, ...], low: float = -2.0, high: float = 2.0) -> list[NDArray[Any]]:
    """A few points of each shape, the same ones every time."""
    random = np.random.default_rng(0)
    return [random.uniform(low, high, (POINTS, *shape)) for shape in shapes]


def run(graph: Graph, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """The outputs of a graph, given its inputs for a batch of points."""
    points = len(next(iter(inputs.values())))
    leaves = {}
    for node in graph.inputs:
        op = graph[node].op
        assert isinstance(op, Input)
        leaves[node] = Value(inputs[op.name], (BATCH,))
    values = interpret(graph, leaves)
    outputs = []
    for node in graph.outputs:
        array = values[node].array
        shared = BATCH not in values[node].lead
        outputs.append(np.broadcast_to(array, (points, *array.shape)) if shared else array)
    return outputs


def check(
    function: Callable[..., Any], points: Sequence[NDArray[Any]], rtol: float = 1e-13
) -> Graph:
    """Trace a function, run its graph on points and compare with the function at each of them."""
    traced = trace_at(function, *(array.shape[1:] for array in points))
    validate(traced.graph)
    found = run(traced.graph, {f"x{i}": array for i, array in enumerate(points)})
    at_each_point = [flatten(function(*point)) for point in zip(*points, strict=True)]
    assert traced.outputs == at_each_point[0][1]
    for i, output in enumerate(found):
        expected = np.array([leaves[i] for leaves, _ in at_each_point], dtype=np.float64)
        assert output.shape == expected.shape
        np.testing.assert_allclose(output, expected, rtol=rtol, atol=1e-13)
    return traced.graph
