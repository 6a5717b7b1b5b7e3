"""What the sources of kernels have in common on every device: arguments, loads, phases, sums.

A `Dialect` gives the words in which devices differ: how a value is loaded and stored, how an
expression is printed, which loops run over rows and samples. Kernels hold the structure and
nothing else; sizes, offsets and strides are integers that they are given at run time.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import sympy as sp

from jetfold.backends.printer import ExpressionPrinter
from jetfold.backends.program import (
    Accumulate,
    Collected,
    Kernel,
    MatrixKernel,
    NestKernel,
    Operand,
    Phase,
    ReductionKernel,
    Rows,
    Statement,
)


class Dialect(ABC):
    """The words of one device. Addresses are texts; ``s`` is the sample, added where it counts."""

    zero: str
    """The number 0 as a value."""

    loads_early = False
    """Whether what is the same for all elements of a phase is loaded before its loops."""

    def __init__(self, printer: ExpressionPrinter) -> None:
        self.printer = printer

    @abstractmethod
    def argument(self, number: int) -> str:
        """Integer argument of this number."""

    @abstractmethod
    def entry(self, place: str) -> str:
        """The entry of a list of integers at a place."""

    @abstractmethod
    def load(self, address: str) -> str:
        """A value of the workspace."""

    @abstractmethod
    def shared(self, address: str) -> str:
        """A shared number as a value."""

    @abstractmethod
    def store(self, address: str, value: str) -> str:
        """The statement that writes a value to the workspace."""

    @abstractmethod
    def rows(self) -> Sequence[str]:
        """What runs over the rows ``f``; a line that ends in a colon opens a block."""

    @abstractmethod
    def samples(self) -> Sequence[str]:
        """What runs over the samples ``s``, inside the loop over rows."""

    @abstractmethod
    def results(self, outer: int) -> Sequence[str]:
        """What runs over rows, the first ``outer`` direction axes ``i0, i1, ..`` and samples."""

    @abstractmethod
    def terms(self) -> str:
        """What runs over the rows ``k`` that are summed."""

    @abstractmethod
    def finish(self, address: str) -> Sequence[str]:
        """The statements that write what is in ``total``."""

    matrix_samples: tuple[str, str]
    """The first sample, and how many, that elimination takes in one go."""

    @abstractmethod
    def matrices(self, axes: int) -> Sequence[str]:
        """What runs over rows and all direction axes, where samples are taken in one go."""

    def at_once(self, phase: Phase) -> int:
        """How many elements of a phase's innermost axis are loaded before the first is stored.

        It is a power of two.
        """
        return 1


def kernel_body(kernel: Kernel, dialect: Dialect) -> list[str]:
    """The lines of a kernel's function."""
    match kernel:
        case NestKernel():
            return list(_nest(kernel, dialect))
        case ReductionKernel():
            return list(_reduction(kernel, dialect))
        case MatrixKernel():
            return list(_matrix_functions(kernel, dialect))


class _Block:
    """Where lines go: each header that ends in a colon moves them in by one level."""

    def __init__(self, indent: str = "") -> None:
        self.indent = indent

    def open(self, headers: Iterable[str]) -> Iterator[str]:
        for header in headers:
            yield self.indent + header
            if header.endswith(":"):
                self.indent += "    "


# Arguments and addresses --------------------------------------------------------------------------


def _read_arguments(
    dialect: Dialect, axes: int, operands: tuple[Operand, ...], outputs: int, segments: int = 0
) -> Iterator[str]:
    """Rows, reduced rows, sizes of the axes; then start, step and axis strides of each value.

    Where an axis moves by a list of offsets, the list's place stands for the stride; the places of
    lists of segments come last (see `jetfold.backends.arguments`).
    """
    argument = dialect.argument
    yield f"rows = {argument(0)}"
    if not outputs:
        yield f"reduced = {argument(1)}"
    for axis in range(axes):
        yield f"n{axis} = {argument(2 + axis)}"
    names = [f"u{i}" for i in range(len(operands))] + [f"o{i}" for i in range(max(outputs, 1))]
    for i, name in enumerate(names):
        at = 2 + axes + i * (2 + axes)
        yield f"{name}_start, {name}_step = {argument(at)}, {argument(at + 1)}"
        moving = operands[i].axes if i < len(operands) else range(axes)
        for axis in moving:
            yield f"{name}_n{axis} = {argument(at + 2 + axis)}"
    for i in range(segments):
        yield f"g{i} = {argument(2 + axes + len(names) * (2 + axes) + i)}"


