"""Which nodes of a Taylor graph are the coefficients of which node of the function."""

from __future__ import annotations

from jetfold.graph import Graph


def coefficients_of(function: Graph, taylor: Graph) -> dict[int, list[int]]:
    """The coefficients of each node of the function, by order.

    Where two nodes of the function have a coefficient in common it belongs to the first of them.
    """
    of_role: dict[int, list[int]] = {}
    for node in sorted(taylor):
        role = taylor[node].role
        if role is not None:
            of_role.setdefault(role.of, []).append(node)
    found: dict[int, list[int]] = {}
    for node in function.order:
        role = function[node].role
        of = node if role is None else role.of
        found[node] = of_role.get(of, []) if role is None else []
    return found
