"""Functions that have no derivative somewhere, and what is taken for it.

What is taken is what the functions themselves say (`jetfold.graph.functions`): nothing is defined
here, and a test compares these words with the adjoint's numbers.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sympy as sp

from jetfold.graph import Graph, Map, MatrixFunction, SourceLine, operand_symbol
from jetfold.graph import functions as fn

TAKEN: dict[type[sp.Basic], str] = {
    fn.absolute: "has a kink at 0, where 0 is taken",
    fn.maximum: "has a kink where both are equal, where the mean of both slopes is taken",
    fn.minimum: "has a kink where both are equal, where the mean of both slopes is taken",
    fn.sign: "is constant but for a jump at 0: its derivative is taken as 0 everywhere",
    fn.floor: "is constant but for its jumps: its derivative is taken as 0 everywhere",
    fn.ceil: "is constant but for its jumps: its derivative is taken as 0 everywhere",
    fn.rint: "is constant but for its jumps: its derivative is taken as 0 everywhere",
}


@dataclass(frozen=True)
class Kink:
    """A node whose function has no derivative somewhere: its name, and what is taken for it."""

    node: int
    name: str
    taken: str
    source: SourceLine | None


def kinks(graph: Graph, active: Collection[int]) -> list[Kink]:
    """The functions without a derivative somewhere among nodes that are differentiated."""
    found = []
    for node in graph.order:
        op = graph[node].op
        if node not in active:
            continue
        if isinstance(op, Map):
            operands = graph.operands(node)
            moving = {operand_symbol(i) for i, o in enumerate(operands) if o in active}
            for part in sorted(op.expr.atoms(*TAKEN), key=str):
                if part.free_symbols & moving:
                    name, taken = part.func.__name__, TAKEN[part.func]
                    found.append(Kink(node, name, taken, graph[node].source))
        elif op == MatrixFunction("sign_det"):
            found.append(Kink(node, "sign of a determinant", TAKEN[fn.sign], graph[node].source))
    return found
