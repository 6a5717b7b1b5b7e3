"""Layers of a drawing: the order of their vertices (few crossings) and their places (few turns)."""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import NamedTuple

Vertex = Hashable

GAP = 20.0
"""Between neighbours in a layer."""
ORDER_SWEEPS = 16
PLACE_SWEEPS = 40


class Bend(NamedTuple):
    """Where the edges of a source pass through a layer in which they do not end."""

    source: Vertex
    layer: int


def _lists() -> dict[Vertex, list[Vertex]]:
    return defaultdict(list)


@dataclass(slots=True)
class Rows:
    """The vertices and bends of each layer from left to right, and how they are joined."""

    rows: list[list[Vertex]]
    above: dict[Vertex, list[Vertex]] = field(default_factory=_lists)
    below: dict[Vertex, list[Vertex]] = field(default_factory=_lists)

    def join(self, upper: Vertex, lower: Vertex) -> None:
        self.above[lower].append(upper)
        self.below[upper].append(lower)

    def is_leaf(self, vertex: Vertex) -> bool:
        return not self.above[vertex]


# Order ------------------------------------------------------------------------------------------


def arrange(rows: Rows, order: Sequence[Vertex]) -> None:
    """Order every row such that few edges cross: barycentres, then exchanges of neighbours.

    What the crossings leave open, such as left and right, is decided by the order given.
    """
    rank = {vertex: i for i, vertex in enumerate(order)}
    best = [list(row) for row in rows.rows]
    fewest = _crossings(rows)
    for sweep in range(ORDER_SWEEPS):
        down = sweep % 2 == 0
        for row in rows.rows[1:] if down else rows.rows[-2::-1]:
            _sort_row(rows, row, down)
        _exchange(rows)
        count = _crossings(rows)
        if count < fewest:
            best, fewest = [list(row) for row in rows.rows], count
        if fewest == 0:
            break
    mirrored = sum(_turned(row, rank) for row in best) > 0
    for row, found in zip(rows.rows, best, strict=True):
        row[:] = reversed(found) if mirrored else found
    _exchange(rows, rank)


def _rank(vertex: Vertex, rank: Mapping[Vertex, int]) -> int:
    return rank[vertex.source if isinstance(vertex, Bend) else vertex]


def _turned(row: Sequence[Vertex], rank: Mapping[Vertex, int]) -> int:
    """How many more pairs are against the order given than in it."""
    ranks = [_rank(vertex, rank) for vertex in row]
    return sum(1 if left > right else -1 for left, right in combinations(ranks, 2))


def _places(rows: Rows) -> dict[Vertex, int]:
    return {vertex: place for row in rows.rows for place, vertex in enumerate(row)}


def _sort_row(rows: Rows, row: list[Vertex], down: bool) -> None:
    place = _places(rows)
    near = rows.above if down else rows.below
    keys: dict[Vertex, float] = {}
    for vertex in row:
        neighbours = [place[other] for other in near[vertex]]
        keys[vertex] = sum(neighbours) / len(neighbours) if neighbours else float(place[vertex])
    if down:  # a leaf goes beside what its user also uses
        for vertex in row:
            if rows.is_leaf(vertex):
                users = rows.below[vertex]
                mates = [keys[v] for user in users for v in rows.above[user] if not rows.is_leaf(v)]
                keys[vertex] = sum(mates) / len(mates) + 0.01 if mates else keys[vertex]
    row.sort(key=lambda vertex: keys[vertex])


def _crossings(rows: Rows) -> int:
    place = _places(rows)
    count = 0
    for row in rows.rows:
        ends: list[int] = []
        for vertex in row:
            starts = [place[upper] for upper in rows.above[vertex]]
            count += sum(len(ends) - bisect_right(ends, start) for start in starts)
            for start in starts:
                insort(ends, start)
    return count


def _exchange(rows: Rows, rank: Mapping[Vertex, int] | None = None) -> None:
    """Swap neighbours in a row as long as that removes crossings.

    With ranks, those for which it makes no difference are put in the order of their ranks.
    """
    place = _places(rows)

    def crossed(left: Vertex, right: Vertex) -> int:
        return sum(
            place[a] > place[b]
            for near in (rows.above, rows.below)
            for a in near[left]
            for b in near[right]
        )

    for row in rows.rows:
        for _ in range(len(row)):
            swapped = False
            for i in range(len(row) - 1):
                left, right = row[i], row[i + 1]
                gain = crossed(left, right) - crossed(right, left)
                if gain > 0 or (gain == 0 and rank and _rank(right, rank) < _rank(left, rank)):
                    row[i], row[i + 1] = right, left
                    place[left], place[right] = i + 1, i
                    swapped = True
            if not swapped:
                break


