"""Losses and their gradients: against JAX in float64, trees, weights, batches, bad input."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

import jetfold as jf
from jax_once import evaluate
from jetfold.graph.tree import flatten
from known_answers import points
from oracle_functions import DIMENSION, FUNCTIONS, Function, Modules, parameters

jax = pytest.importorskip("jax", reason="JAX, the second oracle, is not installed (extra: test)")

NUMPY = Modules(np, scipy.special)
JAX = Modules(jax.numpy, jax.scipy.special)
RTOL = 1e-10


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def check_tree(found: Any, expected: Any) -> None:
    leaves, structure = flatten(found)
    wanted, other = flatten(expected)
    assert structure == other
    for a, b in zip(leaves, wanted, strict=True):
        scale = np.abs(b).max(initial=0)
        assert np.shape(a) == np.shape(b)
        assert_allclose(a, b, rtol=RTOL, atol=RTOL * max(scale, 1e-3))


def ours(function: Function) -> Callable[..., Any]:
    def u(x: Any, p: Any) -> Any:
        return function(NUMPY, x, p)

    laplacian, gradient = jf.laplacian(u), jf.grad(u)
    return lambda x, p: (laplacian(x, p) - np.sin(x[0])) ** 2 + np.sum(gradient(x, p) ** 2)


def theirs(function: Function) -> Callable[..., Any]:
    def u(x: Any, p: Any) -> Any:
        return function(JAX, x, p)

    def loss(x: Any, p: Any) -> Any:
        laplacian = jax.numpy.trace(jax.hessian(u)(x, p))
        return (laplacian - jax.numpy.sin(x[0])) ** 2 + (jax.grad(u)(x, p) ** 2).sum()

    return loss


def expected(function: Function, x: Any, p: Any) -> Any:
    def mean(x: Any, p: Any) -> Any:
        return jax.vmap(theirs(function), (0, None))(x, p).mean()

    return evaluate(jax.value_and_grad(mean, argnums=(0, 1)), x, p)


SCALAR = [
    name
    for name, function in FUNCTIONS.items()
    if np.shape(function(NUMPY, points(DIMENSION, 1)[0], parameters())) == ()
]


@pytest.mark.parametrize("name", [name for name in SCALAR if name != "elementary"])
def test_against_jax(name: str) -> None:
    x, p = points(DIMENSION, 4), parameters(width=4)
    value, gradients = expected(FUNCTIONS[name], x, p)
    op = jf.value_and_grad(ours(FUNCTIONS[name]), argnums=(0, 1), backend="reference")
    found, trees = op(x, p)
    assert_allclose(found, value, rtol=RTOL)
    check_tree(trees, gradients)


def test_compiled_against_jax() -> None:
    x, p = points(DIMENSION, 50), parameters(width=4)
    value, gradients = expected(FUNCTIONS["tanh network"], x, p)
    found, trees = jf.value_and_grad(ours(FUNCTIONS["tanh network"]), argnums=(0, 1))(x, p)
    assert_allclose(found, value, rtol=RTOL)
    check_tree(trees, gradients)


# Trees, weights, batches --------------------------------------------------------------------------


class Layer(NamedTuple):
    W: Any
    b: Any


def square(x: Any, p: Any) -> Any:
    return (p["layers"][0].W @ x + p["layers"][0].b).sum() ** 2 * p["scale"][0]


def tree(dtype: Any = np.float64) -> Any:
    random = np.random.default_rng(1)
    layer = Layer(random.normal(size=(2, 3)).astype(dtype), random.normal(size=2).astype(dtype))
    return {
        "layers": [layer],
        "scale": (1.5, np.array(2.0, dtype)),
        "unused": np.ones((2, 2), dtype),
    }


def by_hand(x: Any, p: Any) -> tuple[Any, Any]:
    (layer,), (scale, _) = p["layers"], p["scale"]
    inside = (x @ layer.W.T + layer.b).sum(-1)
    slope = 2 * inside * scale
    gradient = {
        "layers": [Layer(np.tile((slope[:, None] * x).mean(0), (2, 1)), np.full(2, slope.mean()))],
        "scale": ((inside**2).mean(), np.zeros(())),
        "unused": np.zeros((2, 2)),
    }
    return (inside**2 * scale).mean(), gradient


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_gradient_is_a_tree_like_the_parameters(backend: str) -> None:
    x, p = points(3, 70), tree()
    value, gradient = jf.value_and_grad(square, backend=backend)(x, p)
    expected_value, expected_gradient = by_hand(x, p)
    assert_allclose(value, expected_value, rtol=1e-12)
    check_tree(gradient, expected_gradient)
    assert isinstance(gradient["layers"][0], Layer)
    assert isinstance(gradient["scale"], tuple)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_and_kind_of_results(dtype: Any) -> None:
    value, gradient = jf.value_and_grad(square)(points(3, 20).astype(dtype), tree(dtype))
    assert value.dtype == dtype
    assert np.ndim(value) == 0
    assert {np.asarray(leaf).dtype for leaf in flatten(gradient)[0]} == {np.dtype(dtype)}


def test_batch_axes_and_one_point() -> None:
    x, p = points(3, 24), tree()
    op = jf.value_and_grad(square, argnums=(0, 1), backend="reference")
    value, (at_points, gradient) = op(x, p)
    again, (in_axes, same) = op(x.reshape(2, 3, 4, 3), p)
    assert in_axes.shape == (2, 3, 4, 3)
    assert_array_equal(in_axes.reshape(24, 3), at_points)
    assert value == again
    check_tree(same, gradient)
    alone, (one, _) = op(x[0], p)
    assert one.shape == (3,)
    assert alone == jf.value_and_grad(square, backend="reference")(x[:1], p)[0]


def test_weights_are_a_quadrature() -> None:
    """The integral of (w x)^2 over [0, 1] and its derivative, by Gauss and Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(3)
    op = jf.value_and_grad(lambda x, w: (w * x[0]) ** 2, backend="reference")
    value, gradient = op((nodes[:, None] + 1) / 2, 3.0, weights=weights / 2)
    assert_allclose([value, gradient], [9 / 3, 2 * 3 / 3], rtol=1e-14)