def _row_address(dialect: Dialect, number: int, rows: Rows, index: str) -> str:
    name = f"u{number}"
    if rows is Rows.AFFINE:
        return f"p{number} = {name}_start + {index} * {name}_step"
    return f"p{number} = {dialect.entry(f'{name}_start + {index}')}"


def _offset(dialect: Dialect, name: str, axes: Iterable[int], listed: tuple[int, ...] = ()) -> str:
    return "".join(
        f" + {dialect.entry(f'{name}_n{axis} + i{axis}')}"
        if axis in listed
        else f" + i{axis} * {name}_n{axis}"
        for axis in axes
    )


def _load(dialect: Dialect, number: int, operand: Operand) -> str:
    address = f"p{number}" + _offset(dialect, f"u{number}", operand.axes, operand.listed)
    value = dialect.shared(address) if operand.shared else dialect.load(address)
    if operand.rows is Rows.MASKED:
        return f"{value} if p{number} >= 0 else {dialect.zero}"
    return value


# Nests ------------------------------------------------------------------------------------------


def _nest(kernel: NestKernel, dialect: Dialect) -> Iterator[str]:
    outputs = len(kernel.outputs)
    yield from _read_arguments(dialect, kernel.axes, kernel.operands, outputs, kernel.segments)
    block = _Block()
    yield from block.open(dialect.rows())
    for i, operand in enumerate(kernel.operands):
        yield block.indent + _row_address(dialect, i, operand.rows, "f")
    for i in range(len(kernel.outputs)):
        yield f"{block.indent}q{i} = o{i}_start + f * o{i}_step"
    still = {i for i, operand in enumerate(kernel.operands) if operand.shared and not operand.axes}
    for i in sorted(still):
        yield f"{block.indent}u{i} = {_load(dialect, i, kernel.operands[i])}"
    yield from block.open(dialect.samples())
    for phase in kernel.phases:
        yield from (block.indent + line for line in _phase(kernel, phase, still, dialect))


def _phase(kernel: NestKernel, phase: Phase, still: set[int], dialect: Dialect) -> Iterator[str]:
    sums = [s.target for s in phase.statements if isinstance(s, Accumulate)]
    for target in sums:
        yield f"{target} = {dialect.zero}"
    loads = [(symbol, number) for symbol, number in phase.loads if number not in still]
    if dialect.loads_early:
        early = [load for load in loads if not kernel.operands[load[1]].axes]
        loads = [load for load in loads if load not in early]
        yield from _loads(kernel, early, dialect)
    phase = replace(phase, loads=tuple(loads))
    at_once = dialect.at_once(phase)
    block = _Block()
    if at_once == 1:
        yield from block.open(_loop(axis) for axis in phase.axes)
        for part in _parts(kernel, phase, dialect):
            yield from (block.indent + line for line in part)
        return
    *outer, last = phase.axes
    yield from block.open(_loop(axis) for axis in outer)
    yield from (block.indent + line for line in _batches(kernel, phase, last, at_once, dialect))


def _batches(
    kernel: NestKernel, phase: Phase, axis: int, at_once: int, dialect: Dialect
) -> Iterator[str]:
    """The loop over an axis in batches of ``at_once`` elements, then in halves of it, to one."""
    start, size = "0", f"n{axis}"
    while at_once > 1:
        yield f"for i{axis} in range({start}, {size} - {at_once - 1}, {at_once}):"
        copies = [_numbered(phase, axis, k) for k in range(at_once)]
        for part in _parts(kernel, phase, dialect):
            yield from (f"    {copy(line)}" for copy in copies for line in part)
        start = f"{size} - {size} % {at_once}"
        at_once //= 2
    yield f"for i{axis} in range({start}, {size}):"
    for part in _parts(kernel, phase, dialect):
        yield from (f"    {line}" for line in part)


def _loop(axis: int) -> str:
    return f"for i{axis} in range(n{axis}):"


def _loads(
    kernel: NestKernel, loads: Iterable[tuple[sp.Symbol, int]], dialect: Dialect
) -> list[str]:
    return [f"{symbol} = {_load(dialect, i, kernel.operands[i])}" for symbol, i in loads]


def _parts(kernel: NestKernel, phase: Phase, dialect: Dialect) -> Iterator[list[str]]:
    """The loads, the statements and the stores of one element of a phase's axes."""
    yield _loads(kernel, phase.loads, dialect)
    yield [line for s in phase.statements for line in _statement(kernel, s, dialect)]
    yield [
        dialect.store(f"q{output}{_offset(dialect, f'o{output}', kernel.outputs[output])}", str(v))
        for output, v in phase.stores
    ]


