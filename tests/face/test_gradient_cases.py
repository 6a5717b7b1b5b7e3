"""Gradients where something is special: no parameters, overflow, floats, huge moves of indices."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import jetfold as jf
from known_answers import points

BACKENDS = pytest.mark.parametrize("backend", ["reference", "cpu"])


# Gradients that are not finite --------------------------------------------------------------------


@BACKENDS
def test_check_looks_at_what_parameters_alone_give(backend: str) -> None:
    """Each point adds 1; the derivative of the square root is infinite."""
    op = jf.value_and_grad(lambda x, p: np.sqrt(p["a"]) * x[0], backend=backend)
    x, p = np.ones((4, 1)), {"a": 0.0, "b": 1.0}
    assert np.isinf(op(x, p)[1]["a"])
    with pytest.raises(jf.NotFiniteError, match=r'respect to params\["a"\].*parameters alone'):
        op(x, p, check=True)
    assert op(x, {"a": 4.0, "b": 1.0}, check=True)[1] == {"a": 0.25, "b": 0.0}


@BACKENDS
def test_check_blames_no_point_for_an_overflow_of_the_sum(backend: str) -> None:
    op = jf.value_and_grad(lambda x, p: p * x[0], backend=backend, check=True)
    x = np.full((10, 1), 1e308)
    with pytest.raises(jf.NotFiniteError, match=r"overflows float64 in the sum.*each.*is finite"):
        op(x, 1.0, weights=np.ones(10))
    assert np.isfinite(op(x, 1.0)[0])


@BACKENDS
@pytest.mark.filterwarnings("error")
def test_numbers_that_are_not_finite_are_summed_in_silence(backend: str) -> None:
    op = jf.value_and_grad(lambda x, p: p * x[0], backend=backend)
    x, weights = np.ones((3000, 1)), np.ones(3000)
    x[0], x[-1] = np.inf, -np.inf
    assert np.isnan(op(x, 1.0)[0])
    assert op(np.full((3000, 1), 1e307), 1.0, weights=weights)[0] == np.inf
    everywhere = jf.value_and_grad(lambda x, p: p + x[0] ** 0, backend=backend)
    assert everywhere(x, 1e308, weights=weights)[0] == np.inf


def test_check_names_a_weight_and_a_point_without_a_batch() -> None:
    op = jf.value_and_grad(lambda x, p: p * x[0], backend="reference", check=True)
    with pytest.raises(jf.NotFiniteError, match=r"at X\[2\],.*and its weight is nan$"):
        op(np.ones((4, 1)), 1.0, weights=np.array([1, 1, np.nan, 1]))
    with pytest.raises(jf.NotFiniteError, match=r"not finite at X, the first.*X is not finite"):
        op(np.array([np.inf]), 1.0)


# Parameters ---------------------------------------------------------------------------------------


@BACKENDS
def test_jacobian_without_parameters(backend: str) -> None:
    x = points(2, 6).reshape(2, 3, 2)
    op = jf.residual_and_jacobian(lambda x, p: 2 * x, backend=backend)
    residual, jacobian = op(x, {})
    assert_array_equal(residual, 2 * x)
    assert jacobian.shape == (2, 3, 2, 0)


def test_floats_keep_no_precision_in_a_vector() -> None:
    """A float adapts to the arrays beside it, and so it does when it comes back."""
    p: Any = {"W": np.ones(3, np.float32), "scale": 1.5}
    vector, unravel = jf.ravel(p)
    assert vector.dtype == np.float32
    back = unravel(vector.astype(np.float64))
    assert type(back["scale"]) is float
    op = jf.value_and_grad(lambda x, p: p["scale"] * (p["W"] @ x), backend="reference")
    value, _ = op(points(3, 4).astype(np.float32), back)
    assert value.dtype == np.float32
    assert jf.ravel([1.5, 2.5])[0].dtype == np.float64


def test_large_matrices_are_taken_apart_quickly() -> None:
    """The way back of a move is found without a loop over its elements."""

    def loss(x: Any, p: Any) -> Any:
        return (p[::-1, ::2] ** 2).sum() * x[0] + p[[0, 0, 1]].sum()

    p = points(1000, 600)
    op = jf.value_and_grad(loss, backend="reference")
    start = time.process_time()
    _, gradient = op(np.ones((1, 1)), p)
    assert time.process_time() - start < 1
    expected = np.zeros(p.shape)
    expected[:, ::2] = 2 * p[:, ::2]
    expected[0] += 2
    expected[1] += 1
    assert_array_equal(gradient, expected)


# Warnings -----------------------------------------------------------------------------------------


def test_a_kink_is_told_once_whatever_the_shapes() -> None:
    op = jf.value_and_grad(lambda x, p: np.abs(p * x).sum(), backend="reference")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for n in (2, 3, 4):
            op(np.ones((1, n)), 1.0)
    assert [warning.category for warning in caught] == [jf.NotDifferentiableWarning]
