"""`Register`: a vector inside a function that numba is compiling.

It has the operators of a NumPy array, and each emits LLVM instructions. A function written with
operators and with the primitives of `primitives.py` therefore has one definition and two uses:
called with arrays it computes, called with registers it writes straight-line code. No numba
pipeline runs for it, so that it costs next to no compile time and is always inlined.

Floating-point instructions carry the flag `contract` (a*b + c may become one fused instruction)
and no other: in particular NaN and infinity keep their meaning.
"""

from typing import Any, Self

import numpy as np
from llvmlite import ir

FLAGS = ("contract",)

_ELEMENTS: dict[str, ir.Type] = {
    "float32": ir.FloatType(),
    "float64": ir.DoubleType(),
    "int32": ir.IntType(32),
    "int64": ir.IntType(64),
    "bool": ir.IntType(1),
}


def element_type(dtype: np.dtype[Any]) -> ir.Type:
    """LLVM's type of one element."""
    return _ELEMENTS[dtype.name]


def splat_constant(number: float, dtype: np.dtype[Any], count: int) -> ir.Constant:
    """A vector of `count` equal numbers, rounded to `dtype` first."""
    element = element_type(dtype)
    rounded = dtype.type(number).item()
    return ir.Constant(ir.VectorType(element, count), [ir.Constant(element, rounded)] * count)


def splat_value(builder: ir.IRBuilder, scalar: ir.Value, count: int) -> ir.Value:
    """A vector of `count` copies of a scalar computed at run time."""
    index = ir.IntType(32)
    empty = ir.Constant(ir.VectorType(scalar.type, count), ir.Undefined)
    first = builder.insert_element(empty, scalar, index(0))
    mask = ir.Constant(ir.VectorType(index, count), [index(0)] * count)
    return builder.shuffle_vector(first, empty, mask)


