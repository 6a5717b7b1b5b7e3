"""`jf.weighted_laplacian`: against JAX, every way to give sigma, what is wrong with others."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import jetfold as jf
from jax_once import evaluate
from known_answers import points
from oracle_functions import DIMENSION, FUNCTIONS, Modules, parameters

Function = Callable[..., Any]
METHODS = ["standard", "collapsed", "minimal", "auto"]
interpreted = partial(jf.weighted_laplacian, backend="reference")
random = np.random.default_rng(0)
TALL, WIDE = random.normal(size=(DIMENSION, 2)), random.normal(size=(DIMENSION, 9))
SYMMETRIC = TALL @ TALL.T - 0.3 * WIDE @ WIDE.T


def varying(m: Modules, x: Any) -> Any:
    """Columns that differ from point to point."""
    return m.np.stack([m.np.sin(x), x * x[0], m.np.ones_like(x) / (1 + x @ x)], axis=-1)


# Against JAX --------------------------------------------------------------------------------------

NUMPY = Modules(np, scipy.special)

# sigma, options, and the matrix of weights at a point
SIGMAS: dict[str, tuple[Any, dict[str, Any], Function]] = {
    "two columns": (TALL, {}, lambda x: TALL @ TALL.T),
    "one column": (TALL[:, :1], {}, lambda x: TALL[:, :1] @ TALL[:, :1].T),
    "more columns than coordinates": (WIDE, {}, lambda x: WIDE @ WIDE.T),
    "a list of integers": (
        np.arange(12).reshape(6, 2).tolist(),
        {},
        lambda x: np.arange(12.0).reshape(6, 2) @ np.arange(12.0).reshape(6, 2).T,
    ),
    "a matrix": (SYMMETRIC, {"matrix": True}, lambda x: SYMMETRIC),
    "a pair": ((TALL, WIDE), {}, lambda x: TALL @ TALL.T - WIDE @ WIDE.T),
    "a function": (
        partial(varying, NUMPY),
        {},
        lambda x: varying(NUMPY, x) @ varying(NUMPY, x).T,
    ),
    "a function and an array": (
        (partial(varying, NUMPY), TALL),
        {},
        lambda x: varying(NUMPY, x) @ varying(NUMPY, x).T - TALL @ TALL.T,
    ),
    "only a negative part": (
        (np.zeros((6, 0)), TALL),
        {},
        lambda x: -TALL @ TALL.T,
    ),
}


@pytest.fixture
def jax() -> Iterator[Any]:
    jax = pytest.importorskip("jax", reason="JAX, the second oracle, is not installed")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield jax
    jax.config.update("jax_enable_x64", before)


@cache
def hessians(jax: Any, name: str, count: int) -> NDArray[Any]:
    """The second derivatives of a function at the first points, for all sigmas."""
    hessian = jax.hessian(partial(FUNCTIONS[name], Modules(jax.numpy, jax.scipy.special)))
    every = jax.vmap(hessian, in_axes=(0, None))
    found = np.asarray(evaluate(every, points(DIMENSION, count), parameters()))
    assert found.dtype == np.float64
    return found


def expected_of(jax: Any, name: str, weights: Function, x: NDArray[Any]) -> NDArray[Any]:
    weighted = zip(x, hessians(jax, name, len(x)), strict=True)
    found = np.array([np.sum(weights(point) * second, axis=(-2, -1)) for point, second in weighted])
    assert np.abs(found).min() > 0
    return found


@pytest.mark.parametrize("given", SIGMAS)
@pytest.mark.parametrize("name", ["tanh network", "silu network", "normalised", "pendulum"])
def test_against_hessians(jax: Any, name: str, given: str) -> None:
    name = {"normalised": "layer norm"}.get(name, name)
    x, p = points(DIMENSION, 4), parameters()
    sigma, options, weights = SIGMAS[given]
    expected = expected_of(jax, name, weights, x)
    for method in METHODS:
        op = interpreted(partial(FUNCTIONS[name], NUMPY), sigma, method=method, **options)
        scale = np.abs(expected).max()
        assert_allclose(op(x, p), expected, rtol=1e-10, atol=1e-10 * scale, err_msg=method)


@pytest.mark.parametrize("given", ["a matrix", "a function", "a function and an array"])
@pytest.mark.parametrize("method", ["collapsed", "minimal"])
def test_against_hessians_compiled(jax: Any, given: str, method: str) -> None:
    x, p = points(DIMENSION, 60), parameters()
    sigma, options, weights = SIGMAS[given]
    expected = expected_of(jax, "tanh network", weights, x)
    op = jf.weighted_laplacian(
        partial(FUNCTIONS["tanh network"], NUMPY), sigma, method=method, **options
    )
    assert_allclose(op(x, p), expected, rtol=1e-10, atol=1e-10)


# Ways to give sigma -------------------------------------------------------------------------------


def waves(x: Any) -> Any:
    return np.sin(x[0]) * np.exp(x[1] * x[2])


def second(x: NDArray[Any]) -> NDArray[Any]:
    """The second derivatives of `waves` at points (.., 3)."""
    a, b, c = np.moveaxis(x, -1, 0)
    s, k, e = np.sin(a), np.cos(a), np.exp(b * c)
    rows = [
        [-s, k * c, k * b],
        [k * c, s * c**2, s * (1 + b * c)],
        [k * b, s * (1 + b * c), s * b**2],
    ]
    return np.moveaxis(np.array(rows) * e, (0, 1), (-2, -1))


X = points(3, 5)
ROOT = np.array([[1.0, 0.5], [0.0, -2.0], [0.25, 1.0]])


def check(op: Function, weights: NDArray[Any], *parameters: Any) -> None:
    expected = np.sum(weights * second(X), axis=(-2, -1))
    assert_allclose(op(X, *parameters), expected, rtol=1e-12, atol=1e-12)


def test_no_factor_of_one_half_and_a_laplacian() -> None:
    assert_allclose(interpreted(lambda x: x[0] ** 2, np.eye(1))(np.ones((1, 1))), [2.0])
    laplacian = jf.laplacian(waves, backend="reference")(X)
    assert_allclose(interpreted(waves, np.eye(3))(X), laplacian, rtol=1e-13)
    assert_allclose(interpreted(waves, np.eye(3), matrix=True)(X), laplacian, rtol=1e-13)


def test_sigma_is_not_differentiated() -> None:
    """Neither where it is smooth nor where it is not."""
    check(
        interpreted(waves, lambda x: (x * x[0])[:, None]),
        (X * X[:, :1])[:, :, None] * (X * X[:, :1])[:, None],
    )
    check(
        interpreted(waves, lambda x: np.sign(x)[:, None]),
        np.sign(X)[:, :, None] * np.sign(X)[:, None],
    )
    function_of_u = interpreted(waves, lambda x: waves(x) * np.eye(3))
    check(
        function_of_u, (np.sin(X[:, 0]) * np.exp(X[:, 1] * X[:, 2]))[:, None, None] ** 2 * np.eye(3)
    )


def test_functions_take_parameters_or_none() -> None:
    def with_parameters(x: Any, p: Any) -> Any:
        return p["a"] * np.stack([x, x**2], axis=-1)

    def function(x: Any, p: Any) -> Any:
        return p["b"] * waves(x)

    columns = np.stack([X, X**2], axis=-1)
    p = {"a": np.float64(0.5), "b": 3.0}
    weights = columns @ np.swapaxes(columns, -1, -2)
    check(interpreted(function, with_parameters), 3 * 0.25 * weights, p)
    check(interpreted(function, lambda x: np.stack([x, x**2], axis=-1)), 3 * weights, p)
    check(
        interpreted(function, lambda x, *p: p[0]["a"] * np.stack([x, x**2], axis=-1)),
        3 * 0.25 * weights,
        p,
    )
    check(
        interpreted(function, lambda x, q=None: ROOT if q is None else q["a"] * ROOT),
        3 * 0.25 * ROOT @ ROOT.T,
        p,
    )
    check(interpreted(waves, lambda x, q=None: ROOT if q is None else q["a"] * ROOT), ROOT @ ROOT.T)
    check(interpreted(waves, lambda x: ROOT), ROOT @ ROOT.T)
    check(
        interpreted(lambda x, a, b: a * waves(x), lambda x, a, b: b * ROOT),
        2 * 9 * ROOT @ ROOT.T,
        2.0,
        3.0,
    )


def test_what_sigma_was_is_what_counts() -> None:
    sigma = ROOT.copy()
    op = interpreted(waves, sigma)
    sigma[:] = 0
    check(op, ROOT @ ROOT.T)


def test_pairs() -> None:
    weights = ROOT @ ROOT.T - np.ones((3, 3))
    check(interpreted(waves, (ROOT, np.ones((3, 1)))), weights)
    check(interpreted(waves, (ROOT, lambda x: x[:, None] ** 0)), weights)
    check(interpreted(waves, (ROOT.tolist(), [[1], [1], [1]])), weights)
    check(interpreted(waves, (ROOT, ROOT)), np.zeros((3, 3)))


def test_matrices_by_their_eigenvalues() -> None:
    turned, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    for values, sizes in [
        ([3.0, 2.0, 1.0], (3, 0)),
        ([3.0, -2.0, 1.0], (2, 1)),
        ([3.0, -2.0, 0.0], (1, 1)),
        ([0.0, 0.0, 1e-3], (1, 0)),
        ([-1.0, -1.0, -1e-9], (0, 3)),
        ([1.0, 1e-17, -1e-17], (1, 0)),
        ([0.0, 0.0, 0.0], (0, 0)),
        ([1e-300, -1e-300, 0.0], (1, 1)),
    ]:
        matrix = turned @ np.diag(values) @ turned.T
        op = interpreted(waves, matrix, matrix=True)
        assert tuple(np.asarray(factor.columns).shape[-1] for factor in op.factors) == sizes, values
        check(op, matrix)
        for method in METHODS:
            check(interpreted(waves, matrix, matrix=True, method=method), matrix)


def test_matrices_in_single_precision() -> None:
    """Round-off is that of the matrix's own precision."""
    root = TALL[:3]
    matrix = (root @ root.T).astype(np.float32)
    op = interpreted(waves, matrix, matrix=True)
    assert [np.asarray(factor.columns).shape for factor in op.factors] == [(3, 2), (3, 0)]
    expected = np.sum(root @ root.T * second(X), axis=(1, 2))
    assert_allclose(op(X), expected, rtol=1e-5, atol=1e-5)
    integers = interpreted(waves, [[2, 1, 0], [1, 2, 0], [0, 0, 0]], matrix=True)
    check(integers, np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 0.0]]))


