"""Taylor mode as a graph-to-graph transform: every value becomes its coefficients along paths.

Coefficients are unscaled derivatives ``f_k = d^k/dt^k f(x(t)) at t = 0``. A path may carry
direction axes: then one graph pushes all the jets at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import sympy as sp

from jetfold.graph import (
    LEAVES,
    Coefficient,
    Concatenate,
    Contract,
    Editor,
    Graph,
    Input,
    Map,
    MatrixFunction,
    Op,
    add_map,
    constant,
    fit,
)
from jetfold.rules.derive import OUTPUT, leibniz, path_symbol, taylor_rule
from jetfold.rules.matrix import matrix_coefficients, solution, solution_coefficients

Jet = list[int]
"""The nodes of the coefficients 0..K of one value, or of coefficient 0 alone for a constant."""


def push_forward(
    editor: Editor,
    graph: Graph,
    order: int,
    paths: Mapping[int, Sequence[int]],
    along: str | None = None,
) -> dict[int, Jet]:
    """Push paths through a graph: adds the coefficients of every node to ``editor``.

    ``paths`` gives for each `Input` of ``graph`` the nodes in ``editor`` of its coefficients
    0..order. What depends on no input is the same all along the path and has one coefficient.
    ``along`` says which direction it is, where several paths without an axis are pushed.
    """
    jets: dict[int, Jet] = {}
    role_of = roles(graph, along)
    for node in graph.order:
        op = graph[node].op
        if isinstance(op, Input):
            jets[node] = list(paths[node])
        elif isinstance(op, LEAVES):
            jets[node] = [editor.add(op)]
        else:
            solved = solution(graph, node)
            if solved is not None and len(jets[solved.matrix]) > 1:
                path, right = jets[solved.matrix], jets[solved.right]
                jet = solution_coefficients(editor, solved, path, right, order)
            else:
                operands = [jets[operand] for operand in graph.operands(node)]
                jet = _push(editor, op, operands, order)
            # A coefficient may lack axes: the derivative of a0 + a1 has no a1 in it, say.
            jets[node] = [fit(editor, coefficient, graph[node].type) for coefficient in jet]
        for k, coefficient in enumerate(jets[node]):
            role = role_of(node, k) if len(jets[node]) > 1 else None
            editor.annotate(coefficient, graph[node].source, role)
    return jets


def roles(graph: Graph, along: str | None = None) -> Callable[[int, int], Coefficient | None]:
    """What the coefficient of some order of a node is: that, where the graph is a function.

    If it is a Taylor graph itself, as with nested operators, its coefficients have coefficients
    of the first function's nodes, of the sum of both orders.
    """
    known = {node: role for node in graph if (role := graph[node].role) is not None}

    def role_of(node: int, order: int) -> Coefficient | None:
        inner = known.get(node) if known else Coefficient(node, 0)
        if inner is None or order == 0:
            return inner
        names = inner.along if along is None else (*inner.along, along)
        return replace(inner, order=inner.order + order, along=names)

    return role_of


def _push(editor: Editor, op: Op, operands: list[Jet], order: int) -> Jet:
    active = tuple(i for i, jet in enumerate(operands) if len(jet) > 1)
    orders = order + 1 if active else 1
    match op:
        case Map(expr):
            return _push_map(editor, expr, operands, active, orders - 1)
        case Contract():
            return [_push_contract(editor, op, operands, active, k) for k in range(orders)]
        case Concatenate():
            return [_push_concatenate(editor, op, operands, k) for k in range(orders)]
        case MatrixFunction():
            return matrix_coefficients(editor, op, operands[0], orders - 1)
    return [editor.add(op, operands[0][k]) for k in range(orders)]


def _push_map(
    editor: Editor, expr: sp.Expr, operands: list[Jet], active: tuple[int, ...], order: int
) -> Jet:
    rule = taylor_rule(expr, order, active)
    nodes = {path_symbol(i, k): c for i, jet in enumerate(operands) for k, c in enumerate(jet)}
    nodes[OUTPUT] = add_map(editor, rule[0], nodes)
    return [nodes[OUTPUT], *(add_map(editor, coefficient, nodes) for coefficient in rule[1:])]


def _push_contract(
    editor: Editor, op: Contract, operands: list[Jet], active: tuple[int, ...], order: int
) -> int:
    terms = []
    symbols: dict[sp.Symbol, int] = {}
    for factor, orders in leibniz(order, active):
        chosen = [jet[0] for jet in operands]
        for position, k in zip(active, orders, strict=True):
            chosen[position] = operands[position][k]
        symbol = sp.Symbol(f"t{len(symbols)}", real=True)
        symbols[symbol] = editor.add(op, *chosen)
        terms.append(factor * symbol)
    return add_map(editor, sp.Add(*terms), symbols)


def _push_concatenate(editor: Editor, op: Concatenate, operands: list[Jet], order: int) -> int:
    parts = [
        jet[order] if order < len(jet) else constant(editor, 0, editor[jet[0]].type)
        for jet in operands
    ]
    return editor.add(op, *parts)
