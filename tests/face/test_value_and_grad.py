"""Losses and their gradients: against JAX in float64, trees, weights, batches, bad input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

import jetfold as jf
from jax_once import evaluate
from jetfold.graph.tree import flatten
from known_answers import points
from oracle_functions import DIMENSION, FUNCTIONS, Function, Modules, parameters

jax = pytest.importorskip("jax", reason="JAX, the second oracle, is not installed (extra: test)")

NUMPY = Modules(np, scipy.special)
JAX = Modules(jax.numpy, jax.scipy.special)
RTOL = 1e-10
COMPILED = ["tanh network", "attention"]


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def check_tree(found: Any, expected: Any) -> None:
    leaves, structure = flatten(found)
    wanted, other = flatten(expected)
    assert structure == other
    for a, b in zip(leaves, wanted, strict=True):
        scale = np.abs(b).max(initial=0)
        assert np.shape(a) == np.shape(b)
        assert_allclose(a, b, rtol=RTOL, atol=RTOL * max(scale, 1e-3))


def ours(function: Function) -> Callable[..., Any]:
    def u(x: Any, p: Any) -> Any:
        return function(NUMPY, x, p)

    laplacian, gradient = jf.laplacian(u), jf.grad(u)
    return lambda x, p: (laplacian(x, p) - np.sin(x[0])) ** 2 + np.sum(gradient(x, p) ** 2)


def theirs(function: Function) -> Callable[..., Any]:
    def u(x: Any, p: Any) -> Any:
        return function(JAX, x, p)

    def loss(x: Any, p: Any) -> Any:
        laplacian = jax.numpy.trace(jax.hessian(u)(x, p))
        return (laplacian - jax.numpy.sin(x[0])) ** 2 + (jax.grad(u)(x, p) ** 2).sum()

    return loss


def expected(function: Function, x: Any, p: Any) -> Any:
    def mean(x: Any, p: Any) -> Any:
        return jax.vmap(theirs(function), (0, None))(x, p).mean()

    return evaluate(jax.value_and_grad(mean, argnums=(0, 1)), x, p)


def scalar_functions() -> list[str]:
    shape = {name: np.shape(f(NUMPY, points(DIMENSION, 1)[0], parameters())) for name, f in FUNCTIONS.items()}
    return [name for name, known in shape.items() if known == ()]


@pytest.mark.parametrize("name", scalar_functions())
def test_against_jax(name: str) -> None:
    x, p = points(DIMENSION, 4), parameters(width=4)
    value, gradients = expected(FUNCTIONS[name], x, p)
    op = jf.value_and_grad(ours(FUNCTIONS[name]), argnums=(0, 1), backend="reference")
    found, trees = op(x, p)
    assert_allclose(found, value, rtol=RTOL)
    check_tree(trees, gradients)


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_against_jax(name: str) -> None:
    x, p = points(DIMENSION, 50), parameters(width=4)
    value, gradients = expected(FUNCTIONS[name], x, p)
    found, trees = jf.value_and_grad(ours(FUNCTIONS[name]), argnums=(0, 1))(x, p)
    assert_allclose(found, value, rtol=RTOL)
    check_tree(trees, gradients)
