"""The closed set of node kinds from which every graph is built, and the type each one gives.

The type of a value is its *point shape* (positional axes, as in NumPy) together with its named
*direction axes*. Operands meet along direction axes by name, along positional axes by position.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from jetfold.graph.errors import ShapeError

Shape = tuple[int, ...]


@dataclass(frozen=True, order=True, slots=True)
class DirectionAxis:
    """A named axis that counts directions (or any other index along which values are copies)."""

    name: str
    size: int

    def __str__(self) -> str:
        return f"{self.name}:{self.size}"


class Type(NamedTuple):
    """Point shape and direction axes (sorted by name) of a value."""

    shape: Shape
    directions: tuple[DirectionAxis, ...] = ()

    @property
    def copies(self) -> int:
        """How many vectors the value stands for: the product of its direction axes."""
        return math.prod(axis.size for axis in self.directions)

    @property
    def elements(self) -> int:
        """How many numbers the value is at one point, over all its direction axes."""
        return self.copies * math.prod(self.shape)

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape)) or "scalar"
        return shape + "".join(f"[{axis}]" for axis in self.directions)


def operand_symbol(position: int) -> sp.Symbol:
    """The symbol that stands for operand number ``position`` in the expression of a `Map`."""
    return sp.Symbol(f"a{position}", real=True)


class Array:
    """An immutable array that can be compared and hashed, so that it can be part of a node."""

    __slots__ = ("_key", "value")

    def __init__(self, value: NDArray[Any]) -> None:
        self.value = np.array(value)
        self.value.setflags(write=False)
        self._key = (self.value.shape, self.value.dtype.str, self.value.tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Array) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __reduce__(self) -> tuple[type[Array], tuple[NDArray[Any]]]:
        return Array, (self.value,)

    def __repr__(self) -> str:
        return f"Array({np.array2string(self.value, threshold=8, separator=', ')})"


# Leaves ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Input:
    """A value that varies from point to point."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value shared by the batch, given at each call; ``name`` says where in the parameters."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Constant:
    """An array known when the graph is built: direction axes first, then the point's axes."""

    value: Array
    directions: tuple[DirectionAxis, ...] = ()


# Computations ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Map:
    """An elementwise function with NumPy broadcasting, as an expression in a0, a1, ..."""

    expr: sp.Expr