# Places -----------------------------------------------------------------------------------------


def centres(rows: Rows, widths: Mapping[Vertex, float]) -> dict[Vertex, float]:
    """Where the middle of each vertex and bend lies; the leftmost box begins at 0.

    Each row in turn is placed near its neighbours above, below, or both, in the sense of least
    squares, and without overlap.
    """
    x: dict[Vertex, float] = {}
    for row in rows.rows:
        gaps = _separations(row, widths)
        for i, vertex in enumerate(row):
            x[vertex] = sum(gaps[:i]) - sum(gaps) / 2
    for sweep in range(PLACE_SWEEPS):
        down = sweep % 2 == 0
        both = sweep >= PLACE_SWEEPS // 2
        for row in rows.rows if down else rows.rows[::-1]:
            wishes = [_wish(rows, vertex, x, down or both, both or not down) for vertex in row]
            x.update(zip(row, spread(wishes, _separations(row, widths)), strict=True))
    _straighten(rows, widths, x)
    left = min((x[vertex] - width / 2 for vertex, width in widths.items()), default=0.0)
    left = min(left, min(x.values(), default=0.0))
    return {vertex: centre - left for vertex, centre in x.items()}


def _straighten(rows: Rows, widths: Mapping[Vertex, float], x: dict[Vertex, float]) -> None:
    """Put bends that follow each other exactly below each other, as far as there is room."""
    chains: dict[Vertex, list[Bend]] = {}
    for row in rows.rows:
        for vertex in row:
            if isinstance(vertex, Bend):
                chains.setdefault(vertex.source, []).append(vertex)
    for chain in chains.values():
        run: list[Bend] = []
        low, high = -math.inf, math.inf
        for bend in chain:
            left, right = _room(bend, rows.rows[bend.layer], widths, x)
            if run and max(low, left) > min(high, right):
                _align(run, low, high, x)
                run, low, high = [], -math.inf, math.inf
            run.append(bend)
            low, high = max(low, left), min(high, right)
        _align(run, low, high, x)


def _room(
    vertex: Vertex, row: list[Vertex], widths: Mapping[Vertex, float], x: Mapping[Vertex, float]
) -> tuple[float, float]:
    """How far to the left and to the right a vertex can go in its row."""
    i = row.index(vertex)
    low = x[row[i - 1]] + _separations(row[i - 1 : i + 1], widths)[0] if i else -math.inf
    if i + 1 == len(row):
        return low, math.inf
    return low, x[row[i + 1]] - _separations(row[i : i + 2], widths)[0]


def _align(run: Sequence[Bend], low: float, high: float, x: dict[Vertex, float]) -> None:
    mean = sum(x[bend] for bend in run) / len(run)
    x.update(dict.fromkeys(run, min(max(mean, low), high)))


def _separations(row: Sequence[Vertex], widths: Mapping[Vertex, float]) -> list[float]:
    return [
        (widths.get(left, 0.0) + widths.get(right, 0.0)) / 2 + GAP for left, right in pairwise(row)
    ]


def _stiffness(rows: Rows, upper: Vertex, lower: Vertex) -> float:
    """How much it matters that an edge is straight: most for long ones, little at leaves."""
    bends = isinstance(upper, Bend) + isinstance(lower, Bend)
    return (0.05 if rows.is_leaf(upper) else 1.0) * (1.0, 2.0, 8.0)[bends]


def _wish(
    rows: Rows, vertex: Vertex, x: Mapping[Vertex, float], above: bool, below: bool
) -> tuple[float, float]:
    """Where a vertex would like to lie, and how much."""
    pulls = [(x[v], _stiffness(rows, v, vertex)) for v in rows.above[vertex] if above]
    pulls += [(x[v], _stiffness(rows, vertex, v)) for v in rows.below[vertex] if below]
    weight = sum(pull for _, pull in pulls)
    if not pulls:
        return x[vertex], 0.01
    return sum(place * pull for place, pull in pulls) / weight, weight


def spread(wishes: Sequence[tuple[float, float]], separations: Sequence[float]) -> list[float]:
    """The places nearest to the wishes, in weighted least squares, that keep the separations.

    Pool adjacent violators: neighbours whose wishes conflict move as one block.
    """
    offset = 0.0
    blocks: list[tuple[float, float, int]] = []  # where it begins, its weight, how many it holds
    offsets = []
    for i, (wish, weight) in enumerate(wishes):
        offset += separations[i - 1] if i else 0.0
        offsets.append(offset)
        block = (wish - offset, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            start, heavy, size = blocks.pop()
            total = heavy + block[1]
            block = ((start * heavy + block[0] * block[1]) / total, total, size + block[2])
        blocks.append(block)
    starts = [start for start, _, size in blocks for _ in range(size)]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]