def _numbered(phase: Phase, axis: int, number: int) -> Callable[[str], str]:
    """The renaming of lines for the element this far along an axis, with names of its own."""
    computed = [s.target for s in phase.statements if not isinstance(s, Accumulate)]
    own = "|".join(str(symbol) for symbol in (*(s for s, _ in phase.loads), *computed))
    names = re.compile(rf"\b({own})\b")
    index = re.compile(rf"\bi{axis}\b")
    ahead = f"(i{axis} + {number})" if number else f"i{axis}"
    return lambda line: index.sub(ahead, names.sub(rf"\1_{number}", line))


def _statement(kernel: NestKernel, statement: Statement, dialect: Dialect) -> Iterator[str]:
    if isinstance(statement, Accumulate):
        yield f"{statement.target} = {statement.target} + {statement.term}"
    elif isinstance(statement, Collected):
        yield from _collected(kernel, statement, dialect)
    elif statement.expr.is_Boolean or statement.expr.is_Relational:
        yield f"{statement.target} = {dialect.printer.condition(statement.expr)}"
    else:
        yield f"{statement.target} = {dialect.printer.value(statement.expr)}"


def _collected(kernel: NestKernel, statement: Collected, dialect: Dialect) -> Iterator[str]:
    target, segment = statement.target, f"g{statement.segments} + i{statement.outer}"
    yield f"{target} = {dialect.zero}"
    first, last = dialect.entry(segment), dialect.entry(f"{segment} + 1")
    yield f"for i{statement.inner} in range({first}, {last}):"
    for symbol, number in statement.loads:
        yield f"    {symbol} = {_load(dialect, number, kernel.operands[number])}"
    yield f"    {target} = {target} + {dialect.printer.value(statement.expr)}"


# Reductions --------------------------------------------------------------------------------------


def _reduction(kernel: ReductionKernel, dialect: Dialect) -> Iterator[str]:
    yield from _read_arguments(dialect, kernel.axes, kernel.operands, 0)
    result = _Block()
    yield from result.open(dialect.results(kernel.outer))
    yield f"{result.indent}total = {dialect.zero}"
    term = _Block(result.indent)
    yield from term.open([dialect.terms()])
    for i, operand in enumerate(kernel.operands):
        yield term.indent + _row_address(dialect, i, operand.rows, "(f * reduced + k)")
    yield from term.open(_loop(axis) for axis in range(kernel.outer, kernel.axes))
    for i, operand in enumerate(kernel.operands):
        yield f"{term.indent}u{i} = {_load(dialect, i, operand)}"
    product = " * ".join(f"u{i}" for i in range(len(kernel.operands)))
    yield f"{term.indent}total = total + {product}"
    address = "o0_start + f * o0_step" + _offset(dialect, "o0", range(kernel.outer))
    yield from (result.indent + line for line in dialect.finish(address))


# Matrix functions ---------------------------------------------------------------------------------


def _matrix_functions(kernel: MatrixKernel, dialect: Dialect) -> Iterator[str]:
    """The matrix is copied to where it is eliminated (`jetfold.backends.scalar.linear_algebra`)."""
    numbers = [name for name in kernel.functions if name != "inverse"]
    outputs = 2 + len(numbers)
    (operand,) = kernel.operands
    yield from _read_arguments(dialect, kernel.axes, kernel.operands, outputs)
    yield f"size = {dialect.argument(1)}"
    block = _Block()
    yield from block.open(dialect.matrices(kernel.axes))
    rows = {0: " * (size + 1)", 1: " * size * size"}
    for i in range(outputs):
        offset = _offset(dialect, f"o{i}", range(kernel.axes))
        yield f"{block.indent}q{i} = o{i}_start + f{rows.get(i, '')} * o{i}_step{offset}"
    copy = _Block(block.indent)
    yield from copy.open(["for k in range(size * size):"])
    yield copy.indent + _row_address(dialect, 0, operand.rows, "(f * size * size + k)")
    yield from copy.open(dialect.samples())
    value = _load(dialect, 0, operand)
    yield copy.indent + dialect.store("q1 + k * o1_step", value)
    first, count = dialect.matrix_samples
    shift = f" + {first}" if first != "0" else ""
    places = {name: f"q{2 + i}{shift}" for i, name in enumerate(numbers)}
    log, sign = places.get("log_abs_det", "-1"), places.get("sign_det", "-1")
    inverse = "inverse" in kernel.functions
    matrices = f"q1{shift}, o1_step, q0{shift}, o0_step, size, {count}"
    yield f"{block.indent}eliminate(ws, {matrices}, {inverse}, {log}, {sign})"