class Register:
    """A vector of `dtype` in a function under construction.

    context : numba's target context (needed only to compile scalar fall-backs).
    builder : LLVM's instruction builder, positioned where the next instruction goes.
    value   : the vector.
    dtype   : float32, float64, int32, int64, or bool for a mask.
    """

    __slots__ = ("builder", "context", "dtype", "value")
    __array_ufunc__ = None  # NumPy scalars hand operators over to this class
    __hash__ = None  # type: ignore[assignment]  # == is elementwise

    def __init__(
        self, context: Any, builder: ir.IRBuilder, value: ir.Value, dtype: np.dtype[Any]
    ) -> None:
        self.context = context
        self.builder = builder
        self.value = value
        self.dtype = dtype

    @property
    def count(self) -> int:
        """Number of lanes."""
        return int(self.value.type.count)

    def like(self, value: ir.Value, dtype: np.dtype[Any] | None = None) -> "Register":
        """Wrap another value of the same function."""
        return Register(self.context, self.builder, value, dtype or self.dtype)

    def coerce(self, other: Any) -> "Register":
        """`other` as a register of this dtype; numbers are splat."""
        if isinstance(other, Register):
            if other.dtype != self.dtype:
                raise TypeError(f"vectors of {self.dtype} and of {other.dtype} do not mix")
            return other
        return self.like(splat_constant(other, self.dtype, self.count))

    def call(self, intrinsic: str, *others: Any) -> "Register":
        """Call an LLVM intrinsic (as "llvm.sqrt") whose operands and result have one type."""
        operands = [self, *(self.coerce(other) for other in others)]
        vector = self.value.type
        letter = "i" if self.dtype.kind in "ib" else "f"
        suffix = f"v{self.count}{letter}{self.dtype.itemsize * 8}"
        signature = ir.FunctionType(vector, [vector] * len(operands))
        function = self._declare(f"{intrinsic}.{suffix}", signature)
        flags = FLAGS if letter == "f" else ()
        return self.like(self.builder.call(function, [o.value for o in operands], fastmath=flags))

    def any(self) -> ir.Value:
        """Whether any lane of a mask is set, as an LLVM i1."""
        bits = self.builder.bitcast(self.value, ir.IntType(self.count))
        return self.builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    def lane(self, index: int) -> ir.Value:
        """One element."""
        return self.builder.extract_element(self.value, ir.IntType(32)(index))

    def bitcast(self, dtype: np.dtype[Any]) -> "Register":
        """The same bits as a vector of another dtype of the same size."""
        vector = ir.VectorType(element_type(dtype), self.count)
        return self.like(self.builder.bitcast(self.value, vector), dtype)

    def _declare(self, name: str, signature: ir.FunctionType) -> ir.Function:
        module = self.builder.module
        found = module.globals.get(name)
        return found if found is not None else ir.Function(module, signature, name)

    def _binary(self, other: Any, for_floats: str, for_integers: str, swap: bool) -> "Register":
        left, right = self, self.coerce(other)
        if swap:
            left, right = right, left
        if self.dtype.kind == "f":
            emit = getattr(self.builder, for_floats)
            return self.like(emit(left.value, right.value, flags=FLAGS))
        return self.like(getattr(self.builder, for_integers)(left.value, right.value))

    def _compare(self, other: Any, relation: str) -> "Register":
        right = self.coerce(other).value
        if self.dtype.kind != "f":
            value = self.builder.icmp_signed(relation, self.value, right)
        elif relation == "!=":  # the one comparison that holds for NaN
            value = self.builder.fcmp_unordered(relation, self.value, right)
        else:
            value = self.builder.fcmp_ordered(relation, self.value, right)
        return self.like(value, np.dtype(np.bool_))

    def _bitwise(self, other: Any, instruction: str) -> "Register":
        if self.dtype.kind == "f":
            raise TypeError("bitwise operators need masks or integers")
        return self.like(getattr(self.builder, instruction)(self.value, self.coerce(other).value))

    def __add__(self, other: Any) -> "Register":
        return self._binary(other, "fadd", "add", swap=False)

    def __radd__(self, other: Any) -> "Register":
        return self._binary(other, "fadd", "add", swap=True)

    def __sub__(self, other: Any) -> "Register":
        return self._binary(other, "fsub", "sub", swap=False)

    def __rsub__(self, other: Any) -> "Register":
        return self._binary(other, "fsub", "sub", swap=True)

    def __mul__(self, other: Any) -> "Register":
        return self._binary(other, "fmul", "mul", swap=False)

    def __rmul__(self, other: Any) -> "Register":
        return self._binary(other, "fmul", "mul", swap=True)

    def __truediv__(self, other: Any) -> "Register":
        return self._binary(other, "fdiv", "sdiv", swap=False)

    def __rtruediv__(self, other: Any) -> "Register":
        return self._binary(other, "fdiv", "sdiv", swap=True)

    def __neg__(self) -> "Register":
        if self.dtype.kind == "f":
            return self.like(self.builder.fneg(self.value))
        return self.like(self.builder.neg(self.value))

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> "Register":
        return self.call("llvm.fabs")

    def __lt__(self, other: Any) -> "Register":
        return self._compare(other, "<")

    def __le__(self, other: Any) -> "Register":
        return self._compare(other, "<=")

    def __gt__(self, other: Any) -> "Register":
        return self._compare(other, ">")

    def __ge__(self, other: Any) -> "Register":
        return self._compare(other, ">=")

    def __eq__(self, other: object) -> "Register":  # type: ignore[override]
        return self._compare(other, "==")

    def __ne__(self, other: object) -> "Register":  # type: ignore[override]
        return self._compare(other, "!=")

    def __and__(self, other: Any) -> "Register":
        return self._bitwise(other, "and_")

    def __or__(self, other: Any) -> "Register":
        return self._bitwise(other, "or_")

    def __xor__(self, other: Any) -> "Register":
        return self._bitwise(other, "xor")

    def __invert__(self) -> "Register":
        return self.like(self.builder.not_(self.value))

    def __lshift__(self, other: Any) -> "Register":
        return self._bitwise(other, "shl")

    def __rshift__(self, other: Any) -> "Register":
        return self._bitwise(other, "ashr")
