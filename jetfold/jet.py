"""Jets: the derivatives of a function along one path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jetfold.arrays import as_array, read_parameters, split_batch
from jetfold.derivation import Derivation
from jetfold.graph import ArgumentError, Graph, Input, Type
from jetfold.graph.trace import Tracer
from jetfold.graph.tree import Structure, unflatten
from jetfold.operator import Operator, whole
from jetfold.rules.operators import jet as jet_graph


class Jet(Operator):
    """``op(x0, (x1, .., xK), params)``: the coefficients along a path; see `jet`."""

    def __init__(
        self,
        function: Callable[..., Any],
        order: int,
        *,
        backend: str = "cpu",
        point_ndim: int = 1,
    ) -> None:
        super().__init__(function, "standard", backend)
        self.order = whole(order, "the order of a jet", 1)
        self.point_ndim = whole(point_ndim, "point_ndim", 0)

    def __call__(self, point: Any, path: Sequence[Any], *parameters: Any) -> Any:
        """f0 and (f1, .., fK), the unscaled derivatives of the function along the path."""
        values = self._path(point, path)
        if any(isinstance(value, Tracer) for value in values):
            return self._traced(values, parameters)
        arrays = [as_array(value, f"x{k}") for k, value in enumerate(values)]
        try:
            arrays = list(np.broadcast_arrays(*arrays))
        except ValueError:
            shapes = ", ".join(str(array.shape) for array in arrays)
            raise ArgumentError(
                f"x0 and the path's coefficients have shapes {shapes}, which do not fit together; "
                "each has the shape of x0"
            ) from None
        batches = [split_batch(array, self.point_ndim, "x0") for array in arrays]
        known = read_parameters(parameters)
        compiled = self._compile(batches[0].shape, known)
        inputs = {f"x_{k}" if k else "x": batch.array for k, batch in enumerate(batches)}
        results = self._run(compiled, batches[0].batch, inputs, known)
        return self._coefficients(results, compiled.outputs)

    def derivation(self, point: Any, *parameters: Any) -> Derivation:
        """The derivation for points and parameters of these shapes; nothing is compiled."""
        batch = split_batch(as_array(point, "x0"), self.point_ndim, "x0")
        tree = read_parameters(parameters).tree()
        return self._derive(Input("x", Type(batch.shape)), tree)[0]

    def _taylor(self, graph: Graph, point: Input) -> Graph:
        return jet_graph(graph, point, self.order)

    def _path(self, point: Any, path: Sequence[Any]) -> list[Any]:
        if not isinstance(path, (tuple, list)) or len(path) != self.order:
            given = f"{len(path)} of them" if isinstance(path, (tuple, list)) else repr(path)
            raise ArgumentError(
                f"a jet of order {self.order} takes the path's coefficients as a tuple "
                f"(x1, .., x{self.order}); got {given}"
            )
        return [point, *path]

    def _traced(self, values: list[Any], parameters: tuple[Any, ...]) -> Any:
        editor = next(value.editor for value in values if isinstance(value, Tracer))
        point = values[0]
        shape = point.shape
        traced = {"x": _as_traced(editor, point, shape)}
        for k, value in enumerate(values[1:], 1):
            traced[f"x_{k}"] = _as_traced(editor, value, shape)
        results, outputs = self._insert(traced, parameters)
        return self._coefficients(results, outputs)

    def _coefficients(self, results: Sequence[Any], outputs: Structure) -> Any:
        count = outputs.leaves
        orders = [
            unflatten(outputs, results[k * count : (k + 1) * count]) for k in range(self.order + 1)
        ]
        return orders[0], tuple(orders[1:])


def _as_traced(editor: Any, value: Any, shape: tuple[int, ...]) -> Tracer:
    from jetfold.graph.build import fit
    from jetfold.graph.trace import lift, wrap

    return wrap(editor, fit(editor, lift(editor, value), Type(shape)))


def jet(
    function: Callable[..., Any], order: int, *, backend: str = "cpu", point_ndim: int = 1
) -> Jet:
    """The derivatives of a function along a path, to some order K.

    The path is ``x(t) = x0 + t x1 + t^2/2! x2 + .. + t^K/K! xK``; the result is ``f0`` and
    ``(f1, .., fK)`` with ``f_k = d^k/dt^k f(x(t)) at t = 0``. All coefficients are unscaled
    derivatives: they are not divided by k!.

    Parameters
    ----------
    function : ``u(x, params)`` in plain NumPy for one point; the result may be a tree of arrays.
    order : K, 1 or more.
    backend, point_ndim : as for `laplacian`.

    Returns
    -------
    An operator: ``op(x0, (x1, .., xK), params)`` with x0, .., xK of shape (..., D), where the
    leading axes are a batch. It can be called inside a traced function.

    Raises
    ------
    ArgumentError for an order below 1 or a path of another length; TraceError and ShapeError at the
    first call, with the line of the function, for what cannot be traced.

    Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 13.
    """
    return Jet(function, order, backend=backend, point_ndim=point_ndim)
