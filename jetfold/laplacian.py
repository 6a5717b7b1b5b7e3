"""The Laplacian, exact and randomised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from jetfold.arrays import FloatArray, as_array, read_parameters, split_batch
from jetfold.derivation import Derivation
from jetfold.graph import ArgumentError, Editor, Graph, Input, Parameter, Type, UnsupportedError
from jetfold.graph.ops import Shape
from jetfold.graph.source import located
from jetfold.graph.tree import unflatten
from jetfold.operator import Operator, choose, editor_of, whole
from jetfold.rules.operators import direction_sum, fresh_axis, unit_directions

Draw = Callable[[np.random.Generator, Shape], FloatArray]

DISTRIBUTIONS: dict[str, Draw] = {
    "normal": lambda generator, shape: generator.standard_normal(shape),
    "rademacher": lambda generator, shape: generator.choice([-1.0, 1.0], shape),
}
"""Distributions of random directions with mean zero and covariance one."""


class Laplacian(Operator):
    """``op(X, params)``: the Laplacian of ``u(x, params)`` at every point; see `laplacian`."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        method: str = "auto",
        backend: str = "cpu",
        point_ndim: int = 1,
        samples: int | None = None,
        distribution: str = "normal",
        seed: int | None = None,
    ) -> None:
        super().__init__(function, method, backend, point_ndim)
        self.samples = samples if samples is None else whole(samples, "samples", 1)
        self.distribution = choose(distribution, DISTRIBUTIONS, "distribution")
        try:
            self._generator = np.random.default_rng(seed)
        except (TypeError, ValueError):
            raise ArgumentError(
                f"seed is {seed!r}; it must be None or an integer of 0 or more"
            ) from None

    def __call__(self, points: Any, *parameters: Any) -> Any:
        """The Laplacian at points (..., *point) with these parameters: (..., *output of u)."""
        editor = editor_of(points, parameters)
        if editor is not None:
            return self._traced(editor, points, parameters)
        batch = split_batch(as_array(points, "X"), self.point_ndim)
        known = read_parameters(parameters)
        compiled = self._compile(batch.shape, known)
        results = self._run(compiled, batch.batch, {"x": batch.array}, known)
        return unflatten(compiled.outputs, results)

    def derivation(self, points: Any, *parameters: Any) -> Derivation:
        """The derivation for points and parameters of these shapes; nothing is compiled."""
        batch = split_batch(as_array(points, "X"), self.point_ndim)
        point = Input("x", Type(batch.shape))
        return self._derive(point, read_parameters(parameters).tree())[0]

    def _taylor(self, graph: Graph, point: Input) -> Graph:
        if self.samples is None:
            return direction_sum(graph, point, unit_directions(graph, point.type.shape), 2)
        axis = fresh_axis(graph, self.samples)
        directions = Parameter("directions", Type(point.type.shape, (axis,)))
        return direction_sum(graph, point, directions, 2, sp.Rational(1, self.samples))

    def _drawn(self, shape: Shape, dtype: np.dtype[Any]) -> dict[str, FloatArray]:
        if self.samples is None:
            return {}
        draw = DISTRIBUTIONS[self.distribution]
        return {"directions": draw(self._generator, (self.samples, *shape)).astype(dtype)}

    def _traced(self, editor: Editor, point: Any, parameters: tuple[Any, ...]) -> Any:
        if self.samples is not None:
            raise located(
                UnsupportedError,
                "a randomised Laplacian inside a traced function would use the same directions at "
                "every call",
                "Call the exact one there (without samples=).",
            )
        results, outputs = self._insert({"x": self._point(editor, point)}, parameters)
        return unflatten(outputs, results)


def laplacian(
    function: Callable[..., Any],
    *,
    method: str = "auto",
    backend: str = "cpu",
    point_ndim: int = 1,
    samples: int | None = None,
    distribution: str = "normal",
    seed: int | None = None,
) -> Laplacian:
    """The Laplacian of a function of a point, sum over i of d^2 u / dx_i^2.

    Parameters
    ----------
    function : ``u(x, params)`` in plain NumPy for one point: x has shape (D,), or ``point_ndim``
        axes. The result may have any shape, or be a tree of arrays; each entry gets its Laplacian.
        ``params`` is optional and may be nested dicts, lists and tuples of arrays; integers,
        strings and None among them are handed over as they are, and the function is traced and
        compiled anew for other ones. What the function uses from outside, arrays in its closure
        for instance, is read when it is traced: hand over as ``params`` what changes.
    method : "standard" (one jet per coordinate: 1 + 2D vectors per node), "collapsed" (the sum of
        second derivatives is propagated: 2 + D vectors) or "auto". All give the same numbers.
    backend : "cpu" or "reference".
    point_ndim : how many axes a point has, 2 for (electrons, 3).
    samples : if given, the Laplacian is estimated by the mean of second derivatives along this
        many random directions, the same ones for all points of a call, new ones at each call.
    distribution : of the directions, "normal" or "rademacher".
    seed : of the generator of directions.

    Returns
    -------
    An operator: call it on X of shape (..., D), the leading axes being a batch, and on the
    parameters; the result has shape (..., *shape of u). It can be called inside a traced function,
    so that operators nest. It offers ``derivation`` and ``source``.

    Raises
    ------
    ArgumentError for a wrong argument; TraceError and ShapeError at the first call, with the
    line of the function, for what cannot be traced.

    Source: Dangel et al., "Collapsing Taylor Mode Automatic Differentiation" (arXiv 2505.13644).
    """
    return Laplacian(
        function,
        method=method,
        backend=backend,
        point_ndim=point_ndim,
        samples=samples,
        distribution=distribution,
        seed=seed,
    )
