"""Programs as people write them: networks, wave functions, features, in plain NumPy."""

from typing import Any

import numpy as np
import pytest
import scipy.special

from tracing import batch, check

RANDOM = np.random.default_rng(3)
W = [RANDOM.normal(size=shape) / 2 for shape in ((4, 8), (8, 8), (8, 1))]
Q, K, V = RANDOM.normal(size=(3, 4, 4))
CHARGES, NUCLEI = np.array([1.0, 2.0]), np.array([[0.0, 0.0, 1.0], [0.5, 0.0, -1.0]])


def gelu_network(x: Any) -> Any:
    x = x.reshape(-1)[:4]
    for w in W[:-1]:
        z = x @ w
        x = 0.5 * z * (1 + scipy.special.erf(z / np.sqrt(2)))
    return (x @ W[-1]).squeeze()


def residual_network_with_normalisation(x: Any) -> Any:
    h = np.sin(x.ravel()[:4] @ W[0])
    for _ in range(3):
        centred = h - h.mean(axis=-1, keepdims=True)
        h = h + np.tanh(centred / np.sqrt(h.var(axis=-1) + 1e-5) @ W[1])
    return np.sum(h * W[2][:, 0])


def softmax(x: Any, axis: int) -> Any:
    shifted = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return shifted / np.sum(shifted, axis=axis, keepdims=True)


def attention(x: Any) -> Any:
    tokens = np.stack([x, x**2, np.sin(x), np.ones_like(x)], axis=-1)
    scores = np.einsum("...id,...jd->...ij", tokens @ Q, tokens @ K) / np.sqrt(Q.shape[-1])
    return softmax(scores, axis=-1) @ (tokens @ V)


def jastrow_factor(electrons: Any) -> Any:
    """Distances between electrons, without the diagonal, and to the nuclei."""
    n = electrons.shape[0]
    rows, columns = np.triu_indices(n, k=1)
    between = np.linalg.norm(electrons[rows] - electrons[columns], axis=-1)
    to_nuclei = np.linalg.norm(electrons[:, None] - NUCLEI, axis=-1)
    return -(CHARGES * to_nuclei).sum() + (between / (1 + between)).sum()


def two_orbital_determinant(electrons: Any) -> Any:
    s = np.exp(-np.sum(electrons**2, axis=-1))
    p = electrons[:, 2] * s
    return s[0] * p[1] - s[1] * p[0]


def fourier_features(x: Any) -> Any:
    phases = 2 * np.pi * np.outer(x.flatten(), 2.0 ** np.arange(3))
    return np.concatenate([np.cos(phases), np.sin(phases)], axis=-1).ravel()


def hard_boundary(x: Any) -> Any:
    distance = np.prod(x * (1 - x), axis=-1)
    inside = (x > 0) & (x < 1)
    return np.where(inside.all(axis=-1), distance, 0.0)


def polynomial_by_python_loops(x: Any) -> Any:
    value = 1.0
    for i, row in enumerate(x):
        for j, element in enumerate(row):
            value = value + (i + 1) * element**j
    return value


def periodic_box(x: Any) -> Any:
    wrapped = (x + 0.5) % 1.0 - 0.5
    return np.log1p(np.sqrt(np.sum(wrapped**2, axis=-1))).max()


PROGRAMS = [
    gelu_network,
    residual_network_with_normalisation,
    attention,
    jastrow_factor,
    two_orbital_determinant,
    fourier_features,
    hard_boundary,
    polynomial_by_python_loops,
    periodic_box,
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_program(program: Any) -> None:
    check(program, batch((2, 3)), rtol=1e-12)
