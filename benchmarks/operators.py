"""What is computed, the vectors that it takes, and how results are judged.

References are independent of all contestants: the chain rule in plain NumPy, in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from .cases import Array, LossAndGradient, Problem, Result
from .losses import reference_training

SEED = 0  # of the directions of stochastic operators


@dataclass(frozen=True)
class Operator:
    """A differential operator.

    `vectors(D)` is the fewest numbers per node and point that a forward method is known to need;
    nominal operations follow from it. `reference(problem)` gives the result in float64: (N,), or a
    loss and its gradient.
    """

    name: str
    vectors: Callable[[int], int]
    reference: Callable[[Problem], Result]


def reference_laplacian(problem: Problem) -> Array:
    """The Laplacian (N,): the sum of second derivatives along the axes."""
    return _second_derivatives(problem, np.eye(problem.points.shape[1]))


def reference_estimate(samples: int, problem: Problem) -> Array:
    """The mean (N,) of second derivatives along the first normal directions of the seed."""
    shape = samples, problem.points.shape[1]
    return _second_derivatives(problem, np.random.default_rng(SEED).normal(size=shape)) / samples


def _second_derivatives(problem: Problem, directions: Array) -> Array:
    """The sum (N,) of second derivatives along directions (R, D), by the chain rule in layers.

    With J the first derivatives and L the sum of the second ones of the layers so far, an affine
    layer maps both by its weights, and y = tanh(z) has y' = 1 - y^2 and y'' = -2 y y'.
    """
    value = problem.points.astype(np.float64)
    jacobian = np.broadcast_to(directions, (len(value), *directions.shape))
    total = np.zeros_like(value)
    for index, (weights, bias) in enumerate(problem.params):
        matrix = weights.astype(np.float64)
        value, jacobian, total = value @ matrix + bias, jacobian @ matrix, total @ matrix
        if index < len(problem.params) - 1:
            value = np.tanh(value)
            slope = 1 - value**2
            total = slope * total - 2 * value * slope * (jacobian**2).sum(axis=1)
            jacobian = slope[:, None, :] * jacobian
    return np.asarray(total[:, 0])


def reference_biharmonic(problem: Problem) -> Array:
    """The Laplacian of the Laplacian (N,) by the chain rule through the layers.

    An affine layer maps all derivatives by its weights. For y = g(f) with f_i = d_i f, L = Lap f
    and T_i = d_i L, sums over repeated indices, and primes for derivatives of g at f:

        d_i y     = g' f_i
        d_ij y    = g' f_ij + g'' f_i f_j
        d_i Lap y = g' T_i + g'' (f_i L + 2 f_ij f_j) + g''' f_i f_j f_j
        Lap^2 y   = g' Lap L + g'' (L^2 + 2 f_ij f_ij + 4 f_i T_i)
                    + g''' (2 L f_i f_i + 4 f_i f_ij f_j) + g'''' (f_i f_i)^2
    """
    value = problem.points.astype(np.float64)
    count, dimension = value.shape
    first = np.broadcast_to(np.eye(dimension), (count, dimension, dimension))
    second = np.zeros((count, dimension, dimension, dimension))
    third = np.zeros((count, dimension, dimension))
    fourth = np.zeros((count, dimension))
    for index, (weights, bias) in enumerate(problem.params):
        matrix = weights.astype(np.float64)
        value = value @ matrix + bias
        first, second, third, fourth = (a @ matrix for a in (first, second, third, fourth))
        if index == len(problem.params) - 1:
            continue
        value = np.tanh(value)
        g1 = 1 - value**2
        g2, g3, g4 = -2 * value * g1, g1 * (6 * value**2 - 2), g1 * value * (16 - 24 * value**2)
        laplacian = np.einsum("nii...->n...", second)
        length = (first**2).sum(axis=1)  # f_i f_i
        along = np.einsum("nij...,nj...->ni...", second, first)  # f_ij f_j
        fourth = (
            g1 * fourth
            + g2
            * (laplacian**2 + 2 * (second**2).sum(axis=(1, 2)) + 4 * (first * third).sum(axis=1))
            + g3 * (2 * laplacian * length + 4 * (first * along).sum(axis=1))
            + g4 * length**2
        )
        g1, g2, g3 = g1[:, None], g2[:, None], g3[:, None]
        laplacian, length = laplacian[:, None], length[:, None]
        third = g1 * third + g2 * (first * laplacian + 2 * along) + g3 * first * length
        second = g1[:, None] * second + g2[:, None] * first[:, :, None] * first[:, None]
        first = g1 * first
    return np.asarray(fourth[:, 0])


def _laplacian_vectors(dimension: int) -> int:
    """The value, the first derivatives, and one sum of second derivatives."""
    return dimension + 2


def _biharmonic_vectors(dimension: int) -> int:
    """f, f_i, f_ij, d_i Lap f, Lap^2 f; the trace of f_ij counts with them."""
    return 2 + 2 * dimension + dimension * (dimension + 1) // 2


def _estimate_vectors(samples: int, dimension: int) -> int:
    """As for the Laplacian, with the directions in place of the axes."""
    return samples + 2


def _training_vectors(dimension: int) -> int:
    """Forward, their adjoints, and the gradients of the weights: three products for each vector."""
    return 3 * _laplacian_vectors(dimension)


def estimate(samples: int) -> Operator:
    """The Laplacian's estimate from that many normal directions, shared by all points."""
    return Operator(
        f"stochastic Laplacian, S = {samples}",
        partial(_estimate_vectors, samples),
        partial(reference_estimate, samples),
    )


LAPLACIAN = Operator("Laplacian", _laplacian_vectors, reference_laplacian)
BIHARMONIC = Operator("biharmonic", _biharmonic_vectors, reference_biharmonic)
TRAINING = Operator("loss and gradient", _training_vectors, reference_training)

TOLERANCE = {"float32": 1e-4, "float64": 1e-10}


def relative_error(result: Result, reference: Result) -> float:
    """Largest deviation over the largest reference value; infinite for a wrong shape or a NaN.

    Of a loss and its gradient, the larger one of both errors.
    """
    if isinstance(result, LossAndGradient) and isinstance(reference, LossAndGradient):
        both = zip(result.parts(), reference.parts(), strict=True)
        return float(np.max([_error(*pair) for pair in both]))  # a NaN stays one
    if isinstance(result, LossAndGradient) or isinstance(reference, LossAndGradient):
        return float("inf")
    return _error(result, reference)


def _error(result: Array, reference: Array) -> float:
    if result.shape != reference.shape or not np.isfinite(result).all():
        return float("inf")
    return float(np.abs(result - reference).max() / np.abs(reference).max())
