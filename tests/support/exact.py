"""Graphs in exact rational arithmetic: what has to be equal is equal, not nearly so."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.graph import Graph, Input, Parameter, Rewriting, Value
from jetfold.graph.interpret import apply
from jetfold.graph.numbers import EXACT
from jetfold.graph.ops import Op
from jetfold.graph.validate import validate


class Exact:
    """Computes graphs at one point, with the same random rationals for the same leaves.

    A function such as tanh gives an opaque rational of its argument (`jetfold.graph.numbers`).
    What equal operations on equal operands give is computed once, so that graphs that differ in
    one node cost one node.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._numbers: dict[tuple[Op, tuple[int, ...]], int] = {}
        self._values: list[Value] = []

    def __call__(self, graph: Graph) -> list[NDArray[Any]]:
        """The outputs of a graph."""
        where: dict[int, int] = {}
        for node in graph.order:
            op = graph[node].op
            operands = tuple(where[operand] for operand in graph.operands(node))
            if (op, operands) not in self._numbers:
                self._values.append(self._compute(op, [self._values[i] for i in operands]))
                self._numbers[op, operands] = len(self._values) - 1
            where[node] = self._numbers[op, operands]
        return [self._values[where[output]].array for output in graph.outputs]

    def _compute(self, op: Op, operands: list[Value]) -> Value:
        if not isinstance(op, (Input, Parameter)):
            return apply(op, operands, EXACT)
        sizes = tuple(axis.size for axis in op.type.directions)
        array = np.empty(sizes + op.type.shape, dtype=object)
        array.reshape(-1)[:] = [
            Fraction(int(above), int(below))
            for above, below in self._random.integers(2, 12, (array.size, 2))
        ]
        return Value(array, tuple(axis.name for axis in op.type.directions))


def same(found: list[NDArray[Any]], expected: list[NDArray[Any]]) -> bool:
    """Whether all outputs are equal, shapes included."""
    return len(found) == len(expected) and all(
        a.shape == b.shape and bool((a == b).all()) for a, b in zip(found, expected, strict=True)
    )


def check(rewriting: Rewriting, exact: Exact | None = None) -> Rewriting:
    """Every step leaves a valid graph with the same outputs, and the last one is the result."""
    exact = Exact() if exact is None else exact
    expected = exact(rewriting.initial)
    last = rewriting.initial
    for step, before, after in rewriting.replay():
        assert step.before in before
        validate(after)
        assert same(exact(after), expected), f"{step}\n{before}\n{after}"
        last = after
    assert str(last) == str(rewriting.graph)
    return rewriting
