"""Hypothesis strategies: random moves, and random graphs of every kind of node."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from jetfold.graph import (
    Array,
    Broadcast,
    Collect,
    Concatenate,
    Constant,
    Contract,
    Direct,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
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
    Type,
    operand_symbol,
)
from jetfold.graph.ops import MatrixFunctionName

A, B, C = map(operand_symbol, range(3))
AXES = (DirectionAxis("q", 2), DirectionAxis("r", 3))
MOST = 72
"""Elements, counting directions, that a value may have."""

# Bounded, so that values do not grow along a chain; smooth or continuous, so that they compare.
MAPS: dict[int, list[sp.Expr]] = {
    1: [sp.tanh(A), sp.sin(2 * A) / 2, A / (1 + A**2), sp.Piecewise((A, A > 0), (A / 2, True))],
    2: [
        (A + B) / 2,
        sp.tanh(A * B),
        A - B / 3,
        sp.cos(A) * sp.sin(B),
        sp.Piecewise((A, A > B), (B, True)),
    ],
    3: [sp.tanh(A + B * C), (A + B - C) / 3, A * sp.sin(B) - C / (2 + sp.cos(B))],
}


def moves(shape: tuple[int, ...]) -> st.SearchStrategy[Op]:
    """Moves (none of several operands) that fit a value of this shape."""
    rank, size = len(shape), math.prod(shape)
    strategies: list[st.SearchStrategy[Op]] = [
        st.permutations(range(rank)).map(lambda axes: Transpose(tuple(axes))),
        st.tuples(*map(_slice, shape)).map(lambda parts: Slice(*_columns(parts, rank))),
        _gathers(size),
        _shapes_of(size).map(Reshape),
    ]
    if size <= MOST // 2:
        wider = st.tuples(*(st.integers(1, 2) if n == 1 else st.just(n) for n in shape))
        lead = st.sampled_from([(), (1,), (2,)])
        strategies.append(st.tuples(lead, wider).map(lambda both: Broadcast(both[0] + both[1])))
    return st.one_of(strategies)


def _columns(parts: Sequence[tuple[int, ...]], rank: int) -> tuple[tuple[int, ...], ...]:
    return tuple(zip(*parts, strict=True)) if rank else ((), (), ())


@st.composite
def _slice(draw: st.DrawFn, size: int) -> tuple[int, int, int]:
    """Start, step and length along an axis."""
    if not size:
        return 0, 1, 0
    start = draw(st.integers(0, size - 1))
    step = draw(st.sampled_from([1, -1, 2, -2]))
    most = (size - 1 - start) // step + 1 if step > 0 else start // -step + 1
    return start, step, draw(st.integers(1, most))


@st.composite
def _gathers(draw: st.DrawFn, size: int) -> Op:
    shape = draw(st.sampled_from([(), (1,), (4,), (2, 3), (3, 1)]))
    count = math.prod(shape)
    index = draw(st.lists(st.integers(-1, size - 1), min_size=count, max_size=count))
    return Gather(Array(np.array(index, dtype=np.int64).reshape(shape)))


def _shapes_of(size: int) -> st.SearchStrategy[tuple[int, ...]]:
    factors = [n for n in range(1, size + 1) if size % n == 0]
    pairs = [(n, size // n) for n in factors]
    return st.sampled_from([(size,), (1, size), *pairs, *((n, 1, m) for n, m in pairs)])


@st.composite
def graphs(draw: st.DrawFn, least: int = 1, most: int = 14) -> Graph:
    """A graph of up to `most` operations with an input of varying shape, and its outputs."""
    return _Builder(draw).graph(draw(st.integers(least, most)))


class _Builder:
    """Adds random nodes. What was added last is the likeliest operand of the next node."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.editor = Editor()
        self.numbers = np.random.default_rng(draw(st.integers(0, 99)))
        noise = Array(self.numbers.uniform(-1, 1, (2, 3)))
        leaves: list[Op] = [
            Input("x", Type(draw(st.sampled_from([(3,), (2, 3), (), (4, 1)])))),
            Input("y", Type((3,), ())),
            Parameter("p", Type((3,), (AXES[1],))),
            Constant(noise, (AXES[0],)),
        ]
        self.values = [self.editor.add(leaf) for leaf in leaves]

    def graph(self, operations: int) -> Graph:
        steps = [self.map, self.map, self.move, self.sum, self.copy, self.direct, self.join]
        steps += [self.contract, self.product, self.pick, self.collect, self.matrix]
        for _ in range(operations):
            step = self.draw(st.sampled_from(steps))
            node = self.draw(st.sampled_from(self.values[-5:]))
            self.values.append(step(node, self.editor[node].type))
        others = self.draw(st.lists(st.sampled_from(self.values), max_size=2))
        return self.editor.freeze([self._summed(v) for v in (self.values[-1], *others)])

    def _summed(self, node: int) -> int:
        names = tuple(axis.name for axis in self.editor[node].type.directions)
        return self.editor.add(Sum((), names), node) if names else node

    def _fits(self, shape: tuple[int, ...]) -> bool:
        return math.prod(shape) * math.prod(axis.size for axis in AXES) <= 2 * MOST

    # Each of these gives a node made from `node`, or `node` itself where nothing fits -------------

    def map(self, node: int, kind: Type) -> int:
        operands, shape = [node], kind.shape
        for other in self.draw(st.lists(st.sampled_from(self.values), max_size=2)):
            try:
                wider = np.broadcast_shapes(shape, self.editor[other].type.shape)
            except ValueError:
                continue
            if self._fits(wider):
                operands.append(other)
                shape = wider
        expr = self.draw(st.sampled_from(MAPS[len(operands)]))
        return self.editor.add(Map(expr), *operands)

    def move(self, node: int, kind: Type) -> int:
        return self.editor.add(self.draw(moves(kind.shape)), node)

    def sum(self, node: int, kind: Type) -> int:
        axes = tuple(i for i in range(len(kind.shape)) if self.draw(st.booleans()))
        names = tuple(axis.name for axis in kind.directions if self.draw(st.booleans()))
        return self._mean(Sum(axes, names), node)

    def _mean(self, op: Op, *operands: int) -> int:
        """Divided by something, so that values stay near 1 along a chain."""
        return self.editor.add(Map(A / 4), self.editor.add(op, *operands))

    def copy(self, node: int, kind: Type) -> int:
        axis = self.draw(st.sampled_from(AXES))
        fits = axis not in kind.directions and self._fits(kind.shape)
        return self.editor.add(Replicate(axis), node) if fits else node

    def direct(self, node: int, kind: Type) -> int:
        for position, size in enumerate(kind.shape):
            for axis in AXES:
                if axis.size == size and axis not in kind.directions:
                    return self.editor.add(Direct(position, axis), node)
        return node

    def pick(self, node: int, kind: Type) -> int:
        directed = self._directed(node, kind)
        old, new = self._axes(directed)
        return self.editor.add(Pick(self._indices(new.size, old.size), old.name, new), directed)

    def collect(self, node: int, kind: Type) -> int:
        directed = self._directed(node, kind)
        old, new = self._axes(directed)
        index = self._indices(old.size, new.size)
        return self._mean(Collect(index, old.name, new), directed)

    def matrix(self, node: int, kind: Type) -> int:
        """A function of one or two matrices with a heavy diagonal, made of the value's elements."""
        size = self.draw(st.sampled_from([1, 2, 3]))
        shape = (*self.draw(st.sampled_from([(), (2,)])), size, size)
        if not self._fits(shape):
            return node
        count, most = math.prod(shape), math.prod(kind.shape) - 1
        index = self.draw(st.lists(st.integers(-1, most), min_size=count, max_size=count))
        picked = self.editor.add(Gather(Array(np.array(index).reshape(shape))), node)
        heavy = self.editor.add(Constant(Array(3 * np.eye(size))))
        entries = self.editor.add(Map(sp.tanh(A) + B), picked, heavy)
        name = self.draw(st.sampled_from(get_args(MatrixFunctionName)))
        return self.editor.add(MatrixFunction(name), entries)

    def _directed(self, node: int, kind: Type) -> int:
        """The node, or another one if it has no direction axis."""
        others = [value for value in self.values if self.editor[value].type.directions]
        return node if kind.directions else self.draw(st.sampled_from(others))

    def _axes(self, node: int) -> tuple[DirectionAxis, DirectionAxis]:
        """An axis of a node, and one that can take its place."""
        directions = self.editor[node].type.directions
        old = self.draw(st.sampled_from(directions))
        free = [axis for axis in AXES if axis == old or axis not in directions]
        return old, self.draw(st.sampled_from(free))

    def _indices(self, length: int, size: int) -> Array:
        numbers = st.lists(st.integers(0, size - 1), min_size=length, max_size=length)
        return Array(np.array(self.draw(numbers), dtype=np.int64))

    def join(self, node: int, kind: Type) -> int:
        same = [v for v in self.values if self.editor[v].type.shape == kind.shape]
        parts = [node, *self.draw(st.lists(st.sampled_from(same), min_size=1, max_size=2))]
        if not kind.shape or not self._fits((len(parts), *kind.shape)):
            return node
        return self.editor.add(Concatenate(self.draw(st.integers(0, len(kind.shape) - 1))), *parts)

    def contract(self, node: int, kind: Type) -> int:
        """Any einsum of two or three values, letters repeated or not."""
        others = st.lists(st.sampled_from(self.values), min_size=1, max_size=2)
        operands = [node, *self.draw(others)]
        sizes: dict[str, int] = {}
        parts = []
        for operand in operands:
            part = ""
            for size in self.editor[operand].type.shape:
                known = [letter for letter, n in sizes.items() if n == size]
                letter = self.draw(st.sampled_from([*known, chr(ord("a") + len(sizes))]))
                sizes[letter] = size
                part += letter
            parts.append(part)
        kept = self.draw(st.permutations(sorted(sizes)))[: self.draw(st.integers(0, 2))]
        if math.prod(sizes.values()) > 4 * MOST or not self._fits(tuple(sizes[c] for c in kept)):
            return node
        return self._mean(Contract(f"{','.join(parts)}->{''.join(kept)}"), *operands)

    def product(self, node: int, kind: Type) -> int:
        """A product with a new matrix of numbers: batches, groups, rows and inner axes."""
        letters = "abcd"[: len(kind.shape)]
        sizes = dict(zip(letters, kind.shape, strict=True))
        inner = "".join(sorted(self.draw(st.sets(st.sampled_from(letters or "a"), min_size=1))))
        batch = "".join(c for c in letters if c not in inner and self.draw(st.booleans()))
        sizes["z"] = self.draw(st.integers(1, 7))
        rows = self.draw(st.sampled_from(["", "z"]))
        matrix = "".join(self.draw(st.permutations(batch + rows + inner)))
        kept = [c for c in letters if c not in inner] + list(rows)
        result = "".join(self.draw(st.permutations(kept)))
        if not letters or not self._fits(tuple(sizes[c] for c in result)):
            return node
        value = self.numbers.uniform(-1, 1, [sizes[c] for c in matrix])
        weights = self.editor.add(Constant(Array(value)))
        if self.draw(st.booleans()):
            return self._mean(Contract(f"{matrix},{letters}->{result}"), weights, node)
        return self._mean(Contract(f"{letters},{matrix}->{result}"), node, weights)
