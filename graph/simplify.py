"""Clean-up that holds for any graph: equal and dead nodes, zeros and ones, constants, no-ops."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from jetfold.graph.build import add_map, constant, fit
from jetfold.graph.graph import Editor, Graph
from jetfold.graph.interpret import constant_value
from jetfold.graph.ops import (
    MOVES,
    Array,
    Broadcast,
    Collect,
    Concatenate,
    Constant,
    Contract,
    Direct,
    Gather,
    Map,
    Pick,
    Reshape,
    Slice,
    Sum,
    Transpose,
    operand_symbol,
    split_spec,
)
from jetfold.graph.rewrite import Rewriting, Rule, rewrite

FOLD_LIMIT = 1 << 16
"""Constants with more elements than this are not folded, so that graphs stay small."""


def merge_equal(graph: Graph) -> Graph:
    """Common subexpressions: equal operations on equal operands become one node."""
    editor = Editor()
    where = editor.insert(graph, {})
    return editor.freeze([where[output] for output in graph.outputs])


def uniform(editor: Editor, node: int) -> int | None:
    """The integer that a constant holds everywhere, or None."""
    op = editor[node].op
    if not isinstance(op, Constant):
        return None
    return _uniform(op.value)


@lru_cache(maxsize=4096)
def _uniform(array: Array) -> int | None:
    values = array.value.reshape(-1)
    if values.size == 0 or not np.isfinite(values[0]) or values[0] != np.rint(values[0]):
        return None
    if not (values == values[0]).all():
        return None
    return int(values[0])


# Zeros and ones ---------------------------------------------------------------------------------


def _uniform_operands(editor: Editor, node: int) -> dict[int, int] | None:
    operands = enumerate(editor.operands(node))
    found = {i: v for i, operand in operands if (v := uniform(editor, operand)) is not None}
    op = editor[node].op
    if not found or not isinstance(op, Map):
        return None
    return found if _substitute(op.expr, tuple(found.items())) is not None else None


@lru_cache(maxsize=10_000)
def _substitute(expr: sp.Expr, values: tuple[tuple[int, int], ...]) -> sp.Expr | None:
    result = expr.subs([(operand_symbol(i), sp.Integer(value)) for i, value in values])
    return None if result.has(sp.zoo, sp.nan, sp.oo, -sp.oo) or result.is_Boolean else result


def _put_uniform(editor: Editor, node: int, found: dict[int, int]) -> int:
    old = editor[node]
    assert isinstance(old.op, Map)
    expr = _substitute(old.op.expr, tuple(found.items()))
    assert expr is not None
    operands = dict(zip(map(operand_symbol, range(99)), editor.operands(node), strict=False))
    if expr.is_Integer:
        return constant(editor, int(expr), old.type)
    return fit(editor, add_map(editor, expr, operands), old.type)


def _zero_operand(editor: Editor, node: int) -> bool | None:
    zeros = [uniform(editor, operand) == 0 for operand in editor.operands(node)]
    linear = isinstance(editor[node].op, Concatenate)
    return (all(zeros) if linear else any(zeros)) or None


def _put_zero(editor: Editor, node: int, _: Any) -> int:
    return constant(editor, 0, editor[node].type)


# Constants ---------------------------------------------------------------------------------------


def _constant_operands(editor: Editor, node: int) -> Any:
    operands = editor.operands(node)
    nodes = [editor[operand] for operand in operands]
    pairs = [(node.op, node.type) for node in nodes if isinstance(node.op, Constant)]
    kind = editor[node].type
    if not operands or len(pairs) < len(operands) or kind.elements > FOLD_LIMIT:
        return None
    value = constant_value(editor[node].op, pairs)
    exact = np.isfinite(value).all() and (value == np.rint(value)).all()
    return value if exact and np.abs(value).max(initial=0) < 2.0**53 else None


def _put_constant(editor: Editor, node: int, value: Any) -> int:
    return editor.add(Constant(Array(np.asarray(value)), editor[node].type.directions))


# Operations that do nothing, or that merge --------------------------------------------------------


def _does_nothing(editor: Editor, node: int) -> bool | None:
    op, kind = editor[node].op, editor[node].type
    same = bool(editor.operands(node)) and editor[editor.operands(node)[0]].type == kind
    match op:
        case Map(expr):
            return (same and expr == operand_symbol(0)) or None
        case Reshape() | Broadcast() | Sum():
            return same or None
        case Transpose(axes):
            return axes == tuple(range(len(axes))) or None
        case Slice(start, step, _):
            return (same and not any(start) and all(s == 1 for s in step)) or None
        case Concatenate():
            return len(editor.operands(node)) == 1 or None
        case Gather(index) | Pick(index) | Collect(index):
            flat = index.value.reshape(-1)
            return (same and bool((flat == np.arange(flat.size)).all())) or None
    return None


def _put_operand(editor: Editor, node: int, _: Any) -> int:
    return editor.operands(node)[0]


def _same_move_below(editor: Editor, node: int) -> Any:
    below = editor.operands(node)[0]
    outer, inner = editor[node].op, editor[below].op
    match outer, inner:
        case Reshape(shape), Reshape():
            return Reshape(shape), below
        case Broadcast(shape), Broadcast():
            return Broadcast(shape), below
        case Transpose(first), Transpose(second):
            return Transpose(tuple(second[axis] for axis in first)), below
        case Sum(axes, names), Sum(inner_axes, inner_names) if not inner_axes:
            return Sum(axes, tuple(sorted((*names, *inner_names)))), below
        case Pick(index, name, new), Pick(inner_index, old, middle) if middle.name == name:
            return Pick(Array(inner_index.value[index.value]), old, new), below
        case Collect(index, name, new), Collect(inner_index, old, middle) if middle.name == name:
            return Collect(Array(index.value[inner_index.value]), old, new), below
    return None


def _put_merged(editor: Editor, node: int, found: Any) -> int:
    op, below = found
    return editor.add(op, editor.operands(below)[0])


LINEAR_OF_ZERO = Rule(
    "linear of zero",
    "L(0) = 0",
    (Contract, Sum, *MOVES),
    _zero_operand,
    _put_zero,
    latex=r"L(0) = 0",
    routine=True,
)

# Unit vectors -------------------------------------------------------------------------------------


def _unit_vectors(editor: Editor, node: int) -> tuple[int, Direct, Transpose] | None:
    """A contraction of unit vectors e_r with one axis of a value: that axis counts r then."""
    op, operands = editor[node].op, editor.operands(node)
    if not isinstance(op, Contract) or len(operands) != 2:
        return None
    letters, result = split_spec(op.spec)
    for i, other in ((0, 1), (1, 0)):
        unit = editor[operands[i]].op
        if not isinstance(unit, Constant) or not _is_identity(unit) or letters[i] in result:
            continue
        have = letters[other]
        (axis,) = unit.directions
        taken = {known.name for known in editor[operands[other]].type.directions}
        if have.count(letters[i]) == 1 and len(set(have)) == len(have) and axis.name not in taken:
            rest = have.replace(letters[i], "")
            order = Transpose(tuple(rest.index(letter) for letter in result))
            return operands[other], Direct(have.index(letters[i]), axis), order
    return None


def _is_identity(op: Constant) -> bool:
    value = op.value.value
    square = value.ndim == 2 and value.shape[0] == value.shape[1]
    return square and len(op.directions) == 1 and bool((value == np.eye(len(value))).all())


def _put_direct(editor: Editor, node: int, found: tuple[int, Direct, Transpose]) -> int:
    value, direct, order = found
    return editor.add(order, editor.add(direct, value))


UNIT_VECTORS = [
    Rule(
        "contract with unit vectors",
        "sum_a e_(r,a) x_a = x_r",
        (Contract,),
        _unit_vectors,
        _put_direct,
        latex=r"\sum_{a} e_{r,a}\, x_{a} = x_{r}",
    ),
]

ZEROS = [
    Rule(
        "put zeros and ones",
        "f(x, 0) = f_0(x), f(x, 1) = f_1(x)",
        (Map,),
        _uniform_operands,
        _put_uniform,
        latex=r"f(x, 0) = f_{0}(x), \quad f(x, 1) = f_{1}(x)",
        routine=True,
    ),
    LINEAR_OF_ZERO,
]

NO_OPS = [
    Rule(
        "drop a no-op",
        "id(x) = x",
        (Map, Sum, *MOVES),
        _does_nothing,
        _put_operand,
        latex=r"\operatorname{id}(x) = x",
        routine=True,
    ),
    Rule(
        "merge moves and sums",
        "M(M'(x)) = (M M')(x)",
        (Reshape, Broadcast, Transpose, Sum, Pick, Collect),
        _same_move_below,
        _put_merged,
        latex=r"M(M'(x)) = (M M')(x)",
        routine=True,
    ),
]

CONSTANTS = [
    Rule(
        "fold constants",
        "f(c) is a constant (only where it is an exact integer)",
        (Map, Contract, Sum, *(kind for kind in MOVES if kind is not Direct)),
        _constant_operands,
        _put_constant,
        latex=r"f(c) = c', \quad c' \in \mathbb{Z}",
        routine=True,
    ),
]

SIMPLIFY = ZEROS + UNIT_VECTORS + NO_OPS + CONSTANTS


def simplify(graph: Graph) -> Rewriting:
    """Merge equal nodes, then apply every clean-up rule; dead nodes go with the result."""
    return rewrite(merge_equal(graph), SIMPLIFY, "clean-up")
