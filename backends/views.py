"""Moves as index lists: which row of which computed value each row of a moved value is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jetfold.graph import (
    MOVES,
    Array,
    Collect,
    Concatenate,
    Direct,
    DirectionAxis,
    Graph,
    Op,
    Pick,
    Replicate,
    Type,
    Value,
)
from jetfold.graph.interpret import apply

Index = NDArray[np.int64]


Turns = tuple[tuple[DirectionAxis, int], ...]
"""Direction axes that are axes of the point in memory, each with its step in rows."""


@dataclass(frozen=True)
class Picked:
    """Element i along axis ``new`` is element ``index[i]`` along axis ``old`` in memory.

    If there is a ``step``, the axis in memory is one of the point, with this step in rows.
    """

    new: DirectionAxis
    old: DirectionAxis
    index: Array
    step: int | None = None


Picks = tuple[Picked, ...]


@dataclass(frozen=True)
class View:
    """Row i of the viewed value is row ``rows[i]`` of value ``node``; -1 stands for zero.

    Along a direction axis of ``turns`` the row moves by that axis' step; axes in memory that
    ``picks`` replaces are no axes of the view.
    """

    node: int
    rows: Index
    turns: Turns = ()
    picks: Picks = ()

    def take(self, index: Index) -> View:
        """The view's own rows picked by an index list, in which -1 stands for zero as well."""
        flat = index.reshape(-1)
        rows = np.full(flat.shape, -1)
        rows[flat >= 0] = self.rows[flat[flat >= 0]]
        return View(self.node, rows, self.turns, self.picks)


def is_view(op: Op) -> bool:
    """Whether an operation only changes the rows with which its operand is read."""
    return isinstance(op, MOVES) and not isinstance(op, (Concatenate, Collect))


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
        elif isinstance(op, Direct):
            found[node] = _turned(op, found[operand], graph[operand].type.shape)
        elif isinstance(op, Pick):
            view = found[operand]
            old = next(axis for axis in graph[operand].type.directions if axis.name == op.old)
            if old in axes_of(graph[view.node].type, view.turns, view.picks):
                turns, picks = pick(view.turns, view.picks, old, op.new, op.index)
                view = View(view.node, view.rows, turns, picks)
            found[node] = view  # where all elements along the axis are one, so are those picked
        else:
            numbers = np.arange(1, 1 + math.prod(graph[operand].type.shape))
            moved = apply(op, [Value(numbers.reshape(graph[operand].type.shape))]).array
            found[node] = found[operand].take(moved.astype(np.int64) - 1)
        if node in copied:
            origins[node] = found[node]
            found[node] = View(node, np.arange(math.prod(shape)))
    return found, origins


def _turned(op: Direct, view: View, shape: tuple[int, ...]) -> View:
    """A view in which one axis of the point has become a direction axis.

    Its rows must be evenly spaced along that axis; copies make them so (see `copied`).
    """
    rows = np.moveaxis(view.rows.reshape(shape), op.position, 0)
    step = int((rows[1] - rows[0]).reshape(-1)[0]) if len(rows) > 1 and rows[0].size else 0
    return View(view.node, rows[0].reshape(-1), (*view.turns, (op.axis, step)), view.picks)


def axes_of(kind: Type, turns: Turns, picks: Picks) -> tuple[DirectionAxis, ...]:
    """The direction axes along which a view of a value of this type moves.

    Its other axes are copies. An axis in memory that is picked away may share its name with one
    of them, or with an axis of the point that has become a direction axis.
    """
    gone = {picked.old for picked in picks if picked.step is None}
    turned = [axis for axis, _ in turns]
    return tuple(sorted({*kind.directions} - gone | {*turned, *(picked.new for picked in picks)}))


def pick(
    turns: Turns, picks: Picks, old: DirectionAxis, new: DirectionAxis, index: Array
) -> tuple[Turns, Picks]:
    """A pick along an axis of a view: its turns and picks, one pick for each axis in memory."""
    for known in picks:
        if known.new == old:
            rest = tuple(other for other in picks if other != known)
            both = Array(known.index.value[index.value])
            return turns, (*rest, Picked(new, known.old, both, known.step))
    for turn in turns:
        if turn[0] == old:
            left = tuple(other for other in turns if other != turn)
            return left, (*picks, Picked(new, old, index, turn[1]))
    return turns, (*picks, Picked(new, old, index))


def turns_evenly(op: Direct, rows: Index, shape: tuple[int, ...]) -> bool:
    """Whether a view's rows are evenly spaced along the axis that becomes a direction axis."""
    moved = np.moveaxis(rows.reshape(shape), op.position, 0)
    steps = np.diff(moved, axis=0)
    return bool((moved >= 0).all() and (steps == steps.reshape(-1)[:1].sum()).all())


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
