"""Problems for tests: operators along the axes or other directions, and the graphs' values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from jetfold.graph import (
    BATCH,
    Constant,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Parameter,
    Type,
    Value,
    interpret,
    rewrite,
    simplify,
)
from jetfold.graph.numbers import EXACT, FLOAT
from jetfold.rules.collapse import PULL_SUM, PUSH_REPLICATE
from jetfold.rules.operators import exact_directions, interpolated
from jetfold.rules.polynomial import from_sympy
from jetfold.rules.problem import Functional, Problem

METHODS = ("standard", "collapsed")

X = sp.symbols("x0:6")
"""The symbols of operators: d/dx0, d/dx1, ..; and the coordinates of the points of functions."""


def problem(operators: Sequence[Any], shape: tuple[int, ...], outputs: int = 1) -> Problem:
    """All these polynomials in `X` along the axes, first of output 0, then of output 1, .."""
    size = math.prod(shape)
    polynomials = [from_sympy(sp.sympify(operator), X[:size]) for operator in operators]
    functionals = [Functional(i, p) for i in range(outputs) for p in polynomials]
    return Problem(size, exact_directions(shape), tuple(functionals), as_they_are)


def as_they_are(editor: Editor, nodes: Sequence[int]) -> list[int]:
    """The functionals themselves as an operator's outputs."""
    return list(nodes)


def along(leaf: Constant | Parameter) -> Callable[[Editor, DirectionAxis], int]:
    """The directions that lie along the only direction axis of a leaf."""

    def directions(editor: Editor, axis: DirectionAxis) -> int:
        if isinstance(leaf, Constant):
            return editor.add(replace(leaf, directions=(axis,)))
        return editor.add(replace(leaf, type=Type(leaf.type.shape, (axis,))))

    return directions


def power_sum(
    graph: Graph,
    point: Input,
    order: int,
    leaf: Constant | Parameter | None = None,
    weight: Fraction = Fraction(1),
) -> Graph:
    """Standard Taylor mode for ``weight * sum_r <d^order f, v_r, .., v_r>`` of every output f.

    The directions are those of a leaf, or else one for each coordinate.
    """
    directions = exact_directions(point.type.shape) if leaf is None else along(leaf)
    axes = () if leaf is None else leaf_axes(leaf)
    count = axes[0].size if axes else math.prod(point.type.shape)
    polynomial = {(r,) * order: weight for r in range(count)}
    functionals = tuple(Functional(i, polynomial) for i in range(len(graph.outputs)))
    return interpolated(graph, point, Problem(count, directions, functionals, as_they_are))


def leaf_axes(leaf: Constant | Parameter) -> tuple[DirectionAxis, ...]:
    """The direction axes of a leaf."""
    return leaf.directions if isinstance(leaf, Constant) else leaf.type.directions


def derivative(expr: sp.Expr, operator: Any, symbols: Sequence[sp.Symbol] = X) -> sp.Expr:
    """P(d/dx) of an expression, by SymPy; the operator is a polynomial in `X`."""
    total = sp.S.Zero
    for powers, number in sp.Poly(operator, *X).terms():
        orders = [(s, n) for s, n in zip(symbols, powers, strict=False) if n]
        total += number * (sp.diff(expr, *orders) if orders else expr)
    return total


def stage(graph: Graph, method: str) -> Graph:
    """The graph that runs with a method."""
    pushed = rewrite(graph, PUSH_REPLICATE).graph
    return simplify(pushed if method == "standard" else rewrite(pushed, PULL_SUM).graph).graph


def outputs_at(graph: Graph, points: NDArray[Any], **parameters: Any) -> list[NDArray[Any]]:
    """The outputs of a graph at points (count, *shape), in the numbers of the points."""
    numbers = EXACT if points.dtype == object else FLOAT
    leaves = {}
    for node in (*graph.inputs, *graph.parameters):
        op = graph[node].op
        assert isinstance(op, (Input, Parameter))
        lead = tuple(axis.name for axis in op.type.directions)
        value = points if isinstance(op, Input) else numbers.array(parameters[op.name])
        leaves[node] = Value(value, (BATCH,) if isinstance(op, Input) else lead)
    values = interpret(graph, leaves, numbers)
    found = []
    for output in graph.outputs:
        shape = graph[output].type.shape
        array = values[output].align((BATCH,), len(shape))
        found.append(np.broadcast_to(array, (len(points), *shape)))
    return found


def at_points(graph: Graph, points: NDArray[Any], **parameters: Any) -> NDArray[Any]:
    """The only output of a graph at points (count, *shape), in the numbers of the points."""
    (found,) = outputs_at(graph, points, **parameters)
    return found


def rational_points(count: int, *shape: int) -> NDArray[Any]:
    """Some points with small rational coordinates."""
    random = np.random.default_rng(count)
    return EXACT.array(random.integers(-9, 9, (count, *shape)) / 8)
