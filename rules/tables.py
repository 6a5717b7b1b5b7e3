"""Products in an algebra as nodes: pick the factors of every term, multiply, collect."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from jetfold.graph import (
    Array,
    Collect,
    Constant,
    Contract,
    DirectionAxis,
    Editor,
    Pick,
    Sum,
    add_map,
    operand_symbol,
)
from jetfold.rules.form import FormTable
from jetfold.rules.jet_algebra import ProductTable

Axis = DirectionAxis | None
"""The direction axis of a block; a block of one element has none."""


LONGEST_INTEGER = 2**53
"""All integers up to this one are floating-point numbers."""


class TableProducts:
    """Adds products by tables to an editor.

    Equal tables get equal axes, so that equal products become one node, and layers of equal
    structure equal kernels. ``fresh`` gives a new axis of some size.
    """

    def __init__(self, editor: Editor, fresh: Callable[[int], DirectionAxis]) -> None:
        self.editor = editor
        self.fresh = fresh
        self.known: dict[object, DirectionAxis] = {}
        self.form: tuple[int, Axis] | None = None
        """The coefficients of a form, where there is one, and the axis along which they lie."""

    def product(
        self,
        table: ProductTable | FormTable,
        factors: Sequence[int],
        axes: Sequence[Axis],
        target: Axis,
        contract: Contract | None = None,
    ) -> tuple[sp.Expr, int] | None:
        """The sum over the table's terms, as a number times a node; None for an empty table.

        Factor i has its block along ``axes[i]``, the result along ``target``. The factors are
        multiplied elementwise, or by a contraction.
        """
        if not len(table.target):
            return None
        editor = self.editor
        axis = self._term_axis(table, axes, target)
        picked = [
            self._pick(factor, have, index, axis)
            for factor, have, index in zip(factors, axes, table.indices.T, strict=True)
        ]
        if contract is not None:
            picked = [editor.add(contract, *picked)]
        number, weights = self._weights(table, axis, axis is not None and not any(axes))
        picked += weights
        symbols = {sp.Symbol(f"t{node}", real=True): node for node in picked}
        expr = sp.Mul(*(sp.Symbol(f"t{node}", real=True) for node in picked))
        terms = add_map(editor, expr, symbols)
        if axis is None or axis == target:
            return number, terms
        if target is None:
            return number, editor.add(Sum((), (axis.name,)), terms)
        return number, editor.add(Collect(Array(table.target), axis.name, target), terms)

    def _weights(
        self, table: ProductTable | FormTable, axis: Axis, always: bool
    ) -> tuple[sp.Expr, list[int]]:
        """The coefficients as a number times a node along an axis; no node if that is 1."""
        if isinstance(table, FormTable):
            return sp.S.One, [self.combined(table.coefficients, axis)]
        number, weights = common_factor(table.coefficients)
        if weights is None and not always:
            return number, []
        values = np.ones(len(table.target)) if weights is None else weights
        known = Constant(Array(values), (axis,)) if axis else Constant(Array(values[0]))
        return number, [self.editor.add(known)]

    def combined(self, numbers: Sequence[Mapping[int, Fraction]], axis: Axis) -> int:
        """Combinations sum_q ``numbers[p][q]`` c_q of a form's coefficients, for all p."""
        assert self.form is not None
        node, have = self.form
        terms = [(p, q, number) for p, row in enumerate(numbers) for q, number in row.items()]
        table = ProductTable(
            np.array([[q] for _, q, _ in terms], np.int64),
            np.array([p for p, _, _ in terms], np.int64),
            tuple(number for _, _, number in terms),
        )
        found = self.product(table, [node], [have], axis)
        assert found is not None
        return self.times(*found)

    def times(self, number: sp.Expr, node: int) -> int:
        """The node of a number times a node."""
        return add_map(self.editor, number * operand_symbol(0), {operand_symbol(0): node})

    def _term_axis(
        self, table: ProductTable | FormTable, axes: Sequence[Axis], target: Axis
    ) -> Axis:
        """The axis along which the terms lie: one that is there, if it counts them in order."""
        if target is not None and _in_order(table.target, target):
            return target
        if target is None:
            for have, index in zip(axes, table.indices.T, strict=True):
                if have is not None and _in_order(index, have):
                    return have
            if not any(axes):
                return None
        key = (table.indices.tobytes(), table.target.tobytes(), tuple(axes), target)
        if key not in self.known:
            self.known[key] = self.fresh(len(table.target))
        return self.known[key]

    def _pick(self, factor: int, have: Axis, index: NDArray[np.int64], axis: Axis) -> int:
        if have is None or (have == axis and _in_order(index, have)):
            return factor
        assert axis is not None
        return self.editor.add(Pick(Array(index), have.name, axis), factor)


def _in_order(index: NDArray[np.int64], axis: DirectionAxis) -> bool:
    return len(index) == axis.size and bool((index == np.arange(axis.size)).all())


def common_factor(
    coefficients: Sequence[Fraction],
) -> tuple[sp.Expr, NDArray[np.float64] | None]:
    """Coefficients as a number times integers, which are exact; None where all of these are 1.

    Where the integers would be too long for that, they are the coefficients themselves, rounded.
    """
    below = math.lcm(*(number.denominator for number in coefficients))
    whole = [int(number * below) for number in coefficients]
    above = math.gcd(*whole) * (1 if whole[0] > 0 else -1)
    whole = [number // above for number in whole]
    if max(map(abs, whole)) > LONGEST_INTEGER:
        return sp.S.One, np.array([float(number) for number in coefficients])
    weights = None if set(whole) == {1} else np.array(whole, dtype=float)
    return sp.Rational(above, below), weights
