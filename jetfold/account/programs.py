"""Graphs as programs of formulas: the function itself, and what runs in the end."""

from __future__ import annotations

from collections.abc import Iterator

from jetfold.account.document import Block, Equation, Equations, Formula, Heading, Paragraph, text
from jetfold.account.naming import Names, listed
from jetfold.account.wanted import Wanted
from jetfold.derivation import Derivation
from jetfold.graph import LEAVES, Constant, Graph
from jetfold.graph.text import program_order

MOST_EQUATIONS = 24
"""Lines of a graph that are written out."""
LONGEST = 240
"""Characters of the longest formula that is shown of a graph."""


def the_function(function: Graph) -> Iterator[Block]:
    """The traced function as a program of formulas, and how its values are called."""
    names = Names(function, function)
    told = tuple(listing(function, function))
    yield Heading(text("The function"))
    yield Paragraph(
        text(
            "Called once with placeholders, the function is a graph of elementary operations. The "
            "value of its node number n is called ",
            Formula("v_n", "vn"),
            ":" if told else ".",
        )
    )
    yield from told
    if any(function[node].role is not None for node in function):
        yield Paragraph(
            text(
                "It calls an operator, whose values have the names of its own derivation; here ",
                Formula("t_n", "tn"),
                " is the value of any other node number n.",
            )
        )
    results = names.listed(function.outputs)
    yield Paragraph(
        text("Its results are " if len(function.outputs) > 1 else "Its result is ", *results, ".")
    )


def what_runs(derivation: Derivation, wanted: Wanted) -> Iterator[Block]:
    """The final graph as a program of formulas, as far as it is short."""
    yield Heading(text("What runs"))
    graph = derivation.final_graph
    if len(graph) > len(graph.leaves):
        yield Paragraph(text("This is what is compiled, line by line:"))
    yield from listing(graph, derivation.function_graph)
    names = Names(graph, derivation.function_graph)
    results = listed([text(names.value(output)) for output in graph.outputs])
    yield Paragraph(text("The result ", wanted.result, " is ", *results, "." if results else ""))


def listing(graph: Graph, function: Graph) -> Iterator[Block]:
    """The equations of a graph's nodes in order; of a large one the first and the last."""
    names = Names(graph, function)
    known = set() if graph is function else {function[node].op for node in function}
    nodes = [
        node
        for node in program_order(graph)
        if not isinstance(op := graph[node].op, LEAVES)
        or (isinstance(op, Constant) and op not in known and names.is_numbered(node))
    ]
    if not nodes:
        return
    if len(nodes) <= MOST_EQUATIONS:
        yield Equations(tuple(_line(names, node) for node in nodes))
        return
    half = MOST_EQUATIONS // 2
    yield Equations(tuple(_line(names, node) for node in nodes[:half]))
    yield Paragraph(text(f"and so on, through {len(nodes) - MOST_EQUATIONS} more nodes, to"))
    yield Equations(tuple(_line(names, node) for node in nodes[-half:]))


def _line(names: Names, node: int) -> Equation:
    found = names.equation(node)
    if len(found.right.plain) > LONGEST:
        return Equation(found.left, Formula(r"\dots", ".."), text("a long formula"))
    return found
