"""Products of cotangents with Jacobians: what a function hands back to its arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jetfold import running
from jetfold.arrays import AnyArray, Backend, Parameters, as_operand, precision
from jetfold.graph import ArgumentError
from jetfold.graph.ops import Shape
from jetfold.graph.tree import flatten, unflatten
from jetfold.reverse import Argnums, CompiledAdjoint, Reverse
from jetfold.rules.adjoint import Seed, named

COTANGENT = "cotangent "
"""How the inputs are called that hold the cotangents of outputs 0, 1, .."""

Pull = Callable[[Any], Any]
"""From cotangents, a tree like the values, to gradients."""


@dataclass(frozen=True)
class CompiledProduct(CompiledAdjoint):
    """The function itself beside its adjoint."""

    forward: running.Run


@dataclass(frozen=True)
class _Call:
    """What a call has read: ``count`` points in a batch of this shape, and arrays by name."""

    compiled: CompiledProduct
    batch: Shape
    count: int
    dtype: np.dtype[Any]
    known: Parameters
    inputs: dict[str, Any]
    arrays: dict[str, Any]


class VectorJacobianProduct(Reverse):
    """``op(X, params)``: the function's values, and what pulls cotangents back; see `vjp`."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        argnums: Argnums = None,
        backend: Backend = "cpu",
        point_ndim: int = 1,
    ) -> None:
        super().__init__(function, argnums, backend, point_ndim)

    def __call__(self, points: Any, /, *parameters: Any) -> tuple[Any, Pull]:
        """The values at every point, and the function from their cotangents to gradients."""
        call = self._prepared(points, parameters)
        results = call.compiled.forward(call.count, call.dtype, call.inputs, call.arrays)
        values = [result.reshape((*call.batch, *result.shape[1:])) for result in results]
        return unflatten(call.compiled.outputs, values), lambda given: self._pulled(call, given)

    def pull(self, cotangents: Any, points: Any, /, *parameters: Any) -> Any:
        """The gradients alone, for who has the values: what ``op(X, params)[1](cotangents)`` gives.

        Randomised operators draw new directions.
        """
        return self._pulled(self._prepared(points, parameters), cotangents)

    def _prepared(self, points: Any, parameters: tuple[Any, ...]) -> _Call:
        batch, known = self._read(points, parameters)
        compiled = self._adjoint(batch.shape, known)
        assert isinstance(compiled, CompiledProduct)
        drawn = self._new_directions(compiled, len(batch.array))
        dtype = precision([batch.array], known)
        inputs, arrays = {"x": batch.array, **drawn}, {**known.arrays, **drawn}
        return _Call(compiled, batch.batch, len(batch.array), dtype, known, inputs, arrays)

    def _pulled(self, call: _Call, cotangents: Any) -> Any:
        given = self._cotangents(cotangents, call)
        seeds = {f"{COTANGENT}{i}": array for i, array in enumerate(given)}
        compiled = call.compiled
        found = compiled.run(call.count, call.dtype, {**call.inputs, **seeds}, call.arrays)
        cut = len(found) - len(compiled.derivation.totals)
        at_points = [array.reshape((*call.batch, *array.shape[1:])) for array in found[:cut]]
        finished = self._finished(compiled, call.dtype, found[cut:], call.arrays)
        return self._one_or_all(self._trees(at_points, finished, call.known))

    def _seed(self) -> Seed:
        return named(COTANGENT)

    def _build(self, shape: Shape, parameters: Parameters) -> CompiledProduct:
        made = super()._build(shape, parameters)
        forward = running.compiled(self.backend, made.derivation.function_graph)
        return CompiledProduct(**vars(made), forward=forward)

    def _cotangents(self, cotangents: Any, call: _Call) -> list[AnyArray]:
        """An array (points, *out) for each output. Raises `ArgumentError` for other shapes."""
        leaves, structure = flatten(cotangents)
        if structure != call.compiled.outputs:
            raise ArgumentError(
                f"the cotangents are {structure}, but the values of {self!r} are "
                f"{call.compiled.outputs} (* is an array); give one cotangent for each value"
            )
        graph = call.compiled.derivation.function_graph
        shapes = [graph[output].type.shape for output in graph.outputs]
        arrays = []
        for leaf, shape, name in zip(leaves, shapes, structure.paths("cotangents"), strict=True):
            array = as_operand(leaf, name, self.backend)
            if array.shape != (*call.batch, *shape):
                raise ArgumentError(
                    f"{name} has shape {array.shape}, but the value has {(*call.batch, *shape)}"
                )
            arrays.append(array.reshape((call.count, *shape)))
        return arrays


def vjp(
    function: Callable[..., Any],
    *,
    argnums: Argnums = None,
    backend: Backend = "cpu",
    point_ndim: int = 1,
) -> VectorJacobianProduct:
    """Values of a function, and what pulls cotangents back to its arguments.

    The cotangent of a value is the derivative of some number, a loss say, with respect to it. With
    J the Jacobian of all values with respect to an argument, ``pull`` gives cotangent^T J.

    Parameters
    ----------
    function : ``f(x, params)`` in plain NumPy for one point, or an operator such as
        ``jf.laplacian(u)``. The result may have any shape, or be a tree of arrays.
    argnums : the argument, or several, to pull back to: 0 is the points, 1 the first argument
        behind them. By default all of them.
    backend : "cpu", "cuda" or "reference". Gradients of parameters on a GPU are there, too.
    point_ndim : how many axes a point has.

    Returns
    -------
    An operator: ``op(X, params)`` with X of shape (..., D) gives ``(values, pull)``. The values
    have the batch axes in front. ``pull(cotangents)`` takes a tree of arrays like the values and
    gives a tuple of gradients, one for each argument (only that one if ``argnums`` is a number): an
    array like X, each point's own, and trees like the parameters, summed over the batch. It runs
    through the function once more, tile by tile, so that nothing of the size of the batch is kept.
    Until then X and the parameters must not be changed in place. Randomised operators use the
    directions of ``values`` again.

    Raises
    ------
    ArgumentError for parameters that are no floating-point numbers and for cotangents of another
    shape; TraceError for what cannot be traced, with the line of the function.

    Source: Griewank and Walther, Evaluating Derivatives, 2nd ed. 2008, chapter 3.
    """
    return VectorJacobianProduct(function, argnums=argnums, backend=backend, point_ndim=point_ndim)
