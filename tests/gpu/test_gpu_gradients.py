"""Gradients with respect to parameters on a GPU, beside the CPU's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import jetfold as jf
import simulated_gradients
from gpu_network import error, network, problem
from simulated_gradients import same

HOST_CHECKS = [
    "check_value_and_grad",
    "check_the_same_bits",
    "check_parameters_alone",
    "check_vjp",
    "check_randomised_losses",
    "check_no_points_and_residuals",
    "check_what_is_not_finite_is_found",
]


def loss(x: Any, params: Any) -> Any:
    return (jf.laplacian(network)(x, params) - np.sin(x[0])) ** 2


@pytest.mark.parametrize("name", HOST_CHECKS)
def test_what_the_simulator_checks(name: str) -> None:
    getattr(simulated_gradients, name)()


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-11), ("float32", 1e-4)])
@pytest.mark.parametrize("points", [1, 33, 1000, 10007])
def test_batches_of_any_size(points: int, dtype: str, bound: float) -> None:
    widths = (2, 64, 65, 64, 1)
    value, gradient = jf.value_and_grad(loss)(*problem(points, "float64", widths))
    found, trees = jf.value_and_grad(loss, backend="cuda")(*problem(points, dtype, widths))
    assert abs(found - value) < bound * abs(value)
    for pair, expected in zip(trees, gradient, strict=True):
        for one, other in zip(pair, expected, strict=True):
            assert one.dtype == dtype
            assert error(one, other) < bound or not other.any()


def test_the_network_of_the_paper() -> None:
    x, params = problem(64, "float64")
    value, gradient = jf.value_and_grad(loss)(x, params)
    found, trees = jf.value_and_grad(loss, backend="cuda")(x, params)
    assert abs(found - value) < 1e-11 * abs(value)
    for pair, expected in zip(trees[:-1], gradient[:-1], strict=True):
        assert error(pair[0], expected[0]) < 1e-11


def test_outer_products_in_kernels_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jetfold.backends.cuda.sessions.has_cupy", lambda: False)
    x, params = problem(3000, "float64", (3, 64, 65, 1))
    value, gradient = jf.value_and_grad(loss)(x, params)
    found, trees = jf.value_and_grad(loss, backend="cuda")(x, params)
    assert abs(found - value) < 1e-11 * abs(value)
    assert error(trees[1][0], gradient[1][0]) < 1e-11


def test_tiles_and_recordings_give_the_same_bits() -> None:
    """Twice in tiles by a limit of memory, and directly and recorded in one tile."""
    x, params = problem(5000, "float32", (3, 64, 64, 1))
    for options in (jf.Cuda(memory=10**7), jf.Cuda(graphs=False), jf.Cuda()):
        op = jf.value_and_grad(loss, backend=options)
        results = [op(x, params) for _ in range(4)]
        for result in results[1:]:
            same(result, results[0], 0)


@pytest.mark.parametrize("library", ["cupy", "torch"])
def test_gradients_are_where_the_parameters_are(library: str) -> None:
    module = pytest.importorskip(library)
    if library == "torch" and not module.cuda.is_available():
        pytest.skip("this PyTorch is for the CPU")

    def put(array: Any) -> Any:
        return module.asarray(array) if library == "cupy" else module.as_tensor(array).cuda()

    def get(array: Any) -> Any:
        return array.get() if library == "cupy" else array.cpu().numpy()

    x, params = problem(500, "float64", (3, 16, 16, 1))
    above = [(put(weights), put(bias)) for weights, bias in params]
    op = jf.value_and_grad(loss, argnums=(0, 1), backend="cuda")
    expected = op(x, params)
    value, (by_point, gradient) = op(put(x), above)
    assert type(by_point) is type(gradient[0][0]) is type(above[0][0])
    found = value, (get(by_point), [tuple(map(get, pair)) for pair in gradient])
    same((found[0], found[1][0], *sum(found[1][1], ())), flattened(expected), 1e-12)


def flattened(result: Any) -> Any:
    value, (by_point, gradient) = result
    return (value, by_point, *sum(gradient, ()))
