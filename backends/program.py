"""The loop program: a graph when loops and memory have been decided, for any device.

A tile of S points runs through a list of instructions. A value that varies between points has a
*place*: rows (its elements in row-major order) times slots (one for each combination of its
direction axes) of S samples, somewhere in a buffer

    [row][slot of the buffer][sample],

so that values that meet the same matrix lie side by side and are one matrix product. Values that
do not vary are computed once per call and are read as numbers. Moves cost nothing: they are row
indices with which their users read.

Kernels hold no sizes, offsets or strides; those are arguments of the instruction. Layers of equal
structure share one kernel, whatever their widths.

Sums over the batch, as gradients are, go to *accumulators*, to which each tile adds. There are
several arrays of them, each for a range of tiles, which are added up at the end: so memory does not
depend on the batch, and the order of all additions not on which thread is first. The last tile is
filled up with copies of the last point; these are set to zero in what is summed (`Trim`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from jetfold.graph import Array, Graph
from jetfold.graph.ops import DirectionAxis, MatrixFunctionName, Type


class Rows(Enum):
    """How an operand's rows are found from the loop's row."""

    AFFINE = "affine"
    """start + step * row"""
    TABLE = "table"
    """a list of row numbers"""
    MASKED = "masked"
    """a list of row numbers in which -1 stands for zero"""


@dataclass(frozen=True, slots=True)
class Operand:
    """How a kernel reads an operand: number ``axes[i]`` of the kernel's direction axes moves it.

    Along the axes that are in ``listed`` too, it moves by a list of offsets and not by a stride.
    """

    shared: bool
    rows: Rows
    axes: tuple[int, ...]
    listed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Compute:
    """Assign an expression to a symbol."""

    target: sp.Symbol
    expr: sp.Expr


@dataclass(frozen=True, slots=True)
class Accumulate:
    """Add a symbol to a sum over the loops of the phase."""

    target: sp.Symbol
    term: sp.Symbol


Loads = tuple[tuple[sp.Symbol, int], ...]
"""Symbols, each with the number of the operand that it holds."""


@dataclass(frozen=True, slots=True)
class Collected:
    """Assign the sum of an expression over a segment of axis ``inner``.

    The segment of element m of axis ``outer`` runs from entry m to entry m + 1 of list number
    ``segments`` of the instruction. ``loads`` are made for each term.
    """

    target: sp.Symbol
    expr: sp.Expr
    loads: Loads
    outer: int
    inner: int
    segments: int


Statement = Compute | Accumulate | Collected


@dataclass(frozen=True, slots=True)
class Phase:
    """One run through loops over some direction axes: loads, statements, stores, in this order."""

    axes: tuple[int, ...]
    loads: Loads
    statements: tuple[Statement, ...]
    stores: tuple[tuple[int, sp.Symbol], ...]


@dataclass(frozen=True, slots=True)
class NestKernel:
    """Elementwise work on rows: for each row, the phases one after the other.

    Values without direction axes, and finished sums, stay in registers from phase to phase.
    """

    axes: int
    operands: tuple[Operand, ...]
    outputs: tuple[tuple[int, ...], ...]
    phases: tuple[Phase, ...]
    segments: int = 0


@dataclass(frozen=True, slots=True)
class ReductionKernel:
    """A sum of products over rows and over some direction axes, for each row of the result.

    The first ``outer`` direction axes belong to the result, the others are summed.
    """

    axes: int
    outer: int
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class MatrixKernel:
    """Functions of square matrices: for each matrix and all its copies, by elimination.

    The rows of its `Run` are matrices, and ``reduced`` is their size n. The one operand has n * n
    rows for each. So has output 1, where they are eliminated, and which is the inverse if that is
    among the ``functions``. Output 0 is scratch memory of n + 1 rows for each. Then there is one
    row for each other function. All copies have places of their own in all of them, so that all
    matrices can be eliminated at the same time (`jetfold.backends.scalar.linear_algebra`).
    """

    axes: int
    operands: tuple[Operand, ...]
    functions: tuple[MatrixFunctionName, ...]


Kernel = NestKernel | ReductionKernel | MatrixKernel


@dataclass(frozen=True, slots=True)
class Place:
    """Where a varying value lies: its buffer, its first slot there, and its direction axes."""

    buffer: int
    slot: int
    type: Type

    @property
    def rows(self) -> int:
        return int(np.prod(self.type.shape, dtype=int))

    def strides(self, axes: Sequence[DirectionAxis]) -> tuple[int, ...]:
        """By how many slots each direction axis moves; 0 for one the value lacks."""
        return _strides(self.type, axes, 1)


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """Where a value computed once per call lies among the numbers: [directions][rows]."""

    offset: int
    type: Type

    def strides(self, axes: Sequence[DirectionAxis]) -> tuple[int, ...]:
        """By how many numbers each direction axis moves; 0 for one the value lacks."""
        return _strides(self.type, axes, int(np.prod(self.type.shape, dtype=int)))


def _strides(kind: Type, axes: Sequence[DirectionAxis], unit: int) -> tuple[int, ...]:
    found = {}
    for axis in reversed(kind.directions):
        found[axis] = unit
        unit *= axis.size
    return tuple(found.get(axis, 0) for axis in axes)


@dataclass(frozen=True)
class Access:
    """The arguments with which an instruction reads or writes one value.

    For each direction axis there is a stride or a list of offsets.
    """

    place: Place | SharedPlace
    start: int
    step: int
    table: NDArray[np.int64] | None
    strides: tuple[int | NDArray[np.int64], ...]

    @property
    def rows(self) -> Rows:
        """How the rows are found."""
        if self.table is None:
            return Rows.AFFINE
        return Rows.MASKED if self.table.min(initial=0) < 0 else Rows.TABLE


@dataclass(frozen=True)
class Run:
    """Run a kernel over rows; ``sizes`` are those of its direction axes.

    ``segments`` are the lists of where segments begin, the end of the last one included.
    """

    kernel: Kernel
    rows: int
    sizes: tuple[int, ...]
    reduced: int
    operands: tuple[Access, ...]
    outputs: tuple[Access, ...]
    nodes: tuple[int, ...]
    segments: tuple[NDArray[np.int64], ...] = ()


@dataclass(frozen=True)
class Product:
    """Matrix products: for all batches and groups, out[m] = sum over k of matrix[m, k] * rows[k].

    ``slots`` adjacent slots of operand and result take part. Row number k of the operand is
    ``start + batch * .. + group * .. + k * ..`` with the three steps of ``operand_steps``; likewise
    row m of the result.
    """

    matrix: int
    operand: Place
    result: Place
    slots: int
    batches: int
    groups: int
    rows: int
    inner: int
    operand_start: int
    operand_steps: tuple[int, int, int]
    result_steps: tuple[int, int, int]
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class Load:
    """Copy the points of the tile from input number ``source`` into a buffer."""

    source: int
    place: Place
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class Store:
    """Copy a value to the points of an output; a shared value goes to every point.

    ``sizes`` are those of the value's direction axes, which are the first axes of the output.
    """

    target: int
    access: Access
    rows: int
    nodes: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Trim:
    """Set a value to zero at samples that only fill up the last tile, before they are summed.

    Whatever else is computed from it at these samples is of no use anyway.
    """

    place: Place
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class SampleSum:
    """Add the sums of a value over the tile's samples to accumulator number ``accumulator``.

    Of the value's direction axes, of these ``sizes``, the first ones are those of the accumulator,
    ``kept`` in number; the sums run over the others, too.
    """

    accumulator: int
    access: Access
    rows: int
    nodes: tuple[int, ...]
    sizes: tuple[int, ...]
    kept: int


@dataclass(frozen=True)
class OuterProduct:
    """For all batches, add to accumulator[m, n] the sum of left[m] * right[n].

    It runs over groups, ``slots`` adjacent slots, and samples. Row m of the left value is number
    ``start + batch * .. + group * .. + m * ..``, with the start and the three steps in
    ``left_rows``; likewise row n of the right one.
    """

    accumulator: int
    left: Place
    right: Place
    slots: int
    groups: int
    left_rows: tuple[int, tuple[int, ...]]
    right_rows: tuple[int, tuple[int, ...]]
    nodes: tuple[int, ...]


Instruction = Load | Product | Run | Store | Trim | SampleSum | OuterProduct


@dataclass(frozen=True)
class Buffer:
    """Rows times slots of samples; ``offset`` counts them from the workspace's start."""

    rows: int
    slots: int
    offset: int = 0

    @property
    def size(self) -> int:
        return self.rows * self.slots


