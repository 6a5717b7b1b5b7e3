"""Adding nodes in normal form: maps with each operand once and in order, values of a given type."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import sympy as sp

from jetfold.graph.graph import Coefficient, Editor
from jetfold.graph.ops import (
    Array,
    Broadcast,
    Constant,
    Map,
    Replicate,
    Type,
    operand_symbol,
)


@lru_cache(maxsize=10_000)
def rename(expr: sp.Expr, old: tuple[sp.Symbol, ...], new: tuple[int, ...]) -> sp.Expr:
    """The expression with symbol ``old[i]`` replaced by operand symbol number ``new[i]``."""
    return expr.xreplace(dict(zip(old, map(operand_symbol, new), strict=True)))


@lru_cache(maxsize=10_000)
def free_symbols(expr: sp.Expr) -> tuple[sp.Symbol, ...]:
    """The symbols of an expression, sorted by name."""
    return tuple(sorted(expr.free_symbols, key=lambda symbol: symbol.name))


def add_map(editor: Editor, expr: sp.Expr, operands: Mapping[sp.Symbol, int]) -> int:
    """The node for an expression whose symbols stand for these nodes.

    Operands are sorted and each occurs once, so that equal values become equal nodes; a bare
    symbol is its node. An expression without symbols is a scalar.
    """
    symbols = free_symbols(expr)
    nodes = tuple(sorted({operands[symbol] for symbol in symbols}))
    expr = rename(expr, symbols, tuple(nodes.index(operands[symbol]) for symbol in symbols))
    if expr.is_Symbol:  # not only of one operand: equal branches of a choice become one
        return {operand_symbol(i): node for i, node in enumerate(nodes)}[expr]
    if expr.is_Integer:
        return editor.add(Constant(Array(np.asarray(float(expr)))))
    return _add(editor, expr, nodes)


def _add(editor: Editor, expr: sp.Expr, nodes: tuple[int, ...]) -> int:
    used = free_symbols(expr)  # merging equal operands can make one vanish, as in a0 - a1
    if len(used) == len(nodes):
        return editor.add(Map(expr), *nodes)
    return add_map(editor, expr, {operand_symbol(i): node for i, node in enumerate(nodes)})


def constant(editor: Editor, value: float, kind: Type) -> int:
    """The node for a constant with the same value everywhere."""
    sizes = tuple(axis.size for axis in kind.directions)
    return editor.add(Constant(Array(np.full(sizes + kind.shape, float(value))), kind.directions))


def fit(editor: Editor, node: int, kind: Type) -> int:
    """The node broadcast to this point shape and replicated along the direction axes it lacks."""
    have = editor[node].type
    if have.shape != kind.shape:
        node = editor.add(Broadcast(kind.shape), node)
    for axis in kind.directions:
        if axis not in have.directions:
            node = editor.add(Replicate(axis), node)
    return node


def with_role(editor: Editor, node: int, role: Coefficient | None) -> int:
    """The node, said to be this coefficient if nothing has been said yet."""
    editor.annotate(node, None, role)
    return node
