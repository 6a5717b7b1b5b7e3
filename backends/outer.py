"""Contractions of two varying values that a total sums over the batch: outer products.

What a matrix gets of a gradient is such a sum, of outer products of the cotangent of a product with
the vector that was multiplied. It is never computed for a point: both values stay in memory, and
their product is summed over samples, slots and groups at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jetfold.backends.views import Index, View, affine
from jetfold.graph import (
    Array,
    Broadcast,
    Contract,
    DirectionAxis,
    Gather,
    Graph,
    Reshape,
    Slice,
    Total,
    Transpose,
)
from jetfold.graph.ops import split_spec
from jetfold.graph.total import outputs_at_points

_MOVES = (Reshape, Transpose, Broadcast, Slice, Gather)
"""Moves after which rows of a contraction are still rows."""

Spaced = tuple[int, tuple[int, ...]]
"""A first row, and steps of rows along batches, groups and the matrix' own axis."""


@dataclass(frozen=True)
class OuterShape:
    """Outer products [batch][row][column], each a sum over groups.

    ``left`` is where rows are in the first value, ``right`` where columns are in the second one.
    Element number i of the contraction is element ``index[i]`` of the outer products.
    """

    batches: int
    groups: int
    rows: int
    columns: int
    left: Spaced
    right: Spaced
    index: Array


@dataclass(frozen=True)
class Outer:
    """The two values in memory and how their outer products give a contraction."""

    left: int
    right: int
    shape: OuterShape


def outer_products(
    graph: Graph, totals: Sequence[Total], views: Mapping[int, View]
) -> dict[int, Outer]:
    """The contractions that need not be computed at points, and how they are outer products."""
    found = ((node, outer_product(graph, views, node)) for node in only_summed(graph, totals))
    return {node: outer for node, outer in found if outer is not None}


def only_summed(graph: Graph, totals: Sequence[Total]) -> list[int]:
    """The contractions of which nothing is wanted but totals over all their direction axes."""
    kept: dict[int, set[DirectionAxis]] = {}
    for total in totals:
        for term in total.terms:
            kept.setdefault(graph.outputs[term], set()).update(total.type.directions)
    at_points = {graph.outputs[position] for position in outputs_at_points(graph, totals)}
    found: list[int] = []
    moved: set[int] = set()
    for node in reversed(graph.order):
        axes = graph[node].type.directions
        is_read = node in at_points or not kept.get(node, set()).isdisjoint(axes)
        fits = isinstance(graph[node].op, (Contract, *_MOVES))
        if fits and not is_read and all(user in moved for user in graph.users(node)):
            found.append(node)
            if not isinstance(graph[node].op, Contract):
                moved.add(node)
    return [node for node in reversed(found) if node not in moved]


def outer_product(graph: Graph, views: Mapping[int, View], node: int) -> Outer | None:
    """How a node is a sum of outer products over all of its direction axes, if it is."""
    op, operands = graph[node].op, graph.operands(node)
    if not isinstance(op, Contract) or len(operands) != 2:
        return None
    found = [views.get(operand) for operand in operands]
    (left, right), result = split_spec(op.spec)
    if any(len(set(part)) != len(part) for part in (left, right)):
        return None
    batch = "".join(c for c in result if c in left and c in right)
    group = "".join(c for c in left if c in right and c not in result)
    row = "".join(c for c in left if c in result and c not in right)
    column = "".join(c for c in right if c in result and c not in left)
    if set(left) != set(batch + group + row) or set(right) != set(batch + group + column):
        return None
    sizes = dict(zip(left, graph[operands[0]].type.shape, strict=True))
    sizes |= dict(zip(right, graph[operands[1]].type.shape, strict=True))
    many = [math.prod(sizes[c] for c in part) for part in (batch, group, row, column)]
    if 0 in many:
        return None
    spaced = []
    for view, have, own in zip(found, (left, right), (row, column), strict=True):
        if view is None or view.picks or view.turns:
            return None
        if graph[view.node].type.directions != graph[node].type.directions:
            return None
        cube = view.rows.reshape([sizes[c] for c in have])
        cube = cube.transpose([have.index(c) for c in batch + group + own])
        parts = [math.prod(sizes[c] for c in part) for part in (batch, group, own)]
        spaced.append(affine(cube.reshape(parts)))
    first, second = spaced
    if first is None or second is None:
        return None
    order = batch + row + column
    index: Index = np.arange(math.prod(sizes[c] for c in order)).reshape([sizes[c] for c in order])
    index = index.transpose([order.index(c) for c in result]).reshape(-1)
    batches, groups, rows, columns = many
    shape = OuterShape(batches, groups, rows, columns, first, second, Array(index))
    left_view, right_view = found
    assert left_view is not None
    assert right_view is not None
    return Outer(left_view.node, right_view.node, shape)
