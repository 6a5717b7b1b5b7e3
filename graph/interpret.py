"""What each operation means: an interpreter of graphs in any number system.

A value is an array with named leading axes (the batch and the direction axes), followed by the
positional axes of the point. The batch is an axis like the others here, called ``BATCH``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jetfold.graph.graph import Graph
from jetfold.graph.matrices import matrix_function
from jetfold.graph.numbers import FLOAT, NumberSystem
from jetfold.graph.ops import (
    Broadcast,
    Collect,
    Concatenate,
    Constant,
    Contract,
    Direct,
    Gather,
    Map,
    MatrixFunction,
    Op,
    Pick,
    Replicate,
    Reshape,
    Slice,
    Sum,
    Transpose,
    Type,
    split_spec,
)

BATCH = "*"

SMALL_PRODUCT = 1 << 24
"""Multiplications up to which a product is not given to BLAS.

The threads of OpenBLAS spin for a while after a product (from 2^19 multiplications on) and take the
cores from compiled code that runs next, for longer than the product takes.
"""


class Value(NamedTuple):
    """An array whose leading axes are named; the rest are the point's."""

    array: NDArray[Any]
    lead: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape[len(self.lead) :]

    def align(self, lead: tuple[str, ...], rank: int) -> NDArray[Any]:
        """The array with exactly these leading axes (size 1 where absent) and this point rank."""
        array = self.array
        sizes = dict(zip(self.lead, array.shape, strict=False))
        shape = [sizes.get(name, 1) for name in lead] + [1] * (rank - len(self.shape))
        return array.reshape((*shape, *self.shape))


def _leads(operands: list[Value]) -> tuple[str, ...]:
    return tuple(sorted({name for operand in operands for name in operand.lead}))


@np.errstate(all="ignore")  # NaN and infinity pass through; they are no reason to warn
def apply(op: Op, operands: list[Value], numbers: NumberSystem = FLOAT) -> Value:
    """The value of one operation on values; leading axes are sorted by name."""
    lead = _leads(operands)
    match op:
        case Constant(value, directions):
            return Value(numbers.array(value.value), tuple(axis.name for axis in directions))
        case Map(expr):
            rank = max((len(operand.shape) for operand in operands), default=0)
            arrays = [operand.align(lead, rank) for operand in operands]
            return Value(numbers.evaluate(expr, arrays), lead)
        case Contract():
            return _contract(op, operands, lead)
        case Concatenate(axis):
            arrays = [operand.align(lead, len(operand.shape)) for operand in operands]
            sizes = np.broadcast_shapes(*(array.shape[: len(lead)] for array in arrays))
            full = [
                np.broadcast_to(array, sizes + operand.shape)
                for array, operand in zip(arrays, operands, strict=True)
            ]
            return Value(np.concatenate(full, axis=len(lead) + axis), lead)
    (operand,) = operands
    array, offset, sizes = operand.array, len(lead), operand.array.shape[: len(lead)]
    match op:
        case Sum(axes, names):
            over = [lead.index(name) for name in names] + [offset + axis for axis in axes]
            kept = tuple(name for name in lead if name not in names)
            return Value(np.asarray(array.sum(axis=tuple(over)), dtype=array.dtype), kept)
        case MatrixFunction(name):
            return Value(matrix_function(name, array, numbers), lead)
        case Reshape(shape):
            return Value(array.reshape(sizes + shape), lead)
        case Transpose(order):
            moved = (*range(offset), *(offset + axis for axis in order))
            return Value(array.transpose(moved), lead)
        case Broadcast(shape):
            return Value(np.broadcast_to(operand.align(lead, len(shape)), sizes + shape), lead)
        case Slice(start, step, shape):
            ranges = zip(start, step, shape, strict=True)
            grid: tuple[Any, ...] = np.ix_(*(a + b * np.arange(n) for a, b, n in ranges))
            return Value(array[(..., *grid)] if grid else array, lead)
        case Gather(index):
            flat = array.reshape((*sizes, math.prod(operand.shape)))
            zero = numbers.array(np.zeros((*sizes, 1))).astype(array.dtype)
            return Value(np.concatenate([flat, zero], axis=-1)[..., index.value], lead)
        case Replicate(new):
            copies = np.broadcast_to(array, (new.size, *array.shape))
            names = tuple(sorted((new.name, *lead)))
            return Value(np.moveaxis(copies, 0, names.index(new.name)), names)
        case Direct(position, new):
            names = tuple(sorted((new.name, *lead)))
            return Value(np.moveaxis(array, offset + position, names.index(new.name)), names)
        case Pick(index, old, new):
            return _rename(np.take(array, index.value, lead.index(old)), lead, old, new.name)
        case Collect(index, old, new):
            terms = np.moveaxis(array, lead.index(old), 0)
            total = np.broadcast_to(numbers.array(np.zeros(())), (new.size, *terms.shape[1:]))
            total = np.array(total, dtype=array.dtype)
            np.add.at(total, index.value, terms)
            return _rename(np.moveaxis(total, 0, lead.index(old)), lead, old, new.name)
    raise TypeError(f"{op} is a leaf; its value must be given")


