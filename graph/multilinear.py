"""A multilinear function given by its numbers, as nodes: moves and sums, or products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from jetfold.graph.build import add_map
from jetfold.graph.contractions import contract
from jetfold.graph.indexing import gather
from jetfold.graph.moves import as_tracers
from jetfold.graph.ops import Reshape, Shape, Sum
from jetfold.graph.source import user_line
from jetfold.graph.tracer import Tracer, editor_of, elementwise, lift, record, wrap
from jetfold.graph.ufuncs import exact

FEW, MANY = 3, 8
"""Terms up to which every element of a result is written out as their sum: always, if sparse."""

SPARSE = 4
"""How many numbers there are for each that is not 0 where picking elements is worth its while."""


@dataclass(frozen=True)
class Tensor:
    """The numbers of a multilinear function that are not 0: result[rows] += values * product.

    Entry e of the product is that of element ``columns[k, e]`` of operand k over all k; arrays are
    flattened in row-major order. Rows ascend.
    """

    shape: Shape
    operands: tuple[Shape, ...]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float64]

    @property
    def width(self) -> int:
        """The most terms that an element of the result has."""
        return int(np.bincount(self.rows).max(initial=0))

    def dense(self) -> NDArray[np.float64]:
        """All numbers: one axis for the result, one for each operand."""
        whole = np.zeros((math.prod(self.shape), *map(math.prod, self.operands)))
        whole[self.rows, *self.columns] = self.values
        return whole

    def apply(self, *operands: NDArray[np.float64]) -> NDArray[np.float64]:
        """The function's value for plain arrays."""
        terms = self.values * np.prod(
            [x.reshape(-1)[c] for x, c in zip(operands, self.columns, strict=True)], axis=0
        )
        total = np.zeros(math.prod(self.shape))
        np.add.at(total, self.rows, terms)
        return total.reshape(self.shape)


def multilinear(tensor: Tensor, operands: Sequence[Tracer]) -> Tracer:
    """The function applied to traced values of its operands' shapes."""
    editor = editor_of(operands)
    if not len(tensor.values):
        return wrap(editor, lift(editor, np.zeros(tensor.shape)))
    flat = [x.move(Reshape((x.size,))) for x in operands]
    sparse = SPARSE * tensor.width <= math.prod(map(math.prod, tensor.operands))
    if tensor.width <= (MANY if sparse else FEW):
        result = _written_out(tensor, flat)
    else:
        result = (_gathered if sparse else _product)(tensor, flat)
    return result.move(Reshape(tensor.shape))


def _product(tensor: Tensor, operands: Sequence[Tracer]) -> Tracer:
    """Contractions with the numbers, one operand after the other."""
    result, *_ = as_tracers(tensor.dense(), *operands)
    for last in range(len(operands), 0, -1):
        axes = list(range(last + 1))
        result = contract(result, axes, operands[last - 1], [last], axes[:-1])
    return result


def _gathered(tensor: Tensor, operands: Sequence[Tracer]) -> Tracer:
    """Sums over an axis along which the terms of an element lie."""
    picks, numbers = _slots(tensor, _ranks(tensor.rows), tensor.width)
    factors = [x.move(gather(pick.T)) for x, pick in zip(operands, picks, strict=True)]
    product = factors[0]
    for factor in factors[1:]:
        product = elementwise("multiply", product, factor)
    if not (tensor.values == 1).all():
        product = elementwise("multiply", product, numbers.T)
    return record(product.editor, Sum((1,)), product.node)


def _written_out(tensor: Tensor, operands: Sequence[Tracer]) -> Tracer:
    """One elementwise function of picked elements.

    If elements share their few numbers, as in a stencil, these are part of the expression.
    """
    editor = editor_of(operands)
    numbers, kinds = np.unique(tensor.values, return_inverse=True)
    order = np.lexsort((kinds, tensor.rows))
    ranks = np.empty_like(tensor.rows)
    ranks[order] = _ranks(tensor.rows[order] * len(numbers) + kinds[order])
    times = [int(ranks[kinds == kind].max()) + 1 for kind in range(len(numbers))]
    stencil = sum(times) <= tensor.width + 1
    if stencil:
        slots = np.cumsum([0, *times])[kinds] + ranks
        count = sum(times)
    else:
        slots, count = _ranks(tensor.rows), tensor.width
    picks, values = _slots(tensor, slots, count)
    nodes: dict[sp.Symbol, int] = {}
    terms = []
    for slot in range(count):
        factors = [_picked(x, pick[slot]) for x, pick in zip(operands, picks, strict=True)]
        found = [factor.node for factor in factors]
        number = sp.S.One
        if stencil:
            number = exact(float(numbers[np.searchsorted(np.cumsum(times), slot, "right")]))
        else:
            found.append(lift(editor, values[slot]))
        symbols = [sp.Symbol(f"t{node}", real=True) for node in found]
        nodes.update(zip(symbols, found, strict=True))
        terms.append(number * sp.Mul(*symbols))
    total = add_map(editor, sp.Add(*terms), nodes)
    editor.annotate(total, user_line(), None)
    return wrap(editor, total)


def _picked(x: Tracer, index: NDArray[np.int64]) -> Tracer:
    """Elements of a flat value; itself if all are picked in order."""
    if len(index) == x.size and (index == np.arange(x.size)).all():
        return x
    return x.move(gather(index))


def _ranks(ascending: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each element how many equal ones are before it."""
    starts = np.searchsorted(ascending, ascending)
    return np.arange(len(ascending)) - starts


def _slots(
    tensor: Tensor, slots: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each operand [slot, row] the element to pick, -1 for none, and the number there."""
    places = (count, math.prod(tensor.shape))
    picks = np.full((len(tensor.operands), *places), -1)
    numbers = np.zeros(places)
    picks[:, slots, tensor.rows] = tensor.columns
    numbers[slots, tensor.rows] = tensor.values
    return picks, numbers
