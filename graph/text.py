"""Graphs as text: one line per node, operands before users, for people and for golden files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.graph.formula import to_formula
from jetfold.graph.graph import Coefficient, Cotangent, Editor, Graph, Node
from jetfold.graph.ops import (
    Broadcast,
    Collect,
    Concatenate,
    Constant,
    Contract,
    Direct,
    Gather,
    Input,
    Map,
    MatrixFunction,
    Op,
    Parameter,
    Pick,
    Replicate,
    Reshape,
    Slice,
    Sum,
    Transpose,
)

_WIDEST = 56
"""Columns further to the right would leave the page; what is longer pushes them out."""


def program_order(graph: Graph) -> list[int]:
    """The nodes, operands before users, in an order that does not depend on their numbers.

    It is the order in which the outputs, one after the other, and in each node its operands,
    from first to last, ask for a value.
    """
    found: dict[int, None] = {}
    pending = list(reversed(graph.outputs))
    while pending:
        node = pending[-1]
        missing = [operand for operand in graph.operands(node) if operand not in found]
        if node in found or not missing:
            found[pending.pop()] = None
        else:
            pending.extend(reversed(missing))
    return list(found)


def renumbered(graph: Graph) -> Graph:
    """The same graph with the numbers under which it is printed."""
    editor = Editor()
    where: dict[int, int] = {}
    for node in program_order(graph):
        operands = [where[operand] for operand in graph.operands(node)]
        where[node] = editor.add(graph[node].op, *operands)
        editor.annotate(where[node], graph[node].source, graph[node].role)
    return editor.freeze([where[output] for output in graph.outputs])


def numbering(graph: Graph) -> dict[int, int]:
    """The numbers 0, 1, .. of the nodes in program order: equal graphs have equal numbers."""
    return {node: number for number, node in enumerate(program_order(graph))}


def to_text(graph: Graph, renumber: bool = True) -> str:
    """The graph as a program of one line per node.

    A line says what the node computes, its type (point shape and direction axes), and which
    coefficient it is or else where in the user's code it was written. With ``renumber=False``
    nodes keep the graph's own numbers, by which rewriting steps and coefficients name them.
    """
    order = program_order(graph)
    numbers = numbering(graph) if renumber else {node: node for node in order}
    names = {node: f"%{number}" for node, number in numbers.items()}
    rows = [
        (
            f"{names[node]} = {describe(graph, node, names)}",
            str(graph[node].type),
            note(graph[node]),
        )
        for node in order
    ]
    left = min(max((len(row[0]) for row in rows), default=0), _WIDEST)
    middle = max((len(row[1]) for row in rows), default=0)
    lines = [
        f"{computes:<{left}}  {kind:<{middle}}  {'# ' + origin if origin else ''}".rstrip()
        for computes, kind, origin in rows
    ]
    return "\n".join([*lines, "return " + ", ".join(names[output] for output in graph.outputs)])


def describe(graph: Graph, node: int, names: Mapping[int, str]) -> str:
    """What a node computes, in terms of its operands' names."""
    return describe_op(graph[node].op, [names[operand] for operand in graph.operands(node)])


def describe_op(op: Op, operands: Sequence[str]) -> str:
    """What an operation computes, in terms of its operands' names."""
    everything = ", ".join(operands)
    match op:
        case Input(name):
            return f"input {name}"
        case Parameter(name):
            return f"parameter {name}"
        case Constant(value):
            return f"constant {abbreviate(value.value)}"
        case Map(expr):
            return to_formula(expr, operands)
        case Contract(spec):
            return f'einsum "{spec}"({everything})'
        case Sum(axes, directions):
            where = "".join(f"_{name}" for name in directions)
            return f"sum{where}({everything}" + (f", axes={axes})" if axes else ")")
        case MatrixFunction(name):
            return f"{name}({everything})"
        case Replicate(axis):
            return f"replicate_{axis.name}({everything})"
        case Direct(position, axis):
            return f"direct_{axis.name}({everything}, axis={position})"
        case Pick(index, old, new):
            return f"pick_{old}_{new.name}({everything}, {_elements(index.value)})"
        case Collect(index, old, new):
            return f"collect_{old}_{new.name}({everything}, {_elements(index.value)})"
        case Slice():
            return f"{everything}[{slices(op)}]"
        case Transpose(order):
            return f"transpose({everything}, {order})"
        case Gather(index):
            return f"gather({everything}, {_elements(index.value)})"
        case Concatenate(place):
            return f"concatenate({everything}, axis={place})"
        case Reshape() | Broadcast():  # the type says to which shape
            return f"{type(op).__name__.lower()}({everything})"


def slices(op: Slice) -> str:
    """A slice in NumPy's notation, with the stop that a step and a length amount to."""
    axes = []
    for start, step, length in zip(op.start, op.step, op.shape, strict=True):
        stop = start + step * length
        axes.append(f"{start}:{stop if stop >= 0 else ''}" + (f":{step}" if step != 1 else ""))
    return ", ".join(axes) or "..."


def abbreviate(value: NDArray[Any]) -> str:
    """An array in a few words."""
    precision = "" if value.dtype == np.float64 else f" {value.dtype}"
    if value.ndim == 0:
        return f"{value.item():.9g}{precision}"
    if value.size and (value == value.flat[0]).all():
        first = value.flat[0].item()
        return {0: "zeros", 1: "ones"}.get(first, f"all {first:.9g}") + precision
    if value.ndim == 2 and np.array_equal(value, np.eye(len(value))):
        return f"identity{precision}"
    return _elements(value) + precision


def _elements(value: NDArray[Any]) -> str:
    shown = [f"{element:.6g}" for element in value.reshape(-1)[:5].tolist()]
    if value.size > len(shown):
        shown[-1] = "..."
    return f"[{', '.join(shown)}]"


def note(node: Node) -> str:
    """Where a node comes from: which coefficient it is, or else a line of the user's code."""
    if node.role is not None:
        summed = f", summed over {', '.join(node.role.summed)}" if node.role.summed else ""
        return of_role(node.role) + summed
    return f"{Path(node.source.file).name}:{node.source.line}" if node.source else ""


def of_role(role: Coefficient) -> str:
    """Which coefficient or cotangent it is, but for the directions over which it is summed."""
    along = f" along {', '.join(role.along)}" if role.along else ""
    if not isinstance(role, Cotangent):
        return f"order {role.order} of node {role.of}{along}"
    cotangent = f"cotangent of {role.leaf or f'node {role.of}'}"
    return f"order {role.order} of the {cotangent}{along}" if role.order else cotangent
