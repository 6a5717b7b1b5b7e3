"""Collapsing: the rewrites that move replication down and sums over directions up.

"Collapsing Taylor Mode Automatic Differentiation" (NeurIPS 2025, arXiv 2505.13644): what does not
depend on the direction is computed once, and a sum over directions climbs through everything that
is linear, so that the sum of the highest coefficients is propagated instead of the summands.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

from jetfold.graph import (
    MOVES,
    Array,
    Collect,
    Concatenate,
    Constant,
    Contract,
    Direct,
    Editor,
    Map,
    MatrixFunction,
    Op,
    Pick,
    Replicate,
    Rule,
    Sum,
    add_map,
    fit,
    operand_symbol,
)
from jetfold.graph.simplify import LINEAR_OF_ZERO
from jetfold.rules.derive import tidy

Moves = tuple[type[Op], ...]
SINGLE_MOVES: Moves = tuple(kind for kind in MOVES if kind not in (Concatenate, Replicate))


# Push replicate down ----------------------------------------------------------------------------


def _replicated(editor: Editor, node: int) -> dict[int, Any] | None:
    """The operands that are mere copies, by position: the node that is copied and its axis."""
    found = {}
    for i, operand in enumerate(editor.operands(node)):
        op = editor[operand].op
        if isinstance(op, Replicate) and not _renames(editor[node].op, op.axis.name):
            found[i] = (editor.operands(operand)[0], op.axis)
    return found or None


def _renames(op: Op, name: str) -> bool:
    return isinstance(op, (Pick, Collect)) and op.old == name


def _push_replicate(editor: Editor, node: int, found: dict[int, Any]) -> int:
    old = editor[node]
    axis = next(iter(found.values()))[1]
    operands = [
        found[i][0] if i in found and found[i][1] == axis else operand
        for i, operand in enumerate(editor.operands(node))
    ]
    if isinstance(old.op, Map):
        symbols = map(operand_symbol, range(len(operands)))
        new = add_map(editor, old.op.expr, dict(zip(symbols, operands, strict=True)))
    else:
        new = editor.add(old.op, *operands)
    editor.annotate(new, old.source, old.role)
    return fit(editor, new, old.type)


def _replicated_sum(editor: Editor, node: int) -> dict[int, Any] | None:
    """A sum over positions, or over other directions, of a copy."""
    op = editor[node].op
    found = _replicated(editor, node)
    assert isinstance(op, Sum)
    return found if found and found[0][1].name not in op.directions else None


def _renamed_copies(editor: Editor, node: int) -> int | None:
    """A pick or collect along the axis of the copies: what is copied."""
    (operand,) = editor.operands(node)
    op = editor[operand].op
    copies = isinstance(op, Replicate) and _renames(editor[node].op, op.axis.name)
    return editor.operands(operand)[0] if copies else None


def _put_renamed(editor: Editor, node: int, copied: int) -> int:
    op = editor[node].op
    assert isinstance(op, (Pick, Collect))
    value = copied
    if isinstance(op, Collect):
        index = op.index.value.astype(np.int64)
        counts = np.bincount(index, minlength=op.new.size).astype(float)
        counts = counts.reshape(-1, *[1] * len(editor[node].type.shape))
        times = editor.add(Constant(Array(counts), (op.new,)))
        a, b = operand_symbol(0), operand_symbol(1)
        value = add_map(editor, a * b, {a: times, b: copied})
    return fit(editor, value, editor[node].type)


PUSH_REPLICATE = [
    Rule(
        "push replicate through a function",
        "f(rep_r a, b_r) = f(a, b_r),  f(rep_r a) = rep_r f(a)",
        (Map, Contract, MatrixFunction, Concatenate, *SINGLE_MOVES),
        _replicated,
        _push_replicate,
        latex=r"f(\operatorname{rep}_{r} a, b_{r}) = f(a, b_{r}), \quad "
        r"f(\operatorname{rep}_{r} a) = \operatorname{rep}_{r} f(a)",
    ),
    Rule(
        "push replicate through a sum",
        "sum_i rep_r a_i = rep_r sum_i a_i",
        (Sum,),
        _replicated_sum,
        _push_replicate,
        latex=r"\sum_{i} \operatorname{rep}_{r} a_{i} = \operatorname{rep}_{r} \sum_{i} a_{i}",
    ),
    Rule(
        "push replicate through a pick along it",
        "pick_rp rep_r a = rep_p a,  collect_rm rep_r a = n_m a",
        (Pick, Collect),
        _renamed_copies,
        _put_renamed,
        latex=r"\operatorname{pick}_{r \to p} \operatorname{rep}_{r} a = \operatorname{rep}_{p} a, "
        r"\quad \operatorname{collect}_{r \to m} \operatorname{rep}_{r} a = n_{m} a",
    ),
]


# Pull sums up -------------------------------------------------------------------------------------


class Summed(NamedTuple):
    """What a sum over directions stands on."""

    node: int
    op: Op
    operands: tuple[int, ...]
    name: str
    size: int


def summed_value(editor: Editor, node: int) -> Summed | None:
    """The operand of a sum over exactly one direction axis."""
    op = editor[node].op
    if not isinstance(op, Sum) or op.axes or len(op.directions) != 1:
        return None
    (operand,) = editor.operands(node)
    size = {axis.name: axis.size for axis in editor[operand].type.directions}[op.directions[0]]
    return Summed(operand, editor[operand].op, editor.operands(operand), op.directions[0], size)


def _age(name: str) -> tuple[int, str]:
    return len(name), name


def depends(editor: Editor, node: int, name: str) -> bool:
    """Whether a value depends on the direction, counted by the axis of this name."""
    return any(axis.name == name for axis in editor[node].type.directions)


def dependent_symbols(editor: Editor, below: Summed) -> frozenset[sp.Symbol]:
    """The operands of a `Map` that depend on the direction, as they are called in it."""
    return frozenset(
        operand_symbol(i)
        for i, operand in enumerate(below.operands)
        if depends(editor, operand, below.name)
    )


def _sum(editor: Editor, node: int, below: Summed) -> int:
    """The sum of a value over the direction axis: R times a value that does not depend on it."""
    if not depends(editor, node, below.name):
        return add_map(editor, below.size * operand_symbol(0), {operand_symbol(0): node})
    summed = editor.add(Sum((), (below.name,)), node)
    role = editor[node].role
    editor.annotate(summed, editor[node].source, role and role.sum_over((below.name,)))
    return summed


def _sum_of_copies(editor: Editor, node: int) -> Summed | None:
    below = summed_value(editor, node)
    if below is None or not isinstance(below.op, Replicate) or below.op.axis.name != below.name:
        return None
    return below


def _put_multiple(editor: Editor, node: int, below: Summed) -> int:
    return _sum(editor, below.operands[0], below)


def _sum_of_axis(editor: Editor, node: int) -> Summed | None:
    below = summed_value(editor, node)
    if below is None or not isinstance(below.op, Direct) or below.op.axis.name != below.name:
        return None
    return below


def _put_sum_over_axis(editor: Editor, node: int, below: Summed) -> int:
    assert isinstance(below.op, Direct)
    return editor.add(Sum((below.op.position,)), below.operands[0])


def _sum_of_collected(editor: Editor, node: int) -> Summed | None:
    below = summed_value(editor, node)
    if below is None or not isinstance(below.op, Collect) or below.op.new.name != below.name:
        return None
    return below


def _put_sum_of_all(editor: Editor, node: int, below: Summed) -> int:
    assert isinstance(below.op, Collect)
    return editor.add(Sum((), (below.op.old,)), below.operands[0])


def _sum_of_linear(editor: Editor, node: int) -> Summed | None:
    below = summed_value(editor, node)
    if below is None:
        return None
    match below.op:
        case Contract():
            dependent = [o for o in below.operands if depends(editor, o, below.name)]
            return below if len(dependent) == 1 else None
        case Replicate(axis) | Direct(_, axis) | Pick(_, _, axis) | Collect(_, _, axis):
            return below if axis.name != below.name else None
        case Sum(axes, names):  # of two sums over directions, the later axis goes first
            return below if axes or all(_age(name) < _age(below.name) for name in names) else None
    return below if isinstance(below.op, MOVES) else None


def _put_linear(editor: Editor, node: int, below: Summed) -> int:
    if isinstance(below.op, Contract):
        operands = [
            _sum(editor, operand, below) if depends(editor, operand, below.name) else operand
            for operand in below.operands
        ]
    else:
        operands = [_sum(editor, operand, below) for operand in below.operands]
    return editor.add(below.op, *operands)


class Split(NamedTuple):
    """``sum_r e = outer``, where symbol ``s{j}`` of ``outer`` stands for ``sum_r inner[j]``."""

    outer: sp.Expr
    inner: tuple[sp.Expr, ...]

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        return tuple(_sum_symbol(j) for j in range(len(self.inner)))


def _sum_symbol(j: int) -> sp.Symbol:
    return sp.Symbol(f"s{j}", real=True)


@lru_cache(maxsize=4096)
def split(expr: sp.Expr, dependent: frozenset[sp.Symbol], size: int) -> Split:
    """Move a sum over r into an expression as far as linearity allows.

    ``dependent`` are the symbols that depend on r. The expression is taken apart into terms; of
    each, the factors that do not depend on r go in front of the sum; terms with the same factor
    share one sum; a term without r counts ``size`` times.
    """
    inner: dict[sp.Expr, int] = {}

    def summed(term: sp.Expr) -> sp.Expr:
        return _sum_symbol(inner.setdefault(term, len(inner)))

    def outer(part: sp.Expr) -> sp.Expr:
        if isinstance(part, sp.Piecewise) and not _conditions(part) & dependent:
            return sp.Piecewise(*((outer(branch), where) for branch, where in part.args))
        groups: dict[sp.Expr, sp.Expr] = {}
        total = sp.S.Zero
        for term, factor in terms_of(part, dependent).items():
            if term == 1:
                total += size * factor
            elif term.is_Symbol:
                total += factor * summed(term)
            else:
                number, rest = (tidy(factor) if factor.is_Add else factor).as_coeff_Mul()
                groups[rest] = groups.get(rest, sp.S.Zero) + number * term
        for factor, group in groups.items():
            number, term = group.primitive() if group.is_Add else group.as_coeff_Mul()
            total += factor * number * summed(term)
        return total

    return Split(outer(expr), tuple(inner))


def _conditions(expr: sp.Piecewise) -> set[sp.Symbol]:
    return {symbol for _, where in expr.args for symbol in where.free_symbols}


def terms_of(expr: sp.Expr, dependent: frozenset[sp.Symbol]) -> dict[sp.Expr, sp.Expr]:
    """The expression as a sum of (part that depends on r) * (factor that does not)."""
    found: dict[sp.Expr, sp.Expr] = {}
    pending = list(sp.Add.make_args(expr))
    while pending:
        term = pending.pop(0)
        factor, part = term.as_independent(*dependent, as_Add=False)
        if any(isinstance(p.as_base_exp()[0], sp.Add) for p in sp.Mul.make_args(part)):
            expanded = sp.expand(part, deep=False)
            if expanded.is_Add:
                pending += [factor * piece for piece in sp.Add.make_args(expanded)]
                continue
        found[part] = found.get(part, sp.S.Zero) + factor
    return found


def _sum_of_map(editor: Editor, node: int) -> tuple[Summed, Split] | None:
    below = summed_value(editor, node)
    if below is None or not isinstance(below.op, Map):
        return None
    found = split(below.op.expr, dependent_symbols(editor, below), below.size)
    stays = len(found.inner) == 1 and found.inner[0] == below.op.expr
    return None if stays else (below, found)


def _put_split(editor: Editor, node: int, found: tuple[Summed, Split]) -> int:
    below, (outer, inner) = found
    nodes = dict(zip(map(operand_symbol, range(len(below.operands))), below.operands, strict=True))
    sums = {
        _sum_symbol(j): _sum(editor, add_map(editor, term, nodes), below)
        for j, term in enumerate(inner)
    }
    # Sums that turn out to be equal can cancel, and what is left may lack the point's shape.
    return fit(editor, add_map(editor, outer, nodes | sums), editor[node].type)


PULL_SUM = [
    Rule(
        "sum of copies",
        "sum_r rep_r a = R a",
        (Sum,),
        _sum_of_copies,
        _put_multiple,
        latex=r"\sum_{r} \operatorname{rep}_{r} a = R\, a",
    ),
    Rule(
        "sum of an axis",
        "sum_r x_r = sum over that axis of x",
        (Sum,),
        _sum_of_axis,
        _put_sum_over_axis,
        latex=r"\sum_{r} x_{r,j} = \sum_{i} x_{i,j}",
    ),
    Rule(
        "sum of what is collected",
        "sum_m collect_pm a = sum_p a",
        (Sum,),
        _sum_of_collected,
        _put_sum_of_all,
        latex=r"\sum_{m} \operatorname{collect}_{p \to m} a = \sum_{p} a_{p}",
    ),
    Rule(
        "pull a sum through a linear map",
        "sum_r L(a_r) = L(sum_r a_r)",
        (Sum,),
        _sum_of_linear,
        _put_linear,
        latex=r"\sum_{r} L(a_{r}) = L\left(\sum_{r} a_{r}\right)",
    ),
    Rule(
        "pull a sum through a function",
        "sum_r (c a_r + d g(a_r) + e) = c sum_r a_r + d sum_r g(a_r) + R e",
        (Sum,),
        _sum_of_map,
        _put_split,
        latex=r"\sum_{r} \left(c\, a_{r} + d\, g(a_{r}) + e\right) "
        r"= c \sum_{r} a_{r} + d \sum_{r} g(a_{r}) + R\, e",
    ),
    LINEAR_OF_ZERO,
]

COLLAPSE = PUSH_REPLICATE + PULL_SUM
