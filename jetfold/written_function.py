"""Functions of a point that are written as an expression, traced into one node per function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.relational import Relational

from jetfold.graph import Editor, add_map, operand_symbol
from jetfold.graph.indexing import gather
from jetfold.graph.ops import SourceLine
from jetfold.graph.trace import Tracer, wrap

FILE = "<expression>"
"""What messages and drawings call the file in which an expression is written."""


class WrittenFunction:
    """A function of one point, given by a SymPy expression; it can be traced.

    The point's components, or the point itself if it is a number, are the values of ``symbols``,
    in their order; ``parameters`` are handed over in a dict by their names. Each function, product
    and sum in the expression becomes a node of its own, unless it is to stay ``whole``.
    """

    def __init__(
        self,
        text: str,
        expr: sp.Expr,
        symbols: Sequence[sp.Symbol],
        parameters: Sequence[sp.Symbol] = (),
        whole: bool = False,
    ) -> None:
        self.text = self.__name__ = self.__qualname__ = text
        self.expr = expr
        self.symbols = tuple(symbols)
        self.parameters = tuple(parameters)
        self.whole = whole

    def __call__(self, point: Tracer, values: dict[str, Tracer] | None = None) -> Tracer:
        writer = _Writer(point.editor, SourceLine(FILE, 1, self.text))
        known = {symbol: (values or {})[symbol.name].node for symbol in self.parameters}
        for i, symbol in enumerate(self.symbols):
            known[symbol] = point.node if point.ndim == 0 else writer.component(point.node, i)
        node = writer.map(self.expr, known) if self.whole else writer.parts(self.expr, known)
        return wrap(point.editor, node)


class _Writer:
    """Adds what an expression computes to a graph, each node with the expression's line."""

    def __init__(self, editor: Editor, line: SourceLine) -> None:
        self.editor = editor
        self.line = line

    def component(self, point: int, i: int) -> int:
        return self.editor.add(gather(np.array(i)), point, source=self.line)

    def map(self, expr: sp.Expr, operands: dict[sp.Symbol, int]) -> int:
        node = add_map(self.editor, expr, operands)
        self.editor.annotate(node, self.line, None)
        return node

    def parts(self, expr: sp.Expr, known: dict[sp.Expr, int]) -> int:
        """The node of an expression; ``known`` has those of its parts, and gets those added."""
        if expr not in known:
            joined, parts = _taken_apart(expr)
            order = sorted(parts, key=_coordinates)  # in which people read them
            operands = {parts[part]: self.parts(part, known) for part in order}
            known[expr] = self.map(joined, operands)
        return known[expr]


def _coordinates(expr: sp.Expr) -> list[str]:
    return sorted(symbol.name for symbol in expr.free_symbols)


def _taken_apart(expr: sp.Expr) -> tuple[sp.Expr, dict[sp.Expr, sp.Symbol]]:
    """One function, product, quotient, sum or choice, and the parts for which symbols stand."""
    parts: dict[sp.Expr, sp.Symbol] = {}

    def put(part: sp.Expr) -> sp.Expr:
        if part.is_number:
            return part
        return parts.setdefault(part, operand_symbol(len(parts)))

    match expr:
        case sp.Piecewise():
            pieces = [(put(piece.expr), _condition(piece.cond, put)) for piece in expr.args]
            return sp.Piecewise(*pieces), parts
        case sp.Add():
            terms = [_coefficient(term) for term in expr.as_ordered_terms()]
            return sp.Add(*(number * put(rest) for number, rest in terms)), parts
        case sp.Mul():
            return _product(expr, put), parts
    return expr.func(*map(put, expr.args)), parts


def _condition(condition: Any, put: Callable[[sp.Expr], sp.Expr]) -> Any:
    tests = sorted(condition.atoms(Relational), key=sp.default_sort_key)
    return condition.xreplace({test: test.func(*map(put, test.args)) for test in tests})


def _product(expr: sp.Mul, put: Callable[[sp.Expr], sp.Expr]) -> sp.Expr:
    """A quotient of two parts, or a product of two, with the numbers in front."""
    number, rest = _coefficient(expr)
    above, below = sp.fraction(rest, exact=True)
    if below.free_symbols:
        return number * put(above) / put(below)
    *others, last = rest.as_ordered_factors()
    return number * put(sp.Mul(*others)) * put(last)


def _coefficient(term: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """The number in front of a term, and the rest."""
    number, rest = term.as_independent(sp.Symbol, as_Add=False)
    return number, rest
