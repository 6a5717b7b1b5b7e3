"""From a NumPy function that is linear in some arguments to its numbers, by trying unit vectors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.graph import ArgumentError
from jetfold.graph.multilinear import Tensor
from jetfold.graph.ops import Shape
from jetfold.graph.source import located
from jetfold.graph.tracer import Tracer

Function = Callable[..., Any]
Floats = NDArray[Any]

LARGEST_CALLS = 1 << 14
"""How often a function may be called until all its numbers are known."""

LARGEST_COUNT = 1 << 23
"""How many numbers a function may have, those that are 0 left out."""

ROUNDING = 1e4
"""By how many units in the last place of its terms a result may be off."""


class LinearFunction:
    """A function of the arguments in which it is linear, with everything else fixed.

    ``adjoints`` has None or, for an argument, the function that takes an array of the result's
    shape in its place and satisfies <f(.., x, ..), y> = <x, adjoint(.., y, ..)>.
    """

    def __init__(
        self,
        name: str,
        function: Function,
        adjoints: Sequence[Function | None],
        positions: Sequence[int],
        shapes: Sequence[Shape],
    ) -> None:
        self.name = name
        self.function = function
        self.adjoints = adjoints
        self.positions = positions
        self.shapes = tuple(shapes)

    def tensor(self) -> Tensor:
        """The function's numbers, found by unit vectors, and checked with random ones."""
        zeros = [np.zeros(shape) for shape in self.shapes]
        result = self._value(zeros)
        if np.any(result != 0):
            raise self._error(
                f"its value for zeros is not 0 but as large as {np.abs(result).max():.3g}",
                "Add a constant outside of the primitive.",
            )
        through, calls = self._cheapest(result.shape)
        tensor = self._numbers(result.shape, through, calls)
        self._check(tensor, through)
        return tensor

    # Numbers ------------------------------------------------------------------------------------

    def _numbers(self, shape: Shape, through: int | None, calls: int) -> Tensor:
        sizes = self._sizes()
        shapes = " and ".join(map(str, self.shapes))
        if calls > LARGEST_CALLS:
            raise self._error(
                f"from arrays of shape {shapes} to {shape}, it would have to be called {calls} "
                f"times until its numbers are known; the limit is {LARGEST_CALLS}",
                "Define it for smaller arrays, such as one row or one axis, and apply it to each.",
            )
        rows, columns, values, count = [], [], [], 0
        for entries in self._entries(through, sizes, shape):
            rows.append(entries[0])
            columns.append(entries[1:-1].reshape(len(sizes), -1))
            values.append(entries[-1])
            count += entries.shape[1]
            if count > LARGEST_COUNT:
                raise self._error(
                    f"from arrays of shape {shapes} to {shape}, it has more than {LARGEST_COUNT} "
                    "numbers",
                    "Define it for smaller arrays, or write it as a product of simpler ones.",
                )
        found = np.concatenate([np.zeros(0), *rows]).astype(np.int64)
        where = np.concatenate([np.zeros((len(sizes), 0)), *columns], axis=1).astype(np.int64)
        numbers = np.concatenate([np.zeros(0), *values])
        order = np.argsort(found, kind="stable")
        return Tensor(shape, self.shapes, found[order], where[:, order], numbers[order])

    def _sizes(self) -> list[int]:
        return [math.prod(shape) for shape in self.shapes]

    def _cheapest(self, shape: Shape) -> tuple[int | None, int]:
        """Whether to call the function (None) or which of its adjoints, and how often."""
        sizes, size = self._sizes(), math.prod(shape)
        every = math.prod(sizes)
        found: dict[int | None, int] = {None: every}
        for k, adjoint in enumerate(self.adjoints):
            if adjoint is not None and sizes[k]:
                found[k] = every // sizes[k] * size
        through = min(found, key=lambda k: found[k])
        return through, found[through]

    def _entries(
        self, through: int | None, sizes: Sequence[int], shape: Shape
    ) -> Iterator[NDArray[np.float64]]:
        """The numbers that are not 0, [row, columns .., value] for each, call by call."""
        known = list(sizes) if through is None else [
            math.prod(shape) if k == through else size for k, size in enumerate(sizes)
        ]  # fmt: skip
        shapes = [shape if k == through else own for k, own in enumerate(self.shapes)]
        expected = shape if through is None else self.shapes[through]
        for place in itertools.product(*map(range, known)):
            units = [_unit(own, i) for own, i in zip(shapes, place, strict=True)]
            value = self._value(units, through, expected).reshape(-1)
            (nonzero,) = np.nonzero(value)
            entries = np.empty((2 + len(sizes), len(nonzero)))
            entries[0], entries[-1] = nonzero, value[nonzero]
            entries[1:-1] = np.array(place)[:, None]
            if through is not None:  # rows of the result were put in, elements of k came out
                entries[[0, 1 + through]] = entries[[1 + through, 0]]
            yield entries

    def _value(
        self,
        arguments: Sequence[Floats],
        through: int | None = None,
        expected: Shape | None = None,
    ) -> Floats:
        """The value of the function, or of one of its adjoints, as an array of real numbers."""
        function = self.function if through is None else self.adjoints[through]
        what = "it" if through is None else self._adjoint_name(through)
        assert function is not None
        result = function(*(argument.copy() for argument in arguments))
        if isinstance(result, Tracer):
            raise self._error(
                f"{what} returns a traced value",
                "Hand over all that varies as an argument; do not keep it in a closure.",
            )
        array = np.asarray(result)
        if array.dtype.kind == "c":
            raise self._error(
                f"{what} returns complex numbers",
                "Return real ones: the real part, np.fft.irfft, or real and imaginary parts "
                "stacked.",
            )
        if array.dtype.kind not in "buif":
            raise self._error(f"{what} returns {type(result).__name__}", "Return an array.")
        if expected is not None and array.shape != expected:
            raise self._error(
                f"{what} returns an array of shape {array.shape}, not {expected}",
                "Its shape may only depend on those of its arguments.",
            )
        if not np.isfinite(array).all():
            raise self._error(f"{what} returns numbers that are not finite for finite ones", "")
        return array

    # Checks -------------------------------------------------------------------------------------

    def _check(self, tensor: Tensor, through: int | None) -> None:
        random = np.random.default_rng(0)
        sizes = Tensor(tensor.shape, tensor.operands, tensor.rows, tensor.columns,
                       np.abs(tensor.values))  # fmt: skip
        for _ in range(2):
            arguments = [random.normal(size=shape) for shape in self.shapes]
            value = self._value(arguments, expected=tensor.shape)
            scale = _largest(sizes.apply(*map(np.abs, arguments)))
            defect = _largest(value - tensor.apply(*arguments))
            if defect > ROUNDING * _precision(value) * max(scale, _largest(value)):
                off = f"off by {defect / max(scale, _largest(value)):.2g}, relatively,"
                raise self._not_linear(off, through)
            for k, adjoint in enumerate(self.adjoints):
                if adjoint is not None:
                    self._check_adjoint(k, arguments, value, random.normal(size=tensor.shape))

    def _check_adjoint(
        self, k: int, arguments: Sequence[Floats], value: Floats, weights: Floats
    ) -> None:
        given = [weights if i == k else argument for i, argument in enumerate(arguments)]
        back = self._value(given, k, self.shapes[k])
        left, right = float((value * weights).sum()), float((arguments[k] * back).sum())
        scale = float(np.abs(value * weights).sum() + np.abs(arguments[k] * back).sum())
        rounding = max(_precision(value), _precision(back)) * math.sqrt(1 + value.size)
        if abs(left - right) > ROUNDING * rounding * scale:
            raise self._error(
                f"{self._adjoint_name(k)} disagrees with it: <f(x), y> = {left:.6g}, but "
                f"<x, adjoint(y)> = {right:.6g}, for random arrays",
                "The adjoint is the transpose of the matrix; leave it out if in doubt.",
            )

    # Words --------------------------------------------------------------------------------------

    def _not_linear(self, off: str, through: int | None) -> ArgumentError:
        do = (
            "Name only arguments in which it is linear; let it return float32 if it computes in "
            "single precision."
        )
        if through is None:
            what = (
                f"it is not linear in {self._arguments()}: for random arrays its value is {off} "
                "from what its values for unit vectors add up to"
            )
        else:
            what = (
                f"{self._adjoint_name(through)} disagrees with it, or it is not linear in "
                f"{self._arguments()}: for random arrays its value is {off} from what the "
                "adjoint's values for unit vectors say"
            )
            do = f"The adjoint is the transpose of the matrix; leave it out if in doubt. {do}"
        return self._error(what, do)

    def _arguments(self) -> str:
        numbers = " and ".join(map(str, self.positions))
        return f"argument{'s' * (len(self.positions) > 1)} {numbers}"

    def _adjoint_name(self, k: int) -> str:
        several = len(self.adjoints) > 1
        return "its adjoint" + f" for argument {self.positions[k]}" * several

    def _error(self, what: str, do: str) -> ArgumentError:
        return located(ArgumentError, f"the primitive {self.name!r}: {what}", do)


def _unit(shape: Shape, place: int) -> Floats:
    unit = np.zeros(shape)
    unit.reshape(-1)[place] = 1.0
    return unit


def _precision(value: Floats) -> float:
    kind = value.dtype if value.dtype.kind == "f" else np.dtype(np.float64)
    return float(np.finfo(kind).eps)


def _largest(value: Floats) -> float:
    return float(np.abs(value).max(initial=0.0))
