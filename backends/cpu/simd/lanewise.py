"""Any scalar function on vectors, one lane after another: slow, but never missing."""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from jetfold.backends.cpu.simd.emit import Register
from jetfold.backends.cpu.simd.numba_extension import cgutils, signature, types


def lanewise(
    function: Callable[..., Any],
    vectorised: Callable[..., Any] | None = None,
    integers: tuple[int, ...] = (),
) -> Callable[..., Any]:
    """`function` of float64 numbers as a function of vectors.

    function   : a function that numba compiles, or one of `math` that it knows.
    vectorised : the NumPy function to use un-jitted, where there is one.
    integers   : positions of parameters that stay literal integers.

    The computation is in float64, also for float32. Compiled, it is a call in a loop over the
    lanes.
    """

    def on_vectors(*arguments: Any) -> Any:
        lead = next((a for a in arguments if isinstance(a, Register)), None)
        if lead is not None:
            mixed = [a if i in integers else lead.coerce(a) for i, a in enumerate(arguments)]
            return _emit_loop(function, lead, mixed)
        dtype = next(a.dtype for a in arguments if isinstance(a, np.ndarray))
        wide = [np.asarray(a, np.float64) if isinstance(a, np.ndarray) else a for a in arguments]
        if vectorised is not None:
            return vectorised(*wide).astype(dtype)
        return np.asarray([function(*lane) for lane in np.broadcast(*wide)], dtype)

    on_vectors.__name__ = function.__name__
    on_vectors.__doc__ = function.__doc__
    return on_vectors


def _emit_loop(function: Callable[..., Any], lead: Register, arguments: list[Any]) -> Register:
    builder, context, count = lead.builder, lead.context, lead.count
    double = ir.DoubleType()
    slots = [_spill(builder, a.value) if isinstance(a, Register) else None for a in arguments]
    result = cgutils.alloca_once(builder, lead.value.type)
    kinds = [types.intp if slot is None else types.float64 for slot in slots]
    with cgutils.for_range(builder, ir.IntType(64)(count)) as loop:
        numbers = []
        for argument, slot in zip(arguments, slots, strict=True):
            if slot is None:
                numbers.append(ir.IntType(64)(argument))
                continue
            number = builder.load(_lane_address(builder, slot, lead, loop.index))
            numbers.append(number if number.type == double else builder.fpext(number, double))
        value = _call(context, builder, function, signature(types.float64, *kinds), numbers)
        if lead.value.type.element != double:
            value = builder.fptrunc(value, lead.value.type.element)
        builder.store(value, _lane_address(builder, result, lead, loop.index))
    return lead.like(builder.load(result))


def _call(
    context: Any, builder: ir.IRBuilder, function: Callable[..., Any], kind: Any, numbers: list[Any]
) -> ir.Value:
    if hasattr(function, "__code__"):
        return context.compile_internal(builder, function, kind, numbers)
    return context.get_function(function, kind)(builder, numbers)  # math.*: no pipeline needed


def _spill(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    slot = cgutils.alloca_once(builder, value.type)
    builder.store(value, slot)
    return slot


def _lane_address(
    builder: ir.IRBuilder, slot: ir.Value, lead: Register, index: ir.Value
) -> ir.Value:
    first = builder.bitcast(slot, lead.value.type.element.as_pointer())
    return builder.gep(first, [index], inbounds=True)
