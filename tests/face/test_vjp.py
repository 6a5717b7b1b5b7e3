"""What functions and operators hand back to their arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import jetfold as jf
from known_answers import points


def field(x: Any, p: Any) -> Any:
    return {"linear": p["W"] @ x, "square": p["s"] * (x @ x)}


def parameters() -> Any:
    return {"W": points(3, 2), "s": 0.5}


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_values_and_gradients_by_hand(backend: str) -> None:
    x, p = points(3, 20).reshape(4, 5, 3), parameters()
    values, pull = jf.vjp(field, backend=backend)(x, p)
    assert_allclose(values["linear"], x @ p["W"].T, rtol=1e-12)
    assert_allclose(values["square"], 0.5 * (x**2).sum(-1), rtol=1e-12)
    random = np.random.default_rng(0)
    a, b = random.normal(size=(4, 5, 2)), random.normal(size=(4, 5))
    at_points, gradient = pull({"linear": a, "square": b})
    assert_allclose(at_points, a @ p["W"] + b[..., None] * x, rtol=1e-12)
    assert_allclose(gradient["W"], np.einsum("abi,abj->ij", a, x), rtol=1e-12)
    assert_allclose(gradient["s"], (b * (x**2).sum(-1)).sum(), rtol=1e-12)


def test_pull_can_be_called_again() -> None:
    values, pull = jf.vjp(lambda x, w: w * x[0], argnums=1, backend="reference")(
        np.ones((3, 1)), 2.0
    )
    assert_array_equal(values, [2.0, 2.0, 2.0])
    assert pull(np.ones(3)) == 3
    assert pull(np.array([1.0, 0.0, 4.0])) == 5


def test_operator_against_differences() -> None:
    """Of a Laplacian: the derivative along random directions of parameters and points."""

    def u(x: Any, p: Any) -> Any:
        return np.tanh(p["W"] @ x).sum() * p["s"]

    x, p = points(3, 6), parameters()
    op = jf.laplacian(u, backend="reference")
    values, pull = jf.vjp(op, backend="reference")(x, p)
    assert_allclose(values, op(x, p), rtol=1e-13)
    random = np.random.default_rng(1)
    c, dx, dw = random.normal(size=6), random.normal(size=(6, 3)), random.normal(size=(2, 3))
    at_points, gradient = pull(c)
    h = 1e-5

    def moved(t: float) -> Any:
        return c @ op(x + t * dx, {"W": p["W"] + t * dw, "s": p["s"] + t})

    slope = (moved(h) - moved(-h)) / (2 * h)
    found = (at_points * dx).sum() + (gradient["W"] * dw).sum() + gradient["s"]
    assert_allclose(found, slope, rtol=1e-8)


def test_argnums_choose() -> None:
    x, p = points(3, 4), parameters()
    c = {"linear": np.ones((4, 2)), "square": np.ones(4)}
    both = jf.vjp(field, backend="reference")(x, p)[1](c)
    assert_array_equal(jf.vjp(field, argnums=0, backend="reference")(x, p)[1](c), both[0])
    (only,) = jf.vjp(field, argnums=(1,), backend="reference")(x, p)[1](c)
    assert_array_equal(only["W"], both[1]["W"])


def test_randomised_operator_keeps_its_directions() -> None:
    """The values are linear in p, so their derivative with respect to p gives them back."""
    op = jf.laplacian(lambda x, p: p * np.sin(x).prod(), samples=2, seed=0)
    product = jf.vjp(op, argnums=1, backend="reference")
    for _ in range(2):
        values, pull = product(points(3, 7), 2.0)
        for i, c in enumerate(np.eye(7)):
            assert_allclose(2 * pull(c), values[i], rtol=1e-12)


def test_cotangents_that_do_not_fit() -> None:
    _, pull = jf.vjp(field, backend="reference")(points(3, 4), parameters())
    with pytest.raises(jf.ArgumentError, match=r"the cotangents are \*, but the values"):
        pull(np.ones(4))
    with pytest.raises(jf.ArgumentError, match=r'cotangents\["square"\] has shape \(3,\)'):
        pull({"linear": np.ones((4, 2)), "square": np.ones(3)})


def test_parameters_that_are_not_floating() -> None:
    with pytest.raises(jf.ArgumentError, match=r"int64.*argnums leaves out"):
        jf.vjp(lambda x, n: x[n[0]])(points(3, 4), np.array([1]))


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_one_point_that_is_a_number(backend: str) -> None:
    """Neither batch nor axes: values, points and cotangents are numbers."""

    def cube(x: Any, w: Any) -> Any:
        return w * x**3

    values, pull = jf.vjp(cube, point_ndim=0, backend=backend)(2.0, 5.0)
    assert (values, np.shape(values)) == (40, ())
    assert pull(1.0) == (60, 8)
    loss = jf.value_and_grad(cube, argnums=(0, 1), point_ndim=0, backend=backend)
    assert loss(2.0, 5.0) == (40, (60, 8))
    assert jf.grad(cube, point_ndim=0, backend=backend)(2.0, 5.0) == 60
    residual, jacobian = jf.residual_and_jacobian(cube, point_ndim=0, backend=backend)(2.0, 5.0)
    assert residual == 40
    assert jacobian.tolist() == [8]


def test_pull_alone_is_the_same() -> None:
    x, p = points(3, 4), parameters()
    product = jf.vjp(field, backend="reference")
    c = {"linear": points(2, 4), "square": np.arange(4.0)}
    found, expected = product.pull(c, x, p), product(x, p)[1](c)
    assert_array_equal(found[0], expected[0])
    assert_array_equal(found[1]["W"], expected[1]["W"])
