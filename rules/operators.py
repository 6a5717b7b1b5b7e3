"""Differential operators as Taylor graphs: which jets are pushed and what is summed at the end."""

from __future__ import annotations

import numpy as np
import sympy as sp

from jetfold.graph import (
    Array,
    Constant,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Op,
    Replicate,
    Sum,
    Type,
    add_map,
    constant,
    fit,
    operand_symbol,
)
from jetfold.rules.taylor import push_forward


def fresh_axis(graph: Graph, size: int) -> DirectionAxis:
    """A direction axis with a name that no value of the graph has: r, r1, r2, ..."""
    used = {axis.name for node in graph for axis in graph[node].type.directions}
    names = (f"r{i}" if i else "r" for i in range(len(used) + 1))
    return DirectionAxis(next(name for name in names if name not in used), size)


def unit_directions(graph: Graph, shape: tuple[int, ...]) -> Constant:
    """One direction for each coordinate of a point of this shape."""
    size = int(np.prod(shape))
    identity = np.eye(size).reshape((size, *shape))
    return Constant(Array(identity), (fresh_axis(graph, size),))


def direction_sum(
    graph: Graph, point: Input, directions: Op, order: int, weight: sp.Expr = sp.S.One
) -> Graph:
    """Standard Taylor mode for ``weight * sum_r <d^order f(x), v_r, .., v_r>``.

    ``point`` is the `Input` of the function graph that moves; ``directions`` is a leaf of its shape
    with one direction axis r, the vectors v_r. R jets ``(x, v_r, 0, .., 0)`` are pushed, each
    with its own copy of everything (`Replicate` at the point), and their highest coefficients
    are added up. The other inputs stand still. One output for each output of the function.
    """
    editor = Editor()
    velocity = editor.add(directions)
    (axis,) = editor[velocity].type.directions
    paths = {}
    for node in graph.inputs:
        copies = editor.add(Replicate(axis), editor.add(graph[node].op))
        kind = editor[copies].type
        first = velocity if graph[node].op == point else constant(editor, 0, kind)
        paths[node] = [copies, first, *[constant(editor, 0, kind)] * (order - 1)]
    jets = push_forward(editor, graph, order, paths)
    outputs = []
    for output in graph.outputs:
        jet = jets[output]
        shape = graph[output].type.shape
        top = jet[order] if len(jet) > 1 else constant(editor, 0, Type(shape))
        total = editor.add(Sum((), (axis.name,)), fit(editor, top, Type(shape, (axis,))))
        outputs.append(add_map(editor, weight * operand_symbol(0), {operand_symbol(0): total}))
    return editor.freeze(outputs)


def jet(graph: Graph, point: Input, order: int) -> Graph:
    """The coefficients 0..order of the function along one path with given coefficients.

    The path's coefficients are inputs named after the point's with the order appended. The outputs
    are those of order 0, then those of order 1, and so on.
    """
    editor = Editor()
    paths = {}
    for node in graph.inputs:
        still = [constant(editor, 0, graph[node].type)] * order
        higher = [editor.add(coefficient) for coefficient in path_inputs(point, order)]
        paths[node] = [editor.add(graph[node].op), *(higher if graph[node].op == point else still)]
    jets = push_forward(editor, graph, order, paths)
    outputs = []
    for k in range(order + 1):
        for output in graph.outputs:
            known = jets[output]
            zero_k = constant(editor, 0, graph[output].type)
            outputs.append(known[k] if k < len(known) else zero_k)
    return editor.freeze(outputs)


def path_inputs(point: Input, order: int) -> list[Input]:
    """The inputs that hold the path's coefficients 1..order."""
    return [Input(f"{point.name}_{k}", point.type) for k in range(1, order + 1)]
