"""The numba type `Vec`, its operators, and how a vector gets in and out of an array.

`vector_function` is the one door between numba and functions written on vectors: it types a
call and lowers it by running the function on `Register`s (see `emit.py`). Un-jitted, a vector
is simply a NumPy array of `lanes(dtype)` elements.
"""

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir

from jetfold.backends.cpu.simd.emit import Register, element_type, splat_value
from jetfold.backends.cpu.simd.host import lanes
from jetfold.backends.cpu.simd.numba_extension import (
    AbstractTemplate,
    NumbaType,
    cgutils,
    infer_global,
    lower_builtin,
    models,
    register_model,
    signature,
    types,
)

Vector: TypeAlias = Any
"""A NumPy array of `lanes` elements (un-jitted), a `Register` (being compiled)."""


class Vec(types.Type):
    """`count` elements of a numba scalar type in one register; of `boolean`, a mask."""

    def __init__(self, element: NumbaType, count: int) -> None:
        self.element = element
        self.count = count
        super().__init__(name=f"Vec({element} x {count})")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of an element."""
        return np.dtype("bool" if self.element == types.boolean else self.element.name)


@register_model(Vec)
class VecModel(models.PrimitiveModel):
    """In LLVM: a vector value."""

    def __init__(self, dmm: Any, fe_type: Vec) -> None:
        super().__init__(dmm, fe_type, ir.VectorType(element_type(fe_type.dtype), fe_type.count))


FLOATS = (types.float32, types.float64)
_INTEGER_OF = {types.float32: types.int32, types.float64: types.int64}


def vec_of(element: NumbaType) -> Vec:
    """The vector type of a float32 or float64 element."""
    return Vec(element, lanes(element.name))


def same(vectors: list[Vec]) -> NumbaType:
    """Result type: that of the operands (of the numbers, where a mask is among them)."""
    return next((v for v in vectors if v.element != types.boolean), vectors[0])


def mask(vectors: list[Vec]) -> NumbaType:
    """Result type: a mask."""
    return Vec(types.boolean, vectors[0].count)


def integer(vectors: list[Vec]) -> NumbaType:
    """Result type: the integers as wide as the operand's elements."""
    return Vec(_INTEGER_OF[vectors[0].element], vectors[0].count)


def floating(vectors: list[Vec]) -> NumbaType:
    """Result type: the floats as wide as the operand's elements."""
    return next(Vec(f, vectors[0].count) for f, i in _INTEGER_OF.items() if i == vectors[0].element)


def scalar(vectors: list[Vec]) -> NumbaType:
    """Result type: one element."""
    return vectors[0].element


def vector_function(
    function: Callable[..., Any], result: Callable[[list[Vec]], NumbaType] = same
) -> Callable[..., Any]:
    """Let compiled code call `function`, which is written with operators and primitives.

    Arguments may be vectors of one dtype, masks, and numbers: a literal integer reaches
    `function` as it is, any other number is converted to the dtype and splat.
    """

    def generic(self: Any, args: tuple[NumbaType, ...], kws: dict[str, Any]) -> Any:
        vectors = [a for a in args if isinstance(a, Vec)]
        numbers = [a for a in args if not isinstance(a, Vec)]
        if kws or not vectors or not all(isinstance(n, types.Number) for n in numbers):
            return None
        if len({v for v in vectors if v.element != types.boolean}) > 1:
            return None
        return signature(result(vectors), *args)

    def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: list[ir.Value]) -> Any:
        vectors = [t for t in sig.args if isinstance(t, Vec)]
        main = same(vectors)

        def wrap(kind: NumbaType, value: ir.Value) -> Any:
            if isinstance(kind, Vec):
                return Register(context, builder, value, kind.dtype)
            if isinstance(kind, types.Literal):
                return kind.literal_value
            number = context.cast(builder, value, kind, main.element)
            return Register(context, builder, splat_value(builder, number, main.count), main.dtype)

        out = function(*map(wrap, sig.args, args))
        return out.value if isinstance(out, Register) else out

    name = f"vector_{getattr(function, '__name__', 'function')}"
    template = type(
        name, (AbstractTemplate,), {"key": function, "generic": generic, "prefer_literal": True}
    )
    infer_global(function, types.Function(template))
    lower_builtin(function, types.VarArg(types.Any))(lower)
    return function


# fmt: off
_ARITHMETIC = (
    operator.add, operator.sub, operator.mul, operator.truediv, operator.neg, operator.pos, abs,
    operator.and_, operator.or_, operator.xor, operator.invert,
    operator.iadd, operator.isub, operator.imul, operator.itruediv,
    operator.iand, operator.ior, operator.ixor,
)
_COMPARISONS = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
# fmt: on

for _operator in _ARITHMETIC:
    vector_function(_operator)
for _operator in _COMPARISONS:
    vector_function(_operator, result=mask)


# In and out of arrays. An index counts elements, is never negative and is not checked.


def load(array: Vector, index: int) -> Vector:
    """The vector at `array[index : index + lanes]`; `array` is 1-D and contiguous."""
    return array[index : index + lanes(array)].copy()


def store(array: Vector, index: int, vector: Vector) -> None:
    """Write `vector` (or one number to every lane) at `array[index : index + lanes]`."""
    array[index : index + lanes(array)] = vector


def broadcast(array: Vector, index: int) -> Vector:
    """`array[index]` in every lane."""
    return np.full(lanes(array), array[index])


