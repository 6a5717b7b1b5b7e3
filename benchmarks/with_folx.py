"""folx: the forward Laplacian on JAX, under jit(vmap)."""

from __future__ import annotations

import folx

from .cases import Problem
from .contestants import Call
from .with_jax import PointFunction, batched, trained


def _laplacian_of(function: PointFunction) -> PointFunction:
    return lambda x: folx.forward_laplacian(function)(x).laplacian


def laplacian(problem: Problem) -> Call:
    """folx.forward_laplacian of the network of one point."""
    return batched(_laplacian_of, problem)


def biharmonic(problem: Problem) -> Call:
    """folx.forward_laplacian of a function that calls folx.forward_laplacian."""

    def twice(function: PointFunction) -> PointFunction:
        return _laplacian_of(_laplacian_of(function))

    return batched(twice, problem)


def training(problem: Problem) -> Call:
    """jax.value_and_grad of the loss with folx.forward_laplacian."""
    return trained(_laplacian_of, problem)
