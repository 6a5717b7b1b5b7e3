"""Direction axes and the directions along them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np

from jetfold.graph import Array, Constant, DirectionAxis, Graph
from jetfold.rules.jet_algebra import ProductTable
from jetfold.rules.problem import Problem
from jetfold.rules.tables import Axis, TableProducts


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


def combined_directions(
    products: TableProducts, problem: Problem, rows: Sequence[Mapping[int, Fraction]], axis: Axis
) -> int:
    """Combinations of a problem's directions v_i: sum_i ``rows[l][i]`` v_i for all l along an axis.

    Without an axis there is one row.
    """
    editor, count = products.editor, problem.count
    if axis is not None and list(rows) == [{i: 1} for i in range(count)]:
        return problem.directions(editor, axis)
    own = products.fresh(count)
    node = problem.directions(editor, own)
    op = editor[node].op
    if isinstance(op, Constant):
        matrix = np.zeros((len(rows), count))
        for at, row in enumerate(rows):
            matrix[at, list(row)] = [float(number) for number in row.values()]
        value = np.tensordot(matrix, op.value.value, 1)
        return editor.add(Constant(Array(value if axis else value[0]), (axis,) if axis else ()))
    terms = [(at, i, number) for at, row in enumerate(rows) for i, number in row.items()]
    table = ProductTable(
        np.array([[i] for _, i, _ in terms], np.int64),
        np.array([at for at, _, _ in terms], np.int64),
        tuple(number for _, _, number in terms),
    )
    found = products.product(table, [node], [own], axis)
    assert found is not None
    number, combined = found
    return products.times(number, combined)
