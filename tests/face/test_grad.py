"""The gradient with respect to the point: values, nesting, batches, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose

import jetfold as jf
from known_answers import points


def saddle(x: Any, p: Any = 1.0) -> Any:
    return p * (x[0] ** 2 * x[1] + np.sin(x[1] * x[2]))


def slope(x: Any) -> Any:
    a, b, c = np.moveaxis(x, -1, 0)
    return np.stack([2 * a * b, a**2 + c * np.cos(b * c), b * np.cos(b * c)], axis=-1)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_gradient_at_points(backend: str) -> None:
    x = points(3, 24).reshape(4, 6, 3)
    assert_allclose(jf.grad(saddle, backend=backend)(x), slope(x), rtol=1e-12)
    assert_allclose(jf.grad(saddle, backend=backend)(x, 3.0), 3 * slope(x), rtol=1e-12)


def test_one_point_and_no_points() -> None:
    op = jf.grad(saddle, backend="reference")
    x = points(3, 1)[0]
    assert_allclose(op(x), slope(x), rtol=1e-12)
    assert op(np.empty((0, 3))).shape == (0, 3)


def test_dtype_is_kept() -> None:
    assert jf.grad(saddle)(np.ones((2, 3), np.float32)).dtype == np.float32


def test_points_with_two_axes() -> None:
    x = points(6, 5).reshape(5, 2, 3)
    op = jf.grad(lambda r: np.linalg.norm(r[0] - r[1]), point_ndim=2, backend="reference")
    unit = (x[:, 0] - x[:, 1]) / np.linalg.norm(x[:, 0] - x[:, 1], axis=-1, keepdims=True)
    assert_allclose(op(x), np.stack([unit, -unit], axis=1), rtol=1e-12)


def test_divergence_of_the_gradient_is_the_laplacian() -> None:
    """Nested in an operator of first derivatives, which is taken of each component."""
    gradient = jf.grad(saddle)
    coords = sp.symbols("x y z")
    fields = [sp.Function(name)(*coords) for name in "uvw"]
    divergence = sum(f.diff(c) for f, c in zip(fields, coords, strict=True))
    op = jf.operator(divergence, gradient, coords=coords, fields=fields, backend="reference")
    x = points(3, 10)
    assert_allclose(op(x), jf.laplacian(saddle, backend="reference")(x), rtol=1e-11)


def test_gradient_of_the_laplacian_and_of_a_gradient() -> None:
    x = points(3, 8)
    lap = jf.laplacian(lambda x: np.sum(x**4))
    assert_allclose(jf.grad(lap, backend="reference")(x), 24 * x, rtol=1e-12)
    length = jf.grad(lambda x: 0.5 * np.sum(jf.grad(lambda y: np.sum(y**3))(x) ** 2))
    assert_allclose(length(x), 18 * x**3, rtol=1e-12)


def test_derivation_and_source() -> None:
    op = jf.grad(saddle)
    derivation = op.derivation(np.ones((2, 3)))
    assert derivation.methods == ("adjoint",)
    assert derivation.totals == ()
    assert "def run(" in op.source(np.ones((2, 3)))
    with pytest.raises(jf.ArgumentError, match="goes backwards"):
        _ = derivation.taylor_graph


def test_function_that_is_no_scalar() -> None:
    with pytest.raises(jf.ShapeError, match=r"the function of Grad\(.*shape \(3,\).*a scalar"):
        jf.grad(lambda x: x)(np.ones((2, 3)))
