"""Which nodes of a Taylor graph are the coefficients of which node of the function."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from jetfold.graph import Coefficient, Graph, Node


def coefficients_of(function: Graph, taylor: Graph) -> dict[int, list[int]]:
    """The coefficients of each node of the function, in the order in which they were made.

    With nested operators the function has coefficients itself, of the first function's nodes, and
    those of several of its nodes belong to one of them. They are told apart by their direction
    axes, and where these are the same by the orders, which begin anew with each node. Where two
    nodes have a coefficient in common it belongs to the first of them.
    """
    axes = {axis.name for node in function for axis in function[node].type.directions}
    owners: dict[Hashable, dict[int, int]] = {}
    for node in function.order:
        own = function[node].role or Coefficient(node, 0)
        owners.setdefault(_key(own, function[node], axes), {}).setdefault(own.order, node)
    candidates: dict[Hashable, list[int]] = {}
    for node in sorted(taylor):
        role = taylor[node].role
        if role is not None:
            candidates.setdefault(_key(role, taylor[node], axes), []).append(node)
    found: dict[int, list[int]] = {}
    for key, nodes in candidates.items():
        orders = owners.get(key, {})
        for run in [nodes] if len(orders) == 1 else _runs(taylor, nodes):
            order = _order(taylor, run[0]) if len(orders) > 1 else min(orders, default=-1)
            if order in orders:
                found.setdefault(orders[order], []).extend(run)
    return found


def _key(role: Coefficient, node: Node, axes: Iterable[str]) -> Hashable:
    names = frozenset(axis.name for axis in node.type.directions)
    return role.of, role.summed, names.intersection(axes)


def _runs(taylor: Graph, nodes: list[int]) -> list[list[int]]:
    """The nodes in parts within which the order increases."""
    runs: list[list[int]] = []
    for node in nodes:
        if not runs or _order(taylor, node) <= _order(taylor, runs[-1][-1]):
            runs.append([])
        runs[-1].append(node)
    return runs


def _order(taylor: Graph, node: int) -> int:
    role = taylor[node].role
    assert role is not None
    return role.order