def _rename(array: NDArray[Any], lead: tuple[str, ...], old: str, new: str) -> Value:
    """The value when a leading axis has another name, and so perhaps another place."""
    names = tuple(new if name == old else name for name in lead)
    order = sorted(range(len(names)), key=lambda i: names[i])
    axes = (*order, *range(len(names), array.ndim))
    return Value(array.transpose(axes), tuple(names[i] for i in order))


def _contract(op: Contract, operands: list[Value], lead: tuple[str, ...]) -> Value:
    capital = {name: chr(ord("A") + i) for i, name in enumerate(_leads(operands))}
    inputs, result = split_spec(op.spec)
    named = [
        "".join(capital[name] for name in operand.lead) + letters
        for operand, letters in zip(operands, inputs, strict=True)
    ]
    spec = ",".join(named) + "->" + "".join(capital[name] for name in lead) + result
    exact = any(operand.array.dtype == object for operand in operands)
    arrays = [operand.array for operand in operands]
    sizes = dict(
        item
        for name, array in zip(named, arrays, strict=True)
        for item in zip(name, array.shape, strict=True)
    )
    small = len(arrays) < 3 and math.prod(sizes.values()) <= SMALL_PRODUCT
    found = np.einsum(spec, *arrays, optimize=not (exact or small))
    return Value(np.asarray(found, dtype=object if exact else None), lead)


def interpret(
    graph: Graph, leaves: Mapping[int, Value], numbers: NumberSystem = FLOAT
) -> dict[int, Value]:
    """The values of all nodes, given those of the inputs and parameters."""
    values: dict[int, Value] = dict(leaves)
    for node in graph.order:
        if node not in values:
            operands = [values[operand] for operand in graph.operands(node)]
            values[node] = apply(graph[node].op, operands, numbers)
    return values


def evaluate(
    graph: Graph, leaves: Mapping[int, Value], numbers: NumberSystem = FLOAT
) -> dict[int, Value]:
    """The values of the outputs and of what they need, given those of the inputs and parameters.

    A contraction of which only sums over directions are wanted is summed while it is formed and has
    no value of its own: it may be far larger than its factors and its sum.
    """
    values: dict[int, Value] = dict(leaves)
    for node in graph.order:
        if node in values or _is_only_summed(graph, node):
            continue
        op, operands = graph[node].op, graph.operands(node)
        if isinstance(op, Sum) and _is_only_summed(graph, operands[0]):
            product = graph[operands[0]].op
            assert isinstance(product, Contract)
            factors = [values[factor] for factor in graph.operands(operands[0])]
            kept = tuple(name for name in _leads(factors) if name not in op.directions)
            values[node] = _contract(product, factors, kept)
        else:
            values[node] = apply(op, [values[operand] for operand in operands], numbers)
    return values


def _is_only_summed(graph: Graph, node: int) -> bool:
    """Whether a node is a contraction that is used for sums over directions, only."""
    if not isinstance(graph[node].op, Contract) or node in graph.outputs:
        return False
    users = [graph[user].op for user in graph.users(node)]
    return all(isinstance(op, Sum) and not op.axes for op in users)


def constant_value(op: Op, operands: list[tuple[Constant, Type]]) -> NDArray[Any]:
    """The value of an operation whose operands are all constants."""
    values = [
        Value(constant.value.value, tuple(axis.name for axis in kind.directions))
        for constant, kind in operands
    ]
    return np.array(apply(op, values).array)