@pytest.mark.parametrize("method", METHODS)
def test_no_columns_at_all(method: str) -> None:
    for sigma in [
        np.zeros((3, 0)),
        (np.zeros((3, 0)), np.zeros((3, 0))),
        lambda x: x[:, None][:, :0],
    ]:
        op = interpreted(lambda x: {"a": waves(x), "b": x}, sigma, method=method)
        found = op(X)
        assert_array_equal(found["a"], np.zeros(5))
        assert_array_equal(found["b"], np.zeros((5, 3)))


# Shapes -------------------------------------------------------------------------------------------


def test_points_with_any_number_of_axes() -> None:
    def flat(x: Any) -> Any:
        return waves(x.reshape(-1) if x.ndim else np.stack([x, x, x]))

    columns = ROOT.reshape(1, 3, 2)
    weights = ROOT @ ROOT.T
    x = X.reshape(5, 1, 3)
    expected = np.sum(weights * second(X), axis=(1, 2))
    make = partial(interpreted, flat, point_ndim=2)
    assert_allclose(make(columns)(x), expected, rtol=1e-12)
    assert_allclose(make(lambda x: columns)(x), expected, rtol=1e-12)
    assert_allclose(make((columns, lambda x: 0 * x[..., None]))(x), expected, rtol=1e-12)
    assert_allclose(make(weights.reshape(1, 3, 1, 3), matrix=True)(x), expected, rtol=1e-12)
    numbers = interpreted(np.sin, [2.0, 1.0], point_ndim=0)
    assert_allclose(numbers(X), -5 * np.sin(X), rtol=1e-13)
    assert_allclose(interpreted(np.sin, -3.0, matrix=True, point_ndim=0)(X), 3 * np.sin(X))


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_batch_axes_and_precision(backend: str) -> None:
    op = jf.weighted_laplacian(
        lambda x: np.sin(x[0]) * x[1], (lambda x: x[:, None], ROOT[:2]), backend=backend
    )
    for batch in [(), (7,), (2, 3), (0,), (2, 0)]:
        x = points(3, *batch)[..., :2]
        a, b = x[..., 0], x[..., 1]
        weights = x[..., :, None] * x[..., None, :] - ROOT[:2] @ ROOT[:2].T
        expected = -weights[..., 0, 0] * np.sin(a) * b + 2 * weights[..., 0, 1] * np.cos(a)
        assert op(x).shape == batch
        assert_allclose(op(x), expected, rtol=1e-12)
        single = op(x.astype(np.float32))
        assert single.dtype == np.float32
        assert_allclose(single, expected, rtol=1e-4)


