"""What every operator does: trace, derive, compile for the shapes at hand, run on a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from jetfold.arrays import FloatArray, Parameters, precision
from jetfold.backends.cpu import CompiledGraph
from jetfold.backends.reference import ReferenceGraph
from jetfold.derivation import METHODS, Derivation
from jetfold.graph import ArgumentError, Editor, Graph, Input, JetfoldError, Type, simplify
from jetfold.graph.ops import Shape
from jetfold.graph.trace import Tracer, trace, wrap
from jetfold.graph.tree import Structure

Backend = Callable[
    [int, np.dtype[Any], Mapping[str, FloatArray], Mapping[str, FloatArray]], list[FloatArray]
]

BACKENDS: Mapping[str, Callable[[Graph], Backend]] = {
    "cpu": CompiledGraph,
    "reference": ReferenceGraph,
}


def choose(value: object, choices: Mapping[str, Any] | tuple[str, ...], what: str) -> str:
    """A name from a list of choices. Raises `ArgumentError` naming them."""
    names = list(choices)
    if isinstance(value, str) and value in names:
        return value
    near = get_close_matches(str(value), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ArgumentError(f"unknown {what} {value!r}: choose from {', '.join(names)}{hint}")


@dataclass(frozen=True)
class Compiled:
    """An operator for one shape of points and parameters."""

    derivation: Derivation
    run: Backend
    outputs: Structure


class Operator(ABC):
    """A function's derivatives, compiled when first called for a shape of points and parameters.

    Operators can be pickled if their function can; what was compiled is found in the cache again.
    """

    def __init__(self, function: Callable[..., Any], method: str, backend: str) -> None:
        if not callable(function):
            raise ArgumentError(f"the function is {function!r}; pass a function u(x, params)")
        self.function = function
        self.method = choose(method, METHODS, "method")
        self.backend = choose(backend, BACKENDS, "backend")
        self._known: dict[Any, Compiled] = {}
        self._structure: Structure | None = None

    @abstractmethod
    def _taylor(self, graph: Graph, point: Input) -> Graph:
        """Standard Taylor mode of a function graph in which this input is the point."""

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_known": {}}

    def __repr__(self) -> str:
        name = getattr(self.function, "__qualname__", repr(self.function))
        return f"{type(self).__name__}({name}, method={self.method!r}, backend={self.backend!r})"

    def _derive(
        self, point: Input, parameters: tuple[Any, ...], editor: Editor | None = None
    ) -> tuple[Derivation, Structure]:
        """Trace the function at a point; ``parameters`` are trees of nodes or traced values."""
        try:
            traced = trace(self.function, (point, *parameters), editor)
        except JetfoldError as error:
            error.add_note(f"While tracing {self!r} for a point x of shape {point.type.shape}.")
            raise
        graph = simplify(traced.graph).graph
        return Derivation(graph, lambda g: self._taylor(g, point), self.method), traced.outputs

    def _compile(self, shape: Shape, parameters: Parameters) -> Compiled:
        """The operator for points of this shape; compiled code is loaded when it first runs."""
        self._check_structure(parameters)
        key = (shape, parameters.structure, parameters.leaves)
        try:
            known = self._known.get(key)
        except TypeError as error:
            raise ArgumentError(
                f"the parameters hold something that is neither an array nor hashable: {error}"
            ) from None
        if known is None:
            derivation, outputs = self._derive(Input("x", Type(shape)), parameters.tree())
            run = BACKENDS[self.backend](derivation.final_graph)
            known = self._known[key] = Compiled(derivation, run, outputs)
        return known

    def _check_structure(self, parameters: Parameters) -> None:
        if self._structure is None:
            self._structure = parameters.structure
        elif self._structure != parameters.structure:
            raise ArgumentError(
                f"the parameters are {parameters.structure} now, but were {self._structure} at the "
                f"first call of {self!r}; make a new operator for parameters of another structure"
            )

    def _run(
        self,
        compiled: Compiled,
        batch: Shape,
        inputs: dict[str, FloatArray],
        parameters: Parameters,
    ) -> list[FloatArray]:
        """The outputs, each with the batch axes in front."""
        dtype = precision(list(inputs.values()), parameters)
        points, *shape = inputs["x"].shape
        arrays = {name: array.astype(dtype, copy=False) for name, array in inputs.items()}
        values = parameters.arrays | self._drawn(tuple(shape), dtype)
        results = compiled.run(points, dtype, arrays, values)
        return [result.reshape(batch + result.shape[1:]) for result in results]

    def _drawn(self, shape: Shape, dtype: np.dtype[Any]) -> dict[str, FloatArray]:
        """Values of parameters that the operator itself brings along, for points of this shape."""
        return {}

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
        where = editor.insert(graph, own)
        return [wrap(editor, where[output]) for output in graph.outputs], outputs


def whole(value: object, name: str, least: int) -> int:
    """An integer of at least ``least``. Raises `ArgumentError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ArgumentError(f"{name} is {value!r}; it must be an integer of {least} or more")
    return int(value)
