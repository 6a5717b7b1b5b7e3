"""The coefficients of one operation by itself, with names given to its operands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from jetfold.account.document import Formula
from jetfold.account.naming import Names
from jetfold.graph import Editor, Graph, Input, Parameter
from jetfold.rules.taylor import push_forward

FAR = 1_000_000
"""Nodes that are numbered from here on have names that are part of no other name."""
MOST_WRITTEN_OUT = 12


def coefficients_of_node(
    function: Graph,
    node: int,
    paths: Mapping[int, Sequence[Formula]],
    own: Sequence[Formula],
) -> list[Formula]:
    """What the coefficients 0, 1, .. of a node of a function are, as many as it has ``own`` names.

    ``paths`` names the coefficients of each of its operands, or the value alone of one that does
    not move.
    """
    alone = Editor()
    alone.next_node = FAR
    leaves = {}
    for i, (operand, path) in enumerate(paths.items()):
        kind = Input if len(path) > 1 else Parameter
        leaves[operand] = alone.add(kind(f"operand{i}", function[operand].type))
    top = alone.add(function[node].op, *(leaves[o] for o in function.operands(node)))

    target = Editor()
    target.next_node = 2 * FAR
    order = len(own) - 1
    graph = alone.freeze([top])
    moving = {
        leaf: [target.add(Input(f"operand{i}at{k}", graph[leaf].type)) for k in range(order + 1)]
        for i, leaf in enumerate(graph.inputs)
    }
    jets = push_forward(target, graph, order, moving)
    names = Names(target.freeze(jets[top]), Editor().freeze([]))
    called = dict(zip(jets[top], own, strict=True))
    for operand, leaf in leaves.items():
        called |= dict(zip(jets[leaf], paths[operand], strict=True))
    return [
        _renamed(names, jet, {n: name for n, name in called.items() if n in names.graph.nx})
        for jet in jets[top]
    ]


def _renamed(names: Names, node: int, called: Mapping[int, Formula]) -> Formula:
    """What a node computes, written out down to values that are called something."""
    formula = names.formula(node, names.written_out(node, MOST_WRITTEN_OUT))
    values = {names.value(known): name for known, name in called.items()}
    return Formula(
        # In braces, as a name with an order may have an exponent.
        _replaced(formula.latex, {v.latex: f"{{{name.latex}}}" for v, name in values.items()}),
        _replaced(formula.plain, {v.plain: name.plain for v, name in values.items()}),
    )


def _replaced(formula: str, names: Mapping[str, str]) -> str:
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(pattern, lambda found: names[found[0]], formula)
