"""What a drawing says about a node: words, letters on the edges that enter, and a tooltip."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import sympy as sp

from jetfold.graph.formula import typeset
from jetfold.graph.graph import Coefficient, Graph
from jetfold.graph.numbers import name_of
from jetfold.graph.ops import (
    MOVES,
    Broadcast,
    Collect,
    Concatenate,
    Constant,
    Contract,
    Direct,
    Gather,
    Input,
    Map,
    MatrixFunction,
    Op,
    Parameter,
    Pick,
    Replicate,
    Reshape,
    Slice,
    SourceLine,
    Sum,
    Transpose,
    operand_symbol,
    rename_axes,
    split_spec,
)
from jetfold.graph.text import abbreviate, describe, note, of_role, slices

WIDTH = 30
"""Characters in a line of a box; a longer formula is broken, and cut after `LINES` lines."""
LINES = 3

_CONTRACTIONS = {
    "i,ij->j": "matmul",
    "ij,j->i": "matmul",
    "ij,jk->ik": "matmul",
    "i,i->": "dot",
    "i,j->ij": "outer",
    "ii->": "trace",
}


@dataclass(frozen=True, slots=True)
class Label:
    """What is written in and about the box of a node.

    ``operands`` has the letters that tell the edges that enter apart, or "" where the order of
    operands does not matter. ``badges`` has one entry per direction axis.
    """

    kind: str
    title: tuple[str, ...]
    number: str
    shape: str
    note: str
    badges: tuple[str, ...]
    operands: tuple[str, ...]
    tooltip: str


def label(graph: Graph, node: int, names: Mapping[int, str]) -> Label:
    """The label of a node, given the names of all nodes."""
    data = graph[node]
    operands = graph.operands(node)
    letters = operand_letters(data.op, len(operands))
    told_apart = len(set(operands)) > 1 and not _interchangeable(data.op, len(operands))
    about = [
        f"{names[node]} = {describe(graph, node, names)}",
        f"type {data.type}",
        note(data),
        _source(data.source) if data.source else "",
    ]
    return Label(
        kind=kind(data.op),
        title=tuple(_title(data.op, letters)),
        number=names[node],
        shape="×".join(map(str, data.type.shape)) or "scalar",
        note=_role(data.role) if data.role else "",
        badges=tuple(f"{axis.name}: {axis.size}" for axis in data.type.directions),
        operands=letters if told_apart else ("",) * len(operands),
        tooltip="\n".join(line for line in about if line),
    )


def _source(line: SourceLine) -> str:
    """The line with its file's name only: pictures are passed on, folders mean nothing there."""
    return str(replace(line, file=Path(line.file).name))


def kind(op: Op) -> str:
    """The word for the kind of an operation: all moves are one kind."""
    if isinstance(op, MOVES):
        return "move"
    if isinstance(op, MatrixFunction):
        return "matrix"
    return type(op).__name__.lower()


def operand_letters(op: Op, count: int) -> tuple[str, ...]:
    """How the operands are called in the box: a, b, .. in a formula, their axes in an einsum."""
    match op:
        case Map():
            return tuple(chr(ord("a") + i) if i < 26 else f"a{i}" for i in range(count))
        case Contract(spec):
            return tuple(split_spec(rename_axes(spec))[0])
        case Concatenate():
            return tuple(str(i + 1) for i in range(count))
    return ("",) * count


def _title(op: Op, letters: Sequence[str]) -> list[str]:
    match op:
        case Input(name) | Parameter(name):
            return [_cut(name)]
        case Constant(value):
            return [_cut(abbreviate(value.value))]
        case Map(expr):
            return _wrap(_formula(expr, letters))
        case Contract(spec):
            axes = rename_axes(spec)
            return [_CONTRACTIONS.get(axes, "einsum"), axes.replace("->", " → ").replace(",", ", ")]
        case Sum(axes, directions):
            positions = [f"axis {axis}" for axis in axes]
            return _wrap("Σ " + ", ".join([*directions, *positions]))
        case MatrixFunction(name):
            return [name.replace("_", " ")]
        case Replicate(axis):
            return [f"copies along {axis.name}"]
        case Direct(position, axis):
            return [f"axis {position} as {axis.name}"]
        case Pick(_, old, new):
            return [f"pick {old} as {new.name}"]
        case Collect(_, old, new):
            return [f"collect {old} in {new.name}"]
        case Slice():
            return _wrap(f"[{slices(op)}]")
        case Transpose(order):
            return ["transpose " + " ".join(map(str, order))]
        case Concatenate(axis):
            return [f"concatenate axis {axis}"]
        case Gather(index) if index.value.ndim == 0:
            return [f"element {index.value}"]
        case Reshape() | Broadcast() | Gather():
            return [type(op).__name__.lower()]


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def _formula(expr: sp.Expr, letters: Sequence[str]) -> str:
    symbols = tuple(operand_symbol(i) for i in range(len(letters)))
    if len(symbols) > 1 and set(expr.args) == set(symbols) and isinstance(expr, (sp.Add, sp.Mul)):
        return "+" if expr.is_Add else "×"
    if len(symbols) == 1 and expr.args == symbols:
        return name_of(expr)
    return typeset(expr, letters)


def _interchangeable(op: Op, count: int) -> bool:
    """Whether the result stays the same under every exchange of operands."""
    swaps = [(i, i + 1) for i in range(count - 1)]
    match op:
        case Map(expr):
            symbols = [(operand_symbol(i), operand_symbol(j)) for i, j in swaps]
            return all(expr.xreplace({a: b, b: a}) == expr for a, b in symbols)
        case Contract(spec):
            return all(rename_axes(_swap(spec, *swap)) == rename_axes(spec) for swap in swaps)
    return False


def _swap(spec: str, i: int, j: int) -> str:
    operands, result = split_spec(spec)
    operands[i], operands[j] = operands[j], operands[i]
    return f"{','.join(operands)}->{result}"


def _role(role: Coefficient) -> str:
    return of_role(role) + "".join(f", Σ {name}" for name in role.summed)


def _wrap(text: str) -> list[str]:
    """The lines of a formula, broken before a + or − outside brackets where that is possible."""
    lines = [""]
    for term in _terms(text):
        if lines[-1] and len(lines[-1]) + len(term) > WIDTH:
            lines.append("")
        lines[-1] += term
    lines = [part for line in lines for part in textwrap.wrap(line, WIDTH, break_on_hyphens=False)]
    return [*lines[: LINES - 1], "…"] if len(lines) > LINES else lines


def _terms(text: str) -> list[str]:
    starts = [
        found.start()
        for found in re.finditer(r" [+−] ", text)
        if text.count("(", 0, found.start()) == text.count(")", 0, found.start())
    ]
    return [text[i:j] for i, j in pairwise([0, *starts, len(text)])]
