"""What every operator does: trace, derive, compile for the shapes at hand, run on a batch."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, ClassVar, NamedTuple

import numpy as np

from jetfold import running
from jetfold.arrays import (
    AnyArray,
    Backend,
    FloatArray,
    Parameters,
    as_operand,
    precision,
    read_parameters,
    split_batch,
)
from jetfold.checks import choose, whole
from jetfold.derivation import METHODS, Derivation
from jetfold.graph import ArgumentError, Editor, Graph, Input, JetfoldError, Type, simplify
from jetfold.graph.ops import Shape
from jetfold.graph.source import located
from jetfold.graph.text import renumbered
from jetfold.graph.trace import Traced, Tracer, lift, trace, wrap
from jetfold.graph.tree import Structure


class Companion(NamedTuple):
    """A function of a point and parameters that is traced beside the operator's own function."""

    name: str
    function: Callable[..., Any]


Arguments = tuple[Input, *tuple[Any, ...]]
"""The point and trees of parameters, with which a function is traced."""


@dataclass(frozen=True)
class Compiled:
    """An operator for one shape of points and parameters."""

    derivation: Derivation
    run: running.Run
    outputs: Structure


class Operator(ABC):
    """A function's derivatives, compiled when first called for a shape of points and parameters.

    Operators can be pickled if their function can; what was compiled is found in the cache again.
    """

    points_name: ClassVar[str] = "X"
    """What messages call the points."""

    def __init__(
        self, function: Callable[..., Any], method: str, backend: Backend, point_ndim: int
    ) -> None:
        if not callable(function):
            raise ArgumentError(
                f"an object of type {type(function).__name__} cannot be called; pass the function "
                "u(x, params) itself, not its value"
            )
        self.function = function
        self.method = choose(method, METHODS, "method")
        self.backend = running.choose_backend(backend)
        self.point_ndim = whole(point_ndim, "point_ndim", 0)
        self._known: dict[Any, Compiled] = {}
        self._structure: Structure | None = None

    # Points come by position alone, so that values can have any names, "points" and "self" too.

    def derivation(self, points: Any, /, *parameters: Any, **values: Any) -> Derivation:
        """The derivation for points and parameters of these shapes; nothing is compiled.

        ``values`` are those of the symbols in the expression of an operator that has one.
        """
        array = as_operand(points, self.points_name, self.backend)
        batch = split_batch(array, self.point_ndim, self.points_name)
        known = read_parameters(self._with_values(parameters, values), self.backend)
        return self._derive(Input("x", Type(batch.shape)), known.tree())[0]

    @abstractmethod
    def _derivation(
        self, graph: Graph, arguments: Arguments, companions: list[Graph]
    ) -> Derivation:
        """The derivation for a function graph that was traced with these arguments.

        ``companions`` are the graphs of `_companions`.
        """

    def _evaluated(self, point: Any, *parameters: Any) -> Any:
        """The function whose outputs the operator needs, to be traced."""
        return self.function(point, *parameters)

    def _companions(self, count: int) -> Sequence[Companion]:
        """Further functions of a point and ``count`` parameters that the operator needs."""
        return ()

    def _outputs(self, outputs: Structure) -> Structure:
        """The tree in which the operator returns its results, given that of the function."""
        return outputs

    def source(self, points: Any, /, *parameters: Any, **values: Any) -> str:
        """The generated code for points and parameters of these shapes.

        Raises `ArgumentError` for the backend "reference", which generates none.
        """
        graph = self.derivation(points, *parameters, **values).final_graph
        return running.source(self.backend, graph)

    def _with_values(self, parameters: tuple[Any, ...], values: dict[str, Any]) -> tuple[Any, ...]:
        """The parameters, with values that are given by name behind them."""
        if values:
            raise ArgumentError(
                f"{self!r} takes no values by name, but got {', '.join(values)}: parameters come "
                "by position, behind the points"
            )
        return parameters

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_known": {}}

    def __repr__(self) -> str:
        """The operator as it was made; options that have their defaults are left out."""
        given = [_name(self.function)]
        for name, default in _options(type(self)).items():
            value = self.__dict__.get(name, default)
            if _shown(value) != _shown(default):
                given.append(f"{name}={_shown(value)}")
        return f"{type(self).__name__}({', '.join(given)})"

    def _derive(
        self, point: Input, parameters: tuple[Any, ...], editor: Editor | None = None
    ) -> tuple[Derivation, Structure]:
        """Trace the function at a point; ``parameters`` are trees of nodes or traced values."""
        self._check_signature(len(parameters))
        arguments: Arguments = (point, *parameters)
        named = _named_as(self.function, self._evaluated)
        traced = self._trace(named, "", arguments, editor)
        companions = []
        for name, function in self._companions(len(parameters)):
            beside = self._trace(function, f"{name} of ", arguments, editor)
            companions.append(simplify(beside.graph).graph)
        graph = renumbered(simplify(traced.graph).graph)
        return self._derivation(graph, arguments, companions), self._outputs(traced.outputs)

    def _trace(
        self,
        function: Callable[..., Any],
        part: str,
        arguments: Arguments,
        editor: Editor | None,
    ) -> Traced:
        point = arguments[0]
        try:
            return trace(function, arguments, editor)
        except JetfoldError as error:
            error.add_note(
                f"While tracing {part}{self!r} for one point x of shape {point.type.shape}; "
                "all other axes, in front, are a batch (see point_ndim)."
            )
            raise

    def _compile(self, shape: Shape, parameters: Parameters) -> Compiled:
        """The operator for points of this shape; compiled code is loaded when it first runs."""
        self._check_structure(parameters)
        kinds = tuple(map(type, parameters.leaves))  # 1 and True are equal, but not the same
        key = (shape, parameters.structure, kinds, parameters.leaves)
        try:
            known = self._known.get(key)
        except TypeError as error:
            raise ArgumentError(
                f"the parameters hold something that is neither an array nor hashable: {error}"
            ) from None
        if known is None:
            known = self._known[key] = self._build(shape, parameters)
            self._structure = parameters.structure
        return known

    def _build(self, shape: Shape, parameters: Parameters) -> Compiled:
        derivation, outputs = self._derive(Input("x", Type(shape)), parameters.tree())
        run = running.compiled(self.backend, derivation.final_graph)
        return Compiled(derivation, run, outputs)

    def _check_signature(self, count: int) -> None:
        """Raise `ArgumentError` if the function does not take a point and so many parameters."""
        try:
            signature = inspect.signature(self.function)
        except (TypeError, ValueError):  # Python does not know it
            return
        try:
            signature.bind(None, *[None] * count)
        except TypeError as error:
            name = _name(self.function)
            raise ArgumentError(
                f"{name}{signature} cannot be called with a point and {count} parameters: {error}; "
                "the operator is called with points and with what the function takes behind x"
            ) from None

    def _check_structure(self, parameters: Parameters) -> None:
        if self._structure not in (None, parameters.structure):
            raise ArgumentError(
                f"the parameters are {parameters.structure} now, but were {self._structure} at the "
                f"first call of {self!r} (* is an array or another value); make a new operator for "
                "parameters of another structure"
            )

    def _run(
        self,
        compiled: Compiled,
        batch: Shape,
        inputs: dict[str, AnyArray],
        parameters: Parameters,
    ) -> list[Any]:
        """The outputs, each with the batch axes in front."""
        dtype = precision(list(inputs.values()), parameters)
        points = len(inputs["x"])
        drawn = self._drawn(compiled.derivation.final_graph, points)
        results = compiled.run(points, dtype, inputs | drawn, parameters.arrays | drawn)
        return [result.reshape(batch + result.shape[1:]) for result in results]

    def _drawn(self, graph: Graph, points: int) -> dict[str, FloatArray]:
        """Values of leaves of the graph, inputs or parameters, that the operator draws itself."""
        return {}

    def _random(self, editor: Editor, graph: Graph) -> dict[int, int]:
        """Where leaves go that the operator draws itself, when its graph goes into another."""
        return {}

    def _point(self, editor: Editor, value: Any) -> Tracer:
        """The point at which the operator is called inside a traced function."""
        point = wrap(editor, lift(editor, value))
        if point.ndim != self.point_ndim:
            raise located(
                ArgumentError,
                f"{self!r} is called on a value of shape {point.shape} inside a traced function",
                f"There it takes one point, without a batch (point_ndim={self.point_ndim}).",
            )
        return point

    def _insert(
        self, values: Mapping[str, Tracer], parameters: tuple[Any, ...]
    ) -> tuple[list[Tracer], Structure]:
        """Inside a traced function: put the operator's own graph there.

        ``values`` gives the traced point as "x" and, for a jet, its path's coefficients.
        """
        editor = values["x"].editor
        fresh = f"x{editor.next_node}"
        point = Input(fresh, Type(values["x"].shape))
        derivation, outputs = self._derive(point, parameters, editor)
        graph = derivation.final_graph
        named = {fresh + name[1:]: tracer.node for name, tracer in values.items()}
        leaves = [(node, graph[node].op) for node in graph.inputs]
        own = {n: named[op.name] for n, op in leaves if isinstance(op, Input) and op.name in named}
        own |= self._random(editor, graph)
        where = editor.insert(graph, own, first_number=editor.next_node)
        return [wrap(editor, where[output]) for output in graph.outputs], outputs


