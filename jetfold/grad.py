"""The gradient of a function with respect to the point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.arrays import Backend, as_operand, read_parameters, split_batch
from jetfold.derivation import About
from jetfold.graph import Graph
from jetfold.operator import Arguments, Operator, editor_of
from jetfold.rules.adjoint import ones
from jetfold.value_and_grad import check_scalar


class Grad(Operator):
    """``op(X, params)``: the gradient of a scalar ``f(x, params)`` at every point; see `grad`."""

    def __init__(
        self, function: Callable[..., Any], *, backend: Backend = "cpu", point_ndim: int = 1
    ) -> None:
        super().__init__(function, "auto", backend, point_ndim)

    def __call__(self, points: Any, /, *parameters: Any) -> Any:
        """The gradient at points (..., *point), an array of their shape."""
        editor = editor_of(points, parameters)
        if editor is not None:
            (result,), _ = self._insert({"x": self._point(editor, points)}, parameters)
            return result
        batch = split_batch(as_operand(points, "X", self.backend), self.point_ndim)
        known = read_parameters(parameters, self.backend)
        compiled = self._compile(batch.shape, known)
        (result,) = self._run(compiled, batch.batch, {"x": batch.array}, known)
        return result

    def derivation(self, points: Any, /, *parameters: Any, **values: Any) -> AdjointDerivation:
        """The derivation for points and parameters of these shapes; nothing is compiled."""
        derivation = super().derivation(points, *parameters, **values)
        assert isinstance(derivation, AdjointDerivation)
        return derivation

    def _derivation(
        self, graph: Graph, arguments: Arguments, companions: list[Graph]
    ) -> AdjointDerivation:
        check_scalar(graph, f"the function of {self!r}")
        point = arguments[0]
        return AdjointDerivation(graph, [point], ones, "none", False, About(self, point))


def grad(function: Callable[..., Any], *, backend: Backend = "cpu", point_ndim: int = 1) -> Grad:
    """The gradient of a scalar function with respect to the point, by its adjoint.

    It costs a few evaluations of the function, whatever the number of coordinates. Gradients with
    respect to parameters are given by `value_and_grad`, `vjp` and `residual_and_jacobian`.

    Parameters
    ----------
    function : ``f(x, params)`` in plain NumPy for one point: a scalar. It may call operators.
    backend, point_ndim : as for `laplacian`.

    Returns
    -------
    An operator: call it on X of shape (..., D), the leading axes being a batch, and on the
    parameters; the result has the shape of X. It can be called inside a traced function, so that
    it nests with other operators. It offers ``derivation`` and ``source``.

    Raises
    ------
    ShapeError for a function that is not a scalar; ArgumentError for a wrong argument; TraceError
    for what cannot be traced, with the line of the function.

    Source: Griewank and Walther, Evaluating Derivatives, 2nd ed. 2008, chapter 3.
    """
    return Grad(function, backend=backend, point_ndim=point_ndim)
