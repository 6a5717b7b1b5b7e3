"""What a rewriting step changed: nodes, and the expression before and after it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from jetfold.graph.graph import Graph
from jetfold.graph.notation import Notation
from jetfold.graph.ops import LEAVES, MOVES, Replicate, Sum
from jetfold.graph.rewrite import Step

MOST = 10
"""Nodes of a side that are written out; what else belongs to it is named."""


@dataclass(frozen=True, slots=True)
class Change:
    """The nodes that a step touched.

    ``removed`` were in the graph before and are gone, ``added`` are new in the graph after, and
    ``rewired`` are in both and have other operands.
    """

    removed: frozenset[int]
    added: frozenset[int]
    rewired: frozenset[int]


def change(step: Step, before: Graph, after: Graph) -> Change:
    """The change of a step, given the graphs before and after it."""
    old, new = frozenset(before.nx), frozenset(after.nx)
    replaced = (old - new) | {step.before}
    users = {user for node in replaced for user in before.users(node)} & new
    rewired = (node for node in users if before.operands(node) != after.operands(node))
    return Change(old - new, new - old, frozenset(rewired))


def sides(
    step: Step, before: Graph, after: Graph, notation: Notation, by_number: bool = True
) -> tuple[str, str]:
    """The expression that a step replaced, before and after it.

    What the step removed or added is written out down to nodes that both graphs have, and so is
    what the rule looked into: the operand of a sum or a move, and what is copied along directions.
    Without ``by_number`` so is what has no name but its number in one graph, for who does not see
    the graphs. A large expression is written out as far as it is near.
    """
    changed = change(step, before, after)
    removed, added = changed.removed | _looked_into(before, step.before), changed.added
    if not by_number:
        removed, added = removed | _numbered(before), added | _numbered(after)
    left, right = _near(before, step.before, removed), _near(after, step.after, added)
    return (
        notation.formula(before, step.before, left),
        notation.formula(after, step.after, right)
        if step.after in added | left
        else notation.value(after, step.after),
    )


def _numbered(graph: Graph) -> frozenset[int]:
    return frozenset(
        node for node in graph if not graph[node].role and not isinstance(graph[node].op, LEAVES)
    )


def _looked_into(graph: Graph, node: int) -> frozenset[int]:
    through = isinstance(graph[node].op, (Sum, *MOVES))
    return frozenset(
        operand
        for operand in graph.operands(node)
        if (through or isinstance(graph[operand].op, Replicate))
        and not isinstance(graph[operand].op, LEAVES)
    )


def _near(graph: Graph, node: int, wanted: Collection[int]) -> frozenset[int]:
    """Of the nodes that are wanted, those that are nearest below a node, the nearest first."""
    found: dict[int, None] = {}
    pending = [node]
    for current in pending:
        for operand in graph.operands(current):
            if operand in wanted and operand not in found and len(found) < MOST:
                found[operand] = None
                pending.append(operand)
    return frozenset(found)
