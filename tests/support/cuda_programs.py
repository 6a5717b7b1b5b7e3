"""Programs whose kernels are those of one primitive."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from jetfold.backends.lower import lower
from jetfold.backends.program import Program
from jetfold.graph import (
    Direct,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Map,
    Replicate,
    Sum,
    Type,
    operand_symbol,
)
from jetfold.kernel_module import jet_of
from jetfold.rules.primitives import PRIMITIVES
from jetfold.rules.taylor_rule import derive_rule

DIRECTIONS = DirectionAxis("r", 3)
ROWS = 2


def collapsed_rule(name: str, order: int) -> Graph:
    """The collapsed Taylor rule of a primitive, with all its coefficients as inputs."""
    jet = jet_of(derive_rule(PRIMITIVES[name], order, collapsed=True), None)
    editor = Editor()
    known: dict[sp.Symbol, int] = {}
    for argument in jet.arguments:
        shape = (DIRECTIONS.size, ROWS) if argument.varies else (ROWS,)
        node = editor.add(Input(argument.name, Type(shape)))
        known[argument.symbol] = (
            editor.add(Direct(0, DIRECTIONS), node) if argument.varies else node
        )
    for symbol, term in jet.sums:
        node = _apply(editor, term, known)
        if not editor[node].type.directions:
            node = editor.add(Replicate(DIRECTIONS), node)
        known[symbol] = editor.add(Sum((), ("r",)), node)
    outputs = []
    for result in jet.results:
        known[result.symbol] = _apply(editor, result.expr, known)
        outputs.append(known[result.symbol])
    return editor.freeze(outputs)


def _apply(editor: Editor, expr: sp.Expr, known: Mapping[sp.Symbol, int]) -> int:
    used = [symbol for symbol in known if expr.has(symbol)]
    local = expr.xreplace({symbol: operand_symbol(i) for i, symbol in enumerate(used)})
    return editor.add(Map(local), *(known[symbol] for symbol in used))


def collapsed_program(name: str, order: int) -> Program:
    """The program of `collapsed_rule`."""
    return lower(collapsed_rule(name, order))
