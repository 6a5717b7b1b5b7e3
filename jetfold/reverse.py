"""What gradients have in common: the arguments asked for, the trace, what points share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from jetfold import running
from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.arrays import (
    Backend,
    FloatArray,
    Parameters,
    Points,
    as_operand,
    on_host,
    read_parameters,
    returned,
    split_batch,
)
from jetfold.backends.shared import SharedGraph
from jetfold.checks import whole
from jetfold.derivation import About
from jetfold.directions import Drawn, draw, drawing
from jetfold.graph import ArgumentError, Graph, Input, Parameter, Type
from jetfold.graph.ops import Shape
from jetfold.graph.tree import flatten, unflatten
from jetfold.operator import Arguments, Compiled, Operator, editor_of
from jetfold.rules.adjoint import Seed, Values

Argnums = int | Sequence[int] | None


@dataclass(frozen=True)
class CompiledAdjoint(Compiled):
    """A gradient for one shape of points and parameters.

    ``finish`` computes the gradients of parameters from totals; ``drawn`` says whose samples the
    random directions are.
    """

    derivation: AdjointDerivation
    finish: SharedGraph
    drawn: Drawn


class Reverse(Operator):
    """Gradients of a function of a point and parameters, for some of its arguments.

    ``argnums`` are the numbers of these arguments: 0 is the points, 1 the first tree of parameters;
    None stands for all. A gradient has the structure and the shapes of its argument.
    """

    values: ClassVar[Values] = "none"
    """What is wanted of the function's own values."""

    per_point: ClassVar[bool] = False
    """Whether gradients of parameters are wanted at every point."""

    def __init__(
        self, function: Callable[..., Any], argnums: Argnums, backend: Backend, point_ndim: int
    ) -> None:
        super().__init__(function, "auto", backend, point_ndim)
        self.argnums = argnums
        self._numbers = _numbers(argnums)

    @abstractmethod
    def _seed(self) -> Seed:
        """The cotangents of the function's outputs."""

    def _check_outputs(self, graph: Graph) -> None:
        """Raise `ShapeError` for a function whose outputs cannot be differentiated like this."""

    # Derivation -----------------------------------------------------------------------------------

    def _derivation(
        self, graph: Graph, arguments: Arguments, companions: list[Graph]
    ) -> AdjointDerivation:
        self._check_outputs(graph)
        leaves = [leaf for tree in self._chosen(arguments) for leaf in flatten(tree)[0]]
        about = About(self, arguments[0])
        return AdjointDerivation(graph, leaves, self._seed(), self.values, self.per_point, about)

    def _build(self, shape: Shape, parameters: Parameters) -> CompiledAdjoint:
        with drawing() as drawn:
            derivation, outputs = self._derive(Input("x", Type(shape)), parameters.tree())
        assert isinstance(derivation, AdjointDerivation)
        run = running.compiled(self.backend, derivation.final_graph, derivation.totals)
        finish = SharedGraph(derivation.parameter_graph, derivation.adjoint.names)
        return CompiledAdjoint(derivation, run, outputs, finish, drawn)

    def derivation(self, points: Any, /, *parameters: Any, **values: Any) -> AdjointDerivation:
        """The derivation for points and parameters of these shapes; nothing is compiled."""
        with drawing():
            derivation = super().derivation(points, *parameters, **values)
        assert isinstance(derivation, AdjointDerivation)
        return derivation

    def source(self, points: Any, /, *parameters: Any, **values: Any) -> str:
        """The generated code for points and parameters of these shapes.

        Raises `ArgumentError` for the backend "reference", which generates none.
        """
        derivation = self.derivation(points, *parameters, **values)
        return running.source(self.backend, derivation.final_graph, derivation.totals)

    # Calls ----------------------------------------------------------------------------------------

    def _chosen(self, arguments: Sequence[Any]) -> list[Any]:
        """The arguments for which gradients are wanted."""
        numbers = range(len(arguments)) if self._numbers is None else self._numbers
        for number in numbers:
            if number >= len(arguments):
                raise ArgumentError(
                    f"{self!r} is to differentiate argument number {number}, but was called with "
                    f"{len(arguments)} (0 is the points, 1 the parameters behind them); pass "
                    "the parameters, or choose other arguments by argnums"
                )
        return [arguments[number] for number in numbers]

    def _read(self, points: Any, parameters: tuple[Any, ...]) -> tuple[Points, Parameters]:
        """The arguments of a call. Raises `ArgumentError` for those that have no gradient."""
        if editor_of(points, parameters) is not None:
            raise ArgumentError(
                f"{self!r} was called inside a traced function, where only jf.grad can be, which "
                "gives gradients with respect to the point"
            )
        batch = split_batch(as_operand(points, "X", self.backend), self.point_ndim)
        known = read_parameters(parameters, self.backend)
        for leaf in flatten(self._chosen((None, *known.tree())))[0]:
            _check_floating(leaf, known)
        return batch, known

    def _adjoint(self, shape: Shape, known: Parameters) -> CompiledAdjoint:
        """The gradient for points of this shape; compiled code is loaded when it first runs."""
        compiled = self._compile(shape, known)
        assert isinstance(compiled, CompiledAdjoint)
        return compiled

    def _new_directions(self, compiled: CompiledAdjoint, points: int) -> dict[str, FloatArray]:
        """New samples for the randomised operators that the function calls."""
        return draw(compiled.drawn, compiled.derivation.function_graph, points)

    def _finished(
        self,
        compiled: CompiledAdjoint,
        dtype: np.dtype[Any],
        totals: Sequence[FloatArray],
        arrays: Mapping[str, Any],
    ) -> list[FloatArray]:
        """The gradients of parameters on the host, given the totals of what all points share."""
        derivation = compiled.derivation
        values = dict(zip(derivation.adjoint.names, totals, strict=True))
        graph = derivation.parameter_graph
        for node in graph.parameters:
            op = graph[node].op
            if isinstance(op, Parameter) and op.name not in values:
                values[op.name] = on_host(arrays[op.name], dtype)
        return compiled.finish(values, dtype)

    def _trees(
        self, points: Sequence[Any], finished: Sequence[Any], known: Parameters
    ) -> tuple[Any, ...]:
        """Gradients as trees, one for each argument that was asked for.

        ``points`` are those of leaves that have a gradient at every point. The others go to where
        their parameters are.
        """
        at_points, rest = iter(points), iter(finished)
        trees = []
        for tree in self._chosen((Input("x", Type(())), *known.tree())):
            leaves, structure = flatten(tree)
            found = [
                next(at_points)
                if self.per_point or isinstance(leaf, Input)
                else returned(next(rest), known.arrays[leaf.name])
                for leaf in leaves
            ]
            trees.append(unflatten(structure, found))
        return tuple(trees)

    def _one_or_all(self, trees: tuple[Any, ...]) -> Any:
        """The only gradient, where ``argnums`` is a number."""
        return trees[0] if isinstance(self.argnums, (int, np.integer)) else trees


def _numbers(argnums: Argnums) -> tuple[int, ...] | None:
    """The numbers of arguments. Raises `ArgumentError` for anything else."""
    if argnums is None:
        return None
    given = argnums if isinstance(argnums, Iterable) else (argnums,)
    numbers = tuple(whole(number, "a number in argnums", 0) for number in given)
    if not numbers or len(set(numbers)) < len(numbers):
        raise ArgumentError(
            f"argnums is {argnums!r}; give the number of an argument (0 is the points, 1 the "
            "parameters behind them), or several, each once"
        )
    return numbers


def _check_floating(leaf: Any, known: Parameters) -> None:
    """Raise `ArgumentError` for a leaf of the parameters that is no floating-point number."""
    if isinstance(leaf, Parameter):
        dtype = known.arrays[leaf.name].dtype
        if dtype.kind == "f":
            return
        what = f"{leaf.name} has dtype {dtype}"
    else:
        what = f"the parameters hold {leaf!r} ({type(leaf).__name__})"
    raise ArgumentError(
        f"{what}, which has no gradient: gradients are with respect to floating-point numbers; "
        "convert it, or pass it as an argument of its own, which argnums leaves out"
    )
