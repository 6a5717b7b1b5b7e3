"""Operators that are called on points, exact or along random directions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import networkx as nx
import numpy as np

from jetfold.arrays import Backend, FloatArray, as_operand, read_parameters, split_batch
from jetfold.checks import choose, whole
from jetfold.derivation import About, Derivation
from jetfold.directions import DISTRIBUTIONS, Sampling, Seed, can_draw, insert_leaves
from jetfold.graph import (
    ArgumentError,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    UnsupportedError,
)
from jetfold.graph.source import located
from jetfold.graph.tree import unflatten
from jetfold.operator import Arguments, Operator, editor_of
from jetfold.rules.methods import methods, wanted_part
from jetfold.rules.polynomial import Polynomial
from jetfold.rules.prediction import predict
from jetfold.rules.problem import Functional, Problem


class PointOperator(Operator):
    """``op(X, params)``: what a `Problem` asks of ``u(x, params)``, at every point.

    A kind of operator says in ``_problem`` what it wants to know of the function's graph; methods,
    backends, batches, nesting and random directions are the same for all of them.
    """

    fourth_moment: ClassVar[bool] = False
    """Whether random directions need a fourth moment that does not prefer any coordinate."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        method: str = "auto",
        backend: Backend = "cpu",
        point_ndim: int = 1,
        samples: int | None = None,
        distribution: str | None = None,
        seed: Seed = None,
        per_point: bool = False,
    ) -> None:
        super().__init__(function, method, backend, point_ndim)
        self.samples = samples
        self.distribution = distribution
        self.per_point = per_point
        self.sampling = _sampling(samples, distribution, seed, per_point)
        if self.fourth_moment and self.sampling is not None:
            self.sampling.require_fourth_moment()

    @abstractmethod
    def _problem(self, graph: Graph, point: Input) -> Problem:
        """What the operator wants to know of a function graph in which this input is the point.

        The graph's outputs are those of the function, then those of its `_companions`.
        """

    def __call__(self, points: Any, /, *parameters: Any, **values: Any) -> Any:
        """The operator at points (..., *point) with these parameters; the batch axes come first.

        ``values`` are those of the symbols in the expression of an operator that has one.
        """
        parameters = self._with_values(parameters, values)
        editor = editor_of(points, parameters)
        if editor is not None:
            return self._traced(editor, points, parameters)
        batch = split_batch(as_operand(points, "X", self.backend), self.point_ndim)
        known = read_parameters(parameters, self.backend)
        compiled = self._compile(batch.shape, known)
        results = self._run(compiled, batch.batch, {"x": batch.array}, known)
        return unflatten(compiled.outputs, results)

    def _derivation(
        self, graph: Graph, arguments: Arguments, companions: list[Graph]
    ) -> Derivation:
        point = arguments[0]
        both = joined(graph, companions)
        part, problem = wanted_part(both, self._problem(both, point))
        built = methods(part, point, problem)
        about = About(self, point, problem)
        return Derivation(graph, built, self.method, lambda: predict(part, problem), about)

    def _random(self, editor: Editor, graph: Graph) -> dict[int, int]:
        return {} if self.sampling is None else insert_leaves(editor, graph, self.sampling)

    def _drawn(self, graph: Graph, points: int) -> dict[str, FloatArray]:
        return {} if self.sampling is None else self.sampling.draw(graph, points)

    def _traced(self, editor: Editor, point: Any, parameters: tuple[Any, ...]) -> Any:
        if self.sampling is not None and not can_draw():
            raise located(
                UnsupportedError,
                f"a randomised {type(self).__name__} inside a traced function would use the same "
                "directions at every call",
                "Call the exact one there (without samples=), or take gradients of the function: "
                "jf.value_and_grad and its like draw new directions at each call.",
            )
        results, outputs = self._insert({"x": self._point(editor, point)}, parameters)
        return unflatten(outputs, results)


def of_every_output(
    graph: Graph,
    count: int,
    directions: Callable[[Editor, DirectionAxis], int],
    polynomial: Polynomial,
    factors: tuple[Polynomial, ...] = (),
) -> Problem:
    """The same polynomial in ``count`` directions for each output of a function graph."""
    functionals = tuple(Functional(i, polynomial) for i in range(len(graph.outputs)))
    return Problem(count, directions, functionals, lambda _, nodes: list(nodes), factors)


def joined(graph: Graph, others: list[Graph]) -> Graph:
    """A graph with the outputs of all of them; the first one's nodes stay as they are."""
    editor = Editor(graph)
    outputs = list(graph.outputs)
    for other in others:
        before = {node: editor[node] for node in editor.nx}
        roles = [known.role.of for known in before.values() if known.role is not None]
        where = editor.insert(other, {}, first_number=max([editor.next_node, *roles]) + 1)
        nx.set_node_attributes(editor.nx, before, "node")
        outputs += [where[output] for output in other.outputs]
    return editor.freeze(outputs)


def _sampling(
    samples: int | None, distribution: str | None, seed: Seed, per_point: bool
) -> Sampling | None:
    """The random directions that options ask for; None for an exact operator."""
    if not isinstance(per_point, (bool, np.bool_)):
        raise ArgumentError(f"per_point is {per_point!r}; it must be True or False")
    if distribution is not None:
        choose(distribution, DISTRIBUTIONS, "distribution")
    if samples is not None:
        count = whole(samples, "samples", 1)
        return Sampling(count, distribution or "normal", seed, bool(per_point))
    given = {"distribution": distribution, "seed": seed, "per_point": per_point or None}
    for name, value in given.items():
        if value is not None:
            raise ArgumentError(
                f"{name} is {value!r}, but samples is not given: the operator is exact and draws "
                f"no directions; give samples, a number of them, or leave {name} out"
            )
    return None