@dataclass(frozen=True)
class Matrix:
    """A value computed once per call, arranged as [batch][row][inner] for matrix products."""

    node: int
    spec: str
    shape: tuple[int, int, int]


@dataclass(frozen=True)
class Accumulator:
    """Numbers to which instructions add tile by tile: a part of total number ``total``.

    There is one for each element of the total. For outer products they are of this shape, [batch]
    [row][column], and element i of the total is number ``index[i]`` of them, or zero for -1.
    """

    total: int
    shape: tuple[int, ...]
    index: Array | None = None


@dataclass(frozen=True)
class Program:
    """A graph as instructions over buffers.

    ``inputs`` are nodes, ``outputs`` are shapes, with direction axes first, and ``output_nodes``
    their nodes. ``shared`` are the nodes whose values are needed as numbers, in the order in which
    they lie one after the other; ``places`` says where each value lies that has a place;
    ``workspace`` is the size of all buffers in rows times slots, and ``slots`` the widest product.

    ``totals`` are what is wanted of the batch as a whole: sums of accumulators, and of the shared
    values ``everywhere`` (pairs of total and node), which count once for each point.
    """

    graph: Graph
    inputs: tuple[int, ...]
    outputs: tuple[tuple[int, ...], ...]
    output_nodes: tuple[int, ...]
    shared: tuple[int, ...]
    matrices: tuple[Matrix, ...]
    buffers: tuple[Buffer, ...]
    instructions: tuple[Instruction, ...]
    workspace: int
    slots: int
    kernels: tuple[Kernel, ...] = field(default=())
    places: Mapping[int, Place | SharedPlace] = field(default_factory=dict)
    totals: tuple[Type, ...] = ()
    accumulators: tuple[Accumulator, ...] = ()
    everywhere: tuple[tuple[int, int], ...] = ()

    def counts(self) -> dict[str, Any]:
        """How many instructions and kernels of each kind there are."""
        kinds = [type(instruction).__name__ for instruction in self.instructions]
        return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)} | {
            "kernels": len(self.kernels)
        }
