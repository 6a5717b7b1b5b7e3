"""Equations solved by training networks: what the solvers are made of, and what they notice."""

from functools import partial
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import jetfold as jf
from example_programs import load


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(("factor", "wrong"), [(0.9, 0), (1.1, 1)])
def test_tolerance_is_that_of_the_error(
    factor: float,
    wrong: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Trained functions are replaced by known solutions with a relative error."""
    monkeypatch.chdir(tmp_path)
    poisson = load("poisson")
    poisson.train = lambda problem, chosen, bar: {"corner": 1.0}
    scale = 1 + factor * poisson.TOLERANCE
    for name, problem in poisson.PROBLEMS.items():
        scaled = partial(lambda solution, x, _: scale * solution(x), problem.solution)
        poisson.PROBLEMS[name] = problem._replace(ansatz=scaled)
    assert poisson.main(["--quiet"]) == wrong
    assert capsys.readouterr().out.count("WRONG") == 2 * wrong

    burgers = load("burgers")
    burgers.train = lambda chosen: None
    scale_of_velocity = 1 + factor * burgers.TOLERANCE
    burgers.velocity = lambda x, _: scale_of_velocity * burgers.exact(x[..., :1], x[..., 1:])
    assert burgers.main(["--quiet"]) == wrong
    assert capsys.readouterr().out.count("WRONG") == wrong


CORNERS = {
    "square": [(0, 0), (1, 0), (1, 1), (0, 1)],
    "l-shape": [(0, 0), (1, 0), (1, 1), (-1, 1), (-1, -1), (0, -1)],
}


@pytest.mark.parametrize("name", CORNERS)
def test_ansatz_is_zero_on_the_boundary_alone(name: str, random: np.random.Generator) -> None:
    example = load("poisson")
    problem = example.PROBLEMS[name]
    params = example.first_parameters(random)
    params["corner"] = np.array(0.7)
    begins = np.array(CORNERS[name])
    edges = np.roll(begins, -1, axis=0) - begins
    boundary = begins + random.uniform(size=(50, 1, 1)) * edges
    for function in (problem.ansatz(boundary, params), problem.solution(boundary)):
        np.testing.assert_allclose(function, 0, atol=1e-14)

    one = [(np.zeros((2, 1)), np.ones(1))]  # a network that is 1 everywhere
    inside = example.spread(problem, 300, random)
    assert problem.ansatz(inside, {"layers": one, "corner": 0.0}).min() > 0


def by_hand(name: str, x: Any, y: Any) -> Any:
    """-Lap u of the solutions."""
    if name == "square":
        a, b = np.pi * x, np.pi * y
        return np.pi**2 * (2 * np.sin(a) * np.sin(b) + 13 / 2 * np.sin(3 * a) * np.sin(2 * b))
    r, theta = np.hypot(x, y), np.arctan2(y, x) % (2 * np.pi)
    h = r ** (2 / 3) * np.sin(2 * theta / 3)
    # The derivative of r^a sin(a theta) along x is a r^(a-1) sin((a-1) theta), along y with cos.
    h_x, h_y = (2 / 3 * r ** (-1 / 3) * f(-theta / 3) for f in (np.sin, np.cos))
    product = -2 * x * (1 - y**2) * h_x - 2 * y * (1 - x**2) * h_y
    return 2 * (2 - x**2 - y**2) * h - 2 * product


@pytest.mark.parametrize("name", CORNERS)
def test_source_is_that_of_the_solution(name: str, random: np.random.Generator) -> None:
    example = load("poisson")
    problem = example.PROBLEMS[name]
    points = example.spread(problem, 300, random)
    found = example.with_source(problem, points)
    np.testing.assert_array_equal(found[:, :2], points)
    np.testing.assert_allclose(found[:, 2], by_hand(name, *points.T), rtol=1e-9, atol=1e-12)


def test_corner_function_is_harmonic_and_cut_off(random: np.random.Generator) -> None:
    example = load("poisson")
    points = example.spread(example.PROBLEMS["l-shape"], 300, random)
    x, y = points.T
    r, theta = np.hypot(x, y), np.arctan2(y, x) % (2 * np.pi)
    np.testing.assert_allclose(
        example.harmonic(points), r ** (2 / 3) * np.sin(2 * theta / 3), rtol=1e-12
    )
    np.testing.assert_allclose(jf.laplacian(example.harmonic)(points) * r**2, 0, atol=1e-12)
    layers = [(np.zeros((2, 1)), np.zeros(1))]
    only = {"layers": layers, "corner": np.ones(())}
    np.testing.assert_array_equal(example.on_l_shape(points[r > 1], only), 0)
    near = 1e-6 * points
    np.testing.assert_allclose(example.on_l_shape(near, only), example.harmonic(near), rtol=1e-9)


@pytest.mark.parametrize(("name", "area", "square"), [("square", 1, 1 / 3), ("l-shape", 3, 1)])
def test_points_fill_the_domain(
    name: str, area: float, square: float, random: np.random.Generator
) -> None:
    example = load("poisson")
    problem = example.PROBLEMS[name]
    points, weights = example.quadrature(problem)
    spread = example.spread(problem, 3000, random)
    for places in (points, spread):
        assert np.all(places.min(axis=0) >= np.min(problem.squares, axis=0))
        assert places.max() <= 1
        assert name == "square" or not np.any((places[:, 0] > 0) & (places[:, 1] < 0))
    assert weights.sum() == pytest.approx(area, rel=1e-12)
    assert weights @ points[:, 0] ** 2 == pytest.approx(square, rel=1e-12)
    assert np.mean(spread[:, 0] ** 2) == pytest.approx(square / area, rel=1e-2)


def test_velocity_has_initial_values_boundary_values_and_symmetry(
    random: np.random.Generator,
) -> None:
    example = load("burgers")
    layers = example.first_layers(random)
    x, t = random.uniform(-1, 1, size=50), random.uniform(size=50)

    def velocity(x: Any, t: Any) -> Any:
        return example.velocity(np.stack(np.broadcast_arrays(x, t), axis=-1), layers)[..., 0]

    np.testing.assert_allclose(velocity(x, 0), -np.sin(np.pi * x), atol=1e-15)
    np.testing.assert_allclose(velocity(np.array([[-1], [0], [1]]), t), 0, atol=1e-15)
    np.testing.assert_allclose(velocity(-x, t), -velocity(x, t), atol=1e-15)
    assert np.abs(velocity(x, t) + np.sin(np.pi * x)).max() > 1e-3  # the network takes part


@pytest.mark.parametrize(
    ("x", "t"), [(0.5, 0.25), (0.01, 0.5), (0.003, 1.0), (-0.02, 0.33), (0.9, 0.9), (0.7, 1e-3)]
)
def test_exact_velocity(x: float, t: float) -> None:
    """Cole and Hopf's integrals in 30 digits, over y instead of (x - y) / sqrt(4 nu t)."""
    found = load("burgers").exact(np.array(x), np.array(t))
    with mpmath.workdps(30):
        nu = 1 / (100 * mpmath.pi)

        def weight(y: Any) -> Any:
            return mpmath.exp(-mpmath.cos(mpmath.pi * y) / (2 * mpmath.pi * nu)) * mpmath.exp(
                -((x - y) ** 2) / (4 * nu * t)
            )

        pieces = [x + mpmath.mpf(k) / 8 for k in range(-16, 17)]
        above = mpmath.quad(lambda y: mpmath.sin(mpmath.pi * y) * weight(y), pieces)
        expected = float(-above / mpmath.quad(weight, pieces))
    assert found == pytest.approx(expected, rel=1e-12)


def test_exact_velocity_satisfies_the_equation(random: np.random.Generator) -> None:
    example = load("burgers")

    def exact(point: Any) -> Any:
        return example.exact(point[0], point[1])

    equation = jf.operator(example.EQUATION, exact, coords=(example.X, example.T))
    points = example.spread(300, random)
    terms = jf.derivatives(exact, ["x", "t"], coords=("x", "t"))(points)
    assert np.abs(terms).max() > 10
    assert np.abs(equation(points, nu=example.NU)).max() < 1e-11


def test_points_are_drawn_where_residuals_are_large(random: np.random.Generator) -> None:
    example = load("burgers")
    example.residuals = lambda points, layers: np.where(points[:, 0] < 0.1, -1.0, 0.0)
    points = example.redrawn(500, None, random)
    assert len(np.unique(points, axis=0)) == 500
    # A tenth of the candidates has all of the residual, and so half of the points and a bit more.
    assert np.mean(points[:, 0] < 0.1) == pytest.approx(0.55, abs=0.07)