@dataclass(frozen=True, slots=True)
class Contract:
    """A multilinear contraction of positional axes, as an einsum specification."""

    spec: str


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum over positional axes and over direction axes (by name)."""

    axes: tuple[int, ...] = ()
    directions: tuple[str, ...] = ()


MatrixFunctionName = Literal["inverse", "log_abs_det", "sign_det"]


@dataclass(frozen=True, slots=True)
class MatrixFunction:
    """A function of the square matrices on the last two axes; the axes before them count matrices.

    "inverse" gives matrices, "log_abs_det" (the logarithm of the determinant's absolute value)
    and "sign_det" (-1, 0 or 1) give a number for each. The inverse of a singular matrix is not
    finite, which is no error, since other points of a batch may have other matrices.
    """

    name: MatrixFunctionName


# Moves: index-only linear operations --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reshape:
    """The same elements in row-major order under another shape."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Transpose:
    """Axes in another order: axis ``i`` of the result is axis ``axes[i]`` of the operand."""

    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Broadcast:
    """The operand repeated to a larger shape, by NumPy's rules."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Slice:
    """Per axis start, step and length; the rank stays as it is."""

    start: tuple[int, ...]
    step: tuple[int, ...]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Gather:
    """Element ``i`` of the result is element ``index[i]`` of the flattened operand; -1 gives 0."""

    index: Array


@dataclass(frozen=True, slots=True)
class Concatenate:
    """Operands one after the other along an existing axis."""

    axis: int


@dataclass(frozen=True, slots=True)
class Replicate:
    """Copies of the operand along a new direction axis."""

    axis: DirectionAxis


@dataclass(frozen=True, slots=True)
class Direct:
    """A positional axis of the operand becomes a direction axis."""

    position: int
    axis: DirectionAxis


@dataclass(frozen=True, slots=True)
class Pick:
    """Element i along direction axis ``new`` is element ``index[i]`` along axis ``old``."""

    index: Array
    old: str
    new: DirectionAxis


@dataclass(frozen=True, slots=True)
class Collect:
    """The transpose of `Pick`: element m along ``new`` sums all i with ``index[i] == m``."""

    index: Array
    old: str
    new: DirectionAxis


Leaf = Input | Parameter | Constant
Move = (
    Reshape
    | Transpose
    | Broadcast
    | Slice
    | Gather
    | Concatenate
    | Replicate
    | Direct
    | Pick
    | Collect
)
Op = Leaf | Map | Contract | Sum | MatrixFunction | Move

LEAVES = (Input, Parameter, Constant)
MOVES = (
    Reshape,
    Transpose,
    Broadcast,
    Slice,
    Gather,
    Concatenate,
    Replicate,
    Direct,
    Pick,
    Collect,
)


@dataclass(frozen=True, slots=True)
class SourceLine:
    """Where in the user's code a node was written."""

    file: str
    line: int
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f'File "{self.file}", line {self.line}' + (f": {self.text}" if self.text else "")


# Types ----------------------------------------------------------------------------------------


def meet(directions: Sequence[tuple[DirectionAxis, ...]]) -> tuple[DirectionAxis, ...]:
    """The direction axes of operands that meet by name, sorted; their sizes must agree."""
    sizes: dict[str, int] = {}
    for axis in (axis for axes in directions for axis in axes):
        if sizes.setdefault(axis.name, axis.size) != axis.size:
            raise ShapeError(
                f"direction axis {axis.name!r} has size {sizes[axis.name]} in one operand and "
                f"{axis.size} in another"
            )
    return tuple(DirectionAxis(name, sizes[name]) for name in sorted(sizes))


def split_spec(spec: str) -> tuple[list[str], str]:
    """The operands' letters and the result's letters of an einsum specification."""
    operands, result = spec.split("->")
    return operands.split(","), result


def rename_axes(spec: str) -> str:
    """The specification with its axes called i, j, k, .. in the order in which they occur."""
    letters = dict.fromkeys(letter for letter in spec if letter.isalpha())
    names = "ijklmnopqrstuvwxyzabcdefgh"
    return spec.translate({ord(letter): name for letter, name in zip(letters, names, strict=False)})


def _with_axis(kind: Type, axis: DirectionAxis) -> tuple[DirectionAxis, ...]:
    if axis.name in {other.name for other in kind.directions}:
        raise ShapeError(f"a value of type {kind} already has the axis {axis}")
    return meet([kind.directions, (axis,)])


def _contract_shape(op: Contract, shapes: Sequence[Shape]) -> Shape:
    operands, result = split_spec(op.spec)
    sizes: dict[str, int] = {}
    if len(operands) != len(shapes):
        raise ShapeError(f"einsum {op.spec!r} needs {len(operands)} operands, got {len(shapes)}")
    for letters, shape in zip(operands, shapes, strict=True):
        if len(letters) != len(shape):
            raise ShapeError(f"einsum {op.spec!r}: {letters!r} does not fit an array of {shape}")
        for letter, size in zip(letters, shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ShapeError(
                    f"einsum {op.spec!r}: axis {letter!r} has size {sizes[letter]} in one operand "
                    f"and {size} in another (shapes {', '.join(map(str, shapes))})"
                )
    return tuple(sizes[letter] for letter in result)


def infer(op: Op, operands: Sequence[Type]) -> Type:
    """The type of the value that ``op`` gives on operands of these types.

    Raises `ShapeError` where they do not fit.
    """
    shapes = [operand.shape for operand in operands]
    directions = meet([operand.directions for operand in operands])
    match op:
        case Input(_, kind) | Parameter(_, kind):
            return kind
        case Constant(value, axes):
            return Type(value.value.shape[len(axes) :], axes)
        case Map():
            try:
                return Type(np.broadcast_shapes(*shapes), directions)
            except ValueError:
                names = ", ".join(map(str, shapes))
                raise ShapeError(f"shapes {names} cannot be broadcast together") from None
        case Contract():
            return Type(_contract_shape(op, shapes), directions)
        case Sum(axes, names):
            kept = tuple(n for i, n in enumerate(shapes[0]) if i not in axes)
            missing = set(names) - {axis.name for axis in directions}
            if missing or any(not 0 <= axis < len(shapes[0]) for axis in axes):
                raise ShapeError(f"{op} does not fit a value of type {operands[0]}")
            return Type(kept, tuple(axis for axis in directions if axis.name not in names))
        case MatrixFunction(name):
            if len(shapes[0]) < 2 or shapes[0][-2] != shapes[0][-1]:
                raise ShapeError(f"the {name} of an array of shape {shapes[0]}, no square matrices")
            return Type(shapes[0] if name == "inverse" else shapes[0][:-2], directions)
        case Reshape(shape):
            if math.prod(shape) != math.prod(shapes[0]):
                raise ShapeError(f"cannot reshape an array of shape {shapes[0]} to {shape}")
            return Type(shape, directions)
        case Transpose(order):
            if sorted(order) != list(range(len(shapes[0]))):
                raise ShapeError(f"axes {order} do not permute an array of shape {shapes[0]}")
            return Type(tuple(shapes[0][axis] for axis in order), directions)
        case Broadcast(shape):
            pairs = zip(reversed(shapes[0]), reversed(shape), strict=False)
            if len(shapes[0]) > len(shape) or any(size not in (1, full) for size, full in pairs):
                raise ShapeError(f"cannot broadcast an array of shape {shapes[0]} to {shape}")
            return Type(shape, directions)
        case Slice(_, _, shape):
            return Type(shape, directions)
        case Gather(index):
            return Type(index.value.shape, directions)
        case Concatenate(axis):
            first = shapes[0]
            for shape in shapes[1:]:
                if shape[:axis] + shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
                    raise ShapeError(f"cannot concatenate {first} and {shape} along axis {axis}")
            total = sum(shape[axis] for shape in shapes)
            return Type(first[:axis] + (total,) + first[axis + 1 :], directions)
        case Replicate(axis):
            return Type(shapes[0], _with_axis(operands[0], axis))
        case Direct(position, axis):
            shape = shapes[0]
            if not 0 <= position < len(shape) or shape[position] != axis.size:
                raise ShapeError(f"axis {position} of a value of type {operands[0]} is not {axis}")
            return Type(shape[:position] + shape[position + 1 :], _with_axis(operands[0], axis))
        case Pick(_, old, new) | Collect(_, old, new):
            rest = tuple(axis for axis in directions if axis.name != old)
            if len(rest) == len(directions):
                raise ShapeError(f"a value of type {operands[0]} has no direction axis {old!r}")
            return Type(shapes[0], _with_axis(Type(shapes[0], rest), new))
