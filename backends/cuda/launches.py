"""A loop program as a list of launches: pure data, for one number of samples.

All that kernels and products read and write lies in a few arrays of the device, which launches
know by name: ``ws`` (the workspace), ``sh`` (shared numbers, then matrices), ``table`` (lists of
integers), ``x0, x1, ..`` (inputs, points times rows) and ``y0, y1, ..`` (outputs). Sums over the
batch are ``sums`` in parts and ``totals`` when these are added up (see `sums`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.arguments import Argument, position, run_arguments, store_addresses
from jetfold.backends.cuda.options import MOST_THREADS
from jetfold.backends.cuda.sums import Region, layout
from jetfold.backends.program import (
    Load,
    MatrixKernel,
    OuterProduct,
    Place,
    Product,
    Program,
    ReductionKernel,
    Run,
    SampleSum,
    SharedPlace,
    Store,
    Trim,
)
from jetfold.graph import BackendError

MOST_ELEMENTS = 2**31 - 1
"""Of an array that kernels read: addresses in tables have 32 bits."""

MOST_BLOCKS = 65535
"""The most blocks that CUDA allows along the second and along the third axis of a grid."""

MOST_INPUTS = 32
"""Inputs that one kernel loads: each takes 56 bytes of the 4 KB that arguments may take."""

LONG = 32
"""Rows from which on several threads share a sum: one alone would mostly wait for memory."""

PARTS = 8

Size = tuple[int, int, int]
"""Of a grid in blocks, of a block in threads."""

Table = NDArray[np.int32]


@dataclass(frozen=True)
class Launch:
    """One launch of a kernel of the generated module, on arrays given by name and integers.

    There is a thread for each sample and each of ``rows`` rows of work; or, for sums that are long,
    there are so many ``parts``, and a thread for each.
    """

    kernel: str
    arrays: tuple[str, ...]
    integers: tuple[int, ...]
    rows: int
    samples: int
    parts: int = 1

    def geometry(self, threads: int) -> tuple[Size, Size]:
        """Grid and block for at most so many threads in a block.

        Blocks fit the samples, along the first axis, exactly; rows are along the other two axes of
        the grid, and along the second axis of a block, whose third is for parts.
        """
        share = threads // self.parts
        across = math.gcd(self.samples, share)
        along = 1
        while 2 * along * across <= share and along < self.rows:
            along *= 2
        blocks = -(-self.rows // along)
        layers = -(-blocks // MOST_BLOCKS)
        return (self.samples // across, -(-blocks // layers), layers), (across, along, self.parts)


@dataclass(frozen=True)
class Repeat:
    """How often something is repeated, and by how much matrix, operand and result move."""

    count: int
    matrix: int
    operand: int
    result: int


@dataclass(frozen=True)
class Gemm:
    """Products of row-major matrices, result = matrix @ operand, repeated along two axes.

    matrix  : in ``sh`` from element ``matrix``, rows times inner, without gaps.
    operand : in ``ws`` from element ``operand``, inner times columns, a row every ``operand_step``.
    result  : in ``ws`` from element ``result``, rows times columns, a row every ``result_step``.
    exact   : never to be rounded more than the dtype says, as this is about parameters.

    Steps of operands may be zero, negative or less than a row (see `regular`).
    """

    matrix: int
    operand: int
    result: int
    rows: int
    columns: int
    inner: int
    operand_step: int
    result_step: int
    batches: Repeat
    groups: Repeat
    exact: bool = False

    @property
    def regular(self) -> bool:
        """Whether rows lie one behind the other, as BLAS wants them; it allows gaps."""
        return (self.inner == 1 or self.operand_step >= self.columns) and (
            self.rows == 1 or self.result_step >= self.columns
        )


@dataclass(frozen=True)
class Factor:
    """One factor of outer products in ``ws``: where it begins, and how far apart its parts are."""

    start: int
    batch: int
    group: int
    row: int


@dataclass(frozen=True)
class Outer:
    """Sums of outer products of rows, sums[batch][m][n] += sum of left[m] * right[n].

    They run over groups and ``inner`` adjacent numbers. There are several ``parts`` of the sums,
    the first one from element ``result`` of ``sums``, each for a range of the numbers.
    """

    left: Factor
    right: Factor
    result: int
    rows: int
    columns: int
    inner: int
    batches: int
    groups: int
    parts: int
    part_step: int

    @property
    def regular(self) -> bool:
        """Whether rows lie one behind the other, as BLAS wants them; it allows gaps."""
        return (self.rows == 1 or self.left.row >= self.inner) and (
            self.columns == 1 or self.right.row >= self.inner
        )


Step = Launch | Gemm | Outer


@dataclass(frozen=True)
class Plan:
    """What to do, in this order, for ``points`` points in a workspace of ``samples`` samples."""

    samples: int
    points: int
    steps: tuple[Step, ...]
    table: Table


def shared_sizes(program: Program) -> tuple[int, list[int]]:
    """How many shared numbers there are, and where each matrix starts behind them."""
    total = sum(program.graph[node].type.elements for node in program.shared)
    starts = []
    for matrix in program.matrices:
        starts.append(total)
        total += math.prod(matrix.shape)
    return total, starts


def loads_of(program: Program) -> list[list[int]]:
    """The inputs that each loading kernel takes; those without elements are nobody's."""
    full = [i for i, node in enumerate(program.inputs) if program.graph[node].type.elements]
    return [full[i : i + MOST_INPUTS] for i in range(0, len(full), MOST_INPUTS)]


