"""A loss as solvers have it, mean((Lap u - f)^2), and its gradient by the chain rule in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from .cases import Array, LossAndGradient, Params, Problem

_BLOCK = 1024  # points at a time: the first derivatives of all layers are kept


def source(x: Any, sin: Any = np.sin) -> Any:
    """f of the loss at points (.., D): the sum of the sines of the coordinates."""
    return sin(x).sum(-1)


def reference_training(problem: Problem) -> LossAndGradient:
    """The loss and its gradient with respect to all layers, in float64."""
    params: Params = [(w.astype(np.float64), b.astype(np.float64)) for w, b in problem.params]
    loss = np.zeros(())
    gradient: Params = [(np.zeros_like(w), np.zeros_like(b)) for w, b in params]
    for start in range(0, len(problem.points), _BLOCK):
        _add(loss, gradient, params, problem.points[start : start + _BLOCK].astype(np.float64))
    count = len(problem.points)
    return LossAndGradient(loss / count, [(w / count, b / count) for w, b in gradient])


def _add(loss: Array, gradient: Params, params: Params, points: Array) -> None:
    """Add the sums over some points to the loss and to the gradient.

    A layer maps its inputs a, their first derivatives J and Laplacians L by its weights. Then
    y = tanh(z) gives, with g1, g2, g3 for the derivatives of tanh at z and S = sum(J^2) over axes,

        y,    J_y = g1 J,    L_y = g1 L + g2 S,

    and the adjoints of the three, written with a prime, go back as

        L' = g1 L_y',    J' = g1 J_y' + 2 g2 J L_y',
        z' = g1 y' + g2 sum(J J_y') + (g2 L + g3 S) L_y'.
    """
    values = points
    jacobian = np.broadcast_to(np.eye(points.shape[1]), (*points.shape, points.shape[1]))
    laplacian = np.zeros_like(points)
    inputs, tops = [], []  # of each layer; of each tanh: its value and what it is applied to
    for index, (weights, bias) in enumerate(params):
        inputs.append((values, jacobian, laplacian))
        values, laplacian = values @ weights + bias, laplacian @ weights
        jacobian = np.tensordot(
            jacobian, weights, 1
        )  # one product; @ would make one for each point
        if index < len(params) - 1:
            values = np.tanh(values)
            tops.append((values, jacobian, laplacian))
            g1 = 1 - values**2
            laplacian = g1 * laplacian - 2 * values * g1 * (jacobian**2).sum(axis=1)
            jacobian = g1[:, None] * jacobian

    residual = laplacian[:, 0] - source(points)
    loss += residual @ residual
    into_values, into_jacobian = np.zeros_like(values), np.zeros_like(jacobian)
    into_laplacian = 2 * residual[:, None]
    for index in reversed(range(len(params))):
        if index < len(params) - 1:
            values, jacobian, laplacian = tops[index]
            g1 = 1 - values**2
            g2, g3 = -2 * values * g1, g1 * (6 * values**2 - 2)
            squares = (jacobian**2).sum(axis=1)
            into_values = (
                g1 * into_values
                + g2 * (jacobian * into_jacobian).sum(axis=1)
                + (g2 * laplacian + g3 * squares) * into_laplacian
            )
            into_jacobian = (
                g1[:, None] * into_jacobian + 2 * (g2 * into_laplacian)[:, None] * jacobian
            )
            into_laplacian = g1 * into_laplacian
        values, jacobian, laplacian = inputs[index]
        of_weights, of_bias = gradient[index]
        of_weights += values.T @ into_values + laplacian.T @ into_laplacian
        of_weights += np.tensordot(jacobian, into_jacobian, axes=([0, 1], [0, 1]))
        of_bias += into_values.sum(axis=0)
        weights = params[index][0].T
        into_values, into_laplacian = into_values @ weights, into_laplacian @ weights
        into_jacobian = np.tensordot(into_jacobian, weights, 1)