# Counts -------------------------------------------------------------------------------------------


def network(x: Any) -> Any:
    hidden = np.tanh(x @ np.ones((x.shape[0], 4)))
    return np.sum(np.tanh(hidden @ np.ones((4, 4))))


@pytest.mark.parametrize("rank", [1, 2, 5, 8])
def test_vectors(rank: int) -> None:
    sigma = np.random.default_rng(2).normal(size=(5, rank))
    fewest = 2 + rank
    for given in (sigma, lambda x: x[0] * sigma):
        cost = jf.weighted_laplacian(network, given).derivation(np.ones(5)).cost
        assert cost.vectors == {"standard": 1 + 2 * rank, "collapsed": fewest, "minimal": fewest}
    pair = jf.weighted_laplacian(network, (sigma, TALL[:5, :1])).derivation(np.ones(5)).cost.vectors
    assert pair["standard"] == 1 + 2 * (rank + 1)
    assert pair["collapsed"] == 1 + rank + 1 + 2  # each sign has a sum of its own
    assert pair["minimal"] == 3 + rank


def test_a_part_without_columns_costs_nothing() -> None:
    """A matrix without negative eigenvalues has samples for its positive part alone."""
    op = interpreted(
        network, ROOT @ ROOT.T, matrix=True, samples=2, distribution="coordinates", seed=0
    )
    assert op.derivation(X).cost.vectors["collapsed"] == 4
    assert_allclose(op(X), interpreted(network, ROOT)(X), rtol=1e-12)


