"""`Tracer`: what a user's function is called with, in place of arrays, to record what it does.

A tracer is a node of a graph under construction. NumPy hands its own functions over to it
(`__array_ufunc__`, `__array_function__`), so that the function needs no special imports.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

import numpy as np

from jetfold.graph import ufuncs
from jetfold.graph.errors import JetfoldError, ShapeError, TraceError
from jetfold.graph.graph import Editor
from jetfold.graph.hints import hint
from jetfold.graph.indexing import index_ops
from jetfold.graph.ops import (
    Array,
    Broadcast,
    Constant,
    Map,
    Move,
    Op,
    Reshape,
    Shape,
    Transpose,
    Type,
    operand_symbol,
)
from jetfold.graph.source import located, user_line
from jetfold.graph.untraceable import Untraceable

_BOOL = np.dtype(bool)
_FLOAT = np.dtype(np.float64)
_IDENTITY = operand_symbol(0)


def _operator(name: str) -> tuple[Callable[[Tracer, Any], Any], Callable[[Tracer, Any], Any]]:
    """A binary operator and the same with its operands swapped."""

    def forward(self: Tracer, other: Any) -> Any:
        return elementwise(name, self, other)

    def backward(self: Tracer, other: Any) -> Any:
        return elementwise(name, other, self)

    return forward, backward


def _method(function: Any) -> Callable[..., Any]:
    """The method that calls a NumPy function, which comes back through `__array_function__`."""

    def call(self: Tracer, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    return call


class Tracer(Untraceable):
    """A node of a graph under construction that behaves as an array of its point shape."""

    __slots__ = ("editor", "node", "truth")

    __array_priority__ = 1000.0
    __hash__ = None  # type: ignore[assignment]  # == is elementwise, as for arrays

    def __init__(self, editor: Editor, node: int, truth: bool = False) -> None:
        self.editor = editor
        self.node = node
        self.truth = truth  # whether the values are truth values, for NumPy's rules on them

    def __repr__(self) -> str:
        return f"Tracer(%{self.node}: {self.type})"

    @property
    def type(self) -> Type:
        return self.editor[self.node].type

    @property
    def shape(self) -> Shape:
        return self.type.shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """bool after a comparison, otherwise float64, which stands for any precision."""
        return _BOOL if self.truth else _FLOAT

    # NumPy's protocols ------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        from jetfold.graph.calls import call_ufunc

        return call_ufunc(ufunc, method, args, kwargs)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        from jetfold.graph.calls import call_function

        return call_function(function, args, kwargs)

    # Operators --------------------------------------------------------------------------------

    __add__, __radd__ = _operator("add")
    __sub__, __rsub__ = _operator("subtract")
    __mul__, __rmul__ = _operator("multiply")
    __truediv__, __rtruediv__ = _operator("divide")
    __floordiv__, __rfloordiv__ = _operator("floor_divide")
    __mod__, __rmod__ = _operator("remainder")
    __pow__, __rpow__ = _operator("power")
    __lt__, __gt__ = _operator("less")[0], _operator("greater")[0]
    __le__, __ge__ = _operator("less_equal")[0], _operator("greater_equal")[0]
    __eq__, __ne__ = _operator("equal")[0], _operator("not_equal")[0]

    __and__, __rand__ = _operator("logical_and")
    __or__, __ror__ = _operator("logical_or")
    __xor__, __rxor__ = _operator("logical_xor")

    def __invert__(self) -> Any:
        return elementwise("logical_not", self)

    def __neg__(self) -> Any:
        return elementwise("negative", self)

    def __pos__(self) -> Any:
        return elementwise("positive", self)

    def __abs__(self) -> Any:
        return elementwise("absolute", self)

    def __matmul__(self, other: Any) -> Any:
        return np.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return np.matmul(other, self)

    # A sequence of rows -----------------------------------------------------------------------

    def __len__(self) -> int:
        if not self.shape:
            raise located(TraceError, "a traced value without axes has no len()")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tracer]:
        if not self.shape:
            raise located(TraceError, "a traced value without axes cannot be iterated over")
        return (self[i] for i in range(self.shape[0]))

    def __getitem__(self, key: Any) -> Tracer:
        if any(isinstance(part, Tracer) for part in (key if isinstance(key, tuple) else (key,))):
            raise located(
                TraceError,
                "an index or a mask that is a traced value: what it selects is not known yet",
                "Select with np.where(mask, a, b), which keeps the shape.",
            )
        result = self
        for op in index_ops(self.shape, key):
            result = result.move(op)
        return result

    def move(self, op: Move) -> Tracer:
        """The value with its elements elsewhere; itself if they stay where they are."""
        match op:
            case Reshape(shape) | Broadcast(shape) if shape == self.shape:
                return self
            case Transpose(axes) if axes == tuple(range(self.ndim)):
                return self
        return record(self.editor, op, self.node, truth=self.truth)

    def __copy__(self) -> Tracer:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Tracer:
        return self

    # Methods of arrays: each is the function of that name ---------------------------------------

    all = _method(np.all)
    any = _method(np.any)
    clip = _method(np.clip)
    cumprod = _method(np.cumprod)
    cumsum = _method(np.cumsum)
    diagonal = _method(np.diagonal)
    dot = _method(np.dot)
    max = _method(np.max)
    mean = _method(np.mean)
    min = _method(np.min)
    prod = _method(np.prod)
    ravel = _method(np.ravel)
    flatten = _method(np.ravel)
    repeat = _method(np.repeat)
    round = _method(np.round)
    squeeze = _method(np.squeeze)
    std = _method(np.std)
    sum = _method(np.sum)
    swapaxes = _method(np.swapaxes)
    take = _method(np.take)
    trace = _method(np.trace)
    var = _method(np.var)

    def reshape(self, *shape: Any, **options: Any) -> Any:
        call: Any = np.reshape
        return call(self, shape[0] if len(shape) == 1 else shape, **options)

    def transpose(self, *axes: Any) -> Any:
        call: Any = np.transpose
        return call(self, axes[0] if len(axes) == 1 else axes or None)

    @property
    def T(self) -> Any:
        return self.transpose()

    @property
    def mT(self) -> Any:
        return self.swapaxes(-1, -2)

    @property
    def real(self) -> Tracer:
        return self

    def conj(self) -> Tracer:
        return self

    def copy(self, order: Any = "C") -> Tracer:
        return self

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Tracer:
        check_dtype("astype", dtype)
        return Tracer(self.editor, self.node)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"a traced value has no attribute {name!r}", name=name, obj=self)
        raise located(
            _NoSuchMethod,
            f"the method or attribute .{name} of an array cannot be traced",
            hint(name, (known for known in vars(Tracer) if not known.startswith("_"))),
        )


class _NoSuchMethod(TraceError, AttributeError):
    """A method of arrays that tracers lack; `hasattr` has to work with them as with any object."""


def wrap(editor: Editor, node: int) -> Tracer:
    """A node as a value that a user's function can compute with."""
    return Tracer(editor, node)