def test_weights_equal_to_one_over_the_count_are_the_mean() -> None:
    x, p = points(3, 12).reshape(3, 4, 3), tree()
    op = jf.value_and_grad(square, backend="reference")
    mean, given = op(x, p), op(x, p, weights=np.full((3, 4), 1 / 12))
    assert_allclose(mean[0], given[0], rtol=1e-14)
    check_tree(mean[1], given[1])


def test_no_points_with_weights_is_zero() -> None:
    for backend in ("reference", "cpu"):
        op = jf.value_and_grad(square, backend=backend)
        value, gradient = op(np.empty((0, 3)), tree(), weights=np.empty(0))
        assert value == 0
        assert all(not np.any(leaf) for leaf in flatten(gradient)[0])


def test_further_arguments_are_not_differentiated() -> None:
    op = jf.value_and_grad(lambda x, w, n, mode: (w * x[0]) ** n if mode == "power" else w)
    value, gradient = op(np.array([[2.0]]), 3.0, 2, "power")
    assert (value, gradient) == (36.0, 24.0)
    second = jf.value_and_grad(lambda x, n, w: (w * x[0]) ** n, argnums=2, backend="reference")
    assert second(np.array([[2.0]]), 2, 3.0) == (36.0, 24.0)


def test_results_are_the_same_bit_for_bit() -> None:
    x = points(3, 5000).astype(np.float32)
    op = jf.value_and_grad(square)
    first, gradient = op(x, tree(np.float32))
    for _ in range(5):
        value, again = op(x, tree(np.float32))
        assert value == first
        for a, b in zip(flatten(again)[0], flatten(gradient)[0], strict=True):
            assert_array_equal(a, b)


# Randomised operators -----------------------------------------------------------------------------


def test_randomised_operators_draw_at_each_call() -> None:
    """The mean over calls of two independent estimates' product is the square of the Laplacian."""

    def u(x: Any, p: Any) -> Any:
        return p * (x[0] ** 2 * x[1] + np.sin(x[1] * x[2]))

    options: Any = {"samples": 3, "distribution": "rademacher", "per_point": True}
    first = jf.laplacian(u, seed=1, **options)
    second = jf.laplacian(u, seed=2, **options)
    op = jf.value_and_grad(lambda x, p: first(x, p) * second(x, p), backend="reference")
    x = points(3, 2000)
    exact = np.mean(jf.laplacian(u, backend="reference")(x, 0.5) ** 2)
    found = np.array([op(x, 0.5) for _ in range(20)])
    assert len(set(found[:, 0])) == 20
    error = 4 * found.std(axis=0) / np.sqrt(20)
    assert_allclose(found[:, 0].mean(), exact, atol=error[0])
    assert_allclose(found[:, 1].mean(), 2 * exact / 0.5, atol=error[1])
    assert error[0] < 0.2 * exact


def test_two_samples_of_one_operator_are_not_the_same() -> None:
    op = jf.laplacian(np.prod, samples=2, seed=0)
    difference = jf.value_and_grad(lambda x, p: p * (op(x) - op(x)), backend="reference")
    assert difference(np.ones((1, 3)), 1.0)[0] != 0


def test_gradient_of_an_estimate_uses_its_directions() -> None:
    """Of p times an estimate, the derivative is the estimate itself."""
    op = jf.laplacian(lambda x: np.sin(x).prod(), samples=2, seed=0)
    loss = jf.value_and_grad(lambda x, p: p * op(x))
    value, gradient = loss(points(3, 40), 2.0)
    assert_allclose(value, 2 * gradient, rtol=1e-12)


# Bad input ----------------------------------------------------------------------------------------

