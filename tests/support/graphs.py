"""Graphs built by hand, node by node: a network, the two ways to its Laplacian, odd ones."""

from __future__ import annotations

import numpy as np
import sympy as sp

from jetfold.graph.graph import Coefficient, Editor, Graph
from jetfold.graph.ops import (
    Array,
    Constant,
    Contract,
    DirectionAxis,
    Input,
    Map,
    Parameter,
    Replicate,
    SourceLine,
    Sum,
    Type,
    operand_symbol,
)

A, B, C, D = map(operand_symbol, range(4))
FILE = "network.py"
ADD = Map(A + B)
TANH = Map(sp.tanh(A))
SLOPE = Map(1 - A**2)  # of tanh, in its value
CURVATURE = Map(-2 * A * (1 - A**2))
ORDER2 = Map(B * (1 - A**2) - 2 * A * (1 - A**2) * C**2)


def network(dim: int = 3, width: int = 8) -> Graph:
    """u(x) = w . tanh(tanh(x W1 + b1) W2 + b2)."""
    editor = Editor()
    value = editor.add(Input("x", Type((dim,))), source=SourceLine(FILE, 1, "def u(x, params):"))
    for layer, fan_in in ((1, dim), (2, width)):
        source = SourceLine(FILE, 1 + layer, f"h = np.tanh(h @ W{layer} + b{layer})")
        weights = editor.add(Parameter(f"W{layer}", Type((fan_in, width))))
        bias = editor.add(Parameter(f"b{layer}", Type((width,))))
        value = editor.add(Contract("a,ab->b"), value, weights, source=source)
        value = editor.add(ADD, value, bias, source=source)
        value = editor.add(TANH, value, source=source)
    last = editor.add(Parameter("w", Type((width,))))
    source = SourceLine(FILE, 4, "return h @ w")
    return editor.freeze([editor.add(Contract("a,a->"), value, last, source=source)])


def laplacian(collapsed: bool, dim: int = 3, width: int = 8) -> Graph:
    """The value and the Laplacian of `network`, by 2-jets along the axis r of unit directions.

    Not collapsed, the second coefficient has the axis r and its sum comes last; collapsed, the
    sum itself goes through the network.
    """
    axis = DirectionAxis("r", dim)
    summed = ("r",) if collapsed else ()
    editor = Editor()
    x0 = editor.add(Input("x", Type((dim,))), role=Coefficient(0, 0))
    x1 = editor.add(Constant(Array(np.eye(dim)), (axis,)), role=Coefficient(0, 1))
    x2 = editor.add(Constant(Array(np.zeros(dim))), role=Coefficient(0, 2, summed))
    if not collapsed:
        x2 = editor.add(Replicate(axis), x2, role=Coefficient(0, 2))
    jet = [x0, x1, x2]
    for layer, fan_in, linear, tanh in ((1, dim, 3, 5), (2, width, 7, 10)):
        weights = editor.add(Parameter(f"W{layer}", Type((fan_in, width))))
        bias = editor.add(Parameter(f"b{layer}", Type((width,))))
        orders = [Coefficient(linear, 0), Coefficient(linear, 1), Coefficient(linear, 2, summed)]
        h0, h1, h2 = (
            editor.add(Contract("a,ab->b"), x, weights, role=order)
            for x, order in zip(jet, orders, strict=True)
        )
        y0 = editor.add(TANH, editor.add(ADD, h0, bias), role=Coefficient(tanh, 0))
        slope = editor.add(SLOPE, y0)
        y1 = editor.add(Map(A * B), slope, h1, role=Coefficient(tanh, 1))
        if collapsed:
            squares = editor.add(Sum(directions=("r",)), editor.add(Map(A**2), h1))
            curvature = editor.add(CURVATURE, y0)
            y2 = editor.add(Map(A * B + C * D), slope, h2, curvature, squares)
        else:
            y2 = editor.add(ORDER2, y0, h2, h1)
        editor.annotate(y2, None, Coefficient(tanh, 2, summed))
        jet = [y0, y1, y2]
    last = editor.add(Parameter("w", Type((width,))))
    value = editor.add(Contract("a,a->"), jet[0], last, role=Coefficient(12, 0))
    top = editor.add(Contract("a,a->"), jet[2], last, role=Coefficient(12, 2, summed))
    if not collapsed:
        top = editor.add(Sum(directions=("r",)), top, role=Coefficient(12, 2, ("r",)))
    return editor.freeze([value, top])


def corner_cases() -> Graph:
    """Leaves as outputs, outputs twice, parallel edges, a Map of nothing, two direction axes."""
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    w = editor.add(Parameter("w" * 80, Type((3,))))
    y = editor.add(Replicate(DirectionAxis("s", 12)), x)
    y = editor.add(Replicate(DirectionAxis("r", 3)), y)
    y = editor.add(Map(A - B), y, w)
    square = editor.add(Map(A * B), x, x)
    half = editor.add(Map(sp.pi / 2))
    return editor.freeze([w, x, w, square, y, half])


def large(count: int = 250) -> Graph:
    """A graph of this many nodes with long and crossing edges, the same every time."""
    random = np.random.default_rng(0)
    editor = Editor()
    nodes = [editor.add(Input(name, Type((3,)))) for name in "xyz"]
    exprs = [A + B, A * B, A - B, A * B + C, A**2 * B - C**2]
    while len(nodes) < count:
        expr = exprs[random.integers(len(exprs))]
        chosen = random.choice(nodes[-14:], len(expr.free_symbols), replace=False)
        node = editor.add(Map(expr), *map(int, chosen))
        if node not in nodes:
            nodes.append(node)
    used = editor.freeze(nodes)
    return editor.freeze([node for node in nodes if not used.users(node)])


EXAMPLES = {
    "network": network(),
    "standard": laplacian(collapsed=False),
    "collapsed": laplacian(collapsed=True),
    "corner cases": corner_cases(),
    "large": large(),
    "nothing": Editor().freeze([]),
}
