"""Custom primitives that are linear: NumPy functions that need not be traceable themselves."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from jetfold.graph import ArgumentError
from jetfold.graph.moves import as_tracers
from jetfold.graph.multilinear import Tensor, multilinear
from jetfold.graph.ops import Array, Shape
from jetfold.graph.source import located
from jetfold.graph.tracer import Tracer
from jetfold.linear_tensor import LinearFunction
from jetfold.rules.primitives import CUSTOM, check_name

Function = Callable[..., Any]

_known: dict[str, MultilinearPrimitive] = {}

LINEAR: Mapping[str, MultilinearPrimitive] = MappingProxyType(_known)
"""The primitives that users have declared linear."""


class MultilinearPrimitive:
    """A function that was declared linear by `linear_primitive` or `multilinear_primitive`.

    On arrays it is the function itself. On traced values it becomes part of the graph: where its
    elements are sums of a few terms as moves and sums, otherwise as a product with its matrix. So
    it runs in every operator, method and backend. (A product with a matrix makes NaN of all results
    if one argument is infinite or NaN.)

    Attributes: ``name``, ``function``, ``linear_in``, ``adjoints``.
    """

    def __init__(
        self,
        name: str,
        function: Function,
        linear_in: tuple[int, ...],
        adjoints: tuple[Function | None, ...],
        doc: str | None,
    ) -> None:
        self.name = name
        self.function = function
        self.linear_in = linear_in
        self.adjoints = adjoints
        functools.update_wrapper(self, function, updated=())
        self.__name__ = self.__qualname__ = name
        if doc is not None:
            self.__doc__ = doc
        self._tensors: dict[Any, Tensor] = {}

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        traced = [i for i, value in enumerate(arguments) if isinstance(value, Tracer)]
        wrong = [i for i in traced if i not in self.linear_in]
        if wrong or any(isinstance(value, Tracer) for value in keywords.values()):
            raise self._not_linear()
        if not traced:
            return self.function(*arguments, **keywords)
        tensor = self._tensor(arguments, keywords, traced)
        return multilinear(tensor, as_tracers(*(arguments[i] for i in traced)))

    def _tensor(
        self, arguments: tuple[Any, ...], keywords: dict[str, Any], traced: list[int]
    ) -> Tensor:
        """The numbers of the function of the traced arguments; they are found once."""
        shapes = [arguments[i].shape for i in traced]
        fixed = {i: value for i, value in enumerate(arguments) if i not in traced} | keywords
        key = _key(traced, shapes, fixed)
        if key is not None and key in self._tensors:
            return self._tensors[key]

        def put(function: Function) -> Function:
            def call(*values: Any) -> Any:
                given = list(arguments)
                for i, value in zip(traced, values, strict=True):
                    given[i] = value
                return function(*given, **keywords)

            return call

        adjoints = dict(zip(self.linear_in, self.adjoints, strict=True))
        chosen = [adjoints[i] for i in traced]
        tensor = LinearFunction(
            self.name, put(self.function), [f and put(f) for f in chosen], traced, shapes
        ).tensor()
        if key is not None:
            self._tensors[key] = tensor
        return tensor

    def _not_linear(self) -> ArgumentError:
        numbers = " and ".join(map(str, self.linear_in))
        many = "s" * (len(self.linear_in) > 1)
        return located(
            ArgumentError,
            f"the primitive {self.name!r} is linear in argument{many} {numbers} (counted from 0), "
            "but another one is a traced value",
            "Only what it is linear in may vary, and has to be given by position.",
        )

    def __repr__(self) -> str:
        numbers = ", ".join(map(str, self.linear_in))
        return f"<primitive {self.name}, linear in argument {numbers}>"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, MultilinearPrimitive)
            and (self.name, self.linear_in) == (other.name, other.linear_in)
            and _same(self.function, other.function)
            and all(map(_same, self.adjoints, other.adjoints))
        )

    def __hash__(self) -> int:
        return hash((self.name, self.linear_in))

    def __reduce__(self) -> Any:
        doc = self.__doc__
        return type(self), (self.name, self.function, self.linear_in, self.adjoints, doc)


def linear_primitive(
    name: str,
    function: Function,
    adjoint: Function | None = None,
    *,
    doc: str | None = None,
    overwrite: bool = False,
) -> MultilinearPrimitive:
    """Declare that a NumPy function is linear in its first argument.

        def slope(x, length):                  # nothing in it needs to be traceable
            k = 2j * np.pi * np.fft.rfftfreq(x.size, length / x.size)
            return np.fft.irfft(k * np.fft.rfft(x), x.size)

        slope = jf.linear_primitive("slope", slope)
        jf.laplacian(lambda x: np.tanh(slope(x, 2.0)).sum())(X)

    Parameters
    ----------
    name : a Python name that is not taken.
    function : called as ``function(x, ...)`` with a plain float64 array of the shape that the
        traced value has at one point, it returns a real array whose shape depends on that of x
        only. Its other arguments are handed over as they are and cannot be traced values.
    adjoint : called as ``adjoint(y, ...)`` with an array of the result's shape, it returns one of
        the shape of x such that <function(x), y> = <x, adjoint(y)>. If the result is smaller than
        the argument, the matrix is found through it with fewer calls.
    doc : its documentation; by default the function's own.
    overwrite : give the name to this function if it stands for another one.

    When it is traced, the function is applied to unit vectors, once for each shape: an array of n
    elements takes n calls. Results are checked with random arrays.

    Raises
    ------
    ArgumentError for a name that is taken; and when traced, with the line of the call, for a
    function that is not linear, an adjoint that is another one's, complex results, a shape that
    is not always the same, and arrays that are too large.
    """
    return multilinear_primitive(
        name, function, (0,), None if adjoint is None else (adjoint,), doc=doc, overwrite=overwrite
    )


def multilinear_primitive(
    name: str,
    function: Function,
    linear_in: Sequence[int] = (0, 1),
    adjoints: Sequence[Function | None] | None = None,
    *,
    doc: str | None = None,
    overwrite: bool = False,
) -> MultilinearPrimitive:
    """Declare that a NumPy function is linear in each of several arguments.

        convolve = jf.multilinear_primitive("full_convolution", np.convolve)

    Parameters
    ----------
    name, function, doc, overwrite : as for `linear_primitive`. Arrays of m and n elements take m n
        calls; an argument that is a plain array is fixed, and takes none.
    linear_in : the positions of the arguments in which the function is linear if all others are
        fixed.
    adjoints : for each of them None, or the adjoint for that argument. It is called with the
        function's arguments, with an array of the result's shape in place of that argument:
        <f(x, z), y> = <x, adjoints[0](y, z)> = <z, adjoints[1](x, y)>.

    Raises
    ------
    ArgumentError as for `linear_primitive`, and for positions that are none.
    """
    check_name(name)
    positions = _positions(name, linear_in)
    given = (None,) * len(positions) if adjoints is None else tuple(adjoints)
    for what in (function, *(adjoint for adjoint in given if adjoint is not None)):
        if not callable(what):
            raise ArgumentError(f"{what!r} is no function; the primitive {name!r} needs one")
    if len(given) != len(positions):
        raise ArgumentError(
            f"the primitive {name!r} is linear in {len(positions)} arguments and has "
            f"{len(given)} adjoints; give one for each, or None in its place"
        )
    made = MultilinearPrimitive(name, function, positions, given, doc)
    if name in CUSTOM:
        raise ArgumentError(f"{name!r} is an elementwise primitive; choose another name")
    if not overwrite and _known.get(name, made) != made:
        raise ArgumentError(
            f"there is another primitive {name!r}; choose another name, or give overwrite=True to "
            "replace it"
        )
    _known[name] = made
    return made


def _positions(name: str, linear_in: Sequence[int]) -> tuple[int, ...]:
    positions = tuple(linear_in)
    ints = all(type(i) is int and i >= 0 for i in positions)
    if not positions or not ints or len(set(positions)) < len(positions):
        raise ArgumentError(
            f"linear_in of the primitive {name!r} is {linear_in!r}; give the positions of "
            "arguments as a tuple of different integers, counted from 0"
        )
    return positions


def _same(one: Function | None, other: Function | None) -> bool:
    """Whether two functions are one, or were made by running the same code twice."""
    if one is other:
        return True
    if not (inspect.isfunction(one) and inspect.isfunction(other)):
        return False
    first, second = (
        (f.__code__, f.__defaults__, f.__kwdefaults__, inspect.getclosurevars(f).nonlocals)
        for f in (one, other)
    )
    try:
        return first == second
    except ValueError:  # arrays in a closure
        return False


def _key(positions: list[int], shapes: list[Shape], fixed: dict[Any, Any]) -> Any:
    """What tells calls with different numbers apart; None if an argument cannot be compared."""
    parts = [
        (name, Array(value) if isinstance(value, np.ndarray) else (type(value), value))
        for name, value in fixed.items()
    ]
    try:
        hash(key := (tuple(positions), tuple(shapes), tuple(parts)))
    except TypeError:
        return None
    return key
