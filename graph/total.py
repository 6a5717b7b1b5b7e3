"""What is asked of a graph besides its outputs at each point: sums of them over the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jetfold.graph.errors import GraphError
from jetfold.graph.graph import Graph
from jetfold.graph.ops import Type


@dataclass(frozen=True, slots=True)
class Total:
    """Outputs of a graph that are summed over all points of a batch and added up: one array.

    ``terms`` are positions among the graph's outputs, and ``type`` is that of the array, direction
    axes first. A term is summed over direction axes that the type lacks, and stands for equal
    copies along those that only the type has. A term that is the same at every point counts once
    for each of them; of an empty batch the total is zero.
    """

    terms: tuple[int, ...]
    type: Type


def check_totals(graph: Graph, totals: Sequence[Total]) -> None:
    """Raise `GraphError` where a total has a term that is no output or not of its shape."""
    for total in totals:
        for term in total.terms:
            if not 0 <= term < len(graph.outputs):
                raise GraphError(f"a total of output {term}, of {len(graph.outputs)} outputs")
            kind = graph[graph.outputs[term]].type
            if kind.shape != total.type.shape:
                raise GraphError(f"output {term} of type {kind} in a total of type {total.type}")
            sizes = {axis.name: axis.size for axis in total.type.directions}
            if any(sizes.get(axis.name, axis.size) != axis.size for axis in kind.directions):
                raise GraphError(f"output {term} of type {kind} in a total of type {total.type}")


def outputs_at_points(graph: Graph, totals: Sequence[Total]) -> tuple[int, ...]:
    """The positions of outputs that no total uses: these are wanted at every point."""
    used = {term for total in totals for term in total.terms}
    return tuple(i for i in range(len(graph.outputs)) if i not in used)
