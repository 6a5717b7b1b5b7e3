"""Checks of gradients with backend="cuda", for numba's simulator (see `simulation`) and a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

import jetfold as jf
from gpu_arrays import Described
from jetfold.backends.cuda import compiled, launches, sums
from jetfold.backends.cuda.device import simulated
from jetfold.backends.cuda.product import TILINGS
from messages import message_of
from simulated import TINY
from simulated_face import CUDA, PARAMS, RANDOM, X, layer, leaves, on_host

FEW = {"BLOCKS": 3, "THREADS": 32, "LEAST_LANES": 4, "MOST_LANES": 8}


@contextmanager
def few_parts() -> Iterator[None]:
    """In the simulator few parts of sums, and small tiles: its threads are threads of Python."""
    with ExitStack() as stack:
        if simulated():
            for name, value in FEW.items():
                stack.enter_context(mock.patch.object(sums, name, value))
            stack.enter_context(mock.patch.object(compiled, "ALIGNMENT", 4))
            stack.enter_context(mock.patch.object(launches, "MOST_THREADS", 32))
            stack.enter_context(mock.patch.dict(TILINGS, float32=TINY, float64=TINY))
        yield


def loss(x: Any, params: Any) -> Any:
    return (jf.laplacian(layer)(x, params) - np.sin(x[0])) ** 2


def same(found: Any, expected: Any, rtol: float) -> None:
    """Trees of equal arrays of NumPy."""
    for one, other in zip(leaves(found), leaves(expected), strict=True):
        assert isinstance(one, (np.ndarray, np.floating))
        assert one.dtype == other.dtype
        assert_allclose(one, other, rtol=rtol, atol=rtol * np.abs(other).max(initial=1))


def check_value_and_grad() -> None:
    single = {name: value.astype(np.float32) for name, value in PARAMS.items()}
    with few_parts():
        for argnums in (1, (0, 1)):
            gpu, other = (
                jf.value_and_grad(loss, argnums=argnums, backend=backend)
                for backend in (CUDA, "reference")
            )
            same(gpu(X, PARAMS), other(X, PARAMS), 1e-12)
            weights = RANDOM.uniform(size=5)
            same(gpu(X, PARAMS, weights=weights), other(X, PARAMS, weights=weights), 1e-12)
        found = jf.value_and_grad(loss, backend=CUDA)(X.astype(np.float32), single)
    same(found, jf.value_and_grad(loss, backend="reference")(X.astype(np.float32), single), 2e-5)


def check_the_same_bits() -> None:
    """A third call replays a recording, on a GPU."""
    with few_parts():
        op = jf.value_and_grad(loss, backend=CUDA)
        first, *others = (op(X, PARAMS) for _ in range(4))
    for found in others:
        for one, other in zip(leaves(found), leaves(first), strict=True):
            assert_array_equal(one, other)


def check_parameters_alone() -> None:
    """What is computed of parameters alone has its gradient from the host."""

    def scaled(x: Any, params: Any) -> Any:
        weights = np.exp(params["W"]) / (1 + params["b"] @ params["b"])
        return np.tanh(weights @ x).sum() + params["b"].sum()

    with few_parts():
        gpu, other = (jf.value_and_grad(scaled, backend=b) for b in (CUDA, "reference"))
        same(gpu(X, PARAMS), other(X, PARAMS), 1e-12)


def check_vjp() -> None:
    def values(x: Any, params: Any) -> Any:
        return {"a": np.tanh(params["W"] @ x), "b": params["b"] * x[0]}

    batch = X.reshape(5, 1, 3)
    with few_parts():
        results = []
        for backend in (CUDA, "reference"):
            found, pull = jf.vjp(values, backend=backend)(batch, PARAMS)
            results.append((found, pull({name: np.cos(part) for name, part in found.items()})))
    same(results[0], results[1], 1e-12)


def check_randomised_losses() -> None:
    def estimated(x: Any, params: Any) -> Any:
        return jf.laplacian(layer, samples=2, seed=4)(x, params) ** 2

    with few_parts():
        gpu, other = (jf.value_and_grad(estimated, backend=b) for b in (CUDA, "reference"))
        same(gpu(X, PARAMS), other(X, PARAMS), 1e-12)


def check_no_points_and_residuals() -> None:
    with few_parts():
        gpu, other = (jf.value_and_grad(loss, backend=b) for b in (CUDA, "reference"))
        none = np.zeros(0)
        same(gpu(X[:0], PARAMS, weights=none), other(X[:0], PARAMS, weights=none), 0)
        found, expected = (
            jf.residual_and_jacobian(layer, backend=b)(X, PARAMS) for b in (CUDA, "reference")
        )
        same(found, expected, 1e-12)


def check_what_is_not_finite_is_found() -> None:
    def roots(x: Any, params: Any) -> Any:
        return np.sqrt(x[0]) * params["b"].sum()

    x = np.ones((2, 4, 3))
    with few_parts():
        op = jf.value_and_grad(roots, backend=CUDA, check=True)
        op(x, PARAMS)
        x[1, 2] = -1
        assert "X[1, 2], the first such point: X is [-1." in message_of(
            jf.NotFiniteError, op, x, PARAMS
        )


def check_gradients_are_where_the_parameters_are() -> None:
    """And those of points where the points are; only for the simulator."""
    above = {"W": Described(PARAMS["W"]), "b": PARAMS["b"]}
    with few_parts():
        op = jf.value_and_grad(loss, argnums=(0, 1), backend=CUDA)
        value, (point, gradient) = op(X, PARAMS)
        for x in (X, Described(X)):
            found, (by_point, by_parameter) = op(x, above, weights=Described(np.full(5, 0.2)))
            assert_allclose(found, value, rtol=1e-14)
            assert_allclose(on_host(by_parameter["W"]), gradient["W"], rtol=1e-13)
            assert isinstance(by_parameter["b"], np.ndarray)
            assert isinstance(by_point, np.ndarray) == isinstance(x, np.ndarray)
            by_point = by_point if isinstance(x, np.ndarray) else on_host(by_point)
            assert_allclose(by_point, point, rtol=1e-13)
        values, pull = jf.vjp(layer, backend=CUDA)(Described(X), above)
        pulled = pull(values)[1]["W"]
        expected = jf.vjp(layer, backend="reference")(X, PARAMS)
        assert_allclose(on_host(pulled), expected[1](expected[0])[1]["W"], rtol=1e-12)
