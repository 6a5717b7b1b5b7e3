"""Direction axes and the directions along them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np

from jetfold.graph import Array, Constant, DirectionAxis, Graph
from jetfold.rules.jet_algebra import ProductTable
from jetfold.rules.problem import Problem
from jetfold.rules.tables import Axis, TableProducts, common_factor


def fresh_axes(graph: Graph) -> Callable[[int], DirectionAxis]:
    """New direction axes of given sizes, with names that no value of the graph has: r, r1, .."""
    used = {axis.name for node in graph for axis in graph[node].type.directions}
    count = 0

    def fresh(size: int) -> DirectionAxis:
        nonlocal count
        while (name := f"r{count}" if count else "r") in used:
            count += 1
        count += 1
        return DirectionAxis(name, size)

    return fresh


class Directions:
    """A problem's directions v_i in an editor, and combinations of them."""

    def __init__(self, products: TableProducts, problem: Problem) -> None:
        self.products = products
        self.problem = problem
        self.own: tuple[int, DirectionAxis] | None = None

    @property
    def all(self) -> tuple[int, DirectionAxis]:
        """All of them, and the axis along which they lie."""
        if self.own is None:
            axis = self.products.fresh(self.problem.count)
            self.own = self.problem.directions(self.products.editor, axis), axis
        return self.own

    def combined(self, rows: Sequence[Mapping[int, Fraction]], axis: Axis) -> int:
        """sum_i ``rows[l][i]`` v_i for all l along an axis; without an axis there is one row."""
        editor, count = self.products.editor, self.problem.count
        if self.own is None and axis and list(rows) == [{i: 1} for i in range(count)]:
            self.own = self.problem.directions(editor, axis), axis
        node, own = self.all
        if own == axis:
            return node
        op = editor[node].op
        places = [(at, i) for at, row in enumerate(rows) for i in row]
        coefficients = [rows[at][i] for at, i in places]
        if isinstance(op, Constant):
            number, weights = common_factor(coefficients)
            matrix = np.zeros((len(rows), count))
            matrix[tuple(zip(*places, strict=True))] = 1 if weights is None else weights
            value = np.tensordot(matrix, op.value.value, 1)
            known = Constant(Array(value if axis else value[0]), (axis,) if axis else ())
            return self.products.times(number, editor.add(known))
        table = ProductTable(
            np.array([[i] for _, i in places], np.int64),
            np.array([at for at, _ in places], np.int64),
            tuple(coefficients),
        )
        found = self.products.product(table, [node], [own], axis)
        assert found is not None
        return self.products.times(*found)
