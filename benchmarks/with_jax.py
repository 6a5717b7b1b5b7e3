"""JAX: four ways to the trace of the Hessian, each under jit(vmap)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.jet import jet

from .cases import Problem
from .contestants import Call


def network(x: Any, params: Any) -> Any:
    """u(x) for one point x (D,)."""
    *hidden, (weights, bias) = params
    for matrix, offset in hidden:
        x = jnp.tanh(x @ matrix + offset)
    return (x @ weights + bias)[0]


def batched(point_laplacian: Callable[[Any, Any], Any], problem: Problem) -> Call:
    """The call for a function (x, params) of one point, compiled over the batch."""
    jax.config.update("jax_enable_x64", problem.points.dtype == np.float64)
    function = jax.jit(jax.vmap(point_laplacian, in_axes=(0, None)))
    points, params = jax.device_put((problem.points, problem.params))
    return lambda: np.asarray(function(points, params))


def _sum_over_axes(second_derivative: Callable[[Any], Any], x: Any) -> Any:
    return jax.vmap(second_derivative)(jnp.eye(len(x), dtype=x.dtype)).sum()


def jvp_of_grad(problem: Problem) -> Call:
    """Forward over reverse: e . d(grad u)(e), summed over the axes e."""

    def laplacian(x: Any, params: Any) -> Any:
        gradient = jax.grad(lambda y: network(y, params))
        return _sum_over_axes(lambda e: jnp.vdot(e, jax.jvp(gradient, (x,), (e,))[1]), x)

    return batched(laplacian, problem)


def jvp_of_jvp(problem: Problem) -> Call:
    """Forward over forward: the second derivative along each axis."""

    def laplacian(x: Any, params: Any) -> Any:
        def second(e: Any) -> Any:
            def first(y: Any) -> Any:
                return jax.jvp(lambda z: network(z, params), (y,), (e,))[1]

            return jax.jvp(first, (x,), (e,))[1]

        return _sum_over_axes(second, x)

    return batched(laplacian, problem)


def hessian_trace(problem: Problem) -> Call:
    """The whole Hessian by jax.hessian, and its trace."""
    return batched(lambda x, params: jnp.trace(jax.hessian(network)(x, params)), problem)


def jet_second_order(problem: Problem) -> Call:
    """Second Taylor coefficients by jax.experimental.jet, one curve per axis."""

    def laplacian(x: Any, params: Any) -> Any:
        def second(e: Any) -> Any:
            series = ((e, jnp.zeros_like(e)),)
            return jet(lambda y: network(y, params), (x,), series)[1][1]

        return _sum_over_axes(second, x)

    return batched(laplacian, problem)
