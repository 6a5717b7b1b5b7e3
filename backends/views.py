"""Moves as index lists: which row of which computed value each row of a moved value is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jetfold.graph import MOVES, Concatenate, Graph, Op, Replicate, Type, Value
from jetfold.graph.interpret import apply

Index = NDArray[np.int64]


@dataclass(frozen=True)
class View:
    """Row i of the viewed value is row ``rows[i]`` of value ``node``; -1 stands for zero."""

    node: int
    rows: Index

    def take(self, index: Index) -> View:
        """The view's own rows picked by an index list, in which -1 stands for zero as well."""
        flat = index.reshape(-1)
        return View(self.node, np.where(flat < 0, -1, self.rows[np.maximum(flat, 0)]))


def is_view(op: Op) -> bool:
    """Whether an operation only changes the rows with which its operand is read."""
    return isinstance(op, MOVES) and not isinstance(op, Concatenate)


def views(
    graph: Graph, nodes: Sequence[int], copied: frozenset[int] = frozenset()
) -> tuple[dict[int, View], dict[int, View]]:
    """The view that each of these nodes is of a value that has to be computed.

    Of the nodes in ``copied`` a copy is made: they are values themselves, and what they are views
    of is the second result.
    """
    found: dict[int, View] = {}
    origins: dict[int, View] = {}
    for node in nodes:
        shape = graph[node].type.shape
        op = graph[node].op
        if not is_view(op):
            found[node] = View(node, np.arange(math.prod(shape)))
            continue
        (operand,) = graph.operands(node)
        if isinstance(op, Replicate):
            found[node] = found[operand]
        else:
            numbers = np.arange(1, 1 + math.prod(graph[operand].type.shape))
            moved = apply(op, [Value(numbers.reshape(graph[operand].type.shape))]).array
            found[node] = found[operand].take(moved.astype(np.int64) - 1)
        if node in copied:
            origins[node] = found[node]
            found[node] = View(node, np.arange(math.prod(shape)))
    return found, origins


def broadcast(kind: Type, shape: tuple[int, ...]) -> Index:
    """The rows with which a value is read when it is broadcast to a shape."""
    rows = np.arange(math.prod(kind.shape)).reshape(kind.shape)
    return np.broadcast_to(rows, shape).reshape(-1)


def affine(rows: Index) -> tuple[int, tuple[int, ...]] | None:
    """Start and step along each axis of an array of row numbers, if it has them."""
    start = int(rows.reshape(-1)[0]) if rows.size else 0
    steps = []
    for axis in range(rows.ndim):
        line = np.take(rows, 1, axis) - np.take(rows, 0, axis) if rows.shape[axis] > 1 else rows[:0]
        steps.append(int(line.reshape(-1)[0]) if line.size else 0)
    grid = sum(
        (
            step * np.arange(n).reshape([-1 if i == axis else 1 for i in range(rows.ndim)])
            for axis, (step, n) in enumerate(zip(steps, rows.shape, strict=True))
        ),
        start=np.full(rows.shape, start),
    )
    return (start, tuple(steps)) if rows.min(initial=0) >= 0 and (grid == rows).all() else None
