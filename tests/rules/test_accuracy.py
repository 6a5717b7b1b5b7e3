"""Every primitive and its derivatives to order 4 against mpmath, over the whole range of operands.

The derivatives are those of the Taylor rule along x + t, for several operands along (1, 1): of the
NumPy interpreter, and of the CPU backend's code run on NumPy arrays. For a function of one operand
with the derivative g, whose condition number is |x g'(x) / g(x)|, it is asked that

    |found - g|  <=  1e-12 (|g| + |x g'|)  +  1e-290,

and that a result be infinite, with the right sign, exactly where g is too large for a float. For
several operands the right side is the sum over the partial derivatives of which that along (1, 1)
consists; where that sum is too large for a float the result may be NaN as well.
"""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from accuracy_cases import SUBJECTS, Point, Subject, truth
from jetfold.backends.cpu import CompiledGraph
from jetfold.graph import (
    Array,
    Constant,
    Editor,
    Graph,
    Input,
    Map,
    Slice,
    Type,
    constant,
    simplify,
)
from jetfold.rules.taylor import push_forward
from programs import interpreted, unjitted

ORDER = 4
LARGEST = mpf(np.finfo(np.float64).max)


def derivatives(subject: Subject) -> Graph:
    """The derivatives 0..ORDER of a function along (1, 1) as a graph of its operands."""
    editor = Editor()
    count = len(subject.points[0])
    point = Input("x", Type((count,)))
    own = Editor()
    x = own.add(point)
    operands = [own.add(Slice((i,), (1,), (1,)), x) for i in range(count)]
    operands += [own.add(Constant(Array(np.array([value])))) for value in subject.parameters]
    graph = own.freeze([own.add(Map(subject.expr), *operands)])
    path = [editor.add(point), *(constant(editor, k == 1, point.type) for k in range(1, ORDER + 1))]
    jets = push_forward(editor, graph, ORDER, {x: path})
    return simplify(editor.freeze(jets[graph.outputs[0]])).graph


def wrong(found: float, value: Any, size: Any, operands: int) -> str | None:
    """What is wrong with a derivative."""
    allowed = mpf("1e-12") * size + mpf("1e-290")
    fine = math.isfinite(found) and abs(mpf(found) - value) <= allowed
    if abs(value) + allowed > LARGEST:
        fine = fine or found == math.copysign(math.inf, value)
    if operands > 1 and size > LARGEST:
        fine = fine or not math.isfinite(found)
    return None if fine else f"{found!r}, not {mpmath.nstr(value, 17)}, size {mpmath.nstr(size, 3)}"


@pytest.mark.parametrize("name", SUBJECTS)
def test_accuracy(name: str) -> None:
    subject = SUBJECTS[name]
    known: dict[Point, Any] = {point: truth(subject, point, ORDER) for point in subject.points}
    points = [point for point, value in known.items() if value is not None]
    assert len(points) > 8
    graph = derivatives(subject)
    inputs = {"x": np.array(points)}
    compiled = unjitted(CompiledGraph(graph))(len(points), np.dtype(np.float64), inputs, {})
    failures = []
    operands = len(points[0])
    for backend, found in (
        ("reference", interpreted(graph, len(points), inputs, {})),
        ("cpu", compiled),
    ):
        for k, column in enumerate(found):
            for point, number in zip(points, column.reshape(-1).tolist(), strict=True):
                values, sizes = known[point]
                text = wrong(number, values[k], sizes[k], operands)
                if text:
                    failures.append(f"{backend}: order {k} at {point}: {text}")
    assert not failures, f"{len(failures)}:\n" + "\n".join(failures[:60])
