"""The Laplacian, exact and randomised."""

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


class Laplacian(PointOperator):
    """``op(X, params)``: the Laplacian of ``u(x, params)`` at every point; see `laplacian`."""

    def _problem(self, graph: Graph, point: Input) -> Problem:
        shape = point.type.shape
        if self.sampling is None:
            count, weight, directions = math.prod(shape), Fraction(1), exact_directions(shape)
        else:
            count, weight = self.sampling.samples, Fraction(1, self.sampling.samples)
            directions = self.sampling.directions(shape)
        squares: Polynomial = {(i, i): weight for i in range(count)}
        return of_every_output(graph, count, directions, squares)


def laplacian(
    function: Callable[..., Any],
    *,
    method: str = "auto",
    backend: Backend = "cpu",
    point_ndim: int = 1,
    samples: int | None = None,
    distribution: str | None = None,
    seed: Seed = None,
    per_point: bool = False,
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
        second derivatives is propagated: 2 + D vectors), "minimal" (the operator's own jets, 2 + D
        vectors, too) or "auto", the one of least predicted cost. All give the same numbers. There
        is no "nested": the Laplacian is no product of simpler operators.
    backend : "cpu"; "cuda", or its options `Cuda`, for an NVIDIA GPU, where X and params may be
        arrays of CuPy, PyTorch, JAX or numba on the GPU, which are not copied; the result is one of
        CuPy, PyTorch or numba, as X is, one of NumPy if X is, and of CuPy for others; "reference".
    point_ndim : how many axes a point has, 2 for (electrons, 3).
    samples : if given, the Laplacian is estimated by the mean of second derivatives along this
        many random directions, new ones at each call. The estimate is unbiased.
    distribution : of the directions z: "normal" (the default), "rademacher" (each component 1 or
        -1), "sphere" (uniform on the sphere of radius sqrt(D)) or "coordinates" (unit vectors drawn
        without replacement, times sqrt(D); samples must not exceed D, and with samples = D the
        result is exact). With H the matrix of second derivatives, one direction has the variance
        2 |H|^2, 2 sum over i != j of H_ij^2, 2 D/(D+2) (|H|^2 - (tr H)^2 / D), and D^2 times the
        variance of H_ii among the i; S directions have it divided by S, or for "coordinates" by
        S (D-1)/(D-S).
    seed : of the generator of directions: None, an integer, a numpy SeedSequence, or a numpy
        Generator, which is used as it is.
    per_point : draw directions for each point of a batch, so that the errors at different points
        are independent; else all points of a call share the same directions.

    Returns
    -------
    An operator: call it on X of shape (..., D), the leading axes being a batch, and on the
    parameters; the result has shape (..., *shape of u). It can be called inside a traced function,
    so that operators nest. It offers ``derivation`` and ``source``.

    Raises
    ------
    ArgumentError for a wrong argument; TraceError and ShapeError at the first call, with the
    line of the function, for what cannot be traced.

    Source: Dangel et al., "Collapsing Taylor Mode Automatic Differentiation" (arXiv 2505.13644);
    Hutchinson (1989) for estimates along random directions, Shi et al., "Stochastic Taylor
    Derivative Estimator" (arXiv 2412.00088), for "coordinates".
    """
    return Laplacian(
        function,
        method=method,
        backend=backend,
        point_ndim=point_ndim,
        samples=samples,
        distribution=distribution,
        seed=seed,
        per_point=per_point,
    )
