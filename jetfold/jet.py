"""Jets: the derivatives of a function along one path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jetfold.arrays import Backend, as_operand, broadcast, read_parameters, split_batch
from jetfold.checks import whole
from jetfold.derivation import About, Derivation
from jetfold.graph import ArgumentError, Editor, Graph, ShapeError, fit
from jetfold.graph.source import located
from jetfold.graph.trace import lift, wrap
from jetfold.graph.tree import Structure, unflatten
from jetfold.operator import Arguments, Operator, editor_of
from jetfold.rules.operators import Standard, push_jet


class Jet(Operator):
    """``op(x0, (x1, .., xK), params)``: the coefficients along a path; see `jet`."""

    points_name = "x0"

    def __init__(
        self,
        function: Callable[..., Any],
        order: int,
        *,
        backend: Backend = "cpu",
        point_ndim: int = 1,
    ) -> None:
        super().__init__(function, "standard", backend, point_ndim)
        self.order = whole(order, "the order of a jet", 1)

    def __call__(self, point: Any, path: Sequence[Any], *parameters: Any) -> Any:
        """f0 and (f1, .., fK), the unscaled derivatives of the function along the path."""
        values = self._path(point, path)
        editor = editor_of(values, parameters)
        if editor is not None:
            return self._traced(editor, values, parameters)
        arrays = [as_operand(value, f"x{k}", self.backend) for k, value in enumerate(values)]
        shapes = ", ".join(str(array.shape) for array in arrays)
        shape = split_batch(arrays[0], self.point_ndim, "x0").shape
        try:
            arrays = broadcast(arrays)
            fits = arrays[0].shape[arrays[0].ndim - self.point_ndim :] == shape
        except ValueError:
            fits = False
        if not fits:
            raise ArgumentError(
                f"x0 and the path's coefficients have shapes {shapes}, which do not fit together; "
                "each has the shape of x0"
            )
        batches = [split_batch(array, self.point_ndim, "x0") for array in arrays]
        known = read_parameters(parameters, self.backend)
        compiled = self._compile(batches[0].shape, known)
        inputs = {f"x_{k}" if k else "x": batch.array for k, batch in enumerate(batches)}
        results = self._run(compiled, batches[0].batch, inputs, known)
        return self._coefficients(results, compiled.outputs)

    def _derivation(
        self, graph: Graph, arguments: Arguments, companions: list[Graph]
    ) -> Derivation:
        point = arguments[0]
        builders = {"standard": Standard(lambda: push_jet(graph, point, self.order))}
        return Derivation(graph, builders, self.method, about=About(self, point))

    def _path(self, point: Any, path: Sequence[Any]) -> list[Any]:
        if not isinstance(path, (tuple, list)) or len(path) != self.order:
            wanted = {1: "(x1,)", 2: "(x1, x2)"}.get(self.order, f"(x1, .., x{self.order})")
            listed = isinstance(path, (tuple, list))
            given = f"{len(path)} of them" if listed else f"a {type(path).__name__}"
            raise ArgumentError(
                f"a jet of order {self.order} takes the path's coefficients as a tuple {wanted}; "
                f"got {given}"
            )
        return [point, *path]

    def _traced(self, editor: Editor, values: list[Any], parameters: tuple[Any, ...]) -> Any:
        point = self._point(editor, values[0])
        traced = {"x": point}
        for k, value in enumerate(values[1:], 1):
            node = lift(editor, value)
            try:
                traced[f"x_{k}"] = wrap(editor, fit(editor, node, point.type))
            except ShapeError:
                raise located(
                    ShapeError,
                    f"x{k} of a path has shape {editor[node].type.shape}, but x0 has {point.shape}",
                    "Each coefficient has the shape of x0.",
                ) from None
        results, outputs = self._insert(traced, parameters)
        return self._coefficients(results, outputs)

    def _coefficients(self, results: Sequence[Any], outputs: Structure) -> Any:
        count = outputs.leaves
        orders = [
            unflatten(outputs, results[k * count : (k + 1) * count]) for k in range(self.order + 1)
        ]
        return orders[0], tuple(orders[1:])


def jet(
    function: Callable[..., Any], order: int, *, backend: Backend = "cpu", point_ndim: int = 1
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
    leading axes are a batch; batch axes are broadcast, and a coefficient may be the number 0. It
    can be called inside a traced function, and offers ``derivation`` and ``source``.

    Raises
    ------
    ArgumentError for an order below 1 or a path of another length; TraceError and ShapeError at the
    first call, with the line of the function, for what cannot be traced.

    Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 13.
    """
    return Jet(function, order, backend=backend, point_ndim=point_ndim)