X = np.ones((4, 3))


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda x, p: p * x, r"gives a value of shape \(3,\).*must give a scalar.*sum it"),
        (lambda x, p: (p, p), "gives 2 values.*add them up"),
    ],
)
def test_loss_that_is_no_scalar(loss: Any, message: str) -> None:
    with pytest.raises(jf.ShapeError, match=message):
        jf.value_and_grad(loss, backend="reference")(X, 1.0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"W": np.ones(3, int)}, r'params\["W"\] has dtype int64.*floating-point'),
        ({"W": np.ones(3), "n": 2}, "hold 2 \\(int\\), which has no gradient.*argnums leaves out"),
        ({"W": np.ones(3), "f": "tanh"}, "hold 'tanh' \\(str\\)"),
        ({"W": np.ones(3, bool)}, "dtype bool"),
    ],
)
def test_parameters_that_are_not_floating(parameters: Any, message: str) -> None:
    with pytest.raises(jf.ArgumentError, match=message):
        jf.value_and_grad(lambda x, p: (p["W"] * x).sum(), backend="reference")(X, parameters)


def test_missing_parameters() -> None:
    with pytest.raises(jf.ArgumentError, match="argument number 1, but was called with 1"):
        jf.value_and_grad(lambda x: x.sum(), backend="reference")(X)


@pytest.mark.parametrize("argnums", [-1, "x", (), (1, 1), 1.5, True])
def test_bad_argnums(argnums: Any) -> None:
    with pytest.raises(jf.ArgumentError, match="argnums"):
        jf.value_and_grad(square, argnums=argnums)


def test_bad_weights() -> None:
    with pytest.raises(jf.ArgumentError, match=r"weights have shape \(3,\).*X are \(4,\)"):
        jf.value_and_grad(square, backend="reference")(X, tree(), weights=np.ones(3))


def test_mean_over_no_point() -> None:
    with pytest.raises(jf.ArgumentError, match="no mean over no points"):
        jf.value_and_grad(square, backend="reference")(np.empty((0, 3)), tree())


def test_inside_a_traced_function() -> None:
    op = jf.value_and_grad(square)
    with pytest.raises(jf.ArgumentError, match=r"inside a traced function.*jf\.grad"):
        jf.laplacian(lambda x, p: op(x, p)[0])(X, tree())


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_check_names_the_first_bad_point(backend: str) -> None:
    def loss(x: Any, p: Any) -> Any:
        return p * np.sqrt(x[0])

    op = jf.value_and_grad(loss, backend=backend)
    x = np.ones((6, 50, 1))
    assert np.isfinite(op(x, 2.0, check=True)[0])
    x[4, 7] = x[5, 3] = -1
    assert np.isnan(op(x, 2.0)[0])
    with pytest.raises(jf.NotFiniteError, match=r"X\[4, 7\].*first.*X is \[-1\.\] there"):
        op(x, 2.0, check=True)
    with pytest.raises(jf.NotFiniteError, match=r"X\[4, 7\]"):
        jf.value_and_grad(loss, backend=backend, check=True)(x, 2.0)
    x[0, 3] = np.nan
    with pytest.raises(jf.NotFiniteError, match=r"X\[0, 3\].*X is not finite there"):
        op(x, 2.0, check=True)


def test_check_finds_gradients_that_are_not_finite() -> None:
    op = jf.value_and_grad(lambda x, p: np.sqrt(p * x[0]), backend="reference", check=True)
    x = np.ones((8, 1))
    x[5] = 0  # the loss is 0 there, its derivative infinite times 0
    with pytest.raises(jf.NotFiniteError, match=r"X\[5\]"):
        op(x, 2.0)


# Functions without a derivative somewhere ---------------------------------------------------------

KINKED: dict[str, tuple[Callable[[Any], Any], float, float, str]] = {
    "abs": (np.abs, 0.0, 0.0, "absolute, which has a kink at 0, where 0 is taken"),
    "relu": (lambda z: np.maximum(z, 0), 0.0, 0.5, "maximum.*mean of both slopes"),
    "minimum": (lambda z: np.minimum(3 * z, z), 0.0, 2.0, "minimum.*mean of both slopes"),
    "sign": (np.sign, 0.3, 0.0, "sign.*constant.*taken as 0 everywhere"),
    "floor": (np.floor, 0.3, 0.0, "floor.*taken as 0 everywhere"),
    "ceil": (np.ceil, 0.3, 0.0, "ceil.*taken as 0 everywhere"),
    "round": (np.rint, 0.3, 0.0, "rint.*taken as 0 everywhere"),
}


@pytest.mark.parametrize("name", KINKED)
def test_says_what_is_taken_where_there_is_no_derivative(name: str) -> None:
    function, at, taken, message = KINKED[name]
    op = jf.value_and_grad(lambda x, p: function(p + 0 * x[0]), backend="reference")
    with pytest.warns(jf.NotDifferentiableWarning, match=message) as caught:
        _, gradient = op(X, at)
    assert gradient == taken
    assert {warning.filename for warning in caught} == {__file__}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        op(X, at)  # it has been said


def test_smooth_functions_do_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jf.value_and_grad(lambda x, p: p * np.abs(x[0]), backend="reference")(X, 1.0)
        jf.value_and_grad(lambda x, p: np.where(x[0] > 0, p, 2 * p), backend="reference")(X, 1.0)
