"""Where the buffers of a loop program lie: they share memory if they are not in use together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jetfold.backends.program import (
    Buffer,
    Instruction,
    Load,
    OuterProduct,
    Place,
    Product,
    Run,
    SampleSum,
    Store,
    Trim,
)


def overlay(
    buffers: Sequence[Buffer], instructions: Sequence[Instruction]
) -> tuple[tuple[Buffer, ...], int]:
    """Offsets such that buffers in use at the same time do not overlap, and the total size."""
    lives: dict[int, tuple[int, int]] = {}
    for time, instruction in enumerate(instructions):
        for place in _places(instruction):
            first, _ = lives.get(place.buffer, (time, time))
            lives[place.buffer] = (first, time)
    placed: dict[int, int] = {}
    for number in sorted(lives, key=lambda b: (-buffers[b].size, lives[b])):
        first, last = lives[number]
        busy = sorted(
            (offset, offset + buffers[other].size)
            for other, offset in placed.items()
            if lives[other][0] <= last and first <= lives[other][1]
        )
        offset = 0
        for start, stop in busy:
            if offset + buffers[number].size <= start:
                break
            offset = max(offset, stop)
        placed[number] = offset
    total = max((offset + buffers[b].size for b, offset in placed.items()), default=0)
    moved = tuple(replace(b, offset=placed.get(i, 0)) for i, b in enumerate(buffers))
    return moved, total


def _places(instruction: Instruction) -> list[Place]:
    """What an instruction reads and writes in the workspace."""
    match instruction:
        case Load(_, place) | Trim(place):
            return [place]
        case Product():
            return [instruction.operand, instruction.result]
        case OuterProduct():
            return [instruction.left, instruction.right]
        case Run():
            accesses = [*instruction.operands, *instruction.outputs]
        case Store() | SampleSum():
            accesses = [instruction.access]
    return [access.place for access in accesses if isinstance(access.place, Place)]
