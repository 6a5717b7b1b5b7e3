"""Solvers of linear equations: they run from the command line, and notice a wrong answer."""

from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.polynomial import Legendre, Polynomial
from numpy.polynomial.legendre import leggauss

import jetfold as jf
from example_programs import COMMANDS, load

# The plate ----------------------------------------------------------------------------------------

QUIET = ["--quiet"]


def plate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)
    return load("plate_collocation")


def test_plate_notices_a_wrong_deflection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = plate(monkeypatch, tmp_path)
    right = example.load
    example.load = lambda x, y: 1.001 * right(x, y)
    assert example.main(QUIET) == 1
    written = capsys.readouterr()
    assert written.out.count("WRONG") == 1
    assert "known deflection: largest error 1.0e-03 (at most 1e-06) WRONG" in written.out
    assert written.err == ""


def test_plate_notices_a_wrong_middle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = plate(monkeypatch, tmp_path)
    example.MIDDLE *= 1.001
    assert example.main(QUIET) == 1
    assert capsys.readouterr().out.count("WRONG") == 1


def test_load_of_the_plate_agrees_with_differences() -> None:
    """Fourth derivatives by mpmath, from function values with 60 digits."""
    example = load("plate_collocation")

    def u(x: Any, y: Any) -> Any:
        return (mpmath.sin(mpmath.pi * x) * mpmath.sin(mpmath.pi * y)) ** 2 * mpmath.exp(x - y)

    for x, y in ((0.3, 0.8), (0.55, 0.45)):
        with mpmath.workdps(60):
            orders = {(4, 0): 1, (2, 2): 2, (0, 4): 1}
            expected = sum(k * mpmath.diff(u, (x, y), order) for order, k in orders.items())
        assert example.deflection(x, y) == pytest.approx(float(u(x, y)), rel=1e-14)
        assert example.load(x, y) == pytest.approx(float(expected), rel=1e-12)


def test_deflection_of_the_plate_is_clamped() -> None:
    example = load("plate_collocation")
    line = np.linspace(0, 1, 7)
    ends = np.array([0.0, 1.0])
    edges = np.concatenate(
        [np.stack(np.meshgrid(*pair), -1).reshape(-1, 2) for pair in ((line, ends), (ends, line))]
    )
    slopes = jf.derivatives(
        lambda point: example.deflection(*point),
        ["", "x", "y"],
        coords=("x", "y"),
        backend="reference",
    )
    assert np.abs(slopes(edges)).max() < 1e-14


def test_middle_of_the_plate_agrees_with_the_method_of_ritz() -> None:
    """Even polynomials times (x (1 - x) y (1 - y))^2 under the load 1, energy by quadrature."""
    nodes, weights = leggauss(24)
    nodes, weights = (nodes + 1) / 2, weights / 2
    clamped = Polynomial([0, 0, 1, -2, 1])
    basis = [
        clamped * Legendre.basis(degree, domain=[0, 1]).convert(kind=Polynomial)
        for degree in range(0, 16, 2)
    ]
    value = np.array([p(nodes) for p in basis])
    bend = np.array([p.deriv(2)(nodes) for p in basis])
    mass, mixed, stiff = (
        (a * weights) @ b.T for a, b in ((value, value), (bend, value), (bend, bend))
    )
    energy = (
        np.kron(stiff, mass)
        + np.kron(mass, stiff)
        + np.kron(mixed, mixed.T)
        + np.kron(mixed.T, mixed)
    )
    work = value @ weights
    found = np.linalg.solve(energy, np.kron(work, work))
    middle = np.array([p(0.5) for p in basis])
    example = load("plate_collocation")
    assert np.kron(middle, middle) @ found == pytest.approx(
        example.MIDDLE, rel=example.MIDDLE_TOLERANCE
    )


# The heat equation --------------------------------------------------------------------------------


