"""Which sums stay where they are, and what stops them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import sympy as sp

from jetfold.account.document import Block, Heading, Items, Paragraph, Text, joined, text
from jetfold.account.naming import Names
from jetfold.derivation import Derivation
from jetfold.graph import Constant, Graph, Map, operand_symbol
from jetfold.rules.blocked import Blocked, Kind

MOST = 6
MOST_WRITTEN_OUT = 10

WHY: dict[Kind, str] = {
    "nonlinear": "it is not linear in ",
    "product": "a product of values that both depend on the direction, ",
    "condition": "it depends on the direction by a condition on ",
    "matrix": "a function of matrices is not linear in ",
    "data": "these are the directions themselves, and nothing is below",
    "order": "it stands on a sum over other directions, which has to stay outside",
    "pick": "these are coefficients of single lines, which are wanted by themselves",
    "several": "it sums over several axes at once",
}


def stops(derivation: Derivation) -> Iterator[Block]:
    """The sums that stay, those of one kind at one function told once."""
    graph, function = derivation.collapsed_graph, derivation.function_graph
    found: dict[Hashable, list[Blocked]] = {}
    for one in derivation.blocked:
        if not _of_zeros(graph, one):
            found.setdefault(_likeness(one, graph, function), []).append(one)
    if not found:
        return
    yield Heading(text("Where sums stop"))
    yield Paragraph(
        text(
            "These sums are computed where they stand, since what they sum is not linear in what "
            "depends on the direction:"
        )
    )
    items = [_item(some, graph, function) for some in found.values()]
    if len(items) > MOST:
        items[MOST:] = [text(f"and {len(items) - MOST} more of other kinds")]
    yield Items(tuple(items))


def _of_zeros(graph: Graph, one: Blocked) -> bool:
    """Whether what is summed is zero once zeros are put in, so that clean-up removes the sum."""
    op = graph[one.below].op
    zeros = {
        operand_symbol(i): sp.S.Zero
        for i, operand in enumerate(graph.operands(one.below))
        if isinstance(known := graph[operand].op, Constant) and not known.value.value.any()
    }
    return isinstance(op, Map) and bool(zeros) and op.expr.xreplace(zeros) == 0


def _likeness(one: Blocked, graph: Graph, function: Graph) -> Hashable:
    """What sums have in common that differ in their places and families of directions only."""
    if one.kind == "pick":
        return one.kind
    roles = [graph[operand].role for operand in one.operands]
    kinds = [
        (role.order, function[role.of].op) if role and role.of in function.nx else None
        for role in roles
    ]
    return one.kind, graph[one.below].op, tuple(kinds)


def _item(some: list[Blocked], graph: Graph, function: Graph) -> Text:
    names, one = Names(graph, function), some[0]
    operands = joined(
        text(names.shown(operand))
        for operand in dict.fromkeys(one.operands)
        if names.value(operand).plain != "0"
    )
    more = f" ({len(some)} sums of this kind)" if len(some) > 1 else ""
    written_out = {one.below, *names.written_out(one.node, MOST_WRITTEN_OUT)}
    return text(names.formula(one.node, written_out), ": ", WHY[one.kind], *operands, more)
