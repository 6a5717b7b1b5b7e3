"""Random directions: moments, unbiased estimates, their variance, who shares them, bad options.

Estimates are judged by their own standard errors, over many points with directions of their own.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import jetfold as jf
from jetfold.directions import DISTRIBUTIONS
from jetfold.graph import Input, Parameter, Type
from known_answers import points
from messages import check_place, message_of

FOURTH = ["normal", "sphere"]
D, R = 4, 3
random = np.random.default_rng(0)
_half = random.normal(size=(D, D))
HESSIAN = _half + _half.T + np.diag([1.0, 2.0, -3.0, 4.0])
SIGMA, MINUS = random.normal(size=(D, R)), random.normal(size=(D, 2))

MAKE: dict[str, Callable[..., Any]] = {
    "laplacian": jf.laplacian,
    "weighted": lambda u, **options: jf.weighted_laplacian(u, SIGMA, **options),
    "biharmonic": jf.biharmonic,
}


def quadratic(x: Any) -> Any:
    """Its second derivatives are the same everywhere: estimates vary with directions alone."""
    return x @ HESSIAN @ x / 2


def check_distribution(found: NDArray[Any], mean: float, variance: float) -> None:
    """Independent estimates have this mean and this variance, within five standard errors."""
    count = len(found)
    assert abs(found.mean() - mean) <= 5 * np.sqrt(variance / count) + 1e-10 * abs(mean)
    centred = (found - mean) ** 2
    error = np.std(centred) / np.sqrt(count)
    assert abs(centred.mean() - variance) <= 5 * error + 1e-10 * abs(mean) ** 2


# Distributions --------------------------------------------------------------------------------


def draws(name: str, sets: int, samples: int, n: int, seed: int = 0) -> NDArray[Any]:
    return DISTRIBUTIONS[name].draw(np.random.default_rng(seed), sets, samples, n)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_mean_zero_and_covariance_one(name: str, n: int) -> None:
    z = draws(name, 40_000, 1, n)[:, 0]
    assert z.shape == (40_000, n)
    if name != "coordinates":  # these have a sign, which second derivatives do not see
        assert np.abs(z.mean(axis=0)).max() < 5 / np.sqrt(len(z))
    products = z[:, :, None] * z[:, None, :]
    error = 5 * products.std(axis=0) / np.sqrt(len(z))
    assert (np.abs(products.mean(axis=0) - np.eye(n)) <= error + 1e-12).all()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_lengths_and_components(n: int) -> None:
    for name in ("sphere", "rademacher", "coordinates"):
        z = draws(name, 50, 1, n)
        assert_allclose(np.linalg.norm(z, axis=-1), np.full((50, 1), np.sqrt(n)))
    assert set(np.unique(draws("rademacher", 50, 3, n))) == {-1.0, 1.0}
    assert np.count_nonzero(draws("coordinates", 50, 1, n)) == 50
    assert (np.abs(draws("sphere", 50, 1, 5)) > 0).all()


@pytest.mark.parametrize("name", FOURTH)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_fourth_moments(name: str, n: int) -> None:
    """E z_i z_j z_k z_l = c / 3 (d_ij d_kl + d_ik d_jl + d_il d_jk), as Lap^2 needs it."""
    known = DISTRIBUTIONS[name].fourth
    assert known is not None
    z = draws(name, 200_000, 1, n)[:, 0]
    one = np.eye(n)
    pairs = np.einsum("ij,kl->ijkl", one, one)
    expected = float(known(n)) / 3 * (pairs + pairs.swapaxes(1, 2) + pairs.swapaxes(1, 3))
    found = np.einsum("si,sj,sk,sl->ijkl", z, z, z, z, optimize=True) / len(z)
    squares = np.einsum("si,sj,sk,sl->ijkl", z**2, z**2, z**2, z**2, optimize=True) / len(z)
    error = 5 * np.sqrt(np.maximum(squares - found**2, 0) / len(z))
    assert (np.abs(found - expected) <= error + 1e-12).all()


def test_what_others_lack_in_the_fourth_moment() -> None:
    """What the messages say of them."""
    for name, same, mixed in [("rademacher", 1.0, 1.0), ("coordinates", 5.0, 0.0)]:
        z = draws(name, 100_000, 1, 5)[:, 0]
        assert DISTRIBUTIONS[name].fourth is None
        assert_allclose(np.mean(z[:, 0] ** 4), same, rtol=0.05)
        assert_allclose(np.mean(z[:, 0] ** 2 * z[:, 1] ** 2), mixed)


def test_coordinates_are_drawn_without_replacement() -> None:
    for samples in (1, 3, 5):
        z = draws("coordinates", 200, samples, 5)
        hit = (z != 0).sum(axis=1)
        assert hit.max() == 1
        assert (hit.sum(axis=1) == samples).all()
    every = draws("coordinates", 1000, 2, 3)
    orders = {tuple(map(int, order)) for order in every.argmax(axis=-1)}
    assert len(orders) == 6


# Means and variances ------------------------------------------------------------------------------


def variance_of(name: str, h: NDArray[Any], samples: int) -> float:
    """The variance of the mean of z.Hz over so many directions z."""
    n, square, diagonal = len(h), np.sum(h**2), np.diag(h)
    one = {
        "normal": 2 * square,
        "rademacher": 2 * (square - np.sum(diagonal**2)),
        "sphere": 2 * n / (n + 2) * (square - diagonal.sum() ** 2 / n),
        "coordinates": n**2 * np.var(diagonal) * (n - samples) / max(n - 1, 1),
    }
    return float(one[name] / samples)


POINTS = np.ones((20_000, D))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("samples", [1, 2, 4])
def test_laplacians(name: str, samples: int) -> None:
    op = jf.laplacian(
        quadratic,
        samples=samples,
        distribution=name,
        seed=samples,
        per_point=True,
        backend="reference",
    )
    check_distribution(op(POINTS), np.trace(HESSIAN), variance_of(name, HESSIAN, samples))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("method", ["standard", "collapsed", "minimal"])
@pytest.mark.parametrize("given", ["array", "function"])
def test_weighted_laplacians(name: str, method: str, given: str) -> None:
    """The variance law with sigma^T H sigma, and both parts of an indefinite one independent."""
    samples = 2
    plus, minus = SIGMA.T @ HESSIAN @ SIGMA, MINUS.T @ HESSIAN @ MINUS
    sigma = {
        "array": (SIGMA, MINUS),
        "function": (lambda x: SIGMA * x[:, None], lambda x: x[0] * MINUS),
    }
    make = partial(
        jf.weighted_laplacian,
        quadratic,
        method=method,
        samples=samples,
        distribution=name,
        seed=3,
        per_point=True,
        backend="reference",
    )
    one = variance_of(name, plus, samples)
    if given == "array":
        check_distribution(make(SIGMA)(POINTS), np.trace(plus), one)
    both = one + variance_of(name, minus, samples)
    check_distribution(make(sigma[given])(POINTS), np.trace(plus) - np.trace(minus), both)


def symmetrised(tensor: NDArray[Any]) -> NDArray[Any]:
    orders = list(permutations(range(tensor.ndim)))
    return np.asarray(sum(tensor.transpose(order) for order in orders) / len(orders))


TENSOR = symmetrised(np.random.default_rng(2).normal(size=(3, 3, 3, 3)) + 1)


def quartic(x: Any) -> Any:
    """Its fourth derivatives are TENSOR everywhere."""
    return np.einsum("ijkl,i,j,k,l->", TENSOR, x, x, x, x) / 24


@pytest.mark.parametrize("name", FOURTH)
@pytest.mark.parametrize("method", ["standard", "collapsed", "minimal"])
def test_biharmonics(name: str, method: str) -> None:
    """Var of T z^4: E (T z^4)^2 = 24 |T|^2 + 72 |tr T|^2 + 9 (tr tr T)^2 for normal z.

    On the sphere, |z|^8 is n^4 and not n (n+2) (n+4) (n+6).
    """
    samples, n = 2, 3
    inner = np.einsum("ijkk->ij", TENSOR)
    mean = np.trace(inner)
    square = 24 * np.sum(TENSOR**2) + 72 * np.sum(inner**2) + 9 * mean**2
    scale = 1.0 if name == "normal" else n**3 / ((n + 2) * (n + 4) * (n + 6))
    c = {"normal": 3.0, "sphere": 3 * n / (n + 2)}[name]
    variance = (square * scale / c**2 - mean**2) / samples
    op = jf.biharmonic(
        quartic,
        method=method,
        samples=samples,
        distribution=name,
        seed=5,
        per_point=True,
        backend="reference",
    )
    check_distribution(op(np.ones((20_000, n))), float(mean), float(variance))


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("shared", [True, False])
def test_one_call_with_many_directions_compiled(kind: str, shared: bool) -> None:
    """Compiled and interpreted agree, and the mean comes close to the exact operator."""

    def function(x: Any) -> Any:
        return np.sin(x @ np.arange(1.0, D + 1) / 2) * x[0]

    x = points(D, 12)
    make = partial(MAKE[kind], function, samples=300, seed=1, per_point=not shared)
    found = make()(x)
    assert_allclose(found, make(backend="reference")(x), rtol=1e-11, atol=1e-11)
    exact = MAKE[kind](function, backend="reference")(x)
    assert_allclose(found, exact, atol=0.6 * np.abs(exact).max())
    assert np.abs(found - exact).max() > 1e-6 * np.abs(exact).max()
    single = make()(x.astype(np.float32))
    assert single.dtype == np.float32
    assert_allclose(single, found, rtol=1e-3, atol=1e-3 * np.abs(exact).max())


# Exact cases --------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_point", [False, True])
def test_all_coordinates_are_exact(per_point: bool) -> None:
    x = points(D, 6)
    options: dict[str, Any] = {"distribution": "coordinates", "seed": 2, "per_point": per_point}

    def function(x: Any) -> Any:
        return np.exp(x[0] * x[1]) * np.cos(x[2] * x[3])

    for backend in ("cpu", "reference"):
        exact = jf.laplacian(function, backend="reference")(x)
        op: Any = jf.laplacian(function, samples=D, backend=backend, **options)
        assert_allclose(op(x), exact, rtol=1e-12)
        assert_allclose(op(x), exact, rtol=1e-12)
    exact = jf.weighted_laplacian(function, SIGMA, backend="reference")(x)
    op = jf.weighted_laplacian(function, SIGMA, samples=R, backend="reference", **options)
    assert_allclose(op(x), exact, rtol=1e-12)
    two = interpreted(lambda x: function(x.reshape(-1)), samples=D, point_ndim=2, **options)
    exact = jf.laplacian(function, backend="reference")(x)
    assert_allclose(two(x.reshape(6, 2, 2)), exact, rtol=1e-12)


def test_one_coordinate_needs_one_direction() -> None:
    x = points(1, 4)
    for name in ("rademacher", "sphere", "coordinates"):
        op: Any = interpreted(lambda x: np.sin(x[0]), samples=1, distribution=name)
        assert_allclose(op(x), -np.sin(x[:, 0]))
    op = jf.biharmonic(
        lambda x: np.sin(x[0]), samples=1, distribution="sphere", backend="reference"
    )
    assert_allclose(op(x), np.sin(x[:, 0]))


# Whose directions ---------------------------------------------------------------------------------

interpreted = partial(jf.laplacian, backend="reference")


CASES = [(kind, name) for kind in MAKE for name in DISTRIBUTIONS if kind != "biharmonic"]


@pytest.mark.parametrize(
    ("kind", "name", "backend"),
    [
        *((kind, name, "reference") for kind, name in CASES),
        *(("biharmonic", name, "reference") for name in FOURTH),
        *((kind, "normal", "cpu") for kind in MAKE),
    ],
)
def test_points_share_directions_or_do_not(kind: str, name: str, backend: str) -> None:
    n, function = (3, quartic) if kind == "biharmonic" else (D, quadratic)
    x = np.ones((2, 4, n))
    make = partial(MAKE[kind], function, samples=2, distribution=name, seed=0, backend=backend)
    shared, own = make(), make(per_point=True)
    calls = [shared(x) for _ in range(8)]
    for found in calls:
        assert found.shape == (2, 4)
        assert_allclose(found, np.full((2, 4), found[0, 0]), rtol=1e-12)
    values = own(x)
    assert values.shape == (2, 4)
    least = 2 if name in ("rademacher", "coordinates") else 8  # these have few values
    for found in ([call[0, 0] for call in calls], values):
        assert len(np.unique(np.round(found, 9))) >= least
    assert_array_equal(make(per_point=True)(x), values)
    assert own(x[:, :0]).shape == (2, 0)
    assert own(x[0, 0]).shape == ()


def test_leaves_of_the_graph() -> None:
    found = []
    for per_point in (False, True):
        op = jf.weighted_laplacian(
            np.prod, (SIGMA, MINUS), samples=7, per_point=per_point, backend="reference"
        )
        graph = op.derivation(points(D)).final_graph
        found.append({(type(graph[node].op), str(graph[node].op)) for node in graph.leaves})
    for leaves, kind in zip(found, (Parameter, Input), strict=True):
        for name, size in [("sigma[0]", R), ("sigma[1]", 2)]:
            leaf = kind(f"directions in {name}", Type((7, size)))
            assert (kind, str(leaf)) in leaves


# Seeds --------------------------------------------------------------------------------------------


def values(seed: Any, calls: int = 3, **options: Any) -> list[float]:
    op = interpreted(quadratic, samples=2, seed=seed, **options)
    return [float(op(np.ones(D))) for _ in range(calls)]


def test_seeds_of_every_kind() -> None:
    number = values(7)
    assert len(set(number)) == 3
    assert values(np.int64(7)) == number
    assert values(np.random.SeedSequence(7)) == number
    assert values(np.random.default_rng(7)) == number
    assert values(8) != number
    assert values(None) != values(None)


def test_a_generator_is_used_as_it_is() -> None:
    generator = np.random.default_rng(7)
    expected = values(7, calls=4)
    found = values(generator, calls=2)
    assert found == expected[:2]
    assert values(generator, calls=2) == expected[2:]  # another operator goes on with it
    drawn = np.random.default_rng(7)
    for _ in range(4):
        drawn.standard_normal((2, D))
    assert generator.random() == drawn.random()


@pytest.mark.parametrize("kind", MAKE)
def test_pickled_operators_go_on(kind: str) -> None:
    op = MAKE[kind](np.prod, samples=2, seed=3, per_point=True, backend="reference")
    x = points(D, 3)
    op(x)
    copy = pickle.loads(pickle.dumps(op))
    assert repr(copy) == repr(op)
    assert_array_equal([copy(x) for _ in range(3)], [op(x) for _ in range(3)])


def test_methods_draw_the_same() -> None:
    x = np.ones(D)
    results = [values(1, method=method) for method in ("standard", "collapsed", "minimal", "auto")]
    assert_allclose(results, [results[0]] * 4, rtol=1e-12)
    pairs = [
        jf.weighted_laplacian(
            quadratic, (SIGMA, MINUS), samples=3, seed=1, method=method, backend="reference"
        )(x)
        for method in ("standard", "collapsed", "minimal")
    ]
    assert_allclose(pairs, [pairs[0]] * 3, rtol=1e-12)


# What is wrong ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"samples": 0}, "samples is 0; it must be an integer of 1 or more"),
        ({"samples": -2}, "samples is -2; it must be an integer of 1 or more"),
        ({"samples": 1.5}, "samples is 1.5; it must be an integer of 1 or more"),
        ({"samples": 2, "distribution": "sfere"}, "did you mean 'sphere'?"),
        ({"samples": 2, "distribution": "gauss"}, "normal, rademacher, sphere, coordinates"),
        ({"distribution": "gauss"}, "unknown distribution 'gauss': choose from normal"),
        ({"samples": 2, "seed": "x"}, "seed is 'x'; it must be None, an integer of 0 or more, or"),
        ({"samples": 2, "per_point": "no"}, "per_point is 'no'; it must be True or False"),
        ({"distribution": "normal"}, "distribution is 'normal', but samples is not given"),
        ({"seed": 0}, "seed is 0, but samples is not given: the operator is exact"),
        ({"per_point": True}, "per_point is True, but samples is not given"),
    ],
)
def test_bad_options(kind: str, options: dict[str, Any], text: str) -> None:
    assert text in message_of(jf.ArgumentError, MAKE[kind], quadratic, **options)


def test_more_samples_than_coordinates() -> None:
    make = partial(interpreted, np.prod, distribution="coordinates")
    for op, n in [
        (make(samples=D + 1), D),
        (make(samples=D + 1, per_point=True), D),
        (MAKE["weighted"](np.prod, samples=R + 1, distribution="coordinates"), R),
    ]:
        message = message_of(jf.ArgumentError, op, points(D, 2))
        assert message.startswith(f"samples is {n + 1}, but distribution 'coordinates' draws")
        assert f"among {n} directions; ask for at most {n} samples" in message
        assert message_of(jf.ArgumentError, op.derivation, points(D)) == message
    assert make(samples=D + 1)(points(D + 1, 2)).shape == (2,)  # another point has enough


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("rademacher", "E z_i^4 is 1 and not 3 E z_i^2 z_j^2 = 3"),
        ("coordinates", "E z_i^2 z_j^2 is 0 for different i and j"),
    ],
)
def test_biharmonics_need_a_fourth_moment(name: str, lacks: str) -> None:
    message = message_of(jf.ArgumentError, jf.biharmonic, quartic, samples=2, distribution=name)
    assert message.startswith(f"the biharmonic cannot be estimated with distribution {name!r}: ")
    assert lacks in message
    assert message.endswith("choose 'normal' or 'sphere'")


@pytest.mark.parametrize("kind", MAKE)
def test_no_random_directions_inside_of_functions(kind: str) -> None:
    inner = MAKE[kind](quadratic, samples=2, seed=0)

    def function(x: Any) -> Any:
        return inner(x)  # here

    message = message_of(jf.UnsupportedError, interpreted(function), points(D, 2))
    check_place(message, __file__)
    name = type(inner).__name__
    assert f"a randomised {name} inside a traced function would use the same" in message
    outer = MAKE[kind](jf.laplacian(np.prod), samples=2, seed=0, backend="reference")
    assert outer(points(D, 2)).shape == (2,)  # the other way round is fine
