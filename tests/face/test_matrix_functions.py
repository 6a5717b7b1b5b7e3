"""Operators of functions with inverses and determinants, against nested derivatives of JAX."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

import jetfold as jf
from jax_once import evaluate, nested_jet
from jetfold.backends.cpu import CompiledGraph
from known_answers import points
from programs import FLOAT64, interpreted, sample, unjitted

jax = pytest.importorskip("jax", reason="JAX, the second oracle, is not installed (extra: test)")

RTOL = 1e-10
METHODS: tuple[Any, ...] = ("standard", "collapsed", "minimal")
Function = Callable[[Any, Any, Any], Any]


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


# Functions of six numbers, called f(np, x, p) with NumPy or JAX's NumPy ---------------------------


def log_slater(np: Any, x: Any, p: Any) -> Any:
    """log |det| of three orbitals at three electrons in the plane."""
    return np.linalg.slogdet(_orbitals(np, x, p))[1]


def slater(np: Any, x: Any, p: Any) -> Any:
    """A wave function with both signs, times a Jastrow factor."""
    sign, log = np.linalg.slogdet(_orbitals(np, x, p))
    return sign * np.exp(log - (x**2).sum() / 9)


def _orbitals(np: Any, x: Any, p: Any) -> Any:
    r = x.reshape(3, 2)
    return np.exp(-np.sqrt(1 + (r**2).sum(axis=1)))[:, None] * (r @ p["W"] + 1) ** 2


def marginal_likelihood(np: Any, x: Any, p: Any) -> Any:
    """Of a Gaussian process, in its length scales, its amplitude, its noise and its mean."""
    scaled = p["Z"] / np.exp(x[:2] / 4)
    distance = ((scaled[:, None] - scaled) ** 2).sum(axis=-1)
    kernel = np.exp(x[2] - distance) + (0.3 + x[3] ** 2) * np.eye(5)
    rest = p["y"] - x[4] - x[5] * p["Z"][:, 0]
    fit = rest @ np.linalg.solve(kernel, rest)
    return -(fit + np.linalg.slogdet(kernel)[1] + 5 * np.log(2 * np.pi)) / 2


def posterior(np: Any, x: Any, p: Any) -> Any:
    """Mean minus deviation of a Gaussian process at the point x[:2]."""

    def kernel(a: Any, b: Any) -> Any:
        return np.exp(-((a[..., None, :] - b) ** 2).sum(axis=-1) / 2)

    gram = kernel(p["Z"], p["Z"]) + 0.2 * np.eye(5)
    here = kernel(x[:2][None], p["Z"])[0]
    mean = here @ np.linalg.solve(gram, p["y"])
    return mean - np.sqrt(1.2 - here @ np.linalg.solve(gram, here)) + x[2] * x[3] ** 2


def form(np: Any, x: Any, p: Any) -> Any:
    """x^T A(x)^-1 b(x)."""
    return x[:4] @ np.linalg.solve(_matrix(np, x, p), np.sin(x[2:]))


def inverse(np: Any, x: Any, p: Any) -> Any:
    return (np.linalg.inv(_matrix(np, x, p)) ** 2 * p["A"]).sum()


def stacked(np: Any, x: Any, p: Any) -> Any:
    """Two matrices, with several right-hand sides, and a determinant of 4 by 4."""
    both = np.stack([_matrix(np, x, p), _matrix(np, x[::-1], p)])
    solved = np.linalg.solve(both, x[:4, None] * x[2:])
    return (solved[0] * solved[1].T).sum() + np.linalg.det(both)[1]


def _matrix(np: Any, x: Any, p: Any) -> Any:
    return p["A"] + np.tanh(x[:4, None] * x[2:]) + 3 * np.eye(4)


FUNCTIONS: list[Function] = [
    log_slater,
    slater,
    marginal_likelihood,
    posterior,
    form,
    inverse,
    stacked,
]


def parameters() -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(4)
    shapes = {"W": (2, 3), "Z": (5, 2), "y": (5,), "A": (4, 4)}
    return {name: random.normal(size=shape) / 2 for name, shape in shapes.items()}


def plain(function: Function) -> Callable[..., Any]:
    return lambda x, p: function(np, x, p)


def theirs(function: Function) -> Callable[..., Any]:
    return lambda x, p: function(jax.numpy, x, p)


def laplacian(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, p: jax.numpy.trace(jax.hessian(function)(x, p))


def at_points(function: Callable[..., Any], x: NDArray[Any], p: Any) -> NDArray[Any]:
    return np.asarray(evaluate(jax.vmap(function, in_axes=(0, None)), x, p))


def check(found: NDArray[Any], expected: NDArray[Any]) -> None:
    assert found.shape == expected.shape
    assert_allclose(found, expected, rtol=RTOL, atol=RTOL * np.abs(expected).max())


# Operators --------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", FUNCTIONS)
def test_laplacian(function: Function) -> None:
    x, p = points(6, 4), parameters()
    expected = at_points(laplacian(theirs(function)), x, p)
    for method in METHODS:
        check(jf.laplacian(plain(function), method=method, backend="reference")(x, p), expected)


@pytest.mark.parametrize("method", METHODS)
def test_programs(method: Any) -> None:
    """Those of all functions together, un-jitted."""

    def everything(x: Any, p: Any) -> Any:
        return np.stack([function(np, x, p) for function in FUNCTIONS])

    x, p = points(6, 3), parameters()
    op = jf.laplacian(everything, method=method)
    graph = CompiledGraph(op.derivation(x, p).final_graph)
    inputs, values = sample(graph.graph, 3, FLOAT64, -0.5, 0.5)
    (found,) = unjitted(graph)(3, FLOAT64, inputs, values)
    (expected,) = interpreted(graph.graph, 3, inputs, values)
    check(found, expected)


def test_biharmonic() -> None:
    function = log_slater
    x, p = points(6, 2), parameters()
    expected = at_points(laplacian(laplacian(theirs(function))), x, p)
    for method in (*METHODS, "nested"):
        check(jf.biharmonic(plain(function), method=method, backend="reference")(x, p), expected)
    inner = jf.laplacian(plain(function))
    check(jf.laplacian(inner, backend="reference")(x, p), expected)


def test_jet() -> None:
    """Order 4, by nested forward mode."""
    function, order, p = form, 4, parameters()
    x0, *higher = points(6, order + 1, 3)

    op = jf.jet(plain(function), order, backend="reference")
    value, derivatives = op(x0, tuple(higher), p)
    expected = nested_jet(lambda x: function(jax.numpy, x, p), x0, higher)
    for found, theirs_ in zip((value, *derivatives), expected, strict=True):
        check(found, np.asarray(theirs_))


def test_local_energy_of_a_slater_determinant() -> None:
    """Free fermions in a harmonic trap: H psi = E psi, with E = 1 + 2 + 2 in the plane."""

    def psi(r: Any) -> Any:
        gaussian = np.exp(-(r**2).sum(axis=1) / 2)
        return np.linalg.det(np.stack([gaussian, r[:, 0] * gaussian, r[:, 1] * gaussian], axis=1))

    def log_psi(r: Any) -> Any:
        gaussian = np.exp(-(r**2).sum(axis=1) / 2)
        orbitals = np.stack([gaussian, r[:, 0] * gaussian, r[:, 1] * gaussian], axis=1)
        return np.linalg.slogdet(orbitals).logabsdet

    x = points(6, 20).reshape(20, 3, 2)
    trap = (x**2).sum(axis=(1, 2)) / 2
    amplitude = np.array([psi(r) for r in x])
    energy = -jf.laplacian(psi, point_ndim=2, backend="reference")(x) / 2 / amplitude + trap
    assert_allclose(energy, np.full(20, 5.0), 1e-9)
    zero, one = np.zeros_like(x), np.eye(6).reshape(6, 1, 3, 2)
    slopes = [
        jf.jet(log_psi, 1, point_ndim=2, backend="reference")(x, (zero + e,))[1][0] for e in one
    ]
    squared = sum(slope**2 for slope in slopes)
    curved = jf.laplacian(log_psi, point_ndim=2, backend="reference")(x)
    logarithmic = -(curved + squared) / 2 + trap
    assert_allclose(logarithmic, np.full(20, 5.0), 1e-9)


# Costs, errors ------------------------------------------------------------------------------------


def test_vectors() -> None:
    """Collapsed: D + 2, whatever is done with the matrices."""
    x, p = points(6, 2), parameters()
    for function in FUNCTIONS:
        cost = jf.laplacian(plain(function), method="collapsed").derivation(x, p).cost
        assert cost.vectors["collapsed"] == 8
        assert cost.vectors["standard"] == 13


def test_singular_points_are_not_finite() -> None:
    def f(x: Any) -> Any:
        return np.linalg.slogdet(np.eye(2) * x[0] + x[1] * np.eye(2)[::-1]).logabsdet

    x = np.array([[1.0, 1.0], [2.0, 1.0], [0.0, 0.0]])
    found = jf.laplacian(f, backend="reference")(x)
    assert list(np.isfinite(found)) == [False, True, False]
    assert_allclose(found[1], -2 / 1 - 2 / 9)  # log|x + y| + log|x - y|


def test_errors_name_the_line() -> None:
    def f(x: Any) -> Any:
        return np.linalg.inv(x[:, None]).sum()  # here

    with pytest.raises(jf.ShapeError, match="not square") as caught:
        jf.laplacian(f)(points(3, 2))
    assert "np.linalg.inv(x[:, None]).sum()  # here" in str(caught.value)
