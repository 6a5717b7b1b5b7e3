"""Sums of outer products over columns: what all points of a tile add to a matrix's gradient.

Both operands stay where they are, in the flat workspace. The micro-kernel keeps `ROWS x VECTORS`
vectors of partial sums in registers and runs along the columns; then a tree of shuffles adds up the
lanes of many vectors at once, so that a block of sums ends in a few vectors, which are added to the
accumulator. That therefore holds the matrix block by block (`unpacked`).

Fast are many columns: a tree takes about as long as three vectors of them. The first operand's rows
are in panels of `ROWS`, the second's in blocks of `VECTORS`, or fewer where there are no more: it
should be the one with fewer rows.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from jetfold.backends.cpu.simd.emit import Register, element_type
from jetfold.backends.cpu.simd.host import VECTOR_BYTES, lanes
from jetfold.backends.cpu.simd.matrix_product import ROWS, VECTORS
from jetfold.backends.cpu.simd.numba_extension import (
    AbstractTemplate,
    NumbaType,
    cgutils,
    infer_global,
    lower_builtin,
    signature,
    types,
)
from jetfold.backends.cpu.simd.primitives import fma
from jetfold.backends.cpu.simd.vector import (
    Vector,
    element_pointer,
    is_workspace,
    load_vector,
    store_vector,
)

WIDTHS = (1, 2, VECTORS)
"""Rows of B in a block, each with a micro-kernel of its own; the small ones are for few rows."""

GROUP_BYTES = 1 << 18
"""Panels are taken in groups of this size, which stay in a core's cache."""

_INDEX = ir.IntType(64)