def test_heat_notices_a_wrong_solution(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Waves that fade twice as fast are not what the network finds."""
    monkeypatch.chdir(tmp_path)
    example = load("heat")

    class Faster(example.Heat):  # type: ignore[name-defined]
        def exact(self, x: Any, t: Any) -> Any:
            return super().exact(x, 2 * t)

    example.Heat = Faster
    assert example.main([*COMMANDS["heat"].split(), "--quiet"]) == 1
    written = capsys.readouterr()
    assert written.out.count("WRONG") == 1
    assert written.err == ""


def test_solution_of_the_heat_equation_is_that_of_the_heat_kernel() -> None:
    """u(x, t) is the mean of u(x + sqrt(2t) z, 0) over normal z, here only along each wave."""
    example = load("heat")
    heat = example.Heat(7)
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights /= np.sqrt(2 * np.pi)
    random = np.random.default_rng(0)
    for t in (0.1, 0.7, 1.0):
        x = random.normal(size=7)
        expected = 0.0
        for wave, phase in zip(heat.waves.T, example.PHASES, strict=True):
            at = x @ wave + phase + np.sqrt(2 * t) * np.linalg.norm(wave) * nodes
            expected += np.sum(weights * np.sin(at)) / np.sqrt(len(example.PHASES))
        assert heat.exact(x, t) == pytest.approx(expected, abs=1e-13)


def test_loss_of_the_heat_equation_is_the_squared_residual_on_average() -> None:
    """Where the residual is nearly 0, the square of one estimate would be its variance."""
    example = load("heat")
    heat = example.Heat(20)
    random = np.random.default_rng(0)
    params = heat.initial(random)
    points = heat.points(200, random)

    def u(point: Any, params: Any) -> Any:
        return heat.ansatz(point[:-1], point[-1], params)

    space = np.eye(21)[:, :-1]
    slow: Any = {"backend": "reference"}
    rates = jf.grad(u, **slow)(points, params)[:, -1]
    residuals = rates - jf.weighted_laplacian(u, space, **slow)(points, params)
    chosen = np.abs(residuals).argmin()
    copies = np.tile(points[chosen], (2000, 1))

    loss = jf.value_and_grad(heat.loss(samples=8, seed=0))
    means = [loss(copies, params)[0] for _ in range(20)]
    standard_error = np.std(means) / np.sqrt(len(means) - 1)
    assert abs(np.mean(means) - residuals[chosen] ** 2) < 4 * standard_error

    samples: Any = {"samples": 8, "distribution": "rademacher", "seed": 1, "per_point": True}
    estimates = jf.weighted_laplacian(u, space, **slow, **samples)(copies, params)
    assert np.var(estimates) > 50 * standard_error


# The Fokker-Planck equation -----------------------------------------------------------------------


def test_fokker_planck_notices_a_wrong_density(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    example = load("fokker_planck")
    right = example.potential
    example.potential = lambda place: 1.1 * right(place)
    assert example.main([*COMMANDS["fokker_planck"].split(), "--quiet"]) == 1
    written = capsys.readouterr()
    assert written.out.count("WRONG") == 1
    assert written.err == ""


def test_logarithm_of_the_density_solves_its_equation() -> None:
    example = load("fokker_planck")
    residual = example.residual_of(lambda point, factor: -factor * example.potential(point))
    points = np.random.default_rng(0).uniform(0, example.PERIOD, size=(5, 2))
    assert max(abs(residual(point, 1.0)) for point in points) < 1e-12
    assert min(abs(residual(point, 1.1)) for point in points) > 1e-3


def test_density_agrees_with_a_spectral_method() -> None:
    """d_i (d_j (D_ij p) - b_i p) = 0 with the derivatives of trigonometric polynomials."""
    example = load("fokker_planck")
    n = 27
    line = example.PERIOD * np.arange(n) / n
    waves = np.exp(1j * np.multiply.outer(line, np.arange(n) - n // 2))
    first = (waves @ np.diag(1j * (np.arange(n) - n // 2)) @ waves.conj().T).real / n
    slopes = np.kron(np.eye(n), first), np.kron(first, np.eye(n))  # rows of places are y
    place = np.stack(np.meshgrid(line, line)).reshape(2, -1)
    sigma, drift = example.sigma(place), example.drift(place)
    diffusion = np.einsum("irn,jrn->ijn", sigma, sigma)
    operator = sum(
        slopes[i] @ (sum(slopes[j] * diffusion[i, j] for j in range(2)) - np.diag(drift[i]))
        for i in range(2)
    )
    operator[0] = (example.PERIOD / n) ** 2  # one equation follows from the others: the integral
    density = np.linalg.solve(operator, np.eye(n * n)[0])
    exact = example.normalised(-example.potential(place))
    assert np.linalg.norm(density - exact) < 1e-5 * np.linalg.norm(exact)
