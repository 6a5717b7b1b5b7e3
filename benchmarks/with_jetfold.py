"""jetfold: the network in plain NumPy for one point, the operators over the batch."""

from __future__ import annotations

import numpy as np

import jetfold as jf

from .cases import Array, LossAndGradient, Params, Problem
from .contestants import Call
from .losses import source
from .operators import SEED


def network(x: Array, params: Params) -> Array:
    """u(x) for one point x (D,)."""
    *hidden, (weights, bias) = params
    for matrix, offset in hidden:
        x = np.tanh(x @ matrix + offset)
    output: Array = (x @ weights + bias)[0]
    return output


def laplacian(method: str, problem: Problem) -> Call:
    """jf.laplacian, exact."""
    operator = jf.laplacian(network, method=method)
    return lambda: np.asarray(operator(problem.points, problem.params))


def training(problem: Problem) -> Call:
    """jf.value_and_grad of the loss at one point."""
    laplacian = jf.laplacian(network)

    def loss(x: Array, params: Params) -> Array:
        squared: Array = (laplacian(x, params) - source(x)) ** 2
        return squared

    function = jf.value_and_grad(loss)
    return lambda: LossAndGradient(*function(problem.points, problem.params))


def estimate(samples: int, problem: Problem) -> Call:
    """jf.laplacian with random directions, new ones in each call, drawn within it."""
    operator = jf.laplacian(network, samples=samples, seed=SEED)
    return lambda: np.asarray(operator(problem.points, problem.params))


def biharmonic(method: str, problem: Problem) -> Call:
    """jf.biharmonic."""
    operator = jf.biharmonic(network, method=method)
    return lambda: np.asarray(operator(problem.points, problem.params))
