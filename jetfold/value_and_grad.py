"""The mean of a loss over a batch, and its gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from jetfold.arrays import (
    AnyArray,
    Backend,
    Parameters,
    Points,
    as_operand,
    on_host,
    precision,
)
from jetfold.graph import ArgumentError, Graph, Input, NotFiniteError, Parameter, ShapeError
from jetfold.reverse import Argnums, CompiledAdjoint, Reverse
from jetfold.rules.adjoint import Seed, Values, weighted

WEIGHT = "weight"
"""The input that holds a point's weight."""


class ValueAndGrad(Reverse):
    """``op(X, params, weights=None)``: a loss and its gradient; see `value_and_grad`."""

    values: ClassVar[Values] = "summed"

    def __init__(
        self,
        loss: Callable[..., Any],
        *,
        argnums: Argnums = 1,
        backend: Backend = "cpu",
        point_ndim: int = 1,
        check: bool = False,
    ) -> None:
        super().__init__(loss, argnums, backend, point_ndim)
        self.check = check

    def __call__(
        self, points: Any, /, *parameters: Any, weights: Any = None, check: bool | None = None
    ) -> tuple[Any, Any]:
        """The loss over all points and its gradient, a tree like the parameters."""
        batch, known = self._read(points, parameters)
        compiled = self._adjoint(batch.shape, known)
        dtype = precision([batch.array], known)
        inputs = {
            "x": batch.array,
            WEIGHT: _weights(weights, batch, dtype, self.backend),
            **self._new_directions(compiled, len(batch.array)),
        }
        results = _run(compiled, dtype, inputs, known)
        cut = len(results) - len(compiled.derivation.totals)
        at_points = [array.reshape((*batch.batch, *array.shape[1:])) for array in results[:cut]]
        value, *totals = results[cut:]
        finished = self._finished(compiled, dtype, totals, {**inputs, **known.arrays})
        if self.check if check is None else check:
            if not _finite(results):
                self._report(compiled, dtype, inputs, known, batch)
            self._check_parameters(compiled, finished)
        return value[()], self._one_or_all(self._trees(at_points, finished, known))

    def _seed(self) -> Seed:
        return weighted(WEIGHT)

    def _check_outputs(self, graph: Graph) -> None:
        check_scalar(graph, f"the loss of {self!r}")

    def _report(
        self,
        compiled: CompiledAdjoint,
        dtype: np.dtype[Any],
        inputs: Mapping[str, Any],
        known: Parameters,
        batch: Points,
    ) -> None:
        """Raise `NotFiniteError` for the first point that adds something that is not finite.

        It is found by halving: each half of a batch is a batch.
        """
        points = on_host(batch.array)
        inputs = {name: on_host(x) for name, x in inputs.items()}
        graph = compiled.derivation.final_graph
        leaves = [graph[node].op for node in graph.inputs]
        varying = {"x", *(op.name for op in leaves if isinstance(op, Input))}
        first, last = 0, len(points)  # all points before the first one are good
        while last - first > 1:
            middle = (first + last) // 2
            part = {name: x[first:middle] if name in varying else x for name, x in inputs.items()}
            if _finite(_run(compiled, dtype, part, known)):
                first = middle
            else:
                last = middle
        index = map(str, np.unravel_index(first, batch.batch)) if batch.batch else ()
        place = f"X[{', '.join(index)}]" if batch.batch else "X"
        alone = {name: x[first:last] if name in varying else x for name, x in inputs.items()}
        if _finite(_run(compiled, dtype, alone, known)):
            raise NotFiniteError(
                f"the loss of {self!r} or its gradient overflows {dtype} in the sum over the "
                f"points, each of which is finite up to {place}; scale the loss or the weights down"
            )
        point = points[first]
        what = "X is not finite there" if not np.isfinite(point).all() else f"X is {point} there"
        weight = inputs[WEIGHT][first]
        what += "" if np.isfinite(weight) else f", and its weight is {weight}"
        raise NotFiniteError(
            f"the loss of {self!r} or its gradient is not finite at {place}, the first such point: "
            f"{what}"
        )

    def _check_parameters(self, compiled: CompiledAdjoint, finished: Sequence[Any]) -> None:
        """Raise `NotFiniteError` for a gradient that parameters alone have made not finite."""
        leaves = [leaf for leaf in compiled.derivation.leaves if isinstance(leaf, Parameter)]
        for leaf, gradient in zip(leaves, finished, strict=True):
            if not _finite([gradient]):
                raise NotFiniteError(
                    f"the gradient of {self!r} with respect to {leaf.name} is not finite, though "
                    "what the points add is: look at what is computed of the parameters alone"
                )


