"""What becomes of accumulators when all points have been run: totals, in NumPy on the host."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.program import Accumulator, Program, SharedPlace
from jetfold.graph import Type

FloatArray = NDArray[Any]


class Finish:
    """The totals of a program, made of accumulators and shared values in a fixed order."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._indices = [_index(accumulator) for accumulator in program.accumulators]

    def zeros(self, dtype: np.dtype[Any]) -> list[FloatArray]:
        """The totals of no points."""
        return [np.zeros(_shape(kind), dtype) for kind in self.program.totals]

    @np.errstate(all="ignore")  # NaN and infinity pass through
    def __call__(
        self, sums: Sequence[FloatArray], shared: FloatArray, points: int
    ) -> list[FloatArray]:
        """The totals, from what all accumulators hold and from shared numbers."""
        program = self.program
        parts: list[list[FloatArray]] = [[] for _ in program.totals]
        for accumulator, index, found in zip(
            program.accumulators, self._indices, sums, strict=True
        ):
            shape = _shape(program.totals[accumulator.total])
            parts[accumulator.total].append(_picked(found, index).reshape(shape))
        for number, node in program.everywhere:
            value = points * self._summed(node, number, shared)
            parts[number].append(np.broadcast_to(value, _shape(program.totals[number])))
        return [
            _sum(found) if found else np.zeros(_shape(kind), shared.dtype)
            for found, kind in zip(parts, program.totals, strict=True)
        ]

    def _summed(self, node: int, number: int, shared: FloatArray) -> FloatArray:
        """A shared value in the shape of a total, summed over direction axes that it lacks."""
        program = self.program
        kind, kept = program.graph[node].type, program.totals[number].directions
        place = program.places[node]
        assert isinstance(place, SharedPlace)
        value: FloatArray = shared[place.offset : place.offset + kind.elements]
        value = value.reshape([*(axis.size for axis in kind.directions), *kind.shape])
        value = value.sum(tuple(i for i, axis in enumerate(kind.directions) if axis not in kept))
        have = [axis.size if axis in kind.directions else 1 for axis in kept]
        return value.reshape([*have, *kind.shape])


def _shape(kind: Type) -> tuple[int, ...]:
    """The shape of a total: direction axes first."""
    return (*(axis.size for axis in kind.directions), *kind.shape)


def _sum(parts: list[FloatArray]) -> FloatArray:
    """The sum, an array that is nobody else's."""
    first, *others = parts
    if not others:
        return np.require(first, requirements=["C", "W"])
    return np.asarray(sum(others, start=first))


def _index(accumulator: Accumulator) -> NDArray[np.int64] | None:
    """Which numbers of an accumulator its total consists of; None for all in their order."""
    if accumulator.index is None:
        return None
    index = accumulator.index.value
    return None if np.array_equal(index, np.arange(math.prod(accumulator.shape))) else index


def _picked(numbers: FloatArray, index: NDArray[np.int64] | None) -> FloatArray:
    if index is None:
        return numbers
    return np.where(index < 0, 0, numbers.reshape(-1)[index]).astype(numbers.dtype)
