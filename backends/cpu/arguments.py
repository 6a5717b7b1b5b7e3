"""The run-time arguments of a compiled program: sizes, offsets, strides for tiles of S samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cpu.emit import PRODUCT, first_kernel, first_load, first_store
from jetfold.backends.cpu.simd import packed_size
from jetfold.backends.program import Access, Load, Place, Product, Program, Run, SharedPlace, Store


@dataclass(frozen=True)
class Arguments:
    """Integers for the worker: ``code`` lists instructions with where their ``args`` start."""

    args: NDArray[np.int64]
    code: NDArray[np.int64]


def shared_sizes(program: Program) -> tuple[int, list[int]]:
    """How many shared numbers there are, and where each packed matrix starts behind them."""
    kinds = [program.graph[node].type for node in program.shared]
    total = sum(kind.elements for kind in kinds)
    starts = []
    for matrix in program.matrices:
        starts.append(total)
        batches, rows, inner = matrix.shape
        total += batches * packed_size(rows, inner)
    return total, starts


def arguments(program: Program, samples: int, lanes: int) -> Arguments:
    """The arguments for tiles of this many samples on vectors of this many lanes."""
    return _Writer(program, samples, lanes).arguments()


class _Writer:
    def __init__(self, program: Program, samples: int, lanes: int) -> None:
        self.program = program
        self.samples = samples
        self.lanes = lanes
        self.args: list[int] = []
        self.tables: list[tuple[int, NDArray[np.int64]]] = []
        _, self.matrices = shared_sizes(program)

    def arguments(self) -> Arguments:
        program = self.program
        code = []
        for instruction in program.instructions:
            match instruction:
                case Load(source, place):
                    code.append((first_load() + source, len(self.args)))
                    start, step = self._position(place)
                    self.args += [place.rows, start, step]
                case Product():
                    code.append((PRODUCT, len(self.args)))
                    self._product(instruction)
                case Run():
                    kernel = program.kernels.index(instruction.kernel)
                    code.append((first_kernel(program) + kernel, len(self.args)))
                    self._run(instruction)
                case Store(target, access, rows):
                    code.append((first_store(program) + target, len(self.args)))
                    shared = isinstance(access.place, SharedPlace)
                    self.args += [rows, int(shared)]
                    table = access.table
                    if table is None:
                        table = access.start + access.step * np.arange(rows)
                    self._table(access, table)
        for position, table in self.tables:
            self.args[position] = len(self.args)
            self.args += table.tolist()
        return Arguments(np.array(self.args, dtype=np.int64), np.array(code, dtype=np.int64))

    def _position(self, place: Place | SharedPlace) -> tuple[int, int]:
        """First element of a value and how far apart its rows are."""
        if isinstance(place, SharedPlace):
            return place.offset, 1
        buffer = self.program.buffers[place.buffer]
        return (buffer.offset + place.slot) * self.samples, buffer.slots * self.samples

    def _table(self, access: Access, rows: NDArray[np.int64]) -> None:
        """Append the position of a list of addresses."""
        start, step = self._position(access.place)
        self._list(np.where(rows < 0, -1, start + step * rows))

    def _list(self, numbers: NDArray[np.int64]) -> None:
        """Append the position of a list; the list itself goes to the end."""
        self.tables.append((len(self.args), numbers))
        self.args.append(0)

    def _run(self, run: Run) -> None:
        self.args += [run.rows, run.reduced, *run.sizes]
        for access in (*run.operands, *run.outputs):
            start, step = self._position(access.place)
            if access.table is not None:
                self._table(access, access.table)
                self.args.append(0)
            else:
                self.args += [start + access.start * step, access.step * step]
            unit = self.samples if isinstance(access.place, Place) else 1
            for stride in access.strides:
                if isinstance(stride, int):
                    self.args.append(stride * unit)
                else:
                    self._list(stride * unit)
        for starts in run.segments:
            self._list(starts)

    def _product(self, product: Product) -> None:
        batches, rows, inner = self.program.matrices[product.matrix].shape
        matrix_step = packed_size(rows, inner)
        start, step = self._position(product.operand)
        target, target_step = self._position(product.result)
        self.args += [self.matrices[product.matrix], matrix_step, batches, product.groups]
        self.args += [rows, inner, product.slots * self.samples // self.lanes]
        self.args += [start + product.operand_start * step]
        self.args += [stride * step for stride in product.operand_steps]
        self.args += [target, *(stride * target_step for stride in product.result_steps)]
