"""The same functions differentiated by JAX: Laplacians, biharmonics and jets, in float64.

JAX differentiates once more by other means (nested forward and reverse mode); it is an oracle
here and nothing that jetfold needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose
from numpy.typing import NDArray

import jetfold as jf
from jax_once import evaluate, nested_jet
from known_answers import points
from oracle_functions import DIMENSION, FUNCTIONS, Function, Modules, parameters

jax = pytest.importorskip("jax", reason="JAX, the second oracle, is not installed (extra: test)")

NUMPY = Modules(np, scipy.special)
JAX = Modules(jax.numpy, jax.scipy.special)
RTOL = 1e-10
COMPILED = ["attention", "guarded", "helium"]  # each compiles for seconds


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def plain(function: Function) -> Callable[..., Any]:
    return lambda x, p: function(NUMPY, x, p)


def theirs(function: Function) -> Callable[..., Any]:
    return lambda x, p: function(JAX, x, p)


def laplacian(function: Callable[..., Any]) -> Callable[..., Any]:
    """The trace of the Hessian, forward over reverse mode."""
    return lambda x, p: jax.numpy.trace(jax.hessian(function)(x, p), axis1=-2, axis2=-1)


def at_points(function: Callable[..., Any], x: NDArray[Any], p: Any) -> NDArray[Any]:
    return np.asarray(evaluate(jax.vmap(function, in_axes=(0, None)), x, p))


def check(found: NDArray[Any], expected: NDArray[Any]) -> None:
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype == np.float64
    assert_allclose(found, expected, rtol=RTOL, atol=RTOL * np.abs(expected).max())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_laplacian(name: str) -> None:
    x, p = points(DIMENSION, 5), parameters()
    expected = at_points(laplacian(theirs(FUNCTIONS[name])), x, p)
    assert np.abs(expected).min() > 0
    for method in ("standard", "collapsed", "minimal"):
        op = jf.laplacian(plain(FUNCTIONS[name]), method=method, backend="reference")
        check(op(x, p), expected)


@pytest.mark.parametrize("name", COMPILED)
def test_laplacian_compiled(name: str) -> None:
    x, p = points(DIMENSION, 50), parameters()
    expected = at_points(laplacian(theirs(FUNCTIONS[name])), x, p)
    check(jf.laplacian(plain(FUNCTIONS[name]))(x, p), expected)


@pytest.mark.parametrize("name", ["tanh network", "helium"])
def test_biharmonic(name: str) -> None:
    x, p = points(DIMENSION, 2), parameters(width=4)
    expected = at_points(laplacian(laplacian(theirs(FUNCTIONS[name]))), x, p)
    op = jf.laplacian(jf.laplacian(plain(FUNCTIONS[name])), backend="reference")
    check(op(x, p), expected)


@pytest.mark.parametrize("name", ["silu network", "attention", "distances", "oscillator", "shifts"])
def test_jet(name: str) -> None:
    """Derivatives along a path, by nested forward mode."""
    order, p = 3, parameters()
    x0, *higher = points(DIMENSION, order + 1, 4)

    value, derivatives = jf.jet(plain(FUNCTIONS[name]), order, backend="reference")(
        x0, tuple(higher), p
    )
    expected = nested_jet(lambda x: FUNCTIONS[name](JAX, x, p), x0, higher)
    for found, theirs_ in zip((value, *derivatives), expected, strict=True):
        check(found, np.asarray(theirs_))


@pytest.mark.parametrize("name", ["tanh network", "sine network", "contractions"])
def test_jet_by_taylor_mode(name: str) -> None:
    """Against JAX's own Taylor mode, to order six, for what it can do."""
    from jax.experimental import jet

    order, p = 6, parameters()
    x0, *higher = points(DIMENSION, order + 1)
    expected = jet.jet(lambda x: FUNCTIONS[name](JAX, x, p), (x0,), (list(higher),))
    op = jf.jet(plain(FUNCTIONS[name]), order, backend="reference")
    value, derivatives = op(x0, tuple(higher), p)
    for found, theirs_ in zip((value, *derivatives), (expected[0], *expected[1]), strict=True):
        check(found, np.asarray(theirs_))
