"""Values of graphs at one point, by number: equal values have one number, in whatever graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from jetfold.graph.graph import Graph
from jetfold.graph.interpret import Value, apply
from jetfold.graph.numbers import FLOAT, NumberSystem
from jetfold.graph.ops import Input, Op, Parameter
from jetfold.graph.whole import WHOLE

Leaves = Callable[[Input | Parameter], Value]
LARGEST = 40
"""Leaves are whole numbers up to this one, without 0."""

RECENT = 4
"""Graphs whose numbers are kept, as each one is asked for several times."""


class Values:
    """Computes graphs at one point; what is known of a value is not computed again.

    A value is known by the operation and the numbers of its operands, and by what it is. So the
    graph after a rewriting step costs no more than the nodes that are new in it, if the step leaves
    all values as they are.
    """

    def __init__(self, numbers: NumberSystem, leaves: Leaves) -> None:
        self.numbers = numbers
        self._leaves = leaves
        self._values: list[Value | None] = []
        self._computed: dict[tuple[Op, tuple[int, ...]], int] = {}
        self._number_of: dict[Any, int] = {}
        self._stands_for: dict[int, int] = {}
        self._recent: dict[Graph, dict[int, int]] = {}

    def __getitem__(self, number: int) -> Value | None:
        """The value with a number; None where there is none, such as 1/0."""
        return self._values[number]

    def of(self, graph: Graph) -> dict[int, int]:
        """The numbers of the values of all nodes."""
        if graph in self._recent:
            return self._recent[graph]
        where: dict[int, int] = {}
        for node in graph.order:
            op = graph[node].op
            key = op, tuple(where[operand] for operand in graph.operands(node))
            if key not in self._computed:
                self._computed[key] = self._add(self._compute(*key))
            where[node] = self._known(self._computed[key])
        if len(self._recent) == RECENT:
            del self._recent[next(iter(self._recent))]
        self._recent[graph] = where
        return where

    def equate(self, kept: int, other: int) -> None:
        """From now on let the value ``kept`` stand for the other one, which equals it nearly."""
        if kept != other and None not in (self[kept], self[other]):
            self._stands_for[other] = kept
            self._recent.clear()

    def _known(self, number: int) -> int:
        while number in self._stands_for:
            number = self._stands_for[number]
        return number

    def defined(self, graph: Graph) -> bool:
        """Whether every node has a value, and one of numbers that are finite."""
        values = [self[number] for number in self.of(graph).values()]
        return all(value is not None and _finite(value) for value in values)

    def _compute(self, op: Op, operands: tuple[int, ...]) -> Value | None:
        values = [self._values[operand] for operand in operands]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return None
        try:
            if isinstance(op, (Input, Parameter)):
                return self._leaves(op)
            return apply(op, known, self.numbers)
        except ArithmeticError:  # 1/0, or no branch of a selection holds
            return None

    def _add(self, value: Value | None) -> int:
        content: Any = None
        if value is not None:
            array = value.array
            numbers = tuple(array.flat) if array.dtype == object else array.tobytes()
            content = value.lead, array.shape, numbers
        if content not in self._number_of:
            self._values.append(value)
            self._number_of[content] = len(self._values) - 1
        return self._number_of[content]


def _finite(value: Value) -> bool:
    return value.array.dtype == object or bool(np.isfinite(value.array).all())


def exact_values() -> Iterator[Values]:
    """Points with random whole numbers, of both signs at first, then positive ones."""
    for seed in range(4):
        yield Values(WHOLE, _whole_leaves(np.random.default_rng(seed), -LARGEST if seed < 2 else 1))


def float_values() -> Iterator[Values]:
    """Points with random numbers in float64, of both signs at first, then positive ones.

    Matrices are scaled as the weights of networks are, so that functions such as tanh do not
    saturate, where everything would be 0.
    """
    for seed in range(4):
        yield Values(FLOAT, _float_leaves(np.random.default_rng(seed), positive=seed > 1))


def _whole_leaves(random: np.random.Generator, least: int) -> Leaves:
    def leaf(op: Input | Parameter) -> Value:
        lead, shape = _shape(op)
        return Value(
            WHOLE.array(random.choice([n for n in range(least, LARGEST + 1) if n], shape)), lead
        )

    return leaf


def _float_leaves(random: np.random.Generator, positive: bool) -> Leaves:
    def leaf(op: Input | Parameter) -> Value:
        lead, shape = _shape(op)
        array = random.uniform(0.3, 1.7, shape)
        if not positive:
            array *= random.choice([-1.0, 1.0], shape)
        rank = len(op.type.shape)
        return Value(array / np.sqrt(op.type.shape[-2]) if rank > 1 else array, lead)

    return leaf


def _shape(op: Input | Parameter) -> tuple[tuple[str, ...], tuple[int, ...]]:
    axes = op.type.directions
    return tuple(axis.name for axis in axes), (*(axis.size for axis in axes), *op.type.shape)


def at_a_good_point(points: Iterator[Values], graphs: list[Graph]) -> tuple[Values, bool]:
    """The values at the first of these points at which the graphs are defined and finite.

    If there is none it is the last one; the answer says whether there is.
    """
    for values in points:
        if all(map(values.defined, graphs)):
            return values, True
    return values, False
