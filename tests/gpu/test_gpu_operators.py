"""Operators of every kind on a GPU, for arrays of NumPy, beside the CPU's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import jetfold as jf
import simulated_face
from gpu_network import error, network, problem
from jetfold.backends.cuda.device import has_cupy

HOST_CHECKS = [
    "check_laplacian",
    "check_batches",
    "check_trees_of_outputs",
    "check_other_operators",
    "check_random_directions",
    "check_nesting",
    "check_pickling_and_source",
    "check_tiles_by_a_limit_of_memory",
]


@pytest.mark.parametrize("name", HOST_CHECKS)
def test_what_the_simulator_checks(name: str) -> None:
    getattr(simulated_face, name)()


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-12), ("float32", 2e-5)])
@pytest.mark.parametrize("method", ["collapsed", "standard"])
def test_the_network_of_the_paper(method: str, dtype: str, bound: float) -> None:
    x, params = problem(64, dtype)
    expected = jf.laplacian(network, method=method)(*problem(64, "float64"))
    found = jf.laplacian(network, method=method, backend="cuda")(x, params)
    assert found.dtype == dtype
    assert error(found, expected) < bound


@pytest.mark.parametrize("points", [1, 31, 32, 33, 1000, 10007])
def test_batches_of_any_size(points: int) -> None:
    widths = (2, 64, 64, 64, 64, 1)
    x, params = problem(points, "float64", widths)
    found = jf.laplacian(network, backend="cuda")(x, params)
    assert error(found, jf.laplacian(network)(x, params)) < 1e-12


def test_minimal_jets_and_expressions() -> None:
    x, params = problem(200, "float64", (5, 32, 32, 1))
    found = jf.biharmonic(network, method="minimal", backend="cuda")(x, params)
    assert error(found, jf.biharmonic(network, method="minimal")(x, params)) < 1e-10
    sigma = np.random.default_rng(0).normal(size=(5, 3))
    found = jf.weighted_laplacian(network, sigma, backend="cuda")(x, params)
    assert error(found, jf.weighted_laplacian(network, sigma)(x, params)) < 1e-12


def test_products_in_kernels_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jetfold.backends.cuda.sessions.has_cupy", lambda: False)
    x, params = problem(100, "float64")
    found = jf.laplacian(network, backend="cuda")(x, params)
    assert error(found, jf.laplacian(network)(x, params)) < 1e-12


def test_tf32_is_rounded_and_float32_is_not() -> None:
    if not has_cupy():
        pytest.skip("tf32 needs CuPy")
    x, params = problem(256, "float32")
    expected = jf.laplacian(network)(*problem(256, "float64"))
    rounded = jf.laplacian(network, backend=jf.Cuda(tf32=True))(x, params)
    exact = jf.laplacian(network, backend="cuda")(x, params)
    assert error(exact, expected) < 2e-5
    assert error(exact, expected) < error(rounded, expected) < 2e-2
    double = jf.laplacian(network, backend=jf.Cuda(tf32=True))(*problem(64, "float64"))
    assert error(double, jf.laplacian(network)(*problem(64, "float64"))) < 1e-12


def test_parameters_that_change_are_seen() -> None:
    """Also by a recording, which is what the third call replays."""
    x, params = problem(100, "float64", (3, 16, 1))
    op, cpu = jf.laplacian(network, backend="cuda"), jf.laplacian(network)
    for factor in (1.0, 2.0, -0.5, 0.25):
        scaled = [(factor * weights, bias) for weights, bias in params]
        assert_allclose(op(factor * x, scaled), cpu(factor * x, scaled), rtol=1e-9)


def test_recorded_and_direct_calls_give_the_same_bits() -> None:
    x, params = problem(500, "float32", (3, 64, 64, 1))
    direct = jf.laplacian(network, backend=jf.Cuda(graphs=False))
    recorded = jf.laplacian(network, backend=jf.Cuda(graphs=True))
    results = [op(x, params) for op in (direct, recorded, recorded, recorded, direct)]
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])
    graph: Any = next(iter(recorded._known.values())).run
    assert [found is not None for found in graph._calls._recordings.values()] == [True]


def test_kernels_to_take_away() -> None:
    kernel = jf.kernel("tanh", order=2, backend="cuda")
    x = np.random.default_rng(0).normal(size=(3, 1000))
    cpu = jf.kernel("tanh", order=2)
    for one, other in zip(kernel(*x), cpu(*x), strict=True):
        assert_allclose(one, other, rtol=1e-13, atol=1e-13)
