"""What a way of writing formulas has to say; see `jetfold.graph.notation`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import sympy as sp
from numpy.typing import NDArray

from jetfold.graph.formula import Written
from jetfold.graph.ops import Gather, MatrixFunctionName, Op, Type, split_spec


class Words(Protocol):
    """How the parts of formulas are written."""

    def letter(self, name: str) -> str:
        """A user's name."""
        ...

    def numbered(self, letter: str, number: int) -> str:
        """The name of a node's value."""
        ...

    def indexed(self, name: str, order: int, indices: Sequence[str]) -> Written:
        """A value's derivative of some order in directions with these indices."""
        ...

    def sum_named(self, directions: Sequence[str], value: Written) -> Written:
        """The name of a sum over directions of a named value."""
        ...

    def barred(self, name: str) -> str:
        """The name of the cotangent of a value with this name."""
        ...

    def number(self, value: float) -> Written: ...

    def array(self, value: NDArray[Any]) -> Written:
        """An array in a few of its numbers."""
        ...

    def belongs(self, value: Written, kind: Type) -> str:
        """In which space a value lies."""
        ...

    def expression(self, expr: sp.Expr, operands: Sequence[str]) -> Written: ...

    def contraction(self, spec: str, operands: Sequence[Written]) -> Written: ...

    def sum_over(self, directions: Sequence[str], body: Written) -> Written: ...

    def sum_of_axes(self, axes: Sequence[int], body: Written, rank: int) -> Written: ...

    def matrix_function(self, name: MatrixFunctionName, operand: Written) -> Written: ...

    def move(self, op: Op, operands: Sequence[Written], ranks: Sequence[int]) -> Written:
        """An index move; ``ranks`` are the numbers of positional axes of its operands."""
        ...


class Product(NamedTuple):
    """A contraction as a product of matrices or vectors: positions, and which are transposed."""

    left: int
    right: int
    transposed: tuple[bool, bool]


def matrix_product(spec: str) -> Product | None:
    """How a contraction of two operands is a matrix product in NumPy's sense, if it is one."""
    operands, result = split_spec(spec)
    if len(operands) != 2:
        return None
    found = [
        Product(left, right, (first != operands[left], second != operands[right]))
        for left, right in ((0, 1), (1, 0))
        for first in _orders(operands[left])
        for second in _orders(operands[right])
        if _multiplies(first, second, result)
    ]
    return min(found, key=lambda product: sum(product.transposed), default=None)


def element(op: Op, ranks: Sequence[int]) -> int | None:
    """The place of the one element that a move takes from a vector, if that is what it does."""
    if isinstance(op, Gather) and op.index.value.ndim == 0 and tuple(ranks) == (1,):
        place = int(op.index.value)
        return place if place >= 0 else None
    return None


def _orders(letters: str) -> list[str]:
    """An operand's axes as they are, and those of the transposed matrix."""
    return [letters, letters[::-1]] if len(letters) == 2 else [letters]


def _multiplies(first: str, second: str, result: str) -> bool:
    """Whether the last axis of the first meets the first (but for common ones) of the second."""
    if not first or not second or len(set(first)) < len(first) or len(set(second)) < len(second):
        return False
    common = first[:-2] if len(second) > 2 else ""
    if not second.startswith(common) or first[-1] != second[len(common)]:
        return False
    rest = second[len(common) + 1 :]
    return len(rest) < 2 and not set(rest) & set(first) and first[:-1] + rest == result
