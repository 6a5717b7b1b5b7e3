"""Residuals and their Jacobians, and trees of parameters as vectors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import least_squares

import jetfold as jf
from known_answers import points


def wave(x: Any, p: Any) -> Any:
    return p["a"] * np.sin(p["k"] @ x)


def parameters() -> Any:
    return {"a": 1.3, "k": np.array([0.5, -0.7])}


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_scalar_residual(backend: str) -> None:
    x, p = points(2, 12).reshape(3, 4, 2), parameters()
    residual, jacobian = jf.residual_and_jacobian(wave, backend=backend)(x, p)
    phase = x @ p["k"]
    assert_allclose(residual, 1.3 * np.sin(phase), rtol=1e-12)
    assert_allclose(jacobian[..., 0], np.sin(phase), rtol=1e-12)
    assert_allclose(jacobian[..., 1:], 1.3 * np.cos(phase)[..., None] * x, rtol=1e-12)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_residual_with_axes(backend: str) -> None:
    """Rows of the Jacobian for each entry; some parameters are in none, some only in one."""

    def residual(x: Any, p: Any) -> Any:
        return np.stack([p["a"] * x, np.tanh(p["k"])])

    x, p = points(2, 5), parameters() | {"unused": np.ones((2, 1))}
    found, jacobian = jf.residual_and_jacobian(residual, backend=backend)(x, p)
    assert found.shape == (5, 2, 2)
    expected = np.zeros((5, 2, 2, 5))
    expected[:, 0, :, 0] = x
    expected[:, 1, [0, 1], [1, 2]] = 1 - np.tanh(p["k"]) ** 2
    assert_allclose(jacobian, expected, rtol=1e-12, atol=1e-15)


def test_columns_are_in_the_order_of_ravel() -> None:
    x, p = points(2, 6), parameters()
    vector, unravel = jf.ravel(p)
    op = jf.residual_and_jacobian(jf.laplacian(wave), backend="reference")
    _, jacobian = op(x, p)
    for i, step in enumerate(np.eye(3) * 1e-6):
        moved = (op(x, unravel(vector + step))[0] - op(x, unravel(vector - step))[0]) / 2e-6
        assert_allclose(jacobian[:, i], moved, rtol=1e-7)


def test_least_squares_of_scipy() -> None:
    """Levenberg and Marquardt find the parameters with which the data were made."""
    x, p = points(2, 30), parameters()
    data = np.column_stack([x, wave(x.T, p)])
    op = jf.residual_and_jacobian(lambda z, p: wave(z[:2], p) - z[2], backend="reference")
    start, unravel = jf.ravel({"a": 1.0, "k": np.array([0.4, -0.5])})

    def residual(vector: Any) -> Any:
        return op(data, unravel(vector))[0]

    def jacobian(vector: Any) -> Any:
        return op(data, unravel(vector))[1]

    found = least_squares(residual, start, jacobian, method="lm")
    assert_allclose(found.x, jf.ravel(p)[0], rtol=1e-10)


def test_no_points() -> None:
    op = jf.residual_and_jacobian(wave, backend="reference")
    residual, jacobian = op(np.empty((0, 2)), parameters())
    assert (residual.shape, jacobian.shape) == ((0,), (0, 3))


def test_several_values_are_refused() -> None:
    with pytest.raises(jf.ShapeError, match=r"gives 2 values.*stack or concatenate"):
        jf.residual_and_jacobian(lambda x, p: (p, p))(np.ones((2, 2)), 1.0)


# Vectors ------------------------------------------------------------------------------------------


class Pair(NamedTuple):
    first: Any
    second: Any


def test_ravel_and_back() -> None:
    tree = {"b": Pair(np.arange(4.0).reshape(2, 2), (5.0,)), "a": [np.float32(7), None]}
    vector, unravel = jf.ravel(tree)
    assert_array_equal(vector, [7, 0, 1, 2, 3, 5])
    assert vector.dtype == np.float64
    again = unravel(vector + 1)
    assert isinstance(again["b"], Pair)
    assert_array_equal(again["b"].first, [[1, 2], [3, 4]])
    assert again["b"].second == (6,)
    assert again["a"][0].dtype == np.float32
    assert again["a"][1] is None


def test_vector_is_a_copy_and_trees_are_views() -> None:
    tree = [np.zeros(2), np.zeros((2, 2))]
    vector, unravel = jf.ravel(tree)
    vector[:] = 1
    assert not tree[0].any()
    assert np.shares_memory(unravel(vector)[1], vector)


def test_precision_of_single_parameters_is_kept() -> None:
    vector, unravel = jf.ravel([np.ones(2, np.float32)])
    assert vector.dtype == np.float32
    assert unravel(np.ones(2))[0].dtype == np.float32  # SciPy works in double precision


def test_empty_tree() -> None:
    vector, unravel = jf.ravel({})
    assert vector.shape == (0,)
    assert unravel(vector) == {}


def test_vector_of_another_length() -> None:
    _, unravel = jf.ravel([np.ones(2)])
    with pytest.raises(jf.ArgumentError, match=r"shape \(3,\).*2 entries"):
        unravel(np.ones(3))


def test_integers_do_not_go_into_a_vector() -> None:
    with pytest.raises(jf.ArgumentError, match=r'params\["n"\] has dtype int64'):
        jf.ravel({"n": np.ones(2, int)})
