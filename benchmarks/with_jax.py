"""JAX: ways to the Laplacian and to the Laplacian of the Laplacian, each under jit(vmap).

And the loss with a Laplacian, and its gradient by jax.value_and_grad, under jit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.jet import jet

from .cases import LossAndGradient, Problem
from .contestants import Call
from .losses import source

PointFunction = Callable[[Any], Any]


def network(params: Any, x: Any) -> Any:
    """u(x) for one point x (D,)."""
    *hidden, (weights, bias) = params
    for matrix, offset in hidden:
        x = jnp.tanh(x @ matrix + offset)
    return (x @ weights + bias)[0]


def batched(operator: Callable[[PointFunction], PointFunction], problem: Problem) -> Call:
    """The call for an operator on functions of one point, compiled over the batch."""
    jax.config.update("jax_enable_x64", problem.points.dtype == np.float64)

    def at_point(params: Any, x: Any) -> Any:
        return operator(partial(network, params))(x)

    function = jax.jit(jax.vmap(at_point, in_axes=(None, 0)))
    params, points = jax.device_put((problem.params, problem.points))
    return lambda: np.asarray(function(params, points))


def trained(laplacian: Callable[[PointFunction], PointFunction], problem: Problem) -> Call:
    """The call for a loss with this Laplacian and its gradient, compiled as a whole."""
    jax.config.update("jax_enable_x64", problem.points.dtype == np.float64)

    def loss(params: Any, points: Any) -> Any:
        found = jax.vmap(laplacian(partial(network, params)))(points)
        return jnp.mean((found - source(points, jnp.sin)) ** 2)

    function = jax.jit(jax.value_and_grad(loss))
    params, points = jax.device_put((problem.params, problem.points))
    return lambda: LossAndGradient(*jax.tree.map(np.asarray, function(params, points)))


def _sum_over_axes(second_derivative: PointFunction, x: Any) -> Any:
    return jax.vmap(second_derivative)(jnp.eye(len(x), dtype=x.dtype)).sum()


def _by_jvp_of_grad(function: PointFunction) -> PointFunction:
    """Forward over reverse: e . d(grad u)(e), summed over the axes e."""
    gradient = jax.grad(function)

    def laplacian(x: Any) -> Any:
        return _sum_over_axes(lambda e: jnp.vdot(e, jax.jvp(gradient, (x,), (e,))[1]), x)

    return laplacian


def _by_jvp_of_jvp(function: PointFunction) -> PointFunction:
    """Forward over forward: the second derivative along each axis."""

    def laplacian(x: Any) -> Any:
        def second(e: Any) -> Any:
            return jax.jvp(lambda y: jax.jvp(function, (y,), (e,))[1], (x,), (e,))[1]

        return _sum_over_axes(second, x)

    return laplacian


def _by_hessian(function: PointFunction) -> PointFunction:
    """The whole Hessian by jax.hessian, and its trace."""
    return lambda x: jnp.trace(jax.hessian(function)(x))


def _top_coefficient(function: PointFunction, x: Any, direction: Any, order: int) -> Any:
    """The derivative of this order along a direction, by jax.experimental.jet."""
    zero = jnp.zeros_like(direction)
    return jet(function, (x,), ((direction, *[zero] * (order - 1)),))[1][-1]


def _by_jet(function: PointFunction) -> PointFunction:
    """Second Taylor coefficients, one curve per axis."""
    return lambda x: _sum_over_axes(lambda e: _top_coefficient(function, x, e, 2), x)


LAPLACIANS: Mapping[str, Callable[[PointFunction], PointFunction]] = {
    "jvp of jvp": _by_jvp_of_jvp,
    "jvp of grad": _by_jvp_of_grad,
    "hessian": _by_hessian,
    "jet": _by_jet,
}


def laplacian(way: str, problem: Problem) -> Call:
    """The Laplacian in one of these ways."""
    return batched(LAPLACIANS[way], problem)


def training(way: str, problem: Problem) -> Call:
    """The loss with the Laplacian in one of these ways, and its gradient."""
    return trained(LAPLACIANS[way], problem)


def biharmonic(way: str, problem: Problem) -> Call:
    """The Laplacian of the Laplacian, both in the same way."""

    def twice(function: PointFunction) -> PointFunction:
        return LAPLACIANS[way](LAPLACIANS[way](function))

    return batched(twice, problem)


def biharmonic_by_jet(problem: Problem) -> Call:
    """Fourth derivatives along D^2 directions, with the weights that interpolation gives them.

    With D_v for the fourth derivative along v, 12 u_iijj = D_(i+j) + D_(i-j) - 2 D_i - 2 D_j, so
    Lap Lap u = (1 - (D - 1)/3) sum_i D_i + 1/6 sum over i < j of (D_(i+j) + D_(i-j)).
    """
    dimension = problem.points.shape[1]
    axes = np.eye(dimension, dtype=problem.points.dtype)
    pairs = [e + sign * f for e, f in combinations(axes, 2) for sign in (1, -1)]
    directions = np.array([*axes, *pairs])
    weights = np.repeat([1 - (dimension - 1) / 3, 1 / 6], [dimension, len(pairs)])

    def weighted(function: PointFunction) -> PointFunction:
        def at_point(x: Any) -> Any:
            fourth = jax.vmap(lambda v: _top_coefficient(function, x, v, 4))(directions)
            return fourth @ weights.astype(axes.dtype)

        return at_point

    return batched(weighted, problem)
