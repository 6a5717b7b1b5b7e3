"""The functions of the demonstration, as a user would write them, and what is known about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from jetfold.arrays import FloatArray

Layers = Sequence[tuple[FloatArray, FloatArray]]
"""Weights (in, out) and bias (out,) of each layer."""


def network(x: Any, layers: Layers) -> Any:
    """A fully connected network with tanh between its layers and one output."""
    for weights, bias in layers[:-1]:
        x = np.tanh(x @ weights + bias)
    weights, bias = layers[-1]
    return (x @ weights + bias)[0]


def small_network(x: Any, params: Mapping[str, FloatArray]) -> Any:
    """Two layers of tanh and a weighted sum: small enough for a picture of its graph."""
    h = np.tanh(x @ params["W1"] + params["b1"])
    h = np.tanh(h @ params["W2"] + params["b2"])
    return h @ params["w"]


def hydrogen(x: Any, charge: float) -> Any:
    """The ground state of one electron at a nucleus of this charge Z, in atomic units (D = 3)."""
    return np.exp(-charge * np.linalg.norm(x, axis=-1))


def hydrogen_energy(points: FloatArray, laplacian: FloatArray, charge: float) -> FloatArray:
    """The local energy ``-Lap psi / (2 psi) - Z / r`` at each point; it is -Z^2 / 2 everywhere."""
    radius = np.linalg.norm(points, axis=-1)
    return np.asarray(-laplacian / (2 * hydrogen(points, charge)) - charge / radius)


def random_layers(widths: Sequence[int], dtype: str, seed: int = 0) -> list[Any]:
    """Layers with normal weights of variance 1 / (inputs of the layer)."""
    random = np.random.default_rng(seed)
    return [
        (
            (random.normal(size=(inputs, outputs)) / np.sqrt(inputs)).astype(dtype),
            (random.normal(size=outputs) / 10).astype(dtype),
        )
        for inputs, outputs in pairwise(widths)
    ]


def network_laplacian(points: FloatArray, layers: Layers) -> FloatArray:
    """The Laplacian of `network` in float64, by the trace of its Hessian.

    With z_l the input of tanh in layer l, J_l its Jacobian with respect to the point, and s_l the
    derivative of the network's output with respect to the layer's output, found by going
    backwards, the Hessian is ``sum_l J_l^T diag(s_l tanh''(z_l)) J_l``. Nothing here is propagated
    as jetfold propagates it.
    """
    matrices = [weights.astype(np.float64) for weights, _ in layers]
    value = points.astype(np.float64)
    dimension = points.shape[1]
    jacobian = np.tile(np.eye(dimension), (len(points), 1))  # all points in one matrix: one product
    slopes, bends, squares = [], [], []
    for matrix, (_, bias) in zip(matrices[:-1], layers, strict=False):
        value = np.tanh(value @ matrix + bias)
        jacobian = jacobian @ matrix
        slopes.append(1 - value**2)
        bends.append(-2 * value * slopes[-1])
        squares.append((jacobian**2).reshape(len(points), dimension, -1).sum(axis=1))
        jacobian *= np.repeat(slopes[-1], dimension, axis=0)
    total = np.zeros(len(points))
    sensitivity = np.broadcast_to(matrices[-1][:, 0], value.shape)
    for layer in reversed(range(len(slopes))):
        total += (sensitivity * bends[layer] * squares[layer]).sum(axis=1)
        sensitivity = (sensitivity * slopes[layer]) @ matrices[layer].T
    return total
