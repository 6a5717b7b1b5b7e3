"""Picks and collections along direction axes, compiled and un-jitted, against interpretation."""

from __future__ import annotations

import numpy as np
import sympy as sp

from graphs import A, B, C
from jetfold.backends.lower import lower
from jetfold.backends.program import Run
from jetfold.graph import (
    Array,
    Collect,
    Constant,
    Contract,
    Direct,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Map,
    Parameter,
    Pick,
    Replicate,
    Reshape,
    Sum,
    Type,
)
from programs import FLOAT32, FLOAT64, check

M, N, P, Q = (DirectionAxis(name, size) for name, size in (("m", 3), ("n", 2), ("p", 5), ("q", 4)))
LEFT = Array(np.array([2, 0, 1, 1, 2]))
RIGHT = Array(np.array([0, 0, 2, 1, 2]))
IN_ORDER = Array(np.array([0, 0, 2, 2, 2]))  # nothing comes to 1
MIXED = Array(np.array([2, 0, 2, 0, 0]))
NUMBERS = Array(np.array([1.0, -2.0, 0.5, 3.0, -1.0]))


def along(editor: Editor, *axes: DirectionAxis) -> tuple[int, int, int]:
    """x, and two values of its shape that vary and have direction axes."""
    x = editor.add(Input("x", Type((4,))))
    v = editor.add(Parameter("v", Type((4,), axes)))
    w = editor.add(Parameter("w", Type((4,), axes)))
    return x, editor.add(Map(A * sp.sin(B)), x, v), editor.add(Map(A + B), x, w)


def product(editor: Editor, left: int, right: int, index: Array) -> int:
    """A table product: sum of c_p left[LEFT[p]] right[RIGHT[p]] for all p that go to m."""
    numbers = editor.add(Constant(NUMBERS, (P,)))
    picked = [editor.add(Pick(i, "m", P), a) for i, a in ((LEFT, left), (RIGHT, right))]
    return editor.add(Collect(index, "p", M), editor.add(Map(A * B * C), numbers, *picked))


def total(editor: Editor, node: int) -> int:
    names = tuple(axis.name for axis in editor[node].type.directions)
    return editor.add(Sum((), names), editor.add(Map(A**2 + A), node)) if names else node


def test_products_by_tables() -> None:
    editor = Editor()
    x, left, right = along(editor, M)
    outputs = []
    for index in (IN_ORDER, MIXED):
        found = product(editor, left, right, index)
        slope = editor.add(Map(sp.cos(A)), x)
        outputs += [
            total(editor, found),
            total(editor, editor.add(Map(A * B + C), slope, found, left)),
            total(editor, product(editor, found, found, index)),
        ]
    check(editor.freeze(outputs), jitted=[FLOAT32, FLOAT64])


def test_terms_stay_in_registers() -> None:
    editor = Editor()
    x, left, right = along(editor, M)
    slope = editor.add(Map(sp.cos(A)), x)
    found = editor.add(Map(A * B), slope, product(editor, left, right, IN_ORDER))
    program = lower(editor.freeze([total(editor, found)]))
    runs = [instruction for instruction in program.instructions if isinstance(instruction, Run)]
    stored = [buffer.slots for buffer in program.buffers]
    assert P.size not in stored
    assert len(runs) == 2  # the two values that are picked from, then all else


def test_products_along_other_axes() -> None:
    editor = Editor()
    _, left, right = along(editor, M, N)
    outputs = []
    for index in (IN_ORDER, MIXED):
        found = product(editor, left, right, index)
        outputs += [total(editor, found), total(editor, editor.add(Sum((), ("n",)), found))]
    check(editor.freeze(outputs))


def test_picks() -> None:
    editor = Editor()
    x, left, right = along(editor, M)
    once = editor.add(Pick(LEFT, "m", P), left)
    twice = editor.add(Pick(Array(np.array([4, 4, 0, 2])), "p", Q), once)
    again = editor.add(Pick(Array(np.array([1, 1, 0])), "m", M), right)
    outputs = [
        editor.add(Sum((), ("p",)), once),
        total(editor, twice),
        total(editor, editor.add(Map(A * B), again, left)),
        total(editor, editor.add(Map(A * B), once, left)),
        total(editor, editor.add(Map(A * B + C), twice, x, editor.add(Pick(MIXED, "m", P), left))),
        editor.add(Sum((0,), ("p",)), once),
    ]
    check(editor.freeze(outputs))


