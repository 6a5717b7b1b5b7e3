"""From totals to instructions that add to accumulators."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from jetfold.backends.outer import Outer
from jetfold.backends.program import (
    Access,
    Accumulator,
    Instruction,
    OuterProduct,
    Place,
    SampleSum,
    Trim,
)
from jetfold.backends.schedule import Read, Scheduler
from jetfold.backends.views import Index
from jetfold.graph import Array, DirectionAxis, Graph, Total

Axes = tuple[DirectionAxis, ...]


class Sums:
    """The terms of all totals: those the same everywhere, outer products, all the others."""

    def __init__(self, graph: Graph, totals: Sequence[Total], schedule: Scheduler) -> None:
        self.graph = graph
        self.totals = totals
        self.schedule = schedule
        self.accumulators: list[Accumulator] = []
        terms = [
            (number, graph.outputs[term])
            for number, total in enumerate(totals)
            for term in total.terms
        ]
        self.everywhere = tuple(term for term in terms if term[1] not in schedule.views)
        varying = [term for term in terms if term[1] in schedule.views]
        self.outer = [term for term in varying if self._outer(term[1]) is not None]
        self.others = [term for term in varying if term not in self.outer]

    def in_memory(self) -> set[int]:
        """The values that must be in memory."""
        return {self.schedule.views[node].node for _, node in self.others} | set(self.partners())

    def partners(self) -> dict[int, int]:
        """The values that meet in outer products, each with the other one."""
        found: dict[int, int] = {}
        for outer in self.schedule.outer.values():
            found[outer.left], found[outer.right] = outer.right, outer.left
        return found

    def instructions(
        self, places: Mapping[int, Place], access: Callable[[Read, Axes], Access]
    ) -> dict[int, list[Instruction]]:
        """What adds to accumulators, by the level after which it can run."""
        found: dict[int, list[SampleSum | OuterProduct]] = {}
        level = self.schedule.level
        for number, node in self.others:
            rows = np.arange(math.prod(self.totals[number].type.shape))
            read = self.schedule.read(node, rows)
            instruction = self._sample_sum(number, node, read, access)
            found.setdefault(level[read.node], []).append(instruction)
        products = [self._outer_product(number, node, places) for number, node in self.outer]
        for product in _joined(products):
            (first, *_) = product.nodes
            outer = self._outer(first)
            assert outer is not None
            last = max(level[outer.left], level[outer.right])
            found.setdefault(last, []).append(product)
        trimmed: set[int] = set()
        return {
            level: [*self._trims(found[level], places, trimmed), *found[level]]
            for level in sorted(found)
        }

    def _trims(
        self,
        sums: Sequence[SampleSum | OuterProduct],
        places: Mapping[int, Place],
        trimmed: set[int],
    ) -> list[Trim]:
        """What has to be done once, before these sums, for the values that they read."""
        read: list[int] = []
        for node in (node for instruction in sums for node in instruction.nodes):
            outer = self._outer(node)
            read += [self.schedule.views[node].node] if outer is None else [outer.left, outer.right]
        fresh = [node for node in dict.fromkeys(read) if node not in trimmed]
        trimmed.update(fresh)
        return [Trim(places[node], (node,)) for node in fresh]

    def _outer(self, node: int) -> Outer | None:
        return self.schedule.outer.get(self.schedule.views[node].node)

    def _sample_sum(
        self, number: int, node: int, read: Read, access: Callable[[Read, Axes], Access]
    ) -> SampleSum:
        kind = self.totals[number].type
        kept = kind.directions
        summed = (axis for axis in self.graph[node].type.directions if axis not in kept)
        axes = (*kept, *summed)
        sizes = tuple(axis.size for axis in axes)
        accumulator = self._accumulator(Accumulator(number, (kind.elements,)))
        rows = math.prod(kind.shape)
        return SampleSum(accumulator, access(read, axes), rows, (node,), sizes, len(kept))

    def _outer_product(self, number: int, node: int, places: Mapping[int, Place]) -> OuterProduct:
        outer, view = self._outer(node), self.schedule.views[node]
        assert outer is not None
        shape = outer.shape
        index: Index = np.where(view.rows < 0, -1, shape.index.value[view.rows])
        size = (shape.batches, shape.rows, shape.columns)
        return OuterProduct(
            accumulator=self._accumulator(Accumulator(number, size, Array(index))),
            left=places[outer.left],
            right=places[outer.right],
            slots=self.graph[outer.left].type.copies,
            groups=shape.groups,
            left_rows=shape.left,
            right_rows=shape.right,
            nodes=(node,),
        )

    def _accumulator(self, wanted: Accumulator) -> int:
        """The number of an accumulator, one for all terms of a total that it fits."""
        if wanted not in self.accumulators:
            self.accumulators.append(wanted)
        return self.accumulators.index(wanted)


def _joined(products: Sequence[OuterProduct]) -> list[OuterProduct]:
    """Products of adjacent slots as one product."""
    joined: list[OuterProduct] = []
    for product in sorted(products, key=lambda p: (p.accumulator, p.left.buffer, p.left.slot)):
        last = joined[-1] if joined else None
        if last is not None and _follows(last, product):
            joined[-1] = replace(
                last, slots=last.slots + product.slots, nodes=last.nodes + product.nodes
            )
        else:
            joined.append(product)
    return joined


def _follows(last: OuterProduct, product: OuterProduct) -> bool:
    """Whether a product goes on where the last one ends."""
    moved = replace(product, left=last.left, right=last.right, slots=last.slots, nodes=last.nodes)
    pairs = ((last.left, product.left), (last.right, product.right))
    return moved == last and all(
        a.buffer == b.buffer and a.slot + last.slots == b.slot for a, b in pairs
    )