def plan(program: Program, samples: int, points: int) -> Plan:
    """The launches for a tile of up to ``samples`` points.

    Raises `BackendError` for so many elements that addresses do not reach.
    """
    writer = _Writer(program, samples, points)
    stores = [i for i in program.instructions if isinstance(i, Store)]
    return writer.plan([stored_addresses(program, store, samples) for store in stores])


def prelude_plan(program: Program, outputs: Sequence[NDArray[np.int64]]) -> Plan:
    """The launches of a program that runs once per call, and stores all outputs to ``y0``.

    ``outputs`` are addresses as `stored_addresses` gives them, one list after the other.
    """
    writer = _Writer(program, 1, 1, exact=True)
    return writer.plan([np.concatenate([np.zeros(0, np.int64), *outputs])])


def clearing(program: Program) -> Launch:
    """What sets sums over the batch to zero, before the first tile."""
    size = layout(program).size
    return _flat("clear", ("sums",), (size,), size)


def adding_up(program: Program) -> list[Launch]:
    """What adds up the parts of sums over the batch, after the last tile.

    Shared numbers of which totals are made are copied behind them.
    """
    known = layout(program)
    shared = Region(known.results - known.copied, known.copied, 0, 1, 1, 0)
    found = [_add_up("sums", region) for region in known.regions] + [_add_up("sh", shared)]
    return [launch for launch in found if launch.samples]


def _add_up(source: str, region: Region) -> Launch:
    place = (region.start, region.parts, region.step, region.part_step)
    integers = (region.result, region.size, *place)
    return _flat("add_up", ("totals", source), integers, region.size)


