"""The integers with which a kernel runs: sizes, offsets, strides for tiles of S samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.program import Access, Place, Program, Run, SharedPlace

Numbers = NDArray[np.int64]

Argument = int | Numbers
"""An integer, or a list of them; the place of the list is the argument then."""


def position(program: Program, place: Place | SharedPlace, samples: int) -> tuple[int, int]:
    """The first element of a value and how far apart its rows are."""
    if isinstance(place, SharedPlace):
        return place.offset, 1
    buffer = program.buffers[place.buffer]
    return (buffer.offset + place.slot) * samples, buffer.slots * samples


def addresses(program: Program, access: Access, rows: Numbers, samples: int) -> Numbers:
    """Where rows begin; -1, which stands for zero, stays."""
    start, step = position(program, access.place, samples)
    return np.where(rows < 0, -1, start + step * rows)


def run_arguments(program: Program, run: Run, samples: int) -> list[Argument]:
    """The arguments of a kernel, in the order in which `jetfold.backends.emit` reads them."""
    found: list[Argument] = [run.rows, run.reduced, *run.sizes]
    for access in (*run.operands, *run.outputs):
        if access.table is not None:
            found += [addresses(program, access, access.table, samples), 0]
        else:
            start, step = position(program, access.place, samples)
            found += [start + access.start * step, access.step * step]
        unit = samples if isinstance(access.place, Place) else 1
        found += [stride * unit for stride in access.strides]
    return [*found, *run.segments]


def store_rows(access: Access, rows: int) -> Numbers:
    """The rows of a value that is stored to an output."""
    if access.table is not None:
        return access.table
    return access.start + access.step * np.arange(rows)
