"""Formulas of graphs, in LaTeX and plain at once, and lists of nodes in a text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import sympy as sp

from jetfold.account.document import Equation, Formula, Inline, Text, joined, text
from jetfold.graph import LEAVES, Graph, Step, operand_symbol
from jetfold.graph.change import sides
from jetfold.graph.formula import LOOSE, POWER, Written
from jetfold.graph.notation import LATEX, PLAIN

MOST_NAMES = 6
"""Nodes of one kind that a text names; of more it names the first ones and the last."""
MOST_WRITTEN_OUT = 24
"""Values without names in a formula that are written out in it."""


class Names:
    """The names of a graph's values, and what its nodes compute, as formulas.

    ``function`` is the function's graph, to whose nodes the coefficients belong.
    """

    def __init__(self, graph: Graph, function: Graph) -> None:
        self.graph = graph
        self._latex, self._plain = LATEX.of(function), PLAIN.of(function)

    def value(self, node: int) -> Formula:
        return Formula(self._latex.value(self.graph, node), self._plain.value(self.graph, node))

    def barred(self, node: int, extra: tuple[str, ...] = ()) -> Formula:
        """The name of the cotangent of a function's node, with these indices more."""
        return Formula(
            self._latex.cotangent(self.graph, node, extra),
            self._plain.cotangent(self.graph, node, extra),
        )

    def formula(self, node: int, expand: Collection[int] = ()) -> Formula:
        return Formula(
            self._latex.formula(self.graph, node, expand),
            self._plain.formula(self.graph, node, expand),
        )

    def is_numbered(self, node: int) -> bool:
        """Whether a value's name does not say already what the value is."""
        return self._plain.value(self.graph, node) != self._plain.formula(self.graph, node)

    def equation(self, node: int, expand: Collection[int] = ()) -> Equation:
        return Equation(self.value(node), self.formula(node, expand))

    def written_out(self, node: int, most: int) -> list[int]:
        """The nodes below one that have no name of their own and can be written out in place."""
        found: list[int] = []
        pending = [node]
        while pending:
            for operand in self.graph.operands(pending.pop()):
                data = self.graph[operand]
                if data.role is None and not isinstance(data.op, LEAVES) and operand not in found:
                    found.append(operand)
                    pending.append(operand)
        return found if len(found) <= most else []

    def shown(self, node: int) -> Formula:
        """The name of a value, or what it computes if its name is but a number."""
        named = self.graph[node].role is not None or isinstance(self.graph[node].op, LEAVES)
        if named:
            return self.value(node)
        return self.formula(node, self.written_out(node, MOST_WRITTEN_OUT))

    def listed(self, nodes: Sequence[int]) -> Text:
        """The names of some nodes in a row, or of the first ones and the last."""
        return listed([text(self.value(node)) for node in nodes])


def listed(items: Sequence[Text]) -> Text:
    """The items in a row, or the first ones and the last of many, and how many they are."""
    if len(items) <= MOST_NAMES:
        return joined(items)
    first: list[Inline] = [*joined(items[: MOST_NAMES - 2], last=", "), ", .., ", *items[-1]]
    return (*first, f" ({len(items)} of them)")


def step_equation(step: Step, before: Graph, after: Graph, function: Graph) -> Equation:
    """What a step states about this function: the value before and after it."""
    notations = LATEX.of(function), PLAIN.of(function)
    pairs = [sides(step, before, after, notation, by_number=False) for notation in notations]
    left, right = (Formula(*both) for both in zip(*pairs, strict=True))
    return Equation(left, right)


def in_names(expr: sp.Expr, symbols: Iterable[sp.Symbol], names: Iterable[Formula]) -> Formula:
    """An expression in which these symbols have names."""
    known = dict(zip(symbols, names, strict=True))
    places = {symbol: operand_symbol(i) for i, symbol in enumerate(known)}
    renamed = expr.xreplace(places)
    return Formula(
        LATEX.expression(renamed, [name.latex for name in known.values()]),
        PLAIN.expression(renamed, [name.plain for name in known.values()]),
    )


def over_directions(formula: Formula, names: Sequence[str]) -> Formula:
    """The sum of a formula over some directions, which may be none."""
    if not names:
        return formula
    latex, plain = LATEX.words, PLAIN.words
    return Formula(
        str(latex.sum_over(names, Written(formula.latex, LOOSE))),
        str(plain.sum_over(names, Written(formula.plain))),
    )


def coefficient(value: Formula, order: int | str) -> Formula:
    """The coefficient of some order of a value, in whatever direction."""
    if order == 0:
        return value
    if "^" in value.latex:  # a coefficient itself, of the function in a nested operator
        value = Formula(rf"\left({value.latex}\right)", f"({value.plain})")
    marks = "'" * order if isinstance(order, int) and order <= 3 else f"^({order})"
    return Formula(Written(f"{value.latex}^{{({order})}}", POWER), value.plain + marks)
