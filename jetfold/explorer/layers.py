"""The layers of a graph, by which the page folds what is too large to be shown as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from jetfold.graph import Contract, Graph, Input, MatrixFunction

MOST_BINS = 24
"""Layers of a function that has next to no contractions, by the depth of its nodes."""


class Layers:
    """The layer of each node of a function, and of the nodes that belong to its coefficients.

    The layer of a function's node is the number of contractions on the longest way to it.
    """

    def __init__(self, function: Graph) -> None:
        self._function = function
        contractions = _depths(function, (Contract, MatrixFunction))
        if max(contractions.values(), default=0) > 1:
            self._own = contractions
        else:
            depths = _depths(function, (object,))
            bin_size = -(-max(depths.values(), default=0) // MOST_BINS) or 1
            self._own = {node: depth // bin_size for node, depth in depths.items()}
        self._of: dict[int, int] = {}
        for node in function.order:  # in a nested operator, of the first function's node
            role = function[node].role
            self._of.setdefault(node if role is None else role.of, self._own[node])

    def extend(self, graph: Graph, order: Sequence[int], known: dict[int, int]) -> None:
        """Find the layers of some nodes, operands before users; ``known`` has all the others'.

        A node that is no coefficient belongs to the first layer that uses it.
        """
        if graph is self._function:
            known |= self._own
            return
        missing = set(order)
        for node in reversed(order):
            role = graph[node].role
            if isinstance(graph[node].op, Input):
                known[node] = 0
            elif role is not None and role.of in self._of:
                known[node] = self._of[role.of]
            else:
                users = [known[user] for user in graph.users(node) if user not in missing]
                if not users:
                    continue
                known[node] = min(users)
            missing.discard(node)
        for node in order:
            if node in missing:
                operands = [known[operand] for operand in graph.operands(node) if operand in known]
                known[node] = max(operands, default=0)
                missing.discard(node)


def _depths(graph: Graph, kinds: tuple[type, ...]) -> dict[int, int]:
    """How many nodes of these kinds lie on the longest way to each node, itself included."""
    found: dict[int, int] = {}
    for node in graph.order:
        below = max((found[operand] for operand in graph.operands(node)), default=0)
        counts = bool(graph.operands(node)) and isinstance(graph[node].op, kinds)
        found[node] = below + counts
    return found
