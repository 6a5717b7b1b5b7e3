"""What a node means, in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

import numpy as np

from jetfold.graph import (
    LEAVES,
    MOVES,
    Coefficient,
    Constant,
    Contract,
    Cotangent,
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
from jetfold.mathml import mathml
from jetfold.rules.adjoint import POINTS, ROWS

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
            elif role.order == 0 and not isinstance(
                role, Cotangent
            ):  # nested operators: the value of a node of the first function
                self._node_of[role.of] = node
        self._equations: dict[int, str] = {}

    def of(self, graph: Graph, node: int, sizes: Mapping[str, int], minimal: bool) -> str:
        """The meaning of a node as HTML.

        ``sizes`` are those of direction axes; ``minimal`` says that coefficients are those of
        minimal jets, which are no derivatives along lines.
        """
        data = graph[node]
        if data.role is None:
            return self._kind(graph, node, sizes)
        if isinstance(data.role, Cotangent):
            return self._cotangent(data.role, data.type, sizes)
        tell = self._coordinate if minimal else self._coefficient
        return tell(data.role, data.type, sizes)

    def _cotangent(self, role: Cotangent, kind: Type, sizes: Mapping[str, int]) -> str:
        """The derivative of the result with respect to a value, or a derivative of that."""
        what = f"cotangent of {mathml(self._notation.words.letter(role.leaf))}" if role.leaf else ""
        parts = [what or f"cotangent of {self._named(role.of)}"]
        if role.order:
            parts = [f"{_ordinal(role.order)} derivative of the {parts[0]}"]
            parts += [f"along {listed(map(escape, role.along))}"] if role.along else []
        for name in role.summed:
            over = "the points" if name == POINTS else _sized(name, sizes)
            parts.append(f"summed over {over}")
        for axis in kind.directions:
            rows = axis.name == ROWS
            each = (
                f"row of the Jacobian ({axis.size})" if rows else f"of {_sized(axis.name, sizes)}"
            )
            parts.append(f"one for each {each}")
        return ", ".join(parts)

    def _coefficient(self, role: Coefficient, kind: Type, sizes: Mapping[str, int]) -> str:
        of = self._named(role.of)
        axes = [axis.name for axis in kind.directions]
        if role.order == 0:
            return f"value of {of}" + (f" in {kind.copies} copies" if axes else "")
        names = [escape(name) for name in (*axes, *role.summed)]
        paths = [escape(name) for name in role.along]
        if names:
            paths.append(f"direction{'s' * (len(names) > 1)} {listed(names)}")
        parts = [f"along {listed(paths)}" if paths else "along the path"]
        if role.summed:
            parts.append("summed over " + listed(_sized(name, sizes) for name in role.summed))
        if axes:
            parts.append("one for each of " + listed(_sized(name, sizes) for name in axes))
        return f"{_ordinal(role.order)} derivative of {of} {', '.join(parts)}"

    def _coordinate(self, role: Coefficient, kind: Type, sizes: Mapping[str, int]) -> str:
        of = self._named(role.of)
        if role.order == 0:
            return f"value of {of}"
        axes = [_sized(axis.name, sizes, "coordinate") for axis in kind.directions]
        summed = [_sized(name, sizes, "coordinate") for name in role.summed]
        return (
            f"part of order {role.order} of the minimal jet of {of}"
            + (f", summed over {listed(summed)}" if summed else "")
            + (f", one for each of {listed(axes)}" if axes else "")
        )

    def _named(self, of: int) -> str:
        """A function's node, with its definition if it has one."""
        if of not in self._equations:
            function, node = self._function, self._node_of.get(of)
            if node is None:
                latex = f"v_{{{of}}}"
            elif isinstance(function[node].op, LEAVES):
                latex = self._notation.value(function, node)
            else:
                latex = self._notation.equation(function, node)
            self._equations[of] = mathml(latex)
        return self._equations[of]

    def _kind(self, graph: Graph, node: int, sizes: Mapping[str, int]) -> str:
        """What kind of value it is, for a node that is no coefficient."""
        data = graph[node]
        values = dict.fromkeys(self._notation.value(graph, o) for o in graph.operands(node))
        of = listed(map(mathml, values)) if values else ""
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
                return f"copies of {of}, one for each of {_sized(axis.name, sizes)}"
            case Direct(_, axis):
                return f"{of} with an axis read as {_sized(axis.name, sizes)}"
            case Sum(axes, directions):
                over = [_sized(name, sizes) for name in directions]
                return f"sum of {of} over {listed([*over, *(f'axis {axis}' for axis in axes)])}"
            case Map():
                return f"computed element by element from {of}" if of else "a number"
            case Contract():
                return f"a contraction of {of}: a sum of products over shared axes"
            case MatrixFunction():
                return f"a function of the matrices {of}"
            case _ if isinstance(data.op, MOVES):
                return f"elements of {of} in other places; nothing is computed"
        raise AssertionError(f"no meaning for {data.op}")


def _is_unit_vectors(op: Constant) -> bool:
    value = op.value.value
    count = len(value) if value.ndim > 1 and len(op.directions) == 1 else 0
    return count > 0 and np.array_equal(value.reshape(count, -1), np.eye(count))


def _sized(name: str, sizes: Mapping[str, int], word: str = "direction") -> str:
    """A direction axis: ``r (3 directions)``."""
    if name not in sizes:
        return escape(name)
    count = sizes[name]
    return f"{escape(name)} ({count} {word}{'s' * (count != 1)})"


def _ordinal(order: int) -> str:
    return _ORDINALS[order] if order < len(_ORDINALS) else f"{order}th"


def listed(words: Iterable[str]) -> str:
    """Words with commas and an "and"; there is at least one."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
