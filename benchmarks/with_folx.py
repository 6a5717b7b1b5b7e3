"""folx: the forward Laplacian on JAX, under jit(vmap)."""

from __future__ import annotations

from typing import Any

import folx

from .cases import Problem
from .contestants import Call
from .with_jax import batched, network


def forward_laplacian(problem: Problem) -> Call:
    """folx.forward_laplacian of the network of one point."""

    def laplacian(x: Any, params: Any) -> Any:
        return folx.forward_laplacian(lambda y: network(y, params))(x).laplacian

    return batched(laplacian, problem)