def _flat(kernel: str, arrays: tuple[str, ...], integers: tuple[int, ...], size: int) -> Launch:
    """A thread for each of so many numbers, in blocks as large as they may be."""
    return Launch(kernel, arrays, integers, 1, -(-size // MOST_THREADS) * MOST_THREADS)


def stored_addresses(program: Program, store: Store, samples: int) -> NDArray[np.int64]:
    """Where each element of an output comes from, its direction axes first.

    A number from 0 on is an address in the workspace, -1 stands for zero, and -2, -3, .. for the
    shared numbers 0, 1, ..
    """
    found = store_addresses(program, store, samples).reshape(-1)
    if isinstance(store.access.place, SharedPlace):
        return np.where(found < 0, -1, -2 - found)
    return found


class _Writer:
    def __init__(self, program: Program, samples: int, points: int, exact: bool = False) -> None:
        self.program = program
        self.samples = samples
        self.points = points
        self.exact = exact
        self.lists: list[NDArray[np.int64]] = []
        self.size = 0
        shared, self.matrices = shared_sizes(program)
        self.layout = layout(program)
        elements = max(shared, program.workspace * samples, self.layout.size)
        if elements > MOST_ELEMENTS:
            raise BackendError(
                f"{elements} numbers would lie in one array on the GPU, which are more than the "
                f'{MOST_ELEMENTS} that kernels reach: use backend="cpu", or divide the function'
            )

    def plan(self, outputs: Sequence[NDArray[np.int64]]) -> Plan:
        steps: list[Step] = [self._load(group) for group in loads_of(self.program)]
        for instruction in self.program.instructions:
            match instruction:
                case Product():
                    steps.append(self._product(instruction))
                case Run():
                    steps.append(self._run(instruction))
                case Trim() if self.points < self.samples:
                    steps.append(self._trim(instruction.place))
                case SampleSum():
                    steps.append(self._sample_sum(instruction))
                case OuterProduct():
                    steps.append(self._outer(instruction))
                case Load() | Store() | Trim():
                    pass  # together, before and after the others; nothing fills up a full tile
        steps += [self._store(i, output) for i, output in enumerate(outputs)]
        steps = [step for step in steps if not isinstance(step, Launch) or step.rows]
        table = np.concatenate([np.zeros(0, np.int64), *self.lists])
        return Plan(self.samples, self.points, tuple(steps), table.astype(np.int32))

    def _integer(self, argument: Argument) -> int:
        """An argument itself, or the place in the table of the list that it is."""
        if isinstance(argument, int):
            return argument
        place, self.size = self.size, self.size + len(argument)
        self.lists.append(argument)
        return place

    def _load(self, inputs: Sequence[int]) -> Launch:
        """Points to rows; see `jetfold.backends.cuda.emit`."""
        places = {i.source: i.place for i in self.program.instructions if isinstance(i, Load)}
        integers = [self.points]
        rows = 0
        for number in inputs:
            place = places[number]
            integers += [rows, rows + place.rows, *position(self.program, place, self.samples)]
            rows += place.rows
        arrays = (*(f"x{number}" for number in inputs), "ws")
        return Launch(f"load_{inputs[0]}", arrays, tuple(integers), rows, self.samples)

    def _store(self, number: int, output: NDArray[np.int64]) -> Launch:
        integers = (self.points, len(output), self._integer(output))
        arrays = (f"y{number}", "ws", "sh", "table")
        return Launch("store_points", arrays, integers, len(output), self.samples)

    def _run(self, run: Run) -> Launch:
        rows, parts = run.rows, 1
        if isinstance(run.kernel, ReductionKernel):
            rows *= math.prod(run.sizes[: run.kernel.outer])
            parts = PARTS if run.reduced >= LONG else 1
        elif isinstance(run.kernel, MatrixKernel):
            rows *= math.prod(run.sizes)
        arguments = run_arguments(self.program, run, self.samples)
        return Launch(
            kernel=f"kernel_{self.program.kernels.index(run.kernel)}",
            arrays=("ws", "sh", "table"),
            integers=tuple(self._integer(argument) for argument in arguments),
            rows=rows,
            samples=self.samples,
            parts=parts,
        )

    def _product(self, product: Product) -> Gemm:
        batches, rows, inner = self.program.matrices[product.matrix].shape
        start, step = position(self.program, product.operand, self.samples)
        target, target_step = position(self.program, product.result, self.samples)
        batch, group, row = (stride * step for stride in product.operand_steps)
        out_batch, out_group, out_row = (stride * target_step for stride in product.result_steps)
        columns, groups = product.slots * self.samples, product.groups
        if group == out_group == columns:  # they lie side by side
            columns, groups = columns * groups, 1
        return Gemm(
            matrix=self.matrices[product.matrix],
            operand=start + product.operand_start * step,
            result=target,
            rows=rows,
            columns=columns,
            inner=inner,
            operand_step=row,
            result_step=out_row,
            batches=Repeat(batches, rows * inner, batch, out_batch),
            groups=Repeat(groups, 0, group, out_group),
            exact=self.exact,
        )

    def _trim(self, place: Place) -> Launch:
        start, step = position(self.program, place, self.samples)
        slots = place.type.copies
        integers = (self.points, place.rows, slots, start, step, self.samples)
        return Launch("trim", ("ws",), integers, place.rows * slots, self.samples)

    def _sample_sum(self, wanted: SampleSum) -> Launch:
        region = self.layout.regions[wanted.accumulator]
        found = store_addresses(self.program, wanted, self.samples)
        kept, summed = (
            math.prod(wanted.sizes[: wanted.kept]),
            math.prod(wanted.sizes[wanted.kept :]),
        )
        found = found.reshape(kept, summed, wanted.rows).swapaxes(1, 2)
        place = self._integer(found.reshape(-1))
        integers = (self.samples, region.size, summed, place, region.start, region.parts)
        arrays = ("ws", "sums", "table")
        return Launch("sum_samples", arrays, integers, region.size, region.parts)

    def _outer(self, outer: OuterProduct) -> Outer:
        region = self.layout.regions[outer.accumulator]
        batches, rows, columns = self.program.accumulators[outer.accumulator].shape
        return Outer(
            left=self._factor(outer.left, outer.left_rows),
            right=self._factor(outer.right, outer.right_rows),
            result=region.start,
            rows=rows,
            columns=columns,
            inner=outer.slots * self.samples,
            batches=batches,
            groups=outer.groups,
            parts=region.parts,
            part_step=region.part_step,
        )

    def _factor(self, place: Place, rows: tuple[int, tuple[int, ...]]) -> Factor:
        first, step = position(self.program, place, self.samples)
        start, strides = rows
        return Factor(first + start * step, *(stride * step for stride in strides))
