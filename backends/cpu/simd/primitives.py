"""What vectors can do beyond operators: fused multiply-add, selection, rounding, bits.

Each function has a branch for registers (emit LLVM) beside the one for NumPy arrays (compute).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from jetfold.backends.cpu.simd.emit import Register
from jetfold.backends.cpu.simd.host import HAS_FMA
from jetfold.backends.cpu.simd.vector import (
    Vector,
    floating,
    integer,
    mask,
    scalar,
    vector_function,
)


def _first_register(*arguments: Any) -> Register | None:
    return next((a for a in arguments if isinstance(a, Register) and a.dtype != np.bool_), None)


def fma(a: Vector, b: Vector, c: Vector) -> Vector:
    """a*b + c, rounded once where the host can."""
    lead = _first_register(a, b, c)
    if lead is not None:
        if not HAS_FMA:
            return a * b + c
        return lead.coerce(a).call("llvm.fma", b, c)
    dtype = next(v.dtype for v in (a, b, c) if isinstance(v, np.ndarray))
    with np.errstate(all="ignore"):
        return _fma_of_doubles(*(np.asarray(v, np.float64) for v in (a, b, c))).astype(dtype)


def _fma_of_doubles(a: Vector, b: Vector, c: Vector) -> Vector:
    """a*b + c by Dekker's exact product and Knuth's exact sum."""
    product = a * b
    lost = _exact_error(a, b, product)
    total = product + c
    partner = total - product
    lost = lost + ((product - (total - partner)) + (c - partner))
    return np.where(np.isfinite(lost), total + lost, total)


def _exact_error(a: Vector, b: Vector, product: Vector) -> Vector:
    a_high, b_high = (v * 134217729.0 - (v * 134217729.0 - v) for v in (a, b))
    a_low, b_low = a - a_high, b - b_high
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def select(condition: Vector, then: Vector, otherwise: Vector) -> Vector:
    """`then` where the mask is set, `otherwise` elsewhere; both are evaluated."""
    if not isinstance(condition, Register):
        return np.where(condition, then, otherwise)
    lead = _first_register(then, otherwise)
    if lead is None:  # masks
        return (condition & then) | (~condition & otherwise)
    left, right = lead.coerce(then), lead.coerce(otherwise)
    return lead.like(lead.builder.select(condition.value, left.value, right.value))


def absolute(x: Vector) -> Vector:
    """|x|"""
    return abs(x)


def sqrt(x: Vector) -> Vector:
    """Square root, correctly rounded."""
    return x.call("llvm.sqrt") if isinstance(x, Register) else np.sqrt(x)


def rint(x: Vector) -> Vector:
    """The nearest integer, ties to even."""
    return x.call("llvm.rint") if isinstance(x, Register) else np.rint(x)


def floor(x: Vector) -> Vector:
    """The largest integer not above x."""
    return x.call("llvm.floor") if isinstance(x, Register) else np.floor(x)


def ceil(x: Vector) -> Vector:
    """The smallest integer not below x."""
    return x.call("llvm.ceil") if isinstance(x, Register) else np.ceil(x)


def maximum(x: Vector, y: Vector) -> Vector:
    """The larger; NaN if either is NaN."""
    lead = _first_register(x, y)
    return np.maximum(x, y) if lead is None else lead.coerce(x).call("llvm.maximum", y)


def minimum(x: Vector, y: Vector) -> Vector:
    """The smaller; NaN if either is NaN."""
    lead = _first_register(x, y)
    return np.minimum(x, y) if lead is None else lead.coerce(x).call("llvm.minimum", y)


def copysign(magnitude: Vector, sign: Vector) -> Vector:
    """|magnitude| with the sign bit of `sign`."""
    lead = _first_register(magnitude, sign)
    if lead is None:
        return np.copysign(magnitude, sign)
    return lead.coerce(magnitude).call("llvm.copysign", sign)


def bits(x: Vector) -> Vector:
    """The bits of floats as signed integers of the same width."""
    dtype = np.dtype(f"int{x.dtype.itemsize * 8}")
    return x.bitcast(dtype) if isinstance(x, Register) else x.view(dtype)


def from_bits(x: Vector) -> Vector:
    """The floats with these bits."""
    dtype = np.dtype(f"float{x.dtype.itemsize * 8}")
    return x.bitcast(dtype) if isinstance(x, Register) else x.view(dtype)


def isnan(x: Vector) -> Vector:
    """Mask of the lanes that are NaN."""
    return x != x


def sign(x: Vector) -> Vector:
    """-1, 0 or 1, and NaN of NaN."""
    return select(isnan(x), x, select(x == 0.0, constant(0.0, x), copysign(1.0, x)))


def constant(number: float, like: Vector) -> Vector:
    """A number known now, in every lane."""
    return like.coerce(number) if isinstance(like, Register) else np.full_like(like, number)


def alike(x: Vector, y: Vector) -> tuple[Vector, Vector]:
    """Two vectors, of which one may be given as a number."""
    lead = next(v for v in (x, y) if isinstance(v, (Register, np.ndarray)))
    known = (v if isinstance(v, (Register, np.ndarray)) else constant(v, lead) for v in (x, y))
    left, right = known
    return left, right


def powi(x: Vector, exponent: int) -> Vector:
    """x to a literal integer power, by repeated multiplication."""
    if exponent < 0:
        return 1.0 / powi(x, -exponent)
    if exponent == 0:
        return constant(1.0, x)
    if exponent == 1:
        return x
    half = powi(x, exponent // 2)
    return half * half * x if exponent % 2 else half * half


def reduce_add(x: Vector) -> Any:
    """The sum of the lanes (halves added to halves), one number."""
    count = lane_count(x)
    while count > 1:
        count //= 2
        x = _half(x, 0, count) + _half(x, count, count)
    return x.lane(0) if isinstance(x, Register) else x[0]


def lane_count(x: Vector) -> int:
    """Number of lanes of this vector."""
    return x.count if isinstance(x, Register) else len(x)


def _half(x: Vector, start: int, count: int) -> Vector:
    if not isinstance(x, Register):
        return x[start : start + count]
    index = ir.IntType(32)
    chosen = ir.Constant(ir.VectorType(index, count), [index(start + i) for i in range(count)])
    return x.like(x.builder.shuffle_vector(x.value, x.value, chosen))


def patch(condition: Vector, slow: Callable[[Vector], Vector], x: Vector, fast: Vector) -> Vector:
    """`fast`, but `slow(x)` where the mask is set; `slow` runs only if some lane needs it."""
    if not isinstance(condition, Register):
        return np.where(condition, slow(x), fast) if condition.any() else fast
    builder = condition.builder
    needed = condition.any()
    before = builder.basic_block
    with builder.if_then(needed, likely=False):
        patched = select(condition, slow(x), fast)
        inside = builder.basic_block
    merged = builder.phi(fast.value.type)
    merged.add_incoming(fast.value, before)
    merged.add_incoming(patched.value, inside)
    return fast.like(merged)


for _function in (fma, select, copysign, powi):
    vector_function(_function)
vector_function(isnan, result=mask)
vector_function(bits, result=integer)
vector_function(from_bits, result=floating)
vector_function(reduce_add, result=scalar)
