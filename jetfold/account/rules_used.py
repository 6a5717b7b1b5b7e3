"""The Taylor rules that a function uses, each once, in the function's own names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import sympy as sp

from jetfold.account.document import (
    Block,
    Code,
    Equation,
    Equations,
    Formula,
    Heading,
    Inline,
    Paragraph,
    Text,
    joined,
    text,
)
from jetfold.account.naming import Names, coefficient, in_names
from jetfold.account.one_node import coefficients_of_node
from jetfold.graph import Contract, Graph, Map, MatrixFunction, Op, operand_symbol
from jetfold.graph.formula import spelled_out
from jetfold.graph.numbers import name_of
from jetfold.graph.text import program_order
from jetfold.rules.derive import OUTPUT, path_symbol, taylor_rule

MOST = 10
"""Rules of functions that are written out."""
MOST_OPERATIONS = 120
"""A coefficient with more operations is not written out."""


class _Kind(NamedTuple):
    """An operation of the function, and which of its operands move along a path."""

    op: Op
    active: tuple[int, ...]


def rules_used(function: Graph, order: int, directions: bool) -> Iterator[Block]:
    """How the coefficients of each kind of node follow from those of its operands.

    ``directions``: there are several, so that coefficients have an index.
    """
    teller = _Teller(function, order)
    flat, linear, others = teller.flat(), teller.linear(), teller.others()
    yield Heading(text("Every node by its Taylor rule"))
    yield Paragraph(
        text(
            "The coefficients of a node follow from those of its operands by the chain rule."
            + (" The rules hold for each direction by itself: its index is left out." * directions)
        )
    )
    if flat:
        one = "One kind of node is" if len(flat) == 1 else f"{len(flat)} kinds of nodes are"
        where = joined(teller.listed(known) for known in flat)
        yield Paragraph(
            text(f"{one} constant in pieces, with derivatives that are zero: at ", *where, ".")
        )
    if linear:
        more = "its coefficients are" if len(linear) == 1 else "their coefficients are"
        one = "One kind of node is" if len(linear) == 1 else f"{len(linear)} kinds of nodes are"
        yield Paragraph(
            text(
                f"{one} linear in what depends on the point: {more} those of the operands, order "
                "by order, for ",
                _orders(order),
                ":",
            )
        )
        yield Equations(tuple(teller.linear_rule(known) for known in linear[:MOST]))
    for known in others[:MOST]:
        yield from teller.rule(known)
    if len(others) > MOST:
        yield Paragraph(
            text(f"{len(others) - MOST} further functions have their rules in the same way.")
        )


def is_linear(op: Op, active: tuple[int, ...]) -> bool:
    """Whether an operation is linear in those of its operands that move along a path.

    Then each coefficient of its value follows from those of the same order.
    """
    match op:
        case Map(expr):
            slope = taylor_rule(expr, 1, active)[1]
            return not slope.free_symbols & {OUTPUT, *(path_symbol(i, 0) for i in active)}
        case Contract():
            return len(active) == 1
    return not isinstance(op, MatrixFunction)


def _is_flat(known: _Kind) -> bool:
    """Whether an operation is constant wherever it has a derivative."""
    return isinstance(known.op, Map) and taylor_rule(known.op.expr, 1, known.active)[1] == 0


def _orders(order: int) -> Formula:
    if order <= 2:
        return Formula("k = 1, 2" if order == 2 else "k = 1", "k = 1, 2" if order == 2 else "k = 1")
    return Formula(rf"k = 1, \dots, {order}", f"k = 1 .. {order}")


class _Teller:
    def __init__(self, function: Graph, order: int) -> None:
        self.function = function
        self.order = order
        self.names = Names(function, function)
        self.kinds: defaultdict[_Kind, list[int]] = defaultdict(list)
        for node in program_order(function):
            operands = function.operands(node)
            if node in function.varying and operands:
                active = tuple(i for i, o in enumerate(operands) if o in function.varying)
                self.kinds[_Kind(function[node].op, active)].append(node)

    def flat(self) -> list[_Kind]:
        return [known for known in self.kinds if _is_flat(known)]

    def linear(self) -> list[_Kind]:
        return [known for known in self.kinds if is_linear(*known) and not _is_flat(known)]

    def others(self) -> list[_Kind]:
        return [known for known in self.kinds if not is_linear(*known)]

    def listed(self, known: _Kind) -> Text:
        return self.names.listed(self.kinds[known])

    def linear_rule(self, known: _Kind) -> Equation:
        """The rule of a linear kind of node, for any order."""
        node = self.kinds[known][0]
        operands = self.function.operands(node)
        values = [self.names.value(operand) for operand in operands]
        left = coefficient(self.names.value(node), "k")
        moved = [coefficient(v, "k") if i in known.active else v for i, v in enumerate(values)]
        if isinstance(known.op, Map):
            slope = taylor_rule(known.op.expr, 1, known.active)[1]
            symbols = [path_symbol(i, 1) if i in known.active else operand_symbol(i) for i in
                       range(len(values))]  # fmt: skip
            right = in_names(slope, symbols, moved)
        else:
            paths = {
                o: [v, c] if i in known.active else [v]
                for i, (o, v, c) in enumerate(zip(operands, values, moved, strict=True))
            }
            own = [self.names.value(node), left]
            right = coefficients_of_node(self.function, node, paths, own)[1]
        note = text("the same at ", *self.names.listed(self.kinds[known][1:]))
        return Equation(left, right, note if len(self.kinds[known]) > 1 else ())

    def rule(self, known: _Kind) -> Iterator[Block]:
        """The rule of a function."""
        nodes = self.kinds[known]
        name = _title(known.op)
        node = nodes[0]
        same = text("; the same at ", *self.names.listed(nodes[1:])) if len(nodes) > 1 else ()
        yield Paragraph(text(name, ", at ", self.names.value(node), *same, ":"))
        yield Equations(tuple(self._coefficients(known, node)))

    def _coefficients(self, known: _Kind, node: int) -> Iterator[Equation]:
        yield self.names.equation(node)
        own = [coefficient(self.names.value(node), k) for k in range(self.order + 1)]
        if isinstance(known.op, Map):
            rule = taylor_rule(known.op.expr, self.order, known.active)
            right = [
                self._map(node, _in_output(r, known.op.expr), known.active, k)
                for k, r in enumerate(rule)
            ]
        else:
            operands = self.function.operands(node)
            paths = {
                o: [
                    coefficient(self.names.value(o), k)
                    for k in range(self.order + 1 if i in known.active else 1)
                ]
                for i, o in enumerate(operands)
            }
            right = coefficients_of_node(self.function, node, paths, own)
        yield from map(Equation, own[1:], right[1:])

    def _map(self, node: int, rule: sp.Expr, active: tuple[int, ...], order: int) -> Formula:
        if sp.count_ops(rule) > MOST_OPERATIONS:
            return Formula(r"\dots", "..")
        symbols, names = [OUTPUT], [self.names.value(node)]
        for i, operand in enumerate(self.function.operands(node)):
            value = self.names.value(operand)
            for k in range(order + 1 if i in active else 1):
                symbols.append(path_symbol(i, k))
                names.append(coefficient(value, k))
        return in_names(rule, symbols, names)


def _in_output(rule: sp.Expr, expr: sp.Expr) -> sp.Expr:
    """A coefficient as one writes it: 1 - y**2 for the derivative of tanh."""
    own = spelled_out(expr)
    found = spelled_out(rule)
    return found.xreplace({own: OUTPUT}) if own.is_Function else found


def _title(op: Op) -> Inline:
    """What an operation is called, to begin a sentence with."""
    match op:
        case Map(expr) if expr.is_Function and not isinstance(expr, sp.Piecewise):
            return Code(name_of(expr))
        case Map(expr):
            return next((word for kind, word in _WORDS.items() if isinstance(expr, kind)), "A map")
        case MatrixFunction(name):
            return _MATRIX_FUNCTIONS[name]
    return "Product"


_WORDS: Mapping[type, str] = {
    sp.Add: "Sum",
    sp.Mul: "Product",
    sp.Pow: "Power",
    sp.Piecewise: "Selection",
}
_MATRIX_FUNCTIONS = {
    "inverse": "Inverse of a matrix",
    "log_abs_det": "Logarithm of a determinant",
    "sign_det": "Sign of a determinant",
}
