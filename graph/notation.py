"""What the values of a graph are called in formulas, and what they are computed from.

`LATEX` and `PLAIN` write the same formulas with other words. A node of a function is v_4, by its
number. Its coefficient of order k, an unscaled derivative along the path in direction r, is
v_{4,r}^{(k)}, and of order 0 it is v_4 again; a coefficient that is summed over directions has the
sum in its name. A cotangent has the name of its value with a bar. Other nodes of derived graphs are
t_17, by their own numbers. Inputs and parameters have their names, and constants their values where
these are one number; unit vectors are e_r. Other constants of the function are c_2, by their
numbers there; those that are coefficients of an input are called like these, and what else derived
graphs have, k_9.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import sympy as sp

from jetfold.graph.formula import Written
from jetfold.graph.graph import Coefficient, Cotangent, Graph
from jetfold.graph.notation_latex import LatexWords
from jetfold.graph.notation_plain import PlainWords
from jetfold.graph.notation_words import Words
from jetfold.graph.ops import (
    Constant,
    Contract,
    Input,
    Map,
    MatrixFunction,
    Op,
    Parameter,
    Replicate,
    Sum,
    Type,
)


@dataclass(frozen=True)
class Notation:
    """Formulas of the values of graphs.

    ``function`` is the graph whose nodes the coefficients belong to, where it is known: then the
    coefficients of its inputs have the names of these.
    """

    words: Words
    function: Graph | None = None

    def of(self, function: Graph) -> Notation:
        """The same for graphs that were derived from this function."""
        return replace(self, function=function)

    def value(self, graph: Graph, node: int) -> str:
        """The name of a node's value."""
        return str(self._value(graph, node))

    def cotangent(self, graph: Graph, node: int, extra: Sequence[str] = ()) -> str:
        """The name of the cotangent of a function's node, with these indices more."""
        op = graph[node].op
        leaf = op.name if isinstance(op, (Input, Parameter)) else ""
        base = self._base(graph, node, Cotangent(node, 0, leaf=leaf))
        return str(self.words.indexed(base, 0, (*_names(graph[node].type), *extra)))

    def expression(self, expr: sp.Expr, operands: Sequence[str]) -> str:
        """The expression of a `Map` with these names in it."""
        return str(self.words.expression(expr, operands))

    def formula(self, graph: Graph, node: int, expand: Collection[int] = ()) -> str:
        """What a node computes from its operands' names.

        Nodes in ``expand`` are not named but written out in their place.
        """
        return str(self._formula(graph, node, expand))

    def equation(self, graph: Graph, node: int) -> str:
        """The value and what it is computed from; of an input or parameter, where it lies."""
        data = graph[node]
        value, formula = self._value(graph, node), self._formula(graph, node, ())
        if isinstance(data.op, (Input, Parameter)):
            return self.words.belongs(value, data.type)
        return value if value == formula else f"{value} = {formula}"

    def _formula(self, graph: Graph, node: int, expand: Collection[int]) -> Written:
        op, words = graph[node].op, self.words
        operands = [
            (self._formula if operand in expand else self._value_of)(graph, operand, expand)
            for operand in graph.operands(node)
        ]
        match op:
            case Input() | Parameter():
                return self._value(graph, node)
            case Constant():
                return self._known(op) or words.array(op.value.value)
            case Map(expr):
                return words.expression(expr, operands)
            case Contract(spec):
                return words.contraction(spec, operands)
            case Sum(axes, directions):
                (operand,) = operands
                shape = graph[graph.operands(node)[0]].type.shape
                if axes:
                    operand = words.sum_of_axes(axes, operand, len(shape))
                return words.sum_over(directions, operand) if directions else operand
            case MatrixFunction(name):
                return words.matrix_function(name, operands[0])
        ranks = [len(graph[operand].type.shape) for operand in graph.operands(node)]
        return words.move(op, operands, ranks)

    def _value_of(self, graph: Graph, node: int, _: Collection[int]) -> Written:
        return self._value(graph, node)

    def _value(self, graph: Graph, node: int) -> Written:
        data, words = graph[node], self.words
        names, role = _names(data.type), data.role
        match data.op:
            case Input(name) | Parameter(name) if not isinstance(role, Cotangent):
                return words.indexed(words.letter(name), 0, names)
            case Constant():
                known = self._known(data.op) or self._constant(graph, node, names)
                if known is not None:
                    return known
        if role is None:
            letter = "v" if _is_function(graph) else "t"
            return words.indexed(words.numbered(letter, node), 0, names)
        indices = _by_age((*names, *role.along, *role.summed))
        value = words.indexed(self._base(graph, node, role), role.order, indices)
        return words.sum_named(role.summed, value) if role.summed else value

    def _base(self, graph: Graph, node: int, role: Coefficient) -> str:
        """The name of the function's node that a coefficient belongs to, or of its cotangent."""
        if isinstance(role, Cotangent):
            words = self.words
            return words.barred(
                words.letter(role.leaf) if role.leaf else words.numbered("v", role.of)
            )
        if self.function is not None:
            known = self.function[role.of] if role.of in self.function.nx else None
        else:  # copies of an input
            copied = isinstance(graph[node].op, Replicate)
            known = graph[graph.operands(node)[0]] if copied else None
        if known is not None and isinstance(known.op, (Input, Parameter)):
            return self.words.letter(known.op.name)
        return self.words.numbered("v", role.of)

    def _constant(self, graph: Graph, node: int, names: Sequence[str]) -> Written | None:
        """The numbered name of a constant, unless it is a coefficient of an input."""
        letter, number = "c", node
        if self.function is not None and graph is not self.function:
            place = _constants(self.function).get(graph[node].op)
            if place is None and graph[node].role is not None:
                return None
            letter, number = ("k", node) if place is None else ("c", place)
        return self.words.indexed(self.words.numbered(letter, number), 0, names)

    def _known(self, op: Constant) -> Written | None:
        """A constant that is one number everywhere, or the unit vectors."""
        value = op.value.value
        flat = value.reshape(-1)
        if flat.size and (flat == flat[0]).all():
            return self.words.number(flat[0].item())
        square = value.ndim == 2 and len(op.directions) == 1 and len(value) == value.shape[1]
        if square and np.array_equal(value, np.eye(len(value))):
            return self.words.indexed("e", 0, (op.directions[0].name,))
        return None


def _names(kind: Type) -> tuple[str, ...]:
    return _by_age(axis.name for axis in kind.directions)


def _by_age(names: Iterable[str]) -> tuple[str, ...]:
    """The names of directions, the oldest first: r, r1, r2, .., r10."""
    return tuple(sorted(names, key=lambda name: (len(name), name)))


@lru_cache(maxsize=16)
def _is_function(graph: Graph) -> bool:
    """Whether the graph is a function itself: no node is a coefficient of another one's."""
    return all(graph[node].role is None for node in graph)


@lru_cache(maxsize=16)
def _constants(function: Graph) -> Mapping[Op, int]:
    """The constants of a function, each with the number of its node."""
    return {function[node].op: node for node in function if isinstance(function[node].op, Constant)}


LATEX = Notation(LatexWords())
PLAIN = Notation(PlainWords())
