"""`jf.biharmonic`: known answers, JAX, every method; shapes, nesting, pickling."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

import jetfold as jf
from jax_once import evaluate
from known_answers import DIMENSIONS, check_known, points, together
from messages import message_of
from oracle_functions import DIMENSION, FUNCTIONS, Modules, parameters

METHODS = ["standard", "collapsed", "nested", "minimal", "auto"]
interpreted = partial(jf.biharmonic, backend="reference")


def bump(x: Any) -> Any:
    return np.exp(-np.sum(x**2) / 2)


def bump_biharmonic(x: Any, point_ndim: int = 1) -> Any:
    axes = tuple(range(x.ndim - point_ndim, x.ndim))
    s, d = np.sum(x**2, axis=axes), np.prod([x.shape[axis] for axis in axes])
    return (s**2 - 2 * (d + 2) * s + d * (d + 2)) * np.exp(-s / 2)


# Numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("method", METHODS)
def test_known_answers(dimension: int, method: str) -> None:
    x = points(dimension, 20)
    op = interpreted(together(dimension), method=method)
    check_known(op(x), x, 4, 1e-11)


@pytest.mark.parametrize("method", METHODS)
def test_known_answers_compiled(method: str) -> None:
    slopes = np.array([0.5, -1.0, 1.5])
    op = jf.biharmonic(lambda x: np.sin(x @ slopes) * np.ones(2), method=method)
    x = points(3, 70)
    expected = np.stack([(slopes @ slopes) ** 2 * np.sin(x @ slopes)] * 2, axis=-1)
    assert_allclose(op(x), expected, atol=1e-13)
    found = op(x.astype(np.float32))
    assert found.dtype == np.float32
    assert_allclose(found, expected, atol=1e-4)


@pytest.fixture
def jax() -> Iterator[Any]:
    jax = pytest.importorskip("jax", reason="JAX, the second oracle, is not installed")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield jax
    jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize(
    ("name", "methods"),
    [
        ("tanh network", METHODS),
        ("sine network", ["collapsed", "minimal"]),
        ("softplus network", ["collapsed", "minimal"]),
        ("gelu network", ["standard", "nested"]),
        ("contractions", ["nested", "minimal"]),
    ],
)
def test_against_nested_hessians(jax: Any, name: str, methods: list[str]) -> None:
    x, p = points(DIMENSION, 2), parameters(width=4)
    function = FUNCTIONS[name]

    def trace_of_hessian(f: Any) -> Any:
        return lambda x, p: jax.numpy.trace(jax.hessian(f)(x, p), axis1=-2, axis2=-1)

    theirs = partial(function, Modules(jax.numpy, jax.scipy.special))
    twice = jax.vmap(trace_of_hessian(trace_of_hessian(theirs)), in_axes=(0, None))
    expected = np.asarray(evaluate(twice, x, p))
    assert expected.dtype == np.float64
    assert np.abs(expected).max() > 0
    for method in methods:
        found = interpreted(partial(function, Modules(np, scipy.special)), method=method)(x, p)
        scale = np.abs(expected).max()
        assert_allclose(found, expected, rtol=1e-10, atol=1e-10 * scale, err_msg=method)


# Counts ---------------------------------------------------------------------------------------


def network(x: Any) -> Any:
    hidden = np.tanh(x @ np.ones((x.shape[0], 4)))
    return np.sum(np.tanh(hidden @ np.ones((4, 4))))


@pytest.mark.parametrize("d", [2, 3, 5, 6])
def test_vectors(d: int) -> None:
    cost = jf.biharmonic(network).derivation(np.ones(d)).cost
    assert cost.vectors == {
        "standard": 6 * d**2 - 2 * d + 1,
        "collapsed": (9 * d**2 - 3 * d + 8) // 2,
        "nested": (d + 2) ** 2,
        "minimal": (d**2 + 5 * d + 4) // 2,
    }
    assert set(cost.operations) == set(cost.vectors)
    assert cost.operations["minimal"] < cost.operations["collapsed"] < cost.operations["standard"]


@pytest.mark.parametrize("samples", [1, 5])
def test_vectors_of_estimates(samples: int) -> None:
    derivation = interpreted(network, samples=samples).derivation(points(20))
    assert derivation.methods == ("standard", "collapsed", "minimal")
    assert derivation.cost.vectors == {
        "standard": 1 + 4 * samples,
        "collapsed": 2 + 3 * samples,
        "minimal": 2 + 3 * samples,
    }


def test_estimates_are_no_products_of_operators() -> None:
    message = message_of(jf.ArgumentError, interpreted(bump, method="nested", samples=2), points(3))
    assert message.startswith("there is no method 'nested' for this operator: it needs an operator")
    assert message.endswith("choose from auto, standard, collapsed, minimal")


# Shapes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_batch_axes(backend: str) -> None:
    op = jf.biharmonic(lambda x: x[0] ** 2 * np.sin(x[1]), backend=backend)
    for batch in [(), (7,), (2, 5), (0,), (2, 0, 3)]:
        x = points(3, *batch)
        assert op(x).shape == batch
        assert_allclose(op(x), (x[..., 0] ** 2 - 4) * np.sin(x[..., 1]), atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_points_with_any_number_of_axes(method: str) -> None:
    shapes: list[tuple[int, ...]] = [(), (1,), (2, 2), (1, 2, 1)]
    for shape in shapes:
        op = interpreted(bump, method=method, point_ndim=len(shape))
        x = points(int(np.prod(shape)), 4).reshape((4, *shape))
        assert_allclose(op(x), bump_biharmonic(x, len(shape)), atol=1e-11)


@pytest.mark.parametrize("method", METHODS)
def test_trees_and_polynomials(method: str) -> None:
    """Of low order, linear and constant results, too."""

    def function(x: Any, p: Any) -> Any:
        return {
            "sum": p * (x @ x) ** 2,
            "all": [x**4, x**3, p * x, 2.0],
            "one": x[0] ** 2 * x[1] ** 2,
        }

    x = points(3, 5)
    found = interpreted(function, method=method)(x, 0.5)
    assert_allclose(found["sum"], np.full(5, 60.0))
    assert_allclose(found["all"][0], np.full((5, 3), 24.0))
    assert_allclose(found["one"], np.full(5, 8.0))
    for zero, shape in zip(found["all"][1:], [(5, 3), (5, 3), (5,)], strict=True):
        assert_array_equal(zero, np.zeros(shape))


# Inside of functions ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_nesting(method: str) -> None:
    a = np.array([0.3, 0.7, -0.4])

    def wave(x: Any) -> Any:
        return np.exp(a @ x)

    def residual(x: Any) -> Any:
        return x[0] * jf.biharmonic(wave, method=method)(x)

    x = points(3, 4)
    expected = (a @ a) ** 2 * (2 * a[0] + x[:, 0] * (a @ a)) * np.exp(x @ a)
    assert_allclose(jf.laplacian(residual, backend="reference")(x), expected, rtol=1e-12)
    _, (slope,) = jf.jet(residual, 1, backend="reference")(x, (np.eye(3)[0],))
    expected = (a @ a) ** 2 * (1 + x[:, 0] * a[0]) * np.exp(x @ a)
    assert_allclose(slope, expected, rtol=1e-12)
    sixth = interpreted(jf.laplacian(wave), method=method)
    assert_allclose(sixth(x), (a @ a) ** 3 * np.exp(x @ a), rtol=1e-12)


def test_pickling_and_names() -> None:
    op = interpreted(np.prod, method="minimal")
    copy = pickle.loads(pickle.dumps(op))
    assert repr(copy) == "Biharmonic(prod, method='minimal', backend='reference')"
    x = points(4, 3)
    assert_array_equal(copy(x), op(x))
