"""The biharmonic operator, exact and randomised."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from jetfold.arrays import Backend
from jetfold.directions import Seed
from jetfold.graph import Graph, Input
from jetfold.point_operator import PointOperator, of_every_output
from jetfold.rules.operators import exact_directions
from jetfold.rules.polynomial import Polynomial
from jetfold.rules.problem import Problem


class Biharmonic(PointOperator):
    """``op(X, params)``: the Laplacian of the Laplacian of ``u(x, params)``; see `biharmonic`."""

    fourth_moment = True

    def _problem(self, graph: Graph, point: Input) -> Problem:
        shape = point.type.shape
        n = math.prod(shape)
        sampling = self.sampling
        if sampling is not None:
            weight = 1 / (sampling.fourth_moment(n) * sampling.samples)
            powers: Polynomial = {(i,) * 4: weight for i in range(sampling.samples)}
            return of_every_output(graph, sampling.samples, sampling.directions(shape), powers)
        laplacian: Polynomial = {(i, i): Fraction(1) for i in range(n)}
        square: Polynomial = {
            (i, i, j, j): Fraction(1 if i == j else 2) for i in range(n) for j in range(i, n)
        }
        factors = laplacian, laplacian
        return of_every_output(graph, n, exact_directions(shape), square, factors)


def biharmonic(
    function: Callable[..., Any],
    *,
    method: str = "auto",
    backend: Backend = "cpu",
    point_ndim: int = 1,
    samples: int | None = None,
    distribution: str | None = None,
    seed: Seed = None,
    per_point: bool = False,
) -> Biharmonic:
    """The biharmonic of a function of a point, sum over i, j of d^4 u / (dx_i^2 dx_j^2).

    Parameters
    ----------
    function, backend, point_ndim : as for `laplacian`.
    method : "standard" (derivatives along enough straight lines: 6D^2 - 2D + 1 vectors per node),
        "collapsed" (their sums are propagated: (9D^2 - 3D + 8) / 2), "nested" (the Laplacian of the
        Laplacian: (D + 2)^2), "minimal" (the operator's own jets: (D^2 + 5D + 4) / 2) or "auto",
        the one of least predicted cost. All give the same numbers.
    samples : if given, the biharmonic is estimated by the mean of fourth derivatives along this
        many random directions z, divided by 3 for "normal" ones and by 3D / (D+2) for "sphere";
        new directions at each call. The estimate is unbiased.
    distribution : of the directions: "normal" (the default) or "sphere". Others do not have the
        fourth moments E z_i^4 = 3 E z_i^2 z_j^2 that make the mean a multiple of the biharmonic.
    seed, per_point : as for `laplacian`.

    Returns
    -------
    An operator: call it on X of shape (..., D) and on the parameters; the result has shape
    (..., *shape of u). It can be called inside a traced function, and offers ``derivation`` and
    ``source``.

    Raises
    ------
    ArgumentError for a wrong argument, and at the first call for a method that a randomised
    biharmonic does not have ("nested"); TraceError and ShapeError at the first call, with the line
    of the function, for what cannot be traced.

    Source: Dangel et al., "Collapsing Taylor Mode Automatic Differentiation" (arXiv 2505.13644),
    sections 3.2 and 3.3, for the randomised one and for "standard" and "collapsed".
    """
    return Biharmonic(
        function,
        method=method,
        backend=backend,
        point_ndim=point_ndim,
        samples=samples,
        distribution=distribution,
        seed=seed,
        per_point=per_point,
    )
