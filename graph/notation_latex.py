"""Formulas of values in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from jetfold.graph.formula import ATOM, LOOSE, POWER, PRODUCT, Written
from jetfold.graph.latex import bracketed, letter, number, to_latex
from jetfold.graph.notation_words import element, matrix_product
from jetfold.graph.ops import (
    Broadcast,
    Collect,
    Concatenate,
    Direct,
    MatrixFunctionName,
    Op,
    Pick,
    Replicate,
    Reshape,
    Slice,
    Transpose,
    Type,
    rename_axes,
    split_spec,
)
from jetfold.graph.text import slices

SHOWN = 5
"""Numbers of an array that are written out."""


class LatexWords:
    """See `jetfold.graph.notation_words.Words`."""

    def letter(self, name: str) -> str:
        return letter(name)

    def numbered(self, letter: str, number: int) -> str:
        return f"{letter}_{{{number}}}"

    def indexed(self, name: str, order: int, indices: Sequence[str]) -> Written:
        if indices:
            stem, _, below = name.removesuffix("}").partition("_{")
            if below and "{" not in stem:
                name = f"{stem}_{{{','.join([below, *map(_index, indices)])}}}"
            else:
                name = f"{name}_{{{','.join(map(_index, indices))}}}"
        return Written(f"{name}^{{({order})}}", POWER) if order else Written(name)

    def sum_named(self, directions: Sequence[str], value: Written) -> Written:
        return self.sum_over(directions, value)

    def barred(self, name: str) -> str:
        if re.fullmatch(r"\w(_\{\d+\})?", name):
            return rf"\bar {name}"
        return rf"\overline{{{name}}}"

    def number(self, value: float) -> Written:
        return number(value)

    def array(self, value: NDArray[Any]) -> Written:
        if value.ndim == 2 and np.array_equal(value, np.eye(len(value))):
            return Written("I")
        flat = value.reshape(-1)
        shown = [number(float(f"{element:.6g}")) for element in flat[:SHOWN].tolist()]
        dots = [r"\ldots"] if flat.size > SHOWN else []
        return Written(bracketed(", ".join([*shown, *dots])))

    def belongs(self, value: Written, kind: Type) -> str:
        sizes = r" \times ".join(map(str, kind.shape))
        return rf"{value} \in \mathbb{{R}}" + (f"^{{{sizes}}}" if sizes else "")

    def expression(self, expr: sp.Expr, operands: Sequence[str]) -> Written:
        return to_latex(expr, operands)

    def contraction(self, spec: str, operands: Sequence[Written]) -> Written:
        product = matrix_product(spec)
        letters, result = split_spec(rename_axes(spec))
        if product is None:
            if "" in letters and result == "".join(letters):
                return Written(r" \, ".join(_tight(o, PRODUCT) for o in operands), PRODUCT)
            if result == letters[0] + "".join(letters[1:]) and len(letters) == 2:
                return Written(r" \otimes ".join(_tight(o, POWER) for o in operands), LOOSE)
            if letters == ["ii"] and not result:
                return Written(rf"\operatorname{{tr}} {_tight(operands[0], POWER)}", LOOSE)
            entries = "".join(map(_entry, operands, letters))
            summed = "".join(dict.fromkeys(c for c in "".join(letters) if c not in result))
            return _elements(summed, entries, result)
        left, right = (
            _tight(operands[at], ATOM) + r"^{\top}" if transposed else _tight(operands[at], PRODUCT)
            for at, transposed in zip(product[:2], product.transposed, strict=True)
        )
        sign = r"\cdot" if letters == ["i", "i"] else r"\,"
        return Written(f"{left} {sign} {right}", LOOSE)

    def sum_over(self, directions: Sequence[str], body: Written) -> Written:
        sums = "".join(rf"\sum_{{{letter(name)}}} " for name in directions)
        return Written(sums + _tight(body, LOOSE), LOOSE)

    def sum_of_axes(self, axes: Sequence[int], body: Written, rank: int) -> Written:
        letters = "ijklmnopqrstuvwxyzabcdefgh"[:rank]
        kept = "".join(letters[axis] for axis in range(rank) if axis not in axes)
        return _elements("".join(letters[axis] for axis in axes), _entry(body, letters), kept)

    def matrix_function(self, name: MatrixFunctionName, operand: Written) -> Written:
        match name:
            case "inverse":
                return Written(_tight(operand, ATOM) + "^{-1}", POWER)
            case "log_abs_det":
                return Written(rf"\log\left|\det {_tight(operand, LOOSE)}\right|", POWER)
            case "sign_det":
                return Written(rf"\operatorname{{sign}}\det {_tight(operand, POWER)}", LOOSE)

    def move(self, op: Op, operands: Sequence[Written], ranks: Sequence[int]) -> Written:
        everything = ", ".join(operands)
        place = element(op, ranks)
        if place is not None:
            return Written(rf"{_tight(operands[0], ATOM)}\left[{place}\right]", ATOM)
        match op:
            case Replicate(axis):
                name = rf"\operatorname{{rep}}_{{{letter(axis.name)}}}"
            case Direct(position, axis):
                places = [letter(axis.name) if i == position else ":" for i in range(ranks[0])]
                return Written(f"{bracketed(everything)}_{{{','.join(places)}}}", ATOM)
            case Pick(_, old, new):
                name = rf"\operatorname{{pick}}_{{{letter(old)} \to {letter(new.name)}}}"
            case Collect(_, old, new):
                name = rf"\operatorname{{collect}}_{{{letter(old)} \to {letter(new.name)}}}"
            case Transpose((1, 0)):
                return Written(_tight(operands[0], ATOM) + r"^{\top}", POWER)
            case Transpose(order):
                name = rf"\operatorname{{transpose}}_{{{','.join(map(str, order))}}}"
            case Reshape(shape) | Broadcast(shape):
                sizes = r" \times ".join(map(str, shape)) or "1"
                name = rf"\operatorname{{{type(op).__name__.lower()}}}_{{{sizes}}}"
            case Slice():
                return Written(rf"{_tight(operands[0], ATOM)}\left[{slices(op)}\right]", ATOM)
            case Concatenate(axis):
                name = rf"\operatorname{{concatenate}}_{{{axis}}}"
            case _:
                name = rf"\operatorname{{{type(op).__name__.lower()}}}"
        return Written(name + bracketed(everything), POWER)


def _index(name: str) -> str:
    """The name of a direction axis, or a combination of directions such as v0 + 3 v1."""
    terms = (term.split(" ") for term in name.split(" + "))
    return " + ".join(" ".join([*factors, letter(last)]) for *factors, last in terms)


def _tight(operand: Written, level: int) -> str:
    return operand if operand.binds >= level else bracketed(operand)


def _entry(operand: Written, letters: str) -> str:
    return f"{bracketed(operand)}_{{{letters}}}" if letters else _tight(operand, POWER)


def _elements(summed: str, entries: str, kept: str) -> Written:
    """A sum of products of entries; the array of them where some axes are kept."""
    text = (rf"\sum_{{{','.join(summed)}}} " if summed else "") + entries
    return Written(rf"\left[{text}\right]_{{{kept}}}") if kept else Written(text, LOOSE)