def test_picks_of_copies() -> None:
    editor = Editor()
    _, left, _ = along(editor, M)
    copies = editor.add(Replicate(Q), left)
    picked = editor.add(Pick(Array(np.array([3, 3, 0, 1, 2])), "q", P), copies)
    check(
        editor.freeze([total(editor, picked), total(editor, editor.add(Map(A * B), picked, left))])
    )


def test_names_that_are_free_again() -> None:
    """An axis that is picked away, and others of its name: copies, or an axis of the point."""
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    v = editor.add(Parameter("v", Type((3,), (M,))))
    picked = editor.add(Pick(LEFT, "m", P), editor.add(Map(A * sp.sin(B)), x, v))
    values = [editor.add(Replicate(M), picked), editor.add(Direct(0, M), picked)]
    values += [editor.add(Pick(Array(np.array([1, 1, 0, 2])), "m", Q), value) for value in values]
    numbers = editor.add(Constant(NUMBERS, (P,)))
    u = editor.add(Parameter("u", Type((), (M,))))
    w = editor.add(Parameter("w", Type((), (Q,))))
    weights = [u, u, w, w]
    outputs = [
        total(editor, editor.add(Map(A * B * C), value, weight, numbers))
        for value, weight in zip(values, weights, strict=True)
    ]
    check(editor.freeze(outputs))


def test_picks_along_an_axis_of_the_point() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((3, 2))))
    rows = editor.add(Direct(0, M), editor.add(Map(sp.sin(A)), x))
    picked = editor.add(Pick(LEFT, "m", P), rows)
    turned = editor.add(Pick(LEFT, "m", P), editor.add(Direct(0, M), x))
    outputs = [
        editor.add(Sum((), ("p",)), editor.add(Map(A * B), picked, turned)),
        total(editor, editor.add(Collect(MIXED, "p", M), picked)),
    ]
    check(editor.freeze(outputs))


def test_contractions_of_picks() -> None:
    editor = Editor()
    _, left, right = along(editor, M)
    matrix = editor.add(Parameter("W", Type((4, 6))))
    a, b = editor.add(Pick(LEFT, "m", P), left), editor.add(Pick(RIGHT, "m", P), right)
    outputs = [
        total(editor, editor.add(Contract("a,a->"), a, b)),
        total(editor, editor.add(Collect(MIXED, "p", M), editor.add(Contract("a,b->ab"), a, b))),
        total(editor, editor.add(Contract("a,ab->b"), a, matrix)),
        total(editor, editor.add(Contract("a,ab->b"), product(editor, left, right, MIXED), matrix)),
        editor.add(Sum((), ("p",)), editor.add(Contract("a,a->"), a, b)),
    ]
    check(editor.freeze(outputs))


def test_what_is_collected() -> None:
    """Terms that are read elsewhere, views, and terms that are no function."""
    editor = Editor()
    x, left, right = along(editor, M)
    picked = editor.add(Pick(LEFT, "m", P), left)
    terms = editor.add(Map(A * B), picked, x)
    reshaped = editor.add(Reshape((2, 2)), editor.add(Map(A - B), picked, x))
    outputs = [
        total(editor, editor.add(Collect(MIXED, "p", M), terms)),
        editor.add(Sum((), ("p",)), terms),
        total(editor, editor.add(Collect(IN_ORDER, "p", M), reshaped)),
        total(editor, editor.add(Collect(MIXED, "p", M), picked)),
        total(editor, editor.add(Collect(Array(np.array([1, 1, 0])), "m", N), right)),
        total(editor, editor.add(Collect(Array(np.array([1, 1, 1])), "m", M), right)),
    ]
    check(editor.freeze(outputs))


def test_shared_values() -> None:
    editor = Editor()
    v = editor.add(Parameter("v", Type((4,), (M,))))
    x = editor.add(Input("x", Type((4,))))
    picked = editor.add(Pick(LEFT, "m", P), v)
    collected = editor.add(Collect(MIXED, "p", M), editor.add(Map(A**3), picked))
    graph: Graph = editor.freeze(
        [
            total(editor, editor.add(Map(A * sp.exp(B)), x, picked)),
            total(editor, editor.add(Map(A * sp.exp(B)), x, collected)),
        ]
    )
    check(graph)
