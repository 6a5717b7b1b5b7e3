"""What a graph costs, kept up to date while it is rewritten.

The numbers are those of `jetfold.rules.cost`, counted node by node.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

from jetfold.graph import Coefficient, DirectionAxis, Graph
from jetfold.rules.cost import operations_of


class _Part(NamedTuple):
    """What a node adds."""

    coefficient: tuple[Coefficient, tuple[DirectionAxis, ...]] | None
    operations: int


class Counts:
    """Nodes, vectors and operations of a graph of which nodes come and go."""

    def __init__(self) -> None:
        self._parts: dict[int, _Part] = {}
        self._held: Counter[tuple[Coefficient, tuple[DirectionAxis, ...]]] = Counter()
        self._vectors: Counter[int] = Counter()
        self._operations = 0

    def put(self, graph: Graph, node: int, varies: bool) -> None:
        """Count a node of a graph, new or changed."""
        self.drop(node)
        data = graph[node]
        held = None if data.role is None else (data.role, data.type.directions)
        part = _Part(held, operations_of(graph, node) if varies else 0)
        self._parts[node] = part
        self._operations += part.operations
        if held is not None:
            self._held[held] += 1
            if self._held[held] == 1:
                self._vectors[held[0].of] += _copies(held[1])

    def drop(self, node: int) -> None:
        """Leave a node out that was counted."""
        part = self._parts.pop(node, None)
        if part is None:
            return
        self._operations -= part.operations
        held = part.coefficient
        if held is not None:
            self._held[held] -= 1
            if not self._held[held]:
                self._vectors[held[0].of] -= _copies(held[1])

    def read(self) -> dict[str, int]:
        """The counts as they stand."""
        vectors = max(self._vectors.values(), default=0)
        return {"nodes": len(self._parts), "vectors": vectors, "operations": self._operations}


def _copies(axes: tuple[DirectionAxis, ...]) -> int:
    return math.prod(axis.size for axis in axes)
