"""Matrix product of prepacked rows with columns of vectors, by a register-blocked micro-kernel.

A layer multiplies one matrix by all coefficients and samples of a tile. The matrix is packed once
into panels of rows (`pack`); the tile's operands stay where they are, in the flat workspace. The
micro-kernel keeps a block of `ROWS x VECTORS` sums in registers and runs over the inner dimension.
The loops around it are emitted once per dtype as an LLVM function that all calls of a module share.

Any strides will do. Fastest are arrays from `aligned_empty`, offsets and strides that are
multiples of a vector, and, for the larger stride of B and of C, an odd multiple: rows a power of
two apart compete for the same cache sets.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from jetfold.backends.cpu.simd.emit import Register, element_type, splat_value
from jetfold.backends.cpu.simd.host import VECTOR_REGISTERS, lanes
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

ROWS, VECTORS = (5, 5) if VECTOR_REGISTERS >= 32 else (4, 3)
"""Rows and vectors of the largest register block; a panel has as many rows."""

_INDEX = ir.IntType(64)


def packed_size(rows: int, columns: int) -> int:
    """Elements of a packed matrix."""
    return -(-rows // ROWS) * ROWS * columns


def pack(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The matrix (M, K) as panels [ceil(M/ROWS)][K][ROWS], flat, padded with rows of zeros."""
    packed = np.empty(packed_size(*matrix.shape), matrix.dtype)
    pack_into(packed, matrix)
    return packed


