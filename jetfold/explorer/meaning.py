"""What a node means, in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

import numpy as np

from jetfold.explorer.formulas import mathml
from jetfold.graph import (
    MOVES,
    Coefficient,
    Constant,
    Contract,
    Direct,
    Graph,
    Input,
    Map,
    MatrixFunction,
    Parameter,
    Replicate,
    Sum,
    Type,
)
from jetfold.graph.notation import Notation

_ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


class Meanings:
    """Says what nodes mean, given the function to whose nodes coefficients belong."""

    def __init__(self, function: Graph, notation: Notation) -> None:
        self._function = function
        self._notation = notation
        self._node_of: dict[int, int] = {}
        for node in function.order:
            role = function[node].role
            if role is None:
                self._node_of.setdefault(node, node)
            elif role.order == 0:  # nested operators: the value of a node of the first function
                self._node_of[role.of] = node
        self._equations: dict[int, str] = {}

    def of(self, graph: Graph, node: int, sizes: Mapping[str, int]) -> str:
        """The meaning of a node as HTML; ``sizes`` are those of direction axes."""
        data = graph[node]
        if data.role is not None:
            return self._coefficient(data.role, data.type, sizes)
        if graph is self._function:
            return f"a value of the function: {self._kind(graph, node, sizes)}"
        return self._kind(graph, node, sizes)

    def _coefficient(self, role: Coefficient, kind: Type, sizes: Mapping[str, int]) -> str:
        of = self._named(role.of)
        axes = [axis.name for axis in kind.directions]
        parts = [
            f"value of {of}" if role.order == 0 else f"{_ordinal(role.order)} derivative of {of}"
        ]
        paths = [*(a for a in role.along), *(f"direction {a}" for a in (*axes, *role.summed))]
        if role.order:
            parts.append(f"along {listed(map(escape, paths))}" if paths else "along the path")
        elif axes:
            parts.append(f"in {_copies(kind)}")
        if role.summed:
            parts.append("summed over " + listed(_sized(name, sizes) for name in role.summed))
        elif role.order and axes:
            parts.append(f"one for each of {listed(_sized(name, sizes) for name in axes)}")
        return parts[0] + " " + ", ".join(parts[1:]) if parts[1:] else parts[0]

    def _named(self, of: int) -> str:
        """The definition of a function's node."""
        if of not in self._equations:
            node = self._node_of.get(of)
            latex = f"v_{{{of}}}" if node is None else self._notation.equation(self._function, node)
            self._equations[of] = mathml(latex)
        return self._equations[of]

    def _kind(self, graph: Graph, node: int, sizes: Mapping[str, int]) -> str:
        """What kind of value it is, for a node that is no coefficient."""
        data = graph[node]
        operands = [
            mathml(self._notation.value(graph, operand)) for operand in graph.operands(node)
        ]
        match data.op:
            case Input(name):
                return f"the input {escape(name)}: another one at every point"
            case Parameter(name):
                return f"the parameter {escape(name)}: the same at every point"
            case Constant() as op:
                if _is_unit_vectors(op):
                    return f"unit vectors, one for each of {_sized(op.directions[0].name, sizes)}"
                return "a constant, known when the graph is made"
            case Replicate(axis):
                return f"copies of {operands[0]}, one for each of {_sized(axis.name, sizes)}"
            case Direct(_, axis):
                return f"{operands[0]} with an axis read as {_sized(axis.name, sizes)}"
            case Sum(axes, directions) if directions and not axes:
                over = listed(_sized(name, sizes) for name in directions)
                return f"sum of {operands[0]} over {over}"
            case Sum():
                return f"sum of {operands[0]} over its axes"
            case Map():
                return "computed element by element"
            case Contract():
                return "a contraction: a sum of products over shared axes"
            case MatrixFunction():
                return f"a function of the matrices {operands[0]}"
            case _ if isinstance(data.op, MOVES):
                return "elements moved to other places; nothing is computed"
        raise AssertionError(f"no meaning for {data.op}")


def _is_unit_vectors(op: Constant) -> bool:
    value = op.value.value
    count = len(value) if value.ndim > 1 and len(op.directions) == 1 else 0
    return count > 0 and np.array_equal(value.reshape(count, -1), np.eye(count))


def _copies(kind: Type) -> str:
    return f"{kind.copies} copies, one for each direction"


def _sized(name: str, sizes: Mapping[str, int]) -> str:
    """A direction axis: ``r (3 directions)``."""
    if name not in sizes:
        return escape(name)
    count = sizes[name]
    return f"{escape(name)} ({count} direction{'s' * (count != 1)})"


def _ordinal(order: int) -> str:
    return _ORDINALS[order] if order < len(_ORDINALS) else f"{order}th"


def listed(words: Iterable[str]) -> str:
    """Words with commas and an "and"; there is at least one."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
