"""Residuals and their Jacobians, for least squares."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from jetfold.arrays import Backend, FloatArray, precision
from jetfold.graph import Graph, ShapeError
from jetfold.reverse import Argnums, Reverse
from jetfold.rules.adjoint import Seed, Values, rows


class ResidualAndJacobian(Reverse):
    """``op(X, params)``: a residual and its Jacobian; see `residual_and_jacobian`."""

    values: ClassVar[Values] = "points"
    per_point: ClassVar[bool] = True

    def __init__(
        self,
        residual: Callable[..., Any],
        *,
        argnums: Argnums = 1,
        backend: Backend = "cpu",
        point_ndim: int = 1,
    ) -> None:
        super().__init__(residual, argnums, backend, point_ndim)

    def __call__(self, points: Any, /, *parameters: Any) -> tuple[FloatArray, Any]:
        """The residual (..., *out) and its Jacobian (..., *out, P) at every point."""
        batch, known = self._read(points, parameters)
        compiled = self._adjoint(batch.shape, known)
        dtype = precision([batch.array], known)
        drawn = self._new_directions(compiled, len(batch.array))
        inputs = {"x": batch.array, **drawn}
        residual, *parts = compiled.run(len(batch.array), dtype, inputs, {**known.arrays, **drawn})
        shape = (*batch.batch, *residual.shape[1:])
        lead = residual.ndim if residual.ndim == 1 else 2  # points, and rows of each
        columns = [part.reshape(*shape, math.prod(part.shape[lead:])) for part in parts]
        none = np.empty((*shape, 0), dtype)  # so that there may be no parameter at all
        return residual.reshape(shape), np.concatenate([none, *columns], axis=-1)

    def _seed(self) -> Seed:
        return rows

    def _check_outputs(self, graph: Graph) -> None:
        if len(graph.outputs) > 1:
            raise ShapeError(
                f"the residual of {self!r} gives {len(graph.outputs)} values at one point; it "
                "must give one array: stack or concatenate them"
            )


def residual_and_jacobian(
    residual: Callable[..., Any],
    *,
    argnums: Argnums = 1,
    backend: Backend = "cpu",
    point_ndim: int = 1,
) -> ResidualAndJacobian:
    """A residual at every point, and its Jacobian with respect to the parameters.

    That is what least squares need: Gauss-Newton, Levenberg-Marquardt (`scipy.optimize`), natural
    gradients, and collocation, where the residual is linear in the parameters.

    Parameters
    ----------
    residual : ``r(x, params)`` in plain NumPy for one point: a scalar or an array of any shape. It
        may call operators.
    argnums : the argument, or several, to differentiate with respect to: 1 is the first argument
        behind the points, 0 the points.
    backend, point_ndim : as for `laplacian`.

    Returns
    -------
    An operator: ``op(X, params)`` with X of shape (..., D) gives ``(r, J)``, of shapes (..., *out)
    and (..., *out, P). The P columns are the entries of the parameters in the order of `ravel`.

    Raises
    ------
    ArgumentError for parameters that are no floating-point numbers; ShapeError for a residual that
    is a tree of several arrays; TraceError for what cannot be traced, with the function's line.

    Source: Griewank and Walther, Evaluating Derivatives, 2nd ed. 2008, chapter 3.
    """
    return ResidualAndJacobian(residual, argnums=argnums, backend=backend, point_ndim=point_ndim)