def pack_into(packed: npt.NDArray[Any], matrix: npt.NDArray[Any]) -> None:
    """Write the panels of a matrix to a flat array of `packed_size` elements."""
    rows, columns = matrix.shape
    panels = packed.reshape(-(-rows // ROWS), columns, ROWS)
    full, rest = divmod(rows, ROWS)
    by_panel = matrix[: full * ROWS].T.reshape(columns, full, ROWS)
    panels[:full] = by_panel.transpose(1, 0, 2)
    if rest:
        panels[full, :, :rest] = matrix[full * ROWS :].T
        panels[full, :, rest:] = 0


def gemm(
    a: Vector,
    ao: int,
    b: Vector,
    bo: int,
    bks: int,
    bvs: int,
    c: Vector,
    co: int,
    cms: int,
    cvs: int,
    M: int,
    K: int,
    NV: int,
    accumulate: bool = False,
) -> None:
    """C[m, v] (+)= sum over k of A[m, k] B[k, v], where v counts vectors of `lanes` columns.

    a, ao : the packed matrix (M, K) and its offset in the flat array `a`.
    b, bo : B's vector v of row k is at b[bo + k*bks + v*bvs].
    c, co : C's vector v of row m is at c[co + m*cms + v*cvs]; only rows m < M are written.
    accumulate : add to C instead of overwriting it.

    The arrays are 1-D, contiguous and of one dtype; A, B and C must not overlap. All arguments
    are positional, and may be run-time values.
    """
    count = lanes(a)
    panels = -(-M // ROWS)
    packed = a[ao : ao + packed_size(M, K)].reshape(panels, K, ROWS)
    matrix = packed.transpose(0, 2, 1).reshape(panels * ROWS, K)[:M]
    lane = np.arange(count)
    columns = np.arange(NV)[:, None]
    operand = b[bo + np.arange(K)[:, None, None] * bks + columns * bvs + lane]
    target = co + np.arange(M)[:, None, None] * cms + columns * cvs + lane
    product = np.tensordot(matrix, operand, 1)
    c[target] = c[target] + product if accumulate else product


class _Typing(AbstractTemplate):
    key = gemm

    def generic(self, args: tuple[NumbaType, ...], kws: dict[str, Any]) -> Any:
        if kws or len(args) not in (13, 14):
            return None
        arrays = [args[0], args[2], args[6]]
        if not all(map(is_workspace, arrays)) or len({array.dtype for array in arrays}) > 1:
            return None
        exact = [types.intp] * 13
        for position in (0, 2, 6):
            exact[position] = args[position]
        return signature(types.void, *exact, *[types.boolean] * (len(args) - 13))


infer_global(gemm, types.Function(_Typing))


@lower_builtin(gemm, types.VarArg(types.Any))
def _lower_gemm(context: Any, builder: ir.IRBuilder, sig: Any, args: list[ir.Value]) -> ir.Value:
    a, ao, b, bo, bks, bvs, c, co, cms, cvs, rows, inner, vectors, *rest = args
    start_a = element_pointer(context, builder, sig.args[0], a, ao)
    start_b = element_pointer(context, builder, sig.args[2], b, bo)
    start_c = element_pointer(context, builder, sig.args[6], c, co)
    flag = rest[0] if rest else ir.IntType(1)(0)
    function = _Product(context, builder.module, np.dtype(str(sig.args[0].dtype))).function
    builder.call(
        function, [start_a, start_b, start_c, bks, bvs, cms, cvs, rows, inner, vectors, flag]
    )
    return context.get_dummy_value()


class _Product:
    """Emits the function behind `gemm` into a module, or finds it there.

    Columns are split into blocks of nearly equal width, at most VECTORS: a narrow last block would
    not fill the multiplier's pipeline.
    """

    def __init__(self, context: Any, module: ir.Module, dtype: np.dtype[Any]) -> None:
        self.context = context
        self.dtype = dtype
        pointer = element_type(dtype).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer] * 3 + [_INDEX] * 7 + [ir.IntType(1)])
        name = f"jetfold_gemm_{dtype.name}"
        found = module.globals.get(name)
        self.function = found if found is not None else ir.Function(module, kind, name)
        if found is None:
            self.function.linkage = "internal"
            self.function.attributes.add("noinline")
            self._emit_blocks()

    def _emit_blocks(self) -> None:
        _, b, c, _, bvs, _, cvs, _, _, vectors, _ = self.function.args
        builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        blocks = builder.sdiv(builder.add(vectors, _INDEX(VECTORS - 1)), _INDEX(VECTORS))
        with cgutils.for_range(builder, blocks) as loop:
            width = builder.sdiv(vectors, blocks)
            wider = builder.srem(vectors, blocks)  # the first blocks are one vector wider
            is_wider = builder.icmp_signed("<", loop.index, wider)
            before = builder.select(is_wider, loop.index, wider)
            first = builder.add(builder.mul(loop.index, width), before)
            width = builder.add(width, builder.zext(is_wider, _INDEX))
            block_b = builder.gep(b, [builder.mul(first, bvs)])
            block_c = builder.gep(c, [builder.mul(first, cvs)])
            for count in range(1, VECTORS + 1):
                with builder.if_then(builder.icmp_signed("==", width, _INDEX(count))):
                    self._emit_panels(builder, count, block_b, block_c)
        builder.ret_void()

    def _emit_panels(
        self, builder: ir.IRBuilder, count: int, block_b: ir.Value, block_c: ir.Value
    ) -> None:
        a, _, _, bks, bvs, cms, cvs, rows, inner, _, accumulate = self.function.args
        panels = builder.sdiv(builder.add(rows, _INDEX(ROWS - 1)), _INDEX(ROWS))
        b_offsets = [builder.mul(bvs, _INDEX(v)) for v in range(count)]
        c_offsets = [builder.mul(cvs, _INDEX(v)) for v in range(count)]
        with cgutils.for_range(builder, panels) as loop:
            row = builder.mul(loop.index, _INDEX(ROWS))
            panel = builder.gep(a, [builder.mul(row, inner)])
            sums = self._emit_micro_kernel(builder, panel, block_b, bks, b_offsets, inner)
            for m in range(ROWS):
                index = builder.add(row, _INDEX(m))
                with builder.if_then(builder.icmp_signed("<", index, rows)):
                    start = builder.gep(block_c, [builder.mul(index, cms)])
                    addresses = [builder.gep(start, [offset]) for offset in c_offsets]
                    self._emit_stores(builder, addresses, sums[m], accumulate)

    def _emit_micro_kernel(
        self,
        builder: ir.IRBuilder,
        panel: ir.Value,
        block_b: ir.Value,
        bks: ir.Value,
        b_offsets: list[ir.Value],
        inner: ir.Value,
    ) -> list[list[ir.Value]]:
        """The sums over k, [ROWS][vectors]; LLVM keeps them in registers."""
        size = lanes(self.dtype)
        nothing = ir.Constant(ir.VectorType(element_type(self.dtype), size), None)
        slots = [
            [cgutils.alloca_once_value(builder, nothing) for _ in b_offsets] for _ in range(ROWS)
        ]
        for slot in (slot for row in slots for slot in row):
            builder.store(nothing, slot)
        with cgutils.for_range(builder, inner) as loop:
            row = builder.gep(block_b, [builder.mul(loop.index, bks)])
            operands = [load_vector(builder, builder.gep(row, [o]), self.dtype) for o in b_offsets]
            factors = builder.gep(panel, [builder.mul(loop.index, _INDEX(ROWS))])
            for m in range(ROWS):
                number = builder.load(builder.gep(factors, [_INDEX(m)]))
                factor = self._register(builder, splat_value(builder, number, size))
                for slot, operand in zip(slots[m], operands, strict=True):
                    operand = self._register(builder, operand)
                    total = self._register(builder, builder.load(slot))
                    builder.store(fma(factor, operand, total).value, slot)
        return [[builder.load(slot) for slot in row] for row in slots]

    def _emit_stores(
        self,
        builder: ir.IRBuilder,
        addresses: list[ir.Value],
        sums: list[ir.Value],
        accumulate: ir.Value,
    ) -> None:
        with builder.if_else(accumulate) as (add, overwrite):
            with add:
                for address, value in zip(addresses, sums, strict=True):
                    old = self._register(builder, load_vector(builder, address, self.dtype))
                    total = old + self._register(builder, value)
                    store_vector(builder, address, total.value, self.dtype.itemsize)
            with overwrite:
                for address, value in zip(addresses, sums, strict=True):
                    store_vector(builder, address, value, self.dtype.itemsize)

    def _register(self, builder: ir.IRBuilder, value: ir.Value) -> Register:
        return Register(self.context, builder, value, self.dtype)