def lift(editor: Editor, value: Any) -> int:
    """The node for a value: a tracer's own, or a constant for an array or a number."""
    if isinstance(value, Tracer):
        if value.editor is not editor:
            raise located(
                TraceError,
                "a traced value is used outside of the function in which it was traced",
                "Hand it over as an argument or a result; do not keep it in a closure, an "
                "attribute, a global variable or a cache.",
            )
        return value.node
    try:
        array = np.asarray(value)
    except JetfoldError:
        raise
    except ValueError as error:
        raise located(ShapeError, f"not an array: {error}") from None
    if array.dtype.kind not in "buif":
        raise located(
            TraceError,
            f"{_describe(value, array)} cannot be part of a traced computation",
            "Use real numbers and arrays of real numbers.",
        )
    return editor.add(Constant(Array(array.astype(np.float64))))


def _describe(value: Any, array: np.ndarray[Any, Any]) -> str:
    kinds = {"c": "a complex number or array", "U": "a string"}
    return kinds.get(array.dtype.kind, f"{value!r} (a {type(value).__name__})")


def record(editor: Editor, op: Op, *operands: int, truth: bool = False) -> Tracer:
    """The value of an operation on nodes, marked with the user's line. Raises `ShapeError`."""
    try:
        return Tracer(editor, editor.add(op, *operands, source=user_line()), truth)
    except ShapeError as error:
        raise located(ShapeError, str(error)) from None


def editor_of(values: Iterable[Any]) -> Editor:
    """The editor of the first tracer among these values."""
    return next(value.editor for value in values if isinstance(value, Tracer))


def elementwise(name: str, *values: Any) -> Tracer:
    """An entry of the table of elementwise functions, applied to tracers, arrays and numbers.

    Numbers become part of the expression of the `Map`, arrays become constants.
    """
    if name in _ON_TRUTH and all(_is_truth(value) for value in values):
        name = _ON_TRUTH[name]
    general = ufuncs.general(name, len(values))
    truth = name in ufuncs.TRUTH
    return mapped(values, lambda scalars: ufuncs.elementwise(name, scalars), general, truth)


def mapped(
    values: tuple[Any, ...],
    with_numbers: Callable[[tuple[float | None, ...]], Map | None],
    general: Map,
    truth: bool = False,
) -> Tracer:
    """A `Map` applied to tracers, arrays and numbers.

    ``with_numbers`` gives it with numbers put in for some operands, or None if they have to stay
    operands of the ``general`` one.
    """
    editor = editor_of(values)
    scalars = tuple(_number(value) for value in values)
    op = with_numbers(scalars)
    if op is None:
        op, scalars = general, (None,) * len(values)
    nodes = [lift(editor, v) for v, scalar in zip(values, scalars, strict=True) if scalar is None]
    if op.expr == _IDENTITY:
        return Tracer(editor, nodes[0])
    return record(editor, op, *nodes, truth=truth)


def check_dtype(name: str, dtype: Any) -> None:
    """Raise an error if a dtype asks for anything but floating point numbers."""
    if dtype is not None and np.dtype(dtype).kind != "f":
        raise located(
            TraceError,
            f"np.{name} to {np.dtype(dtype)}: a traced value consists of real numbers",
            "Use np.floor, np.rint or a comparison, which keep floating point numbers.",
        )


# What NumPy makes of arithmetic with truth values only.
_ON_TRUTH = {
    "add": "logical_or",
    "multiply": "logical_and",
    "maximum": "logical_or",
    "minimum": "logical_and",
}


def _is_truth(value: Any) -> bool:
    if isinstance(value, (Tracer, np.ndarray)):
        return value.dtype == _BOOL
    return isinstance(value, (bool, np.bool_))


def _number(value: Any) -> float | None:
    """The value as a Python number, if it is one that an expression can contain."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (int, np.integer, np.bool_)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        if math.isfinite(number) and (number or math.copysign(1.0, number) > 0):
            return number
    return None