def splat(number: float, like: Vector) -> Vector:
    """`number` in every lane, in the dtype of `like` (an array or a vector)."""
    return np.full(lanes(like), number, like.dtype)


def zero(like: Vector) -> Vector:
    """A vector of zeros in the dtype of `like` (an array or a vector)."""
    return np.zeros(lanes(like), like.dtype)


def _typed(function: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Register how numba types a call to `function` (positional arguments only)."""

    def register(typer: Callable[..., Any]) -> Any:
        def generic(self: Any, args: tuple[NumbaType, ...], kws: dict[str, Any]) -> Any:
            return None if kws else typer(*args)

        template = type(
            f"memory_{function.__name__}",
            (AbstractTemplate,),
            {"key": function, "generic": generic},
        )
        infer_global(function, types.Function(template))
        return typer

    return register


def is_workspace(kind: NumbaType) -> bool:
    """Whether a numba type is a contiguous 1-D array of float32 or float64."""
    return (
        isinstance(kind, types.Array)
        and kind.ndim == 1
        and kind.layout == "C"
        and kind.dtype in FLOATS
    )


def _element_of(like: NumbaType) -> NumbaType | None:
    if is_workspace(like):
        return like.dtype
    if isinstance(like, Vec) and like.element in FLOATS:
        return like.element
    return None


def element_pointer(
    context: Any, builder: ir.IRBuilder, kind: NumbaType, array: ir.Value, index: ir.Value
) -> ir.Value:
    """The address of `array[index]`."""
    data = context.make_array(kind)(context, builder, value=array).data
    return builder.gep(data, [index], inbounds=True)


def load_vector(builder: ir.IRBuilder, address: ir.Value, dtype: np.dtype[Any]) -> ir.Value:
    """Emit the load of a vector; only the elements' own alignment is assumed."""
    vector = ir.VectorType(element_type(dtype), lanes(dtype))
    return builder.load(builder.bitcast(address, vector.as_pointer()), align=dtype.itemsize)


def store_vector(builder: ir.IRBuilder, address: ir.Value, value: ir.Value, itemsize: int) -> None:
    """Emit the store of a vector; only the elements' own alignment is assumed."""
    builder.store(value, builder.bitcast(address, value.type.as_pointer()), align=itemsize)


@_typed(load)
def _type_load(array: NumbaType, index: NumbaType) -> Any:
    if is_workspace(array) and isinstance(index, types.Integer):
        return signature(vec_of(array.dtype), array, types.intp)
    return None


@lower_builtin(load, types.Array, types.intp)
def _lower_load(context: Any, builder: ir.IRBuilder, sig: Any, args: list[ir.Value]) -> ir.Value:
    address = element_pointer(context, builder, sig.args[0], *args)
    return load_vector(builder, address, sig.return_type.dtype)


@_typed(store)
def _type_store(array: NumbaType, index: NumbaType, vector: NumbaType) -> Any:
    if not (is_workspace(array) and isinstance(index, types.Integer)):
        return None
    wanted = vec_of(array.dtype)
    if vector == wanted or isinstance(vector, types.Number):
        kind = wanted if vector == wanted else array.dtype
        return signature(types.void, array, types.intp, kind)
    return None


@lower_builtin(store, types.Array, types.intp, types.Any)
def _lower_store(context: Any, builder: ir.IRBuilder, sig: Any, args: list[ir.Value]) -> ir.Value:
    array, index, value = args
    wanted = vec_of(sig.args[0].dtype)
    if sig.args[2] != wanted:
        value = splat_value(builder, value, wanted.count)
    address = element_pointer(context, builder, sig.args[0], array, index)
    store_vector(builder, address, value, wanted.dtype.itemsize)
    return context.get_dummy_value()


@_typed(broadcast)
def _type_broadcast(array: NumbaType, index: NumbaType) -> Any:
    if is_workspace(array) and isinstance(index, types.Integer):
        return signature(vec_of(array.dtype), array, types.intp)
    return None


@lower_builtin(broadcast, types.Array, types.intp)
def _lower_broadcast(
    context: Any, builder: ir.IRBuilder, sig: Any, args: list[ir.Value]
) -> ir.Value:
    address = element_pointer(context, builder, sig.args[0], *args)
    return splat_value(builder, builder.load(address), sig.return_type.count)


@_typed(splat)
def _type_splat(number: NumbaType, like: NumbaType) -> Any:
    element = _element_of(like)
    if element is None or not isinstance(number, types.Number):
        return None
    return signature(vec_of(element), element, like)


@lower_builtin(splat, types.Float, types.Any)
def _lower_splat(context: Any, builder: ir.IRBuilder, sig: Any, args: list[ir.Value]) -> ir.Value:
    return splat_value(builder, args[0], sig.return_type.count)


@_typed(zero)
def _type_zero(like: NumbaType) -> Any:
    element = _element_of(like)
    return None if element is None else signature(vec_of(element), like)


@lower_builtin(zero, types.Any)
def _lower_zero(context: Any, builder: ir.IRBuilder, sig: Any, args: list[ir.Value]) -> ir.Value:
    return cgutils.get_null_value(context.get_value_type(sig.return_type))


@_typed(lanes)
def _type_lanes(like: NumbaType) -> Any:
    return None if _element_of(like) is None else signature(types.intp, like)


@lower_builtin(lanes, types.Any)
def _lower_lanes(context: Any, builder: ir.IRBuilder, sig: Any, args: list[ir.Value]) -> ir.Value:
    element = _element_of(sig.args[0])
    return context.get_constant(types.intp, lanes(np.dtype(str(element))))
