"""Values inside an imported module: arrays of one point that know where the batch axis would be.

A module is written for a batch, the function that is made of it is one of a single point. So the
batch axis is left out of every array, and is remembered by its place in the shape that PyTorch
would have. What would mix the points of a batch is an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from jetfold.graph import ShapeError, TraceError
from jetfold.graph.source import located


class BatchSize:
    """The number of points, wherever a module asks for the size of the batch axis."""

    def __repr__(self) -> str:
        return "batch"

    def __reduce__(self) -> str:
        return "BATCH"


BATCH = BatchSize()

Size = int | BatchSize


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor of a module: its array, traced or not, without the batch axis.

    ``batch`` is the place of the batch axis in PyTorch's shape; None: the same for all points.
    """

    array: Any
    batch: int | None = None

    @property
    def ndim(self) -> int:
        """The number of axes in PyTorch."""
        return len(self.array.shape) + (self.batch is not None)

    @property
    def shape(self) -> tuple[Size, ...]:
        """PyTorch's shape, with `BATCH` for the number of points."""
        sizes: list[Size] = list(self.array.shape)
        if self.batch is not None:
            sizes.insert(self.batch, BATCH)
        return tuple(sizes)


def mixed(what: str) -> TraceError:
    """The error for what would make the value at a point depend on other points."""
    return located(
        TraceError,
        f"{what}: the value at one point would depend on the other points of the batch",
        "A module that is differentiated maps each point (a row of X) on its own; leave the batch "
        "axis 0 alone (dim=-1 in place of dim=0, x[:, i] in place of x[i]).",
    )


def place(dim: int, ndim: int) -> int:
    """A dim of PyTorch counted from the front. Raises `ShapeError`."""
    if not -ndim <= dim < ndim:
        raise located(ShapeError, f"dim={dim} is out of range for a tensor with {ndim} axes")
    return dim % ndim


def axis(value: Value, dim: int, what: str) -> int:
    """The axis of a value's array for a dim of PyTorch, which must not be that of the batch."""
    at = place(dim, value.ndim)
    if at == value.batch:
        raise mixed(f"{what} along dim={dim}, which is the batch axis")
    return at - (value.batch is not None and at > value.batch)


def axes(value: Value, dim: Any, what: str) -> tuple[int, ...]:
    """The axes of a value's array for one dim, several, or all (None)."""
    if dim is None or dim == () or dim == []:
        if value.batch is not None:
            raise mixed(f"{what} over all axes, with that of the batch")
        return tuple(range(value.ndim))
    return tuple(axis(value, d, what) for d in (dim if isinstance(dim, (tuple, list)) else (dim,)))


def array_of(value: Any) -> Any:
    """The array of a value; numbers are as they are."""
    return value.array if isinstance(value, Value) else value


def aligned(operands: Iterable[Any], what: str) -> tuple[list[Any], int | None]:
    """Arrays that NumPy broadcasts as PyTorch does the tensors, and the batch axis of the result.

    Numbers are as they are. Raises `TraceError` where points would meet other points.
    """
    operands = list(operands)
    values = [operand for operand in operands if isinstance(operand, Value)]
    behind = {value.ndim - value.batch for value in values if value.batch is not None}
    if not behind:
        return [array_of(operand) for operand in operands], None
    if len(behind) > 1:
        shapes = " and ".join(str(value.shape) for value in values)
        raise mixed(f"{what} of tensors of shapes {shapes}, in which the batch axes do not meet")
    (from_right,) = behind
    arrays = []
    for operand in operands:
        array = array_of(operand)
        if isinstance(operand, Value) and operand.batch is None and operand.ndim >= from_right:
            at = operand.ndim - from_right
            if array.shape[at] != 1:
                raise located(
                    ShapeError,
                    f"{what} of tensors of shapes {_shapes(values)}: one has {array.shape[at]} in "
                    "place of the number of points, which may be any",
                )
            array = array.squeeze(at)
        arrays.append(array)
    return arrays, max(value.ndim for value in values) - from_right


def _shapes(values: list[Value]) -> str:
    return " and ".join(str(value.shape) for value in values)
