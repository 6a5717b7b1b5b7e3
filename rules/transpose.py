"""The transposes of linear operations: from the cotangent of a result to that of one operand.

For y = L x the cotangent of x is L^T g, where g is that of y: <g, L x> = <L^T g, x>. A contraction
is transposed by letting the operand and the result change places in its specification, a sum by
repeating, a repetition by summing, and a move of indices by moving them back.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from string import ascii_letters

import numpy as np
from numpy.typing import NDArray

from jetfold.graph import (
    Array,
    Broadcast,
    Collect,
    Concatenate,
    Constant,
    Contract,
    Direct,
    Editor,
    Gather,
    Op,
    Pick,
    Replicate,
    Reshape,
    Slice,
    Sum,
    Transpose,
    Type,
)
from jetfold.graph.ops import Shape, split_spec

Indices = NDArray[np.int64]


def transposed(
    editor: Editor,
    op: Op,
    operands: Sequence[int],
    position: int,
    cotangent: int,
    kept: Collection[str],
) -> int:
    """What operand number ``position`` of a linear operation gets from the result's cotangent.

    The node has the operand's shape. It may have direction axes that the operand lacks; those that
    are not among the ``kept`` are still to be summed. Nonlinear operations raise TypeError.
    """
    operand = editor[operands[position]].type
    shape = operand.shape
    match op:
        case Contract():
            return _contract(editor, op, operands, position, cotangent, kept)
        case Sum(axes, names):
            ones = tuple(1 if i in axes else n for i, n in enumerate(shape))
            found = _reshaped(editor, cotangent, ones)
            found = editor.add(Broadcast(shape), found) if ones != shape else found
            for axis in operand.directions:
                if axis.name in names:
                    found = editor.add(Replicate(axis), found)
            return found
        case Reshape():
            return editor.add(Reshape(shape), cotangent)
        case Transpose(order):
            return editor.add(Transpose(tuple(map(int, np.argsort(order)))), cotangent)
        case Broadcast():
            return summed_to_shape(editor, cotangent, shape)
        case Slice(start, step, length):
            index = np.arange(math.prod(shape)).reshape(shape)
            rows = (a + s * np.arange(n) for a, s, n in zip(start, step, length, strict=True))
            return _scattered(editor, index[np.ix_(*rows)] if shape else index, shape, cotangent)
        case Gather(index):
            return _scattered(editor, index.value, shape, cotangent)
        case Concatenate(axis):
            before = sum(editor[other].type.shape[axis] for other in operands[:position])
            start = tuple(before if i == axis else 0 for i in range(len(shape)))
            return editor.add(Slice(start, (1,) * len(shape), shape), cotangent)
        case Replicate(axis):
            return editor.add(Sum((), (axis.name,)), cotangent)
        case Direct(place, axis):
            rest = ascii_letters[1 : len(shape)]
            spec = f"a,{rest}->{rest[:place]}a{rest[place:]}"
            unit = editor.add(Constant(Array(np.eye(axis.size)), (axis,)))
            return editor.add(Sum((), (axis.name,)), editor.add(Contract(spec), unit, cotangent))
        case Pick(index, old, new):
            (axis,) = (axis for axis in operand.directions if axis.name == old)
            return editor.add(Collect(index, new.name, axis), cotangent)
        case Collect(index, old, new):
            (axis,) = (axis for axis in operand.directions if axis.name == old)
            return editor.add(Pick(index, new.name, axis), cotangent)
    raise TypeError(f"{op} is not linear in its operands")


def summed_to(editor: Editor, node: int, kind: Type, kept: Collection[str]) -> int:
    """The transpose of `jetfold.graph.fit`: axes that a type lacks are summed, but for the kept."""
    extra = _missing(editor[node].type, kind, kept)
    if extra:
        node = editor.add(Sum((), extra), node)
    return summed_to_shape(editor, node, kind.shape)


def summed_to_shape(editor: Editor, node: int, shape: Shape) -> int:
    """The transpose of a broadcast from this shape."""
    have = editor[node].type.shape
    if have == shape:
        return node
    lead = len(have) - len(shape)
    repeated = (i for i, n in enumerate(shape) if n == 1 and have[lead + i] != 1)
    axes = (*range(lead), *(lead + i for i in repeated))
    return _reshaped(editor, editor.add(Sum(axes), node), shape)


def _missing(have: Type, wanted: Type, kept: Collection[str]) -> tuple[str, ...]:
    """The direction axes that are too many."""
    known = {axis.name for axis in wanted.directions}.union(kept)
    return tuple(axis.name for axis in have.directions if axis.name not in known)


def _reshaped(editor: Editor, node: int, shape: Shape) -> int:
    return node if editor[node].type.shape == shape else editor.add(Reshape(shape), node)


def _contract(
    editor: Editor,
    op: Contract,
    operands: Sequence[int],
    position: int,
    cotangent: int,
    kept: Collection[str],
) -> int:
    """The operand and the result change places.

    A letter that occurs twice in the operand is a diagonal, which is put there by an identity; one
    that occurs nowhere else was summed, and its axis is repeated.
    """
    letters, result = split_spec(op.spec)
    operand = editor[operands[position]].type
    others = [node for i, node in enumerate(operands) if i != position]
    met = {axis.name for node in others for axis in editor[node].type.directions}
    alone = _missing(editor[cotangent].type, operand, met.union(kept))
    if alone:  # before the product, where it costs least
        cotangent = editor.add(Sum((), alone), cotangent)
    nodes = [*operands[:position], cotangent, *operands[position + 1 :]]
    parts = [*letters[:position], result, *letters[position + 1 :]]
    sizes = dict(zip(letters[position], operand.shape, strict=True))
    unused = iter(c for c in ascii_letters if c not in op.spec)
    wanted = ""
    for letter in letters[position]:
        if letter in wanted:
            other = next(unused)
            nodes.append(editor.add(Constant(Array(np.eye(sizes[letter])))))
            parts.append(letter + other)
            wanted += other
        else:
            wanted += letter
    present = "".join(c for c in wanted if any(c in part for part in parts))
    found = editor.add(Contract(f"{','.join(parts)}->{present}"), *nodes)
    if present == wanted:
        return found
    ones = tuple(n if c in present else 1 for c, n in zip(wanted, operand.shape, strict=True))
    return editor.add(Broadcast(operand.shape), _reshaped(editor, found, ones))


def _scattered(editor: Editor, index: Indices, shape: Shape, cotangent: int) -> int:
    """Each element of the operand gets the sum of all places where it went; -1 is nowhere."""
    went, size = index.reshape(-1), math.prod(shape)
    places = np.flatnonzero(went >= 0)
    places = places[np.argsort(went[places], kind="stable")]
    sources = went[places]
    counts = np.bincount(sources, minlength=size)
    before = (np.cumsum(counts) - counts)[sources]
    table = np.full((max(counts.max(initial=0), 1), size), -1)
    table[np.arange(len(places)) - before, sources] = places
    if len(table) == 1:
        return editor.add(Gather(Array(table.reshape(shape))), cotangent)
    found = editor.add(Gather(Array(table.reshape((len(table), *shape)))), cotangent)
    return editor.add(Sum((0,)), found)