def _run(
    compiled: CompiledAdjoint,
    dtype: np.dtype[Any],
    inputs: Mapping[str, Any],
    known: Parameters,
) -> list[Any]:
    return compiled.run(len(inputs["x"]), dtype, inputs, {**inputs, **known.arrays})


def _finite(arrays: Sequence[Any]) -> bool:
    return all(bool(np.isfinite(on_host(array)).all()) for array in arrays)


def _weights(weights: Any, batch: Points, dtype: np.dtype[Any], backend: Backend) -> AnyArray:
    """A weight for each point. Raises `ArgumentError` for those that do not fit the batch."""
    count = len(batch.array)
    if weights is None:
        if not count:
            raise ArgumentError(
                f"X has batch axes {batch.batch}, which is no point at all, and there is no mean "
                "over no points; with weights= the loss is a sum, which would be zero"
            )
        return np.full(count, 1 / count, dtype)
    array = as_operand(weights, "weights", backend)
    if array.shape != batch.batch:
        raise ArgumentError(
            f"weights have shape {array.shape}, but the batch axes of X are {batch.batch}; give "
            "one weight for each point (1 / N for all of them is the mean)"
        )
    return array.reshape((count,))


def check_scalar(graph: Graph, what: str) -> None:
    """Raise `ShapeError` unless a function gives one scalar for a point."""
    shapes = [graph[node].type.shape for node in graph.outputs]
    if shapes == [()]:
        return
    if len(shapes) == 1:
        given, way = f"gives a value of shape {shapes[0]}", "sum it, or take one entry"
    else:
        given, way = f"gives {len(shapes)} values", "add them up"
    raise ShapeError(f"{what} {given} at one point; it must give a scalar: {way}")


def value_and_grad(
    loss: Callable[..., Any],
    *,
    argnums: Argnums = 1,
    backend: Backend = "cpu",
    point_ndim: int = 1,
    check: bool = False,
) -> ValueAndGrad:
    """The mean of a loss over a batch of points, and its gradient, in one pass.

    Each tile of points runs forwards and backwards through the function before the next one, so
    that memory does not grow with the batch. The results are the same, bit for bit, at every call
    with the same number of threads, on a GPU with tiles of the same size.

    Parameters
    ----------
    loss : ``loss(x, params)`` in plain NumPy for one point: a scalar. It may call operators, as in
        ``jf.laplacian(u)(x, params)``, randomised ones too, which draw new directions at each call.
        ``params`` may be nested dicts, lists and tuples of arrays. What else differs from point to
        point, such as data, are further entries of x.
    argnums : the argument, or several, to differentiate with respect to: 1 is the first argument
        behind the points, 0 the points.
    backend : "cpu", "cuda" or "reference". Gradients of parameters on a GPU are there, too.
    point_ndim : how many axes a point has.
    check : raise `NotFiniteError` naming the first point whose loss or gradient is not finite.
        Each call can choose for itself: ``op(X, params, check=True)``.

    Returns
    -------
    An operator: ``op(X, params)`` with X of shape (..., D), the leading axes being a batch, gives
    ``(value, gradient)``. The value is the mean of the loss over all points, or with ``weights``,
    an array of the shape of the batch, the sum of weights times losses: a quadrature. The gradient
    is that of the value, with the structure and shapes of ``params`` (of X for argnums 0; a tuple
    for several). It offers ``derivation`` and ``source``.

    Raises
    ------
    ArgumentError for parameters that are no floating-point numbers, weights of another shape, or
    a mean over no point; ShapeError for a loss that is not a scalar; TraceError for what cannot be
    traced, with the line of the function.

    Source: Griewank and Walther, Evaluating Derivatives, 2nd ed. 2008, chapter 3.
    """
    return ValueAndGrad(loss, argnums=argnums, backend=backend, point_ndim=point_ndim, check=check)
