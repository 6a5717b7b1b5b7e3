"""Picking and collecting along direction axes, place by place, in every number system."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from jetfold.graph.interpret import BATCH, Value, apply
from jetfold.graph.numbers import EXACT, FLOAT, MPMATH, NumberSystem
from jetfold.graph.ops import Array, Collect, DirectionAxis, Pick

RANDOM = np.random.default_rng(0)
SIZES = {BATCH: 4, "p": 2, "r": 3, "s": 2}
R = DirectionAxis("r", 3)


def at(operand: Value, where: dict[str, int]) -> Any:
    """The operand's point at a place along the leading axes."""
    return operand.array[tuple(where[name] for name in operand.lead)]


def elementwise(op: Pick | Collect, operand: Value, zero: Any) -> Value:
    """What picking or collecting along an axis gives, one place after the other."""
    names = {name for name in operand.lead if name != op.old} | {op.new.name}
    lead = tuple(sorted(names))
    sizes = dict(zip(operand.lead, operand.array.shape, strict=False)) | {op.new.name: op.new.size}
    shape = tuple(sizes[name] for name in lead)
    result = np.full((*shape, *operand.shape), zero, dtype=operand.array.dtype)
    index = op.index.value.tolist()
    for place in np.ndindex(*shape):
        where = dict(zip(lead, place, strict=True))
        m = where.pop(op.new.name)
        if isinstance(op, Pick):
            result[place] = at(operand, where | {op.old: index[m]})
        else:
            for p, target in enumerate(index):
                if target == m:
                    result[place] = result[place] + at(operand, where | {op.old: p})
    return Value(result, lead)


NEW_NAMES = ["a", "q", "r", "z"]  # first, before the others, the same name, last
ALONG_R: list[tuple[type[Pick] | type[Collect], list[int], int]] = [
    (Pick, [2, 0, 0, 1, 2], 5),  # of the three elements along r
    (Pick, [1], 1),
    (Pick, [], 0),
    (Collect, [1, 3, 1], 5),  # one twice, three of them never
    (Collect, [2, 0, 1], 3),
    (Collect, [0, 0, 0], 1),
]


def agree(op: Pick | Collect, operand: Value, numbers: NumberSystem, zero: Any) -> None:
    found, expected = apply(op, [operand], numbers), elementwise(op, operand, zero)
    assert found.lead == expected.lead
    assert found.array.dtype == expected.array.dtype
    assert found.array.shape == expected.array.shape
    np.testing.assert_array_equal(found.array, expected.array)
    assert all(type(element) is type(zero) for element in found.array.reshape(-1))


@pytest.mark.parametrize(("move", "index", "size"), ALONG_R)
@pytest.mark.parametrize("new", NEW_NAMES)
@pytest.mark.parametrize(
    "lead", [("r",), (BATCH, "r"), ("r", "s"), (BATCH, "p", "r", "s")], ids=str
)
@pytest.mark.parametrize("zero", [np.float64(0), np.float32(0), np.complex128(0)], ids=repr)
def test_moves_along_an_axis(
    move: type[Pick] | type[Collect],
    index: list[int],
    size: int,
    new: str,
    lead: tuple[str, ...],
    zero: Any,
) -> None:
    shape = (*(SIZES[name] for name in lead), 2, 3)
    array = (RANDOM.normal(size=shape) + (1j if np.iscomplexobj(zero) else 0)).astype(zero.dtype)
    op = move(Array(np.array(index, dtype=np.int64)), "r", DirectionAxis(new, size))
    agree(op, Value(array, lead), FLOAT, zero)


@pytest.mark.parametrize(("move", "index", "size"), ALONG_R)
@pytest.mark.parametrize("new", NEW_NAMES)
@pytest.mark.parametrize(
    ("numbers", "zero"), [(EXACT, Fraction(0)), (MPMATH, mpmath.mpf(0))], ids=["exact", "mpmath"]
)
def test_moves_along_an_axis_of_other_numbers(
    move: type[Pick] | type[Collect],
    index: list[int],
    size: int,
    new: str,
    numbers: NumberSystem,
    zero: Any,
) -> None:
    array = np.empty((3, 2, 2), dtype=object)
    array.reshape(-1)[:] = [zero + 1 + i * i for i in range(12)]
    op = move(Array(np.array(index, dtype=np.int64)), "r", DirectionAxis(new, size))
    agree(op, Value(array, ("r", "s")), numbers, zero)
    agree(op, Value(array[:, 0, 0], ("r",)), numbers, zero)


@pytest.mark.parametrize("numbers", [FLOAT, EXACT])
def test_moves_along_an_empty_axis(numbers: NumberSystem) -> None:
    nothing = Value(numbers.array(np.zeros((2, 0, 3))), ("a", "r"))
    index = Array(np.zeros(0, dtype=np.int64))
    picked = apply(Pick(index, "r", DirectionAxis("r", 0)), [nothing], numbers)
    assert picked.array.shape == (2, 0, 3)
    for size in (0, 4):
        collected = apply(Collect(index, "r", DirectionAxis("_", size)), [nothing], numbers)
        assert collected.lead == ("_", "a")
        assert collected.array.shape == (size, 2, 3)
        assert collected.array.dtype == nothing.array.dtype
        assert (collected.array == 0).all()


@pytest.mark.parametrize("new", NEW_NAMES)
def test_collecting_is_the_transpose_of_picking(new: str) -> None:
    """<pick a, b> = <a, collect b>, in rational numbers."""
    random = np.random.default_rng(3)
    index, many = Array(random.integers(0, 3, 7)), DirectionAxis(new, 7)
    lead = tuple(sorted(("s", new)))
    a = EXACT.array(random.integers(-9, 9, (3, 2, 4)) / 8)
    b = EXACT.array(random.integers(-9, 9, (7, 2, 4) if lead[0] == new else (2, 7, 4)) / 8)
    picked = apply(Pick(index, "r", many), [Value(a, ("r", "s"))], EXACT)
    collected = apply(Collect(index, new, R), [Value(b, lead)], EXACT)
    assert (picked.lead, collected.lead) == (lead, ("r", "s"))
    assert (picked.array * b).sum() == (a * collected.array).sum()
