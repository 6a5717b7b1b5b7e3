"""Every primitive and its first derivatives, compiled and un-jitted, also where it is special."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from graphs import A, B
from jetfold.backends.cpu import CompiledGraph
from jetfold.graph import (
    Array,
    Constant,
    Contract,
    Editor,
    Graph,
    Input,
    Map,
    Slice,
    Sum,
    Type,
)
from jetfold.rules.operators import jet
from jetfold.rules.primitives import PRIMITIVES
from programs import FLOATS, interpreted, unjitted

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, np.inf, -np.inf, np.nan]


def primitives(names: list[str], order: int) -> Graph:
    """The coefficients of the jets of primitives along a path x, x_1, .. of their operands."""
    editor = Editor()
    outputs = []
    point = Input("x", Type((3,)))
    for name in names:
        own = Editor()
        x = own.add(point)
        parts = [own.add(Slice((i,), (1,), (1,)), x) for i in range(PRIMITIVES[name].arity)]
        graph = own.freeze([own.add(Map(PRIMITIVES[name].expr), *parts)])
        pushed = jet(graph, point, order)
        where = editor.insert(pushed, {})
        outputs += [where[output] for output in pushed.outputs]
    return editor.freeze(outputs)


NAMES = sorted(PRIMITIVES)
GROUPS = [NAMES[i::6] for i in range(6)]


def defined(name: str, x: Any) -> Any:
    """Where SciPy, which the interpreter asks, knows what a primitive's derivatives are."""
    if name == "gammaln":  # no limit at -infinity
        return x[:, 0] != -np.inf
    return np.full(len(x), True)


@pytest.mark.parametrize("group", range(6))
def test_primitives(group: int) -> None:
    """Orders 0 to 2 of every primitive, at ordinary points and where something is special.

    Un-jitted in both dtypes; compiled in one, the groups taking turns.
    """
    graph = primitives(GROUPS[group], 2)
    operator = CompiledGraph(graph)
    random = np.random.default_rng(1)
    grid = np.array(np.meshgrid(SPECIAL, SPECIAL, [1.0, 0.0])).reshape(3, -1).T
    for dtype in FLOATS:
        x = np.concatenate([random.uniform(-2, 2, (60, 3)), grid]).astype(dtype)
        path = random.uniform(-1, 1, (2, len(x), 3)).astype(dtype)
        inputs = {"x": x, "x_1": path[0], "x_2": path[1]}
        expected = interpreted(graph, len(x), inputs, {})
        results = [unjitted(operator)(len(x), dtype, inputs, {})]
        if dtype == FLOATS[group % 2]:
            results.append(operator(len(x), dtype, inputs, {}))
        for i, name in enumerate(name for name in GROUPS[group] for _ in range(3)):
            where = defined(name, x)
            right = expected[i].astype(dtype)[where]
            for found in results:
                compare(f"{name}, order {i % 3}", found[i][where], right, x[where])


def compare(what: str, found: Any, expected: Any, x: Any) -> None:
    tolerance = 1e-4 if found.dtype == np.float32 else 1e-10
    close = np.isclose(found, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
    wrong = np.flatnonzero(~close.all(axis=1))
    assert not wrong.size, f"{what} at {x[wrong[:5]]}: {found[wrong[:5]]}, {expected[wrong[:5]]}"


def test_nan_stays_nan() -> None:
    """Through products, sums, selections and maxima: no flag lets the compiler drop it."""
    editor = Editor()
    x = editor.add(Input("x", Type((2,))))
    one, two = (editor.add(Slice((i,), (1,), (1,)), x) for i in range(2))
    outputs = [
        editor.add(Map(expr), one, two)
        for expr in (
            A + B,
            A - A * B,
            PRIMITIVES["maximum"].expr,
            PRIMITIVES["minimum"].expr,
            sp.tanh(A * B),
        )
    ]
    outputs.append(editor.add(Contract("a,ab->b"), x, editor.add(Constant(Array(np.ones((2, 2)))))))
    outputs.append(editor.add(Sum((0,), ()), x))
    graph = CompiledGraph(editor.freeze(outputs))
    for dtype in FLOATS:
        points = np.array([[np.nan, 1.0], [1.0, np.nan]], dtype)
        for value in graph(2, dtype, {"x": points}, {}):
            assert np.isnan(value).all()