def block_size(lanes: int) -> int:
    """Elements of the accumulator that a block takes up: whole vectors of so many lanes."""
    return -(-ROWS * VECTORS // lanes) * lanes


def accumulator_size(left: int, right: int, lanes: int) -> int:
    """Elements of the accumulator for operands of so many rows."""
    return -(-left // ROWS) * -(-right // VECTORS) * block_size(lanes)


def unpacked(
    numbers: npt.NDArray[Any], matrix: npt.NDArray[Any]
) -> list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Parts of a matrix, and where these are in a flat accumulator: pairs of views.

    The matrix is (left, right) with rows that fill up the last panel. All views have the axes
    [block][panel][row of B][row of A].
    """
    left, right = matrix.shape
    panels, blocks = left // ROWS, -(-right // VECTORS)
    cube = numbers.reshape(blocks, panels, -1)
    full, rest = divmod(right, VECTORS)
    found = []
    for first, last, wide in ((0, full, VECTORS), (full, blocks, rest)):
        if first < last:
            start = first * VECTORS
            part = matrix[:, start : start + (last - first) * wide]
            part = part.reshape(panels, ROWS, last - first, wide).transpose(2, 0, 3, 1)
            sums = cube[first:last, :, : wide * ROWS]
            found.append((part, sums.reshape(last - first, panels, wide, ROWS)))
    return found


def add_outer_product(
    c: Vector,
    co: int,
    a: Vector,
    ao: int,
    ars: int,
    b: Vector,
    bo: int,
    brs: int,
    M: int,
    N: int,
    NV: int,
) -> None:
    """C[m, n] += sum over columns of A[m, .] B[n, .]; there are NV vectors of columns.

    c, co : the accumulator and its offset in the flat array `c`.
    a, ao : row m of A begins at a[ao + m*ars], its columns are contiguous; likewise B.

    The arrays are 1-D, contiguous and of one dtype; C must not overlap A and B. All arguments are
    positional, and may be run-time values.
    """
    columns = np.arange(NV * lanes(a))
    left = a[ao + np.arange(M)[:, None] * ars + columns]
    right = b[bo + np.arange(N)[:, None] * brs + columns]
    product = np.zeros((-(-M // ROWS) * ROWS, N), c.dtype)
    product[:M] = left @ right.T
    size = accumulator_size(M, N, lanes(c))
    for part, sums in unpacked(c[co : co + size], product):
        sums += part


class _Typing(AbstractTemplate):
    key = add_outer_product

    def generic(self, args: tuple[NumbaType, ...], kws: dict[str, Any]) -> Any:
        if kws or len(args) != 11:
            return None
        arrays = [args[0], args[2], args[5]]
        if not all(map(is_workspace, arrays)) or len({array.dtype for array in arrays}) > 1:
            return None
        exact = [types.intp] * 11
        for position in (0, 2, 5):
            exact[position] = args[position]
        return signature(types.void, *exact)


infer_global(add_outer_product, types.Function(_Typing))


@lower_builtin(add_outer_product, types.VarArg(types.Any))
def _lower(context: Any, builder: ir.IRBuilder, sig: Any, args: list[ir.Value]) -> ir.Value:
    c, co, a, ao, a_step, b, bo, b_step, left, right, vectors = args
    start_c = element_pointer(context, builder, sig.args[0], c, co)
    start_a = element_pointer(context, builder, sig.args[2], a, ao)
    start_b = element_pointer(context, builder, sig.args[5], b, bo)
    function = _OuterProduct(context, builder.module, np.dtype(str(sig.args[0].dtype))).function
    builder.call(function, [start_c, start_a, start_b, a_step, b_step, left, right, vectors])
    return context.get_dummy_value()


class _OuterProduct:
    """Emits the function behind `add_outer_product` into a module, or finds it there."""

    def __init__(self, context: Any, module: ir.Module, dtype: np.dtype[Any]) -> None:
        self.context = context
        self.dtype = dtype
        self.lanes = lanes(dtype)
        pointer = element_type(dtype).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer] * 3 + [_INDEX] * 5)
        name = f"jetfold_outer_product_{dtype.name}"
        found = module.globals.get(name)
        self.function = found if found is not None else ir.Function(module, kind, name)
        if found is None:
            self.function.linkage = "internal"
            self.function.attributes.add("noinline")
            self._emit_groups()

    def _emit_groups(self) -> None:
        """Groups of panels outside, blocks of B's rows inside, then the panels of the group."""
        *_, rows, columns, vectors = self.function.args
        builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        panels = _divide(builder, rows, ROWS)
        blocks = _divide(builder, columns, VECTORS)
        bytes_of_panel = builder.mul(vectors, _INDEX(ROWS * VECTOR_BYTES))
        fitting = builder.sdiv(_INDEX(GROUP_BYTES), builder.add(bytes_of_panel, _INDEX(1)))
        size = builder.add(fitting, _INDEX(1))
        groups = builder.sdiv(builder.sub(builder.add(panels, size), _INDEX(1)), size)
        with cgutils.for_range(builder, groups) as group:
            start = builder.mul(group.index, size)
            left = builder.sub(panels, start)
            fewer = builder.icmp_signed("<", left, size)
            many = builder.select(fewer, left, size)
            with cgutils.for_range(builder, blocks) as loop:
                place = builder.add(builder.mul(loop.index, panels), start)
                first = builder.mul(loop.index, _INDEX(VECTORS))
                width = builder.sub(columns, first)
                least = 0
                for count in WIDTHS:
                    fits = builder.icmp_signed("<=", width, _INDEX(count))
                    fits = builder.or_(fits, ir.IntType(1)(count == VECTORS))
                    fits = builder.and_(builder.icmp_signed(">", width, _INDEX(least)), fits)
                    with builder.if_then(fits):
                        self._emit_panels(builder, count, first, start, many, place)
                    least = count
        builder.ret_void()

    def _emit_panels(
        self,
        builder: ir.IRBuilder,
        count: int,
        first: ir.Value,
        start: ir.Value,
        many: ir.Value,
        place: ir.Value,
    ) -> None:
        c, a, b, a_step, b_step, rows, columns, vectors = self.function.args
        right = [_row(builder, b, b_step, columns, first, n) for n in range(count)]
        block = block_size(self.lanes)
        with cgutils.for_range(builder, many) as loop:
            panel = builder.mul(builder.add(start, loop.index), _INDEX(ROWS))
            left = [_row(builder, a, a_step, rows, panel, m) for m in range(ROWS)]
            sums = self._emit_micro_kernel(builder, left, right, vectors)
            number = builder.add(place, loop.index)
            target = builder.gep(c, [builder.mul(number, _INDEX(block))])
            for i in range(0, len(sums), self.lanes):
                total = self._add_lanes(sums[i : i + self.lanes])
                address = builder.gep(target, [_INDEX(i)])
                old = self._register(builder, load_vector(builder, address, self.dtype))
                store_vector(builder, address, (old + total).value, self.dtype.itemsize)

    def _emit_micro_kernel(
        self,
        builder: ir.IRBuilder,
        left: list[ir.Value],
        right: list[ir.Value],
        vectors: ir.Value,
    ) -> list[Register]:
        """Vectors of partial sums, row m of A and row n of B at n * ROWS + m.

        The rows of B, which are fewer, are in registers all at once, those of A one by one: with
        the sums these are just as many registers as there are.
        """
        nothing = ir.Constant(ir.VectorType(element_type(self.dtype), self.lanes), None)
        slots = [[cgutils.alloca_once_value(builder, nothing) for _ in left] for _ in right]
        for slot in (slot for row in slots for slot in row):
            builder.store(nothing, slot)
        with cgutils.for_range(builder, vectors) as loop:
            offset = builder.mul(loop.index, _INDEX(self.lanes))
            known = [self._load(builder, address, offset) for address in right]
            for address, column in zip(left, zip(*slots, strict=True), strict=True):
                factor = self._load(builder, address, offset)
                for operand, slot in zip(known, column, strict=True):
                    total = self._register(builder, builder.load(slot))
                    builder.store(fma(factor, operand, total).value, slot)
        return [self._register(builder, builder.load(slot)) for row in slots for slot in row]

    def _load(self, builder: ir.IRBuilder, start: ir.Value, offset: ir.Value) -> Register:
        address = builder.gep(start, [offset])
        return self._register(builder, load_vector(builder, address, self.dtype))

    def _register(self, builder: ir.IRBuilder, value: ir.Value) -> Register:
        return Register(self.context, builder, value, self.dtype)

    def _add_lanes(self, vectors: list[Register]) -> Register:
        """The vector whose lane i is the sum of all lanes of vector i.

        Each step folds vectors in two: of two of them, one into the lower and one into the upper
        half of each group of lanes.
        """
        width = self.lanes // 2
        parts: list[Register | None] = [*vectors, *[None] * (self.lanes - len(vectors))]
        while width:
            parts = [_fold(parts[i], parts[i + width], width) for i in range(width)]
            width //= 2
        (total,) = parts
        assert total is not None
        return total


def _row(
    builder: ir.IRBuilder,
    start: ir.Value,
    step: ir.Value,
    rows: ir.Value,
    first: ir.Value,
    number: int,
) -> ir.Value:
    """The address of a row; beyond the last one that one again, whose sums nobody reads."""
    row = builder.add(first, _INDEX(number))
    last = builder.sub(rows, _INDEX(1))
    row = builder.select(builder.icmp_signed("<", last, row), last, row)
    return builder.gep(start, [builder.mul(row, step)])


def _fold(a: Register | None, b: Register | None, width: int) -> Register | None:
    """Sums of lanes that are ``width`` apart, alternately ``width`` of them of a and of b."""
    if a is None:
        return None
    kept, other = [], []
    for lane in range(a.count):
        from_b = bool(lane // width % 2) and b is not None
        kept.append(lane + a.count * from_b)
        other.append((lane ^ width) + a.count * from_b)
    return _shuffle(a, b or a, kept) + _shuffle(a, b or a, other)


def _shuffle(a: Register, b: Register, chosen: list[int]) -> Register:
    index = ir.IntType(32)
    mask = ir.Constant(ir.VectorType(index, len(chosen)), [index(lane) for lane in chosen])
    return a.like(a.builder.shuffle_vector(a.value, b.value, mask))


def _divide(builder: ir.IRBuilder, value: ir.Value, by: int) -> ir.Value:
    """The quotient, rounded up."""
    return builder.sdiv(builder.add(value, _INDEX(by - 1)), _INDEX(by))