def _name(function: Callable[..., Any]) -> str:
    """What to call a function in messages; never the arrays that it may hold."""
    if isinstance(function, Operator):
        return repr(function)
    return getattr(function, "__qualname__", type(function).__qualname__)


def _named_as(function: Callable[..., Any], call: Callable[..., Any]) -> Callable[..., Any]:
    """A call that goes by the name and the place of the user's function in messages."""

    def named(*arguments: Any) -> Any:
        return call(*arguments)

    named.__qualname__ = _name(function)
    return update_wrapper(named, function, assigned=(), updated=())


def _options(kind: type[Operator]) -> dict[str, Any]:
    """What a kind of operator is made with beside its function, with the defaults."""
    found: dict[str, Any] = {}
    for base in kind.__mro__:
        if "__init__" in vars(base):
            options = inspect.signature(base).parameters.values()
            for option in options:
                if option.name != "function" and option.kind is not option.VAR_KEYWORD:
                    found.setdefault(option.name, option.default)
            if all(option.kind is not option.VAR_KEYWORD for option in options):
                break
    return found


def _shown(value: Any) -> str:
    """An option in a message: names of functions, shapes of arrays."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))})"
    if isinstance(value, np.ndarray):
        return f"array{value.shape}"
    return _name(value) if callable(value) else repr(value)


def editor_of(*trees: Any) -> Editor | None:
    """The editor of the traced values among these arguments, if there are any."""
    pending = list(trees)
    while pending:  # every call asks, so no structure is made
        value = pending.pop()
        if isinstance(value, Tracer):
            return value.editor
        if isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, (list, tuple)):
            pending += value
    return None
