"""The run-time arguments of a compiled program: sizes, offsets, strides for tiles of S samples."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.arguments import Argument, position, run_arguments, store_addresses
from jetfold.backends.cpu.emit import (
    OUTER_PRODUCT,
    PRODUCT,
    SAMPLE_SUM,
    TRIM,
    first_kernel,
    first_load,
    first_store,
    first_sum,
)
from jetfold.backends.cpu.simd import accumulator_size, packed_size
from jetfold.backends.program import (
    Load,
    OuterProduct,
    Product,
    Program,
    Run,
    SampleSum,
    SharedPlace,
    Store,
    Trim,
)

PART_VECTORS = 56
"""Columns of outer products, in vectors, of which two blocks of rows fit the innermost cache."""


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


def accumulator_starts(program: Program, lanes: int) -> list[int]:
    """Where each accumulator begins, and as a last entry how many numbers there are.

    Outer products are stored as `jetfold.backends.cpu.simd.add_outer_product` stores them, the
    value with fewer rows as its second operand.
    """
    sizes = []
    for accumulator in program.accumulators:
        size = math.prod(accumulator.shape)
        if accumulator.index is not None:
            batches, *rows = accumulator.shape
            size = batches * accumulator_size(max(rows), min(rows), lanes)
        sizes.append(-(-size // lanes) * lanes)
    return [0, *itertools.accumulate(sizes)]


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
        self.accumulators = accumulator_starts(program, lanes)

    def arguments(self) -> Arguments:
        program = self.program
        code = []
        for instruction in program.instructions:
            match instruction:
                case Load(source, place):
                    code.append((first_load() + source, len(self.args)))
                    self.args += [place.rows, *position(program, place, self.samples)]
                case Product():
                    code.append((PRODUCT, len(self.args)))
                    self._product(instruction)
                case Run():
                    kernel = program.kernels.index(instruction.kernel)
                    code.append((first_kernel(program) + kernel, len(self.args)))
                    for argument in run_arguments(program, instruction, self.samples):
                        self._append(argument)
                case Store(target, access):
                    code.append((first_store(program) + target, len(self.args)))
                    stored = store_addresses(program, instruction, self.samples).reshape(-1)
                    self.args += [len(stored), int(isinstance(access.place, SharedPlace))]
                    self._append(stored)
                case Trim(place):
                    code.append((first_sum(program) + TRIM, len(self.args)))
                    found = position(program, place, self.samples)
                    self.args += [place.rows, place.type.copies, *found]
                case SampleSum():
                    code.append((first_sum(program) + SAMPLE_SUM, len(self.args)))
                    self._sample_sum(instruction)
                case OuterProduct():
                    code.append((first_sum(program) + OUTER_PRODUCT, len(self.args)))
                    self._outer_product(instruction)
        for at, table in self.tables:
            self.args[at] = len(self.args)
            self.args += table.tolist()
        return Arguments(np.array(self.args, dtype=np.int64), np.array(code, dtype=np.int64))

    def _append(self, argument: Argument) -> None:
        """Append an integer, or the place of a list; the list itself goes to the end."""
        if isinstance(argument, int):
            self.args.append(argument)
        else:
            self.tables.append((len(self.args), argument))
            self.args.append(0)

    def _sample_sum(self, instruction: SampleSum) -> None:
        """For each number of the accumulator the places of all that is added to it."""
        found = store_addresses(self.program, instruction, self.samples)
        kept = np.moveaxis(found, -1, instruction.kept)  # rows behind the axes that are kept
        numbers = math.prod(kept.shape[: instruction.kept + 1])
        terms = math.prod(kept.shape[instruction.kept + 1 :])
        start = self.accumulators[instruction.accumulator]
        self.args += [numbers, terms, start, self.samples]
        self._append(kept.reshape(-1))

    def _outer_product(self, instruction: OuterProduct) -> None:
        batches, rows, columns = self.program.accumulators[instruction.accumulator].shape
        operands = [
            (rows, instruction.left, instruction.left_rows),
            (columns, instruction.right, instruction.right_rows),
        ]
        operands.sort(key=lambda operand: -operand[0])
        size = accumulator_size(max(rows, columns), min(rows, columns), self.lanes)
        self.args += [self.accumulators[instruction.accumulator], size]
        vectors = instruction.slots * self.samples // self.lanes
        parts = -(-vectors // PART_VECTORS)
        self.args += [batches, instruction.groups, vectors, -(-vectors // parts)]
        for count, place, (first, steps) in operands:
            start, step = position(self.program, place, self.samples)
            self.args += [count, start + first * step, *(stride * step for stride in steps)]

    def _product(self, product: Product) -> None:
        batches, rows, inner = self.program.matrices[product.matrix].shape
        matrix_step = packed_size(rows, inner)
        start, step = position(self.program, product.operand, self.samples)
        target, target_step = position(self.program, product.result, self.samples)
        self.args += [self.matrices[product.matrix], matrix_step, batches, product.groups]
        self.args += [rows, inner, product.slots * self.samples // self.lanes]
        self.args += [start + product.operand_start * step]
        self.args += [stride * step for stride in product.operand_steps]
        self.args += [target, *(stride * target_step for stride in product.result_steps)]