# Inside of functions ------------------------------------------------------------------------------


def test_nesting() -> None:
    """L u = x.x d^2u/dx0^2 of a wave, and the Laplacian of that."""
    a = np.array([0.3, 0.7, -0.4])

    def wave(x: Any) -> Any:
        return np.exp(a @ x)

    def sigma(x: Any) -> Any:
        return np.stack([np.linalg.norm(x), 0 * x[0], 0 * x[0]])[:, None]

    r2, size = np.sum(X**2, axis=1), a @ a
    value = a[0] ** 2 * np.exp(X @ a)
    expected = value * (6 + 4 * X @ a + r2 * size)
    for method in METHODS:
        inner = jf.weighted_laplacian(wave, sigma, method=method)
        assert_allclose(interpreted(wave, sigma, method=method)(X), r2 * value, rtol=1e-12)
        assert_allclose(jf.laplacian(inner, backend="reference")(X), expected, rtol=1e-12)
        twice = interpreted(jf.laplacian(wave), sigma, method=method)
        assert_allclose(twice(X), r2 * size * value, rtol=1e-12)
    _, (slope,) = jf.jet(jf.weighted_laplacian(wave, sigma), 1, backend="reference")(
        X, (np.eye(3)[1],)
    )
    assert_allclose(slope, value * (2 * X[:, 1] + r2 * a[1]), rtol=1e-12)


def test_traced_values_as_sigma() -> None:
    """Inside of a traced function sigma may be a value there, or depend on its parameters."""

    def function(x: Any, p: Any) -> Any:
        columns = p * np.stack([x, x**2], axis=-1)
        first = jf.weighted_laplacian(waves, columns)(x)
        second = jf.weighted_laplacian(waves, (lambda y: p * x[:, None], columns))(x)
        return {"one": first, "pair": second}

    columns = 2 * np.stack([X, X**2], axis=-1)
    weights = columns @ np.swapaxes(columns, 1, 2)
    found, (_,) = jf.jet(function, 1, backend="reference")(X, (0,), 2.0)
    expected = np.sum(weights * second(X), axis=(1, 2))
    assert_allclose(found["one"], expected, rtol=1e-12)
    squares = 4 * X[:, :, None] * X[:, None, :]
    expected = np.sum((squares - weights) * second(X), axis=(1, 2))
    assert_allclose(found["pair"], expected, rtol=1e-12, atol=1e-12)


def test_operators_in_sigma() -> None:
    """sigma = Lap(g) v; its nodes are no coefficients of the function's."""

    def gaussian(x: Any) -> Any:
        return np.exp(-x @ x / 2)

    op = interpreted(waves, lambda x: jf.laplacian(gaussian)(x) * ROOT)
    s = np.sum(X**2, axis=1)
    weights = ((s - 3) * np.exp(-s / 2))[:, None, None] ** 2 * (ROOT @ ROOT.T)
    check(op, weights)

    def deep(x: Any) -> Any:
        for _ in range(5):
            x = np.sin(x) + np.cos(x[::-1])
        return network(x)

    def inner(x: Any) -> Any:
        return jf.laplacian(network)(x) * TALL[:3]

    # The outer operator has four vectors, the one in sigma five; not of the same nodes, except that
    # values that u has, too, count for u.
    assert interpreted(network, inner).derivation(X).cost.vectors["collapsed"] == 4
    assert interpreted(deep, inner).derivation(X).cost.vectors["collapsed"] == 5


def test_pickling_and_names() -> None:
    op = interpreted(np.prod, ROOT)
    copy = pickle.loads(pickle.dumps(op))
    assert repr(copy) == "WeightedLaplacian(prod, sigma=array(3, 2), backend='reference')"
    assert_array_equal(copy(X), op(X))
    pair = pickle.loads(pickle.dumps(interpreted(np.prod, (np.diag, ROOT), samples=3)))
    assert "sigma=(diag, array(3, 2)), backend='reference', samples=3" in repr(pair)
    split = interpreted(np.prod, SYMMETRIC, matrix=True)
    assert "(prod, sigma=array(6, 6), matrix=True, " in repr(split)
