"""Formulas of values as plain text, as one would write them in a NumPy program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from numpy.typing import NDArray

from jetfold.graph.formula import ATOM, LOOSE, PRODUCT, SUM, Written, spelled_out, to_formula
from jetfold.graph.notation_words import element, matrix_product
from jetfold.graph.ops import (
    Broadcast,
    MatrixFunctionName,
    Op,
    Reshape,
    Slice,
    Type,
    rename_axes,
    split_spec,
)
from jetfold.graph.text import abbreviate, describe_op

PRIMES = 3
"""Up to this order derivatives have primes."""


class PlainWords:
    """See `jetfold.graph.notation_words.Words`."""

    def letter(self, name: str) -> str:
        return name

    def numbered(self, letter: str, number: int) -> str:
        return f"{letter}{number}"

    def indexed(self, name: str, order: int, indices: Sequence[str]) -> Written:
        primes = "'" * order if order <= PRIMES else f"^({order})"
        return Written(name + primes + (f"[{', '.join(indices)}]" if indices else ""))

    def sum_named(self, directions: Sequence[str], value: Written) -> Written:
        return Written(f"sum_{'_'.join(directions)} {value}", LOOSE)

    def barred(self, name: str) -> str:
        return f"bar({name})"

    def number(self, value: float) -> Written:
        return Written(repr(float(value)).removesuffix(".0"), SUM if value < 0 else ATOM)

    def array(self, value: NDArray[Any]) -> Written:
        return Written(abbreviate(value))

    def belongs(self, value: Written, kind: Type) -> str:
        return f"{value} in R" + (f"^{'x'.join(map(str, kind.shape))}" if kind.shape else "")

    def expression(self, expr: sp.Expr, operands: Sequence[str]) -> Written:
        return to_formula(spelled_out(expr), operands)

    def contraction(self, spec: str, operands: Sequence[Written]) -> Written:
        product = matrix_product(spec)
        if product is None:
            letters, result = split_spec(spec)
            if "" in letters and result == "".join(letters):
                return Written("*".join(_tight(o, PRODUCT) for o in operands), PRODUCT)
            return Written(f'einsum("{rename_axes(spec)}", {", ".join(operands)})')
        left, right = (
            _tight(operands[at], ATOM if transposed else PRODUCT) + ".T" * transposed
            for at, transposed in zip(product[:2], product.transposed, strict=True)
        )
        return Written(f"{left} @ {right}", LOOSE)

    def sum_over(self, directions: Sequence[str], body: Written) -> Written:
        return Written(f"sum_{'_'.join(directions)}({body})")

    def sum_of_axes(self, axes: Sequence[int], body: Written, rank: int) -> Written:
        return Written(f"sum({body}, axes={tuple(axes)})")

    def matrix_function(self, name: MatrixFunctionName, operand: Written) -> Written:
        return Written(f"{name}({operand})")

    def move(self, op: Op, operands: Sequence[Written], ranks: Sequence[int]) -> Written:
        place = element(op, ranks)
        if place is not None:
            return Written(f"{_tight(operands[0], ATOM)}[{place}]")
        if isinstance(op, (Reshape, Broadcast)):
            return Written(f"{type(op).__name__.lower()}({operands[0]}, {op.shape})")
        if isinstance(op, Slice):
            operands = [Written(_tight(operand, ATOM)) for operand in operands]
        return Written(describe_op(op, operands))


def _tight(operand: Written, level: int) -> str:
    return operand if operand.binds >= level else f"({operand})"
