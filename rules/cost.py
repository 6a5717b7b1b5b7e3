"""What a graph costs, counted from the graph itself."""

from __future__ import annotations

import math
from collections import Counter

import sympy as sp

from jetfold.graph import Collect, Contract, Graph, Map, MatrixFunction, Sum
from jetfold.graph.ops import split_spec


def vectors(graph: Graph) -> int:
    """The most vectors into which any node of the function has turned.

    A node of the function is represented by its coefficients (or sums of them); one with direction
    axes counts once for each direction. These are the counts of the paper's table.
    """
    nodes = (graph[node] for node in graph)
    coefficients = {(node.role, node.type.directions) for node in nodes if node.role is not None}
    totals: Counter[int] = Counter()
    for role, directions in coefficients:
        totals[role.of] += math.prod(axis.size for axis in directions)
    return max(totals.values(), default=0)


def operations(graph: Graph) -> int:
    """Floating-point operations for one point, a function call counted as one."""
    return sum(operations_of(graph, node) for node in graph.varying)


def operations_of(graph: Graph, node: int) -> int:
    """Floating-point operations of one node for one point."""
    kind = graph[node].type
    elements = kind.elements
    match graph[node].op:
        case Map(expr):
            return elements * int(sp.count_ops(expr))
        case Sum() | Collect():
            operand = graph[graph.operands(node)[0]].type
            return operand.elements
        case Contract(spec):
            letters: dict[str, int] = {}
            operands, _ = split_spec(spec)
            for names, factor in zip(operands, graph.operands(node), strict=True):
                letters.update(zip(names, graph[factor].type.shape, strict=True))
            return len(operands) * kind.copies * math.prod(letters.values())
        case MatrixFunction(name):
            operand = graph[graph.operands(node)[0]].type
            size = operand.shape[-1]
            return operand.elements * (2 * size if name == "inverse" else (2 * size + 2) // 3)
    return 0
