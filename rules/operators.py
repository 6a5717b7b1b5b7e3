"""Differential operators as Taylor graphs: which jets are pushed and what is summed at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import sympy as sp

from jetfold.graph import (
    Array,
    Constant,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Pick,
    Replicate,
    Sum,
    Type,
    add_map,
    constant,
    fit,
)
from jetfold.rules.directions import Directions, fresh_axes
from jetfold.rules.interpolation import Direction, Family, families
from jetfold.rules.jet_algebra import ProductTable
from jetfold.rules.problem import Problem
from jetfold.rules.tables import Axis, TableProducts
from jetfold.rules.taylor import Jet, push_forward


@dataclass(frozen=True, eq=False)
class Pushed:
    """A graph of standard Taylor mode, and how it was made.

    ``jets`` has for each family of jets that were pushed through ``function`` the coefficients of
    its nodes.
    """

    function: Graph
    editor: Editor
    outputs: Sequence[int]
    jets: Sequence[Mapping[int, Jet]]

    @cached_property
    def graph(self) -> Graph:
        """What the outputs need."""
        return self.editor.freeze(self.outputs)

    @cached_property
    def coefficients(self) -> Graph:
        """The same with all coefficients, whether the outputs need them or not."""
        every = [node for family in self.jets for jet in family.values() for node in jet]
        return self.editor.freeze([*self.outputs, *every])


@dataclass(frozen=True)
class Standard:
    """Makes the graph of standard Taylor mode, and remembers how."""

    push: Callable[[], Pushed]

    def __call__(self) -> Graph:
        return self.push().graph


def interpolated(graph: Graph, point: Input, problem: Problem) -> Graph:
    """The graph of `push_families`."""
    return push_families(graph, point, problem).graph


def push_families(graph: Graph, point: Input, problem: Problem) -> Pushed:
    """Standard Taylor mode for a problem: jets along straight lines, combined at the end.

    Each family of directions (`jetfold.rules.interpolation`) is pushed with a direction axis of its
    own: R jets ``(x, v_r, 0, .., 0)``, each with its own copy of everything (`Replicate` at the
    point). Their highest coefficients are added up; the others that are wanted are picked first,
    as they are known for each direction in any case. A family of one direction needs no axis.
    ``point`` is the `Input` of the function graph that moves; the other inputs stand still.
    """
    polynomials = [functional.polynomial for functional in problem.functionals]
    pusher = _Pusher(graph, point, problem)
    terms = pusher.constants()
    for family, axis in [(family, pusher.axis(family)) for family in families(polynomials)]:
        for q, found in pusher.push(family, axis).items():
            terms[q] += found
    nodes = [
        pusher.total(functional.output, terms[q])
        for q, functional in enumerate(problem.functionals)
    ]
    return Pushed(graph, pusher.editor, problem.finish(pusher.editor, nodes), pusher.jets)


Term = tuple[sp.Expr, int]
"""A number times a node."""


class _Pusher:
    """Pushes families of directions through the graph of a problem's function."""

    def __init__(self, graph: Graph, point: Input, problem: Problem) -> None:
        self.graph = graph
        self.point = point
        self.problem = problem
        self.editor = Editor()
        self.products = TableProducts(self.editor, fresh_axes(graph))
        self.directions = Directions(self.products, problem)
        self.jets: list[Mapping[int, Jet]] = []

    def axis(self, family: Family) -> Axis:
        """A new direction axis for a family of more than one direction."""
        count = len(family.directions)
        return self.products.fresh(count) if count > 1 else None

    def constants(self) -> list[list[Term]]:
        """For each functional its term of order 0, the function's own value, if it has one."""
        numbers = [functional.polynomial.get(()) for functional in self.problem.functionals]
        if not any(numbers):
            return [[] for _ in numbers]
        here = {node: [self.editor.add(self.graph[node].op)] for node in self.graph.inputs}
        jets = push_forward(self.editor, self.graph, 0, here)
        return [
            [(_rational(number), jets[self._output(q)][0])] if number else []
            for q, number in enumerate(numbers)
        ]

    def push(self, family: Family, axis: Axis) -> dict[int, list[Term]]:
        """What the jets along a family's directions add to each functional."""
        along = direction_name(family.directions[0]) if axis is None else None
        paths = self._paths(family, axis)
        jets = push_forward(self.editor, self.graph, family.order, paths, along)
        self.jets.append(jets)
        found: dict[int, list[Term]] = {q: [] for q, _ in enumerate(self.problem.functionals)}
        for q, weight in family.weights.items():
            top = self._coefficient(jets, q, family.order, axis)
            if axis is not None:
                top = self.editor.add(Sum((), (axis.name,)), top)
            found[q].append((_rational(weight), top))
        for (q, k), weights in family.lower.items():
            node = self._coefficient(jets, q, k, axis)
            found[q].append(self._picked(node, axis, weights))
        return found

    def total(self, output: int, terms: Sequence[Term]) -> int:
        """The sum of what all families add, as a node of the output's type."""
        symbols = {sp.Symbol(f"t{node}", real=True): node for _, node in terms}
        expr = sp.Add(*(number * sp.Symbol(f"t{node}", real=True) for number, node in terms))
        node = add_map(self.editor, expr, symbols)
        return fit(self.editor, node, self.graph[self.graph.outputs[output]].type)

    def _output(self, q: int) -> int:
        return self.graph.outputs[self.problem.functionals[q].output]

    def _paths(self, family: Family, axis: Axis) -> dict[int, Jet]:
        """The jets of the inputs."""
        editor = self.editor
        rows = [{i: Fraction(times) for i, times in direction} for direction in family.directions]
        velocity = self.directions.combined(rows, axis)
        paths = {}
        for node in self.graph.inputs:
            op = self.graph[node].op
            start = editor.add(op)
            if axis is not None:
                start = editor.add(Replicate(axis), start)
            zero = constant(editor, 0, editor[start].type)
            first = velocity if op == self.point else zero
            paths[node] = [start, first, *[zero] * (family.order - 1)]
        return paths

    def _coefficient(self, jets: Mapping[int, Jet], q: int, order: int, axis: Axis) -> int:
        """A coefficient of the functional's output; zero if that does not depend on any input."""
        output = self._output(q)
        jet, shape = jets[output], self.graph[output].type.shape
        node = jet[order] if len(jet) > 1 else constant(self.editor, 0, Type(shape))
        return fit(self.editor, node, Type(shape, () if axis is None else (axis,)))

    def _picked(self, node: int, axis: Axis, weights: Mapping[int, Fraction]) -> Term:
        """The weighted sum of some of the directions' coefficients.

        The sum is over another axis than the directions', so that it is not pulled up: that would
        add one more vector to all that are known in any case.
        """
        if axis is None:
            return _rational(weights[0]), node
        count = len(weights)
        picked = self.products.fresh(count)
        node = self.editor.add(Pick(Array(np.array(list(weights))), axis.name, picked), node)
        places, zeros = np.arange(count).reshape(-1, 1), np.zeros(count, np.int64)
        table = ProductTable(places, zeros, tuple(weights.values()))
        found = self.products.product(table, [node], [picked], None)
        assert found is not None
        return found


def direction_name(direction: Direction) -> str:
    """A combination of directions in words: e0 + 3 e1."""
    return " + ".join(f"e{i}" if times == 1 else f"{times} e{i}" for i, times in direction)


def _rational(number: Fraction) -> sp.Rational:
    return sp.Rational(number.numerator, number.denominator)


def exact_directions(shape: tuple[int, ...]) -> Callable[[Editor, DirectionAxis], int]:
    """The ``directions`` of a `Problem`: one for each coordinate of a point of this shape."""
    count = math.prod(shape)
    identity = np.eye(count).reshape((count, *shape))
    return lambda editor, axis: editor.add(Constant(Array(identity), (axis,)))


def jet(graph: Graph, point: Input, order: int) -> Graph:
    """The graph of `push_jet`."""
    return push_jet(graph, point, order).graph


def push_jet(graph: Graph, point: Input, order: int) -> Pushed:
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
    return Pushed(graph, editor, outputs, [jets])


def path_inputs(point: Input, order: int) -> list[Input]:
    """The inputs that hold the path's coefficients 1..order."""
    return [Input(f"{point.name}_{k}", point.type) for k in range(1, order + 1)]
