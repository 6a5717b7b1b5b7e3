"""Sums over directions that collapsing could not move, and what stands in their way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import sympy as sp

from jetfold.graph import Contract, Editor, Graph, Map, MatrixFunction, Pick, Sum, operand_symbol
from jetfold.graph.notation import PLAIN, Notation
from jetfold.graph.simplify import uniform
from jetfold.rules.collapse import Summed, dependent_symbols, depends, summed_value, terms_of

Kind = Literal["nonlinear", "product", "condition", "matrix", "data", "order", "pick", "several"]


@dataclass(frozen=True)
class Blocked:
    """A sum over directions that stays where it is.

    node, below : the sum and the value that it is a sum of.
    directions : the axes over which it sums.
    reason : a sentence with the names of values, and the user's line where it is known.
    kind : what it is that no rule passes: a nonlinear function, a product of two values that depend
        on the direction, a condition, a matrix function, data (nothing is below), an order of
        nested sums, picked elements, or a sum over several axes at once.
    operands : the operands of ``below`` that would have to be the same in all directions for the
        sum to move on.
    """

    node: int
    below: int
    directions: tuple[str, ...]
    reason: str
    kind: Kind
    operands: tuple[int, ...] = ()


def blocked(
    graph: Graph,
    function: Graph | None = None,
    notation: Notation = PLAIN,
    formula: Callable[[str], str] = str,
    name: Callable[[str], str] = str,
) -> list[Blocked]:
    """The sums over directions in a graph on which the rules for sums have been applied.

    Operands come before users. ``function`` is the graph whose coefficients the values are, for
    their names. Reasons are sentences with formulas in a ``notation``; ``formula`` and ``name``
    mark these, and what the user has named or written, for a text with markup.
    """
    known = notation if function is None else notation.of(function)
    asked = _Asked(graph, known, formula, name)
    sums = ((node, graph[node].op) for node in graph.order)
    return [asked.why(node, op) for node, op in sums if isinstance(op, Sum) and op.directions]


class _Why(NamedTuple):
    kind: Kind
    text: str
    operands: tuple[int, ...] = ()


class _Asked:
    def __init__(
        self,
        graph: Graph,
        notation: Notation,
        formula: Callable[[str], str],
        name: Callable[[str], str],
    ) -> None:
        self.editor = Editor(graph)
        self.graph = graph
        self.notation = notation
        self.shown = formula
        self.named = name

    def why(self, node: int, op: Sum) -> Blocked:
        (operand,) = self.graph.operands(node)
        below = summed_value(self.editor, node)
        found = self._several(op) if below is None else self._why(below)
        over = " and ".join(map(self.named, op.directions))
        text = f"The sum over {over} of {self._formula(operand)} stays: {found.text}"
        sources = (self.graph[n].source for n in (node, operand, *found.operands))
        source = next((source for source in sources if source is not None), None)
        if source is not None:  # reasons are passed on in pages: folders mean nothing there
            text += f" (line {source.line} of {self.named(Path(source.file).name)}: "
            text += f"{self.named(source.text)})"
        text += "."
        return Blocked(node, operand, op.directions, text, found.kind, found.operands)

    def _several(self, op: Sum) -> _Why:
        what = [f"directions {self.named(name)}" for name in op.directions]
        what += [f"axis {a}" for a in op.axes]
        return _Why("several", f"it sums over {', '.join(what)} at once, and the rules move sums "
                    "over one axis of directions")  # fmt: skip

    def _why(self, below: Summed) -> _Why:
        r, here = self.named(below.name), self._name(below.node)
        match below.op:
            case Map(expr):
                return self._map(below, expr)
            case Contract():
                both = tuple(o for o in below.operands if depends(self.editor, o, r))
                return _Why("product", self._multiplied([self._name(o) for o in both], r), both)
            case MatrixFunction(name):
                text = f"{name} is not linear in {self._name(below.operands[0])}"
                return _Why("matrix", f"{text}, which depends on the direction {r}", below.operands)
            case Sum(_, names):
                inner = " and ".join(map(self.named, names))
                text = f"it stands on a sum over {inner} that stays, and of two sums over "
                return _Why("order", f"{text}directions the one over {inner} is the outer one")
            case Pick(_, old, _):
                text = f"what it sums are picked elements of {self.named(old)}"
                return _Why("pick", f"{text}, some of them more often than others")
        return _Why("data", f"{here} is data of the directions themselves, and nothing is below it")

    def _map(self, below: Summed, expr: sp.Expr) -> _Why:
        """What each term of the expression does with values that depend on the direction."""
        dependent = dependent_symbols(self.editor, below)
        found = [
            self._term(term, below, dependent)
            for term in terms_of(expr, dependent)
            if term.free_symbols & dependent
        ]
        operands = dict.fromkeys(operand for why in found for operand in why.operands)
        text = "; ".join(dict.fromkeys(why.text for why in found))
        zeros = {
            operand_symbol(i): sp.S.Zero
            for i, operand in enumerate(below.operands)
            if uniform(self.editor, operand) == 0
        }
        if expr.xreplace(zeros) == 0:
            text += "; it is a sum of zeros, which goes in the clean-up"
        return _Why(found[0].kind, text, tuple(operands))

    def _term(self, term: sp.Expr, below: Summed, dependent: frozenset[sp.Symbol]) -> _Why:
        r = self.named(below.name)
        used = term.free_symbols & dependent
        operands = tuple(o for i, o in enumerate(below.operands) if operand_symbol(i) in used)
        names = [self._name(operand) for operand in operands]
        for choice in term.atoms(sp.Piecewise):
            for _, where in choice.args:
                if where.free_symbols & dependent:
                    text = f"the condition {self._expression(where, below)} of a selection"
                    return _Why("condition", f"{text} depends on the direction {r}", operands)
        factors = sp.Mul.make_args(term)
        curved = [f for f in factors if not f.as_base_exp()[0].is_Symbol]
        if curved:
            text = f"{self._expression(curved[0], below)} is not linear in {_listed(names)}, which"
            verb = "depend" if len(names) > 1 else "depends"
            return _Why("nonlinear", f"{text} {verb} on the direction {r}", operands)
        if len(factors) > 1:
            return _Why("product", self._multiplied(names, r), operands)
        power = term.as_base_exp()[1]
        how = {2: "is squared", 3: "is cubed"}.get(power, f"is raised to the power {power}")
        text = f"{names[0]} {how}" if power != -1 else f"it is divided by {names[0]}"
        return _Why("nonlinear", text, operands)

    def _multiplied(self, names: list[str], r: str) -> str:
        if len(set(names)) == 1:
            return f"{names[0]}, which depends on the direction {r}, is multiplied with itself"
        both = "both" if len(names) == 2 else "all"
        return f"{_listed(names)} are multiplied, and {both} depend on the direction {r}"

    def _name(self, node: int) -> str:
        return self.shown(self.notation.value(self.graph, node))

    def _formula(self, node: int) -> str:
        return self.shown(self.notation.formula(self.graph, node))

    def _expression(self, expr: sp.Expr, below: Summed) -> str:
        names = [self.notation.value(self.graph, operand) for operand in below.operands]
        return self.shown(self.notation.expression(expr, names))


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
