"""`jf.laplacian`: shapes of points and results, singular points, random directions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import jetfold as jf
from known_answers import points

Function = Callable[..., Any]
interpreted = partial(jf.laplacian, backend="reference")


def gaussian(x: Any) -> Any:
    return np.exp(-np.sum(x**2) / 2)


def gaussian_laplacian(x: NDArray[Any], point_ndim: int = 1) -> Any:
    axes = tuple(range(x.ndim - point_ndim, x.ndim))
    r2, d = np.sum(x**2, axis=axes), np.prod([x.shape[axis] for axis in axes])
    return (r2 - d) * np.exp(-r2 / 2)


# Shapes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_batch_axes(backend: str) -> None:
    op = jf.laplacian(gaussian, backend=backend)
    for batch in [(), (1,), (7,), (300,), (2, 5), (3, 1, 4), (0,), (2, 0, 3)]:
        x = points(3, *batch)
        found = op(x)
        assert isinstance(found, np.ndarray)
        assert found.shape == batch
        assert_allclose(found, gaussian_laplacian(x), rtol=1e-12)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_points_with_any_number_of_axes(backend: str) -> None:
    shapes: list[tuple[int, ...]] = [(), (2, 3)]
    for shape in shapes if backend == "cpu" else [*shapes, (4,), (2, 1, 3)]:
        op = jf.laplacian(gaussian, backend=backend, point_ndim=len(shape))
        for batch in [(), (5,), (2, 2), (0,)]:
            size = int(np.prod(shape))
            x = points(size, *batch).reshape((*batch, *shape))
            found = op(x)
            assert found.shape == batch
            assert_allclose(found, gaussian_laplacian(x, len(shape)), rtol=1e-12)


def test_a_point_is_a_number() -> None:
    op = interpreted(lambda x: np.sin(3 * x), point_ndim=0)
    found = op(0.25)
    assert isinstance(found, np.ndarray)
    assert_allclose(found, -9 * np.sin(0.75), rtol=1e-14)


def test_points_without_coordinates() -> None:
    assert_array_equal(interpreted(lambda x: np.sum(x) + 1)(np.empty((4, 0))), np.zeros(4))


def cube(x: NDArray[Any]) -> NDArray[Any]:
    """The Laplacian of x_i x_j x_0, twice."""
    result = 2 * x[0] * np.eye(3)
    result[0] += 2 * x
    result[:, 0] += 2 * x
    return np.stack([result, result], axis=-1)


OUTPUTS: dict[str, tuple[Function, Function]] = {
    # a function of a point in R^3, and its Laplacian
    "a vector": (lambda x: x**3, lambda x: 6 * x),
    "a matrix": (lambda x: np.outer(x, x), lambda x: 2 * np.eye(3)),
    "a cube": (lambda x: np.multiply.outer(np.outer(x, x), np.ones(2)) * x[0], cube),
    "the point": (lambda x: x, lambda x: np.zeros(3)),
    "linear in the point": (lambda x: np.ones((2, 3)) @ x + 1, lambda x: np.zeros(2)),
    "a constant": (lambda x: 3.0, lambda x: 0.0),
    "a constant array": (lambda x: np.arange(4.0), lambda x: np.zeros(4)),
    "nothing": (lambda x: x[:0] ** 2, lambda x: np.zeros(0)),
    "a comparison": (lambda x: x > 0, lambda x: np.zeros(3)),
    "a part of the point": (lambda x: x[1:] ** 2, lambda x: np.full(2, 2.0)),
    "one of the coordinates": (lambda x: x[1] ** 4, lambda x: 12 * x[1] ** 2),
}


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_results_of_any_shape(backend: str) -> None:
    """All of them in one tree, which keeps its containers; None stays None."""

    def function(x: Any) -> Any:
        return {"parts": [f(x) for f, _ in OUTPUTS.values()], "pair": (x[0] ** 2, None)}

    x = points(3, 2, 4)
    found = jf.laplacian(function, backend=backend)(x)
    assert list(found) == ["pair", "parts"]
    assert isinstance(found["pair"], tuple)
    assert isinstance(found["parts"], list)
    assert found["pair"][1] is None
    assert_allclose(found["pair"][0], np.full((2, 4), 2.0))
    for name, (_, laplacian), part in zip(OUTPUTS, OUTPUTS.values(), found["parts"], strict=True):
        expected = np.array([[laplacian(point) for point in row] for row in x])
        assert part.shape == expected.shape, name
        assert_allclose(part, expected, rtol=1e-13, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_results_are_the_callers_own(backend: str) -> None:
    """Writing into a result, or into the input afterwards, changes no other result."""
    op = jf.laplacian(lambda x: {"a": x**3, "b": x**3, "c": np.ones(3)}, backend=backend)
    x = points(3, 6)
    first = op(x)
    expected = 6 * x
    x[:] = 0
    first["b"][:] = 7
    first["c"][:] = 7
    assert_allclose(first["a"], expected)
    op(points(3, 6))
    assert_allclose(first["a"], expected)


# Points beside other points ----------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_nan_and_infinity_stay_where_they_are(backend: str) -> None:
    w = np.random.default_rng(0).normal(size=(3, 8))
    op = jf.laplacian(lambda x: np.sum(np.tanh(x @ w)) + np.exp(-x @ x), backend=backend)
    for count in (1, 20, 333):
        x = points(3, count)
        clean = op(x)
        x[0] = np.nan
        x[count // 2, 1] = np.inf
        x[count - 1, 2] = -np.inf
        found = op(x)
        dirty = np.zeros(count, bool)
        dirty[[0, count // 2, count - 1]] = True
        assert np.isfinite(clean).all()
        assert_array_equal(found[~dirty], clean[~dirty])
        assert np.isnan(found[0])


def guarded(x: Any) -> Any:
    """sqrt where it is defined, in two ways of writing it."""
    safe = np.where(x > 0, x, 1.0)
    return np.where(x > 0, np.sqrt(safe), 0.0) + np.where(x > 0, np.sqrt(x), 0.0)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_finite_values_at_hard_points(backend: str) -> None:
    """Powers at 0 and of negative numbers, dead branches, and what must not overflow."""
    two = np.float64(2)

    def function(x: Any) -> Any:
        return {
            "powers": x**2 + x**two + np.power(x, 2) + np.square(x) + x**3 + x**3.0 + x**1,
            "guarded": guarded(x),
            "softplus": np.logaddexp(x, 0.0),
            "larger": np.maximum(x, 0.0) ** 3 + np.abs(x) ** 3,
            "product": np.prod(x * x),
        }

    x = np.array([[0.0, 1.0, -1.0], [0.0, -700.0, 700.0], [0.0, 0.0, 0.0]])
    found = jf.laplacian(function, backend=backend)(x)
    positive = np.where(x > 0, x, np.inf)
    sigmoid = 1 / (1 + np.exp(-np.abs(x)))
    squares = x**2
    product = 2 * sum(squares[:, i] * squares[:, j] for i, j in [(0, 1), (0, 2), (1, 2)])
    assert_allclose(found["powers"], 8 + 12 * x)
    assert_allclose(found["guarded"], -0.5 * positive**-1.5)
    assert_allclose(found["softplus"], sigmoid * (1 - sigmoid), rtol=1e-12, atol=1e-300)
    assert_allclose(found["larger"], 6 * np.maximum(x, 0) + 6 * np.abs(x))
    assert_allclose(found["product"], product)


# Random directions ------------------------------------------------------------------------------

HESSIAN = np.array([[1.0, 0.5, -0.3], [0.5, -2.0, 0.8], [-0.3, 0.8, 3.0]])
VARIANCE = {  # of v.Hv for one direction v
    "normal": 2 * np.sum(HESSIAN**2),
    "rademacher": 2 * (np.sum(HESSIAN**2) - np.sum(np.diag(HESSIAN) ** 2)),
}


def quadratic(x: Any) -> Any:
    """Its Hessian is the same everywhere, so that estimates vary with the directions only."""
    return x @ HESSIAN @ x / 2


@pytest.mark.parametrize("distribution", VARIANCE)
@pytest.mark.parametrize("method", ["standard", "collapsed", "minimal"])
def test_estimates_have_the_right_mean_and_variance(distribution: str, method: str) -> None:
    calls, samples = 2000, 4
    variance = VARIANCE[distribution] / samples
    op = interpreted(quadratic, method=method, samples=samples, distribution=distribution, seed=1)
    x = points(3, 1)
    found = np.array([op(x)[0] for _ in range(calls)])
    standard_errors = (found.mean() - np.trace(HESSIAN)) / np.sqrt(variance / calls)
    assert abs(standard_errors) < 4
    # The fourth moment of such estimates is below ten times their squared variance.
    assert abs(found.var() / variance - 1) < 4 * np.sqrt(9 / calls)


@pytest.mark.parametrize("distribution", VARIANCE)
def test_random_directions_compiled(distribution: str) -> None:
    """The same numbers as interpreted, the mean over seeds within its standard error."""
    x = points(3, 40)
    make = partial(jf.laplacian, quadratic, samples=64, distribution=distribution)
    found = []
    for seed in range(30):
        compiled = make(seed=seed)(x)
        assert_allclose(compiled, make(seed=seed, backend="reference")(x), rtol=1e-12)
        found.append(compiled)
    standard_error = np.sqrt(VARIANCE[distribution] / 64 / 30)
    assert abs(np.mean(found) - np.trace(HESSIAN)) < 4 * standard_error
    assert np.ptp(found, axis=1).max() < 1e-12  # the same directions for all points of a call
    assert np.std(found, axis=0).min() > 0


def test_rademacher_is_exact_without_mixed_derivatives() -> None:
    for seed in range(5):
        op = interpreted(lambda x: np.sum(x**4), samples=1, distribution="rademacher", seed=seed)
        x = points(3, 5)
        assert_allclose(op(x), np.sum(12 * x**2, axis=1), rtol=1e-13)


def test_a_seed_gives_a_sequence_of_directions() -> None:
    x = points(3, 2)
    make = partial(interpreted, quadratic, samples=3)
    one, two, other = make(seed=7), make(seed=7), make(seed=8)
    first = [one(x) for _ in range(4)]
    assert_array_equal(first, [two(x) for _ in range(4)])
    assert len({float(values[0]) for values in first}) == 4
    assert not np.isin([other(x) for _ in range(4)], first).any()
    assert make()(x)[0] != make()(x)[0]  # no seed, no sequence


def test_random_directions_in_points_with_two_axes_and_single_precision() -> None:
    op = interpreted(lambda x: np.sum(x**2), point_ndim=2, samples=500, seed=0)
    found = op(points(6, 3).reshape(3, 2, 3).astype(np.float32))
    assert found.dtype == np.float32
    assert_allclose(found, np.full(3, 12.0), atol=4 * np.sqrt(2 * 4 * 6 / 500))
    assert op(np.empty((0, 2, 3))).shape == (0,)
