"""The integers with which a kernel runs: sizes, offsets, strides for tiles of S samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.program import Access, Place, Program, Run, SampleSum, SharedPlace, Store

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


def store_addresses(program: Program, store: Store | SampleSum, samples: int) -> Numbers:
    """Where each element of a value begins, its direction axes first; -1 stands for zero."""
    access = store.access
    rows = access.table
    if rows is None:
        rows = access.start + access.step * np.arange(store.rows)
    found = addresses(program, access, rows, samples)
    unit = samples if isinstance(access.place, Place) else 1
    for size, stride in zip(reversed(store.sizes), reversed(access.strides), strict=True):
        steps = unit * (np.arange(size) * stride if isinstance(stride, int) else stride)
        found = np.where(found < 0, -1, found + steps.reshape(-1, *[1] * found.ndim))
    return found.reshape(*store.sizes, store.rows)
