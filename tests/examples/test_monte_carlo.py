"""Solvers by Monte Carlo: samples have the right density, and errors the right size."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import jetfold as jf
from example_programs import load

# Sampling and errors ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def atoms() -> Any:
    return load("helium")


def test_walkers_have_the_density_of_a_normal_distribution(atoms: Any) -> None:
    random = np.random.default_rng(0)
    walkers, _ = atoms.settled(
        lambda x: -np.sum((x / [1, 2, 3]) ** 2, axis=(1, 2)) / 4, (4000, 2, 3), random
    )
    for electron in range(2):
        for axis in range(3):
            found = stats.kstest(walkers[:, electron, axis] / (axis + 1), "norm")
            assert found.pvalue > 1e-3
    assert abs(np.corrcoef(walkers.reshape(4000, 6).T) - np.eye(6)).max() < 4 / np.sqrt(4000)


def test_walkers_have_the_density_of_hydrogen(atoms: Any) -> None:
    params = {"exponent": np.array(1.5)}
    walkers, _ = atoms.settled(
        lambda x: atoms.hydrogen(x, params), (4000, 1, 3), np.random.default_rng(1)
    )
    distances = np.linalg.norm(walkers[:, 0], axis=-1)  # density r^2 exp(-3 r)
    assert stats.kstest(distances, "gamma", args=(3, 0, 1 / 3)).pvalue > 1e-3
    assert stats.kstest(walkers[:, 0, 2] / distances, "uniform", args=(-1, 2)).pvalue > 1e-3


@pytest.mark.parametrize("scale", [0.02, 1.0, 40.0])
def test_moves_keep_the_density_and_half_of_them_are_accepted(atoms: Any, scale: float) -> None:
    def log_psi(x: Any) -> Any:
        return -np.sum((x / scale) ** 2, axis=(1, 2)) / 4

    random = np.random.default_rng(2)
    _, width = atoms.settled(log_psi, (500, 1, 3), random)
    start = scale * random.normal(size=(4000, 1, 3))
    walkers, accepted = atoms.metropolis(log_psi, start, width, random, sweeps=20)
    assert 0.4 < accepted < 0.6
    assert stats.kstest(walkers.ravel() / scale, "norm").pvalue > 1e-3
    assert (walkers != start).all()


def autoregressive(correlation: float, length: int, walkers: int) -> Any:
    """Series of variance 1, (length, walkers), neighbours in time having this correlation."""
    series = np.random.default_rng(3).normal(size=(length, walkers))
    for k in range(1, length):
        series[k] = correlation * series[k - 1] + np.sqrt(1 - correlation**2) * series[k]
    return series


@pytest.mark.parametrize("length", [50, 400])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_blocking_finds_the_error_of_correlated_data(
    atoms: Any, correlation: float, length: int
) -> None:
    runs, walkers = 30, 200
    series = autoregressive(correlation, length, runs * walkers)
    k = np.arange(1, length)
    variance = (1 + 2 * np.sum((1 - k / length) * correlation**k)) / (length * walkers)
    found = [atoms.error_of_mean(run) for run in np.split(series, runs, axis=1)]
    assert np.mean(found) == pytest.approx(np.sqrt(variance), rel=0.06)
    assert np.std(found) < 0.1 * np.sqrt(variance)
    naive = 1 / np.sqrt(length * walkers)
    assert (np.mean(found) > 1.5 * naive) == (correlation > 0)


def test_blocking_finds_the_error_of_a_single_series(atoms: Any) -> None:
    series = autoregressive(0.9, 4096, 50)
    found = [atoms.error_of_mean(one) for one in np.split(series, 50, axis=1)]
    assert np.mean(found) == pytest.approx(np.sqrt(19 / 4096), rel=0.08)


@pytest.mark.parametrize("shape", [(2, 1), (3, 1), (1, 2), (7, 3), (100, 1)])
def test_blocking_takes_any_number_of_data(atoms: Any, shape: tuple[int, int]) -> None:
    assert atoms.error_of_mean(np.zeros(shape)) == 0
    assert atoms.error_of_mean(np.arange(np.prod(shape)).reshape(shape)) > 0


# Atoms --------------------------------------------------------------------------------------------


def some_params(atoms: Any) -> Any:
    random = np.random.default_rng(4)
    return {
        "exponent": np.array(1.4),
        "log_range": np.array(-0.3),
        "terms": 0.3 * random.normal(size=len(atoms.TERMS)),
    }


def test_local_energy_is_that_of_psi_itself(atoms: Any) -> None:
    params = some_params(atoms)
    x = np.random.default_rng(5).normal(size=(50, 2, 3))

    def psi(x: Any, params: Any) -> Any:
        return np.exp(atoms.helium(x, params))

    laplacian = jf.laplacian(psi, point_ndim=2, backend="reference")(x, params)
    kinetic = -laplacian / (2 * psi(x, params))
    r, apart = np.linalg.norm(x, axis=-1), np.linalg.norm(x[:, 0] - x[:, 1], axis=-1)
    expected = kinetic - np.sum(2 / r, axis=1) + 1 / apart
    assert np.allclose(atoms.local_energy(atoms.HELIUM, x, params), expected, rtol=1e-10)


@pytest.mark.parametrize("met", ["nucleus", "electron"])
def test_local_energy_stays_finite_where_particles_meet(atoms: Any, met: str) -> None:
    """The potential is -2 / r, or 1 / r: more than 10^4 at the last of these points."""
    other = np.array([0.5, -0.3, 0.8])
    place = np.zeros(3) if met == "nucleus" else other
    near = [place + r * np.array([0.6, 0.0, 0.8]) for r in (1e-2, 1e-3, 1e-4)]
    x = np.stack([np.stack([one, other]) for one in near])
    energies = atoms.local_energy(atoms.HELIUM, x, some_params(atoms))
    assert abs(energies).max() < 20
    assert abs(energies[2] - energies[1]) < 0.02


def test_no_term_of_helium_is_another_one(atoms: Any) -> None:
    """Otherwise its weight would be arbitrary."""
    x = np.random.default_rng(6).normal(size=(500, 2, 3))
    _, derivatives = atoms.HELIUM.derivatives(x, some_params(atoms))
    assert np.linalg.matrix_rank(derivatives - derivatives.mean(axis=0)) == derivatives.shape[1]
    swapped, _ = atoms.HELIUM.derivatives(x[:, ::-1], some_params(atoms))
    assert np.allclose(swapped, atoms.helium(x, some_params(atoms)))  # a singlet


def test_energy_of_hydrogen_has_the_known_slope(atoms: Any) -> None:
    """E = a^2/2 - a, by pulling back and by a step, whose metric 3 / (4 a^2) is known as well."""
    exponent = 0.7
    params = {"exponent": np.array(exponent)}
    radius = np.random.default_rng(7).gamma(3, 1 / (2 * exponent), size=20_000)
    x = np.stack([radius, 0 * radius, 0 * radius], axis=-1)[:, None]
    energies = atoms.local_energy(atoms.HYDROGEN, x, params)
    _, pull = jf.vjp(atoms.hydrogen, argnums=1, point_ndim=2, backend="reference")(x, params)
    slope = pull(2 * (energies - energies.mean()) / len(x))["exponent"]
    assert slope == pytest.approx(exponent - 1, abs=0.02)

    found = atoms.improved(atoms.HYDROGEN, x, energies, params)["exponent"]
    step = atoms.HYDROGEN.pace * (exponent - 1) / 2 / (3 / (4 * exponent**2))
    assert found - exponent == pytest.approx(-step, rel=0.05)


SMALL = ["--walkers", "100", "--steps", "2", "--rounds", "8", "--quiet"]


def test_a_wrong_charge_of_hydrogen_and_too_few_steps_are_noticed(
    atoms: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(atoms, "HYDROGEN", replace(atoms.HYDROGEN, charge=1.01))
    assert atoms.main(SMALL) == 1
    lines = capsys.readouterr().out.splitlines()
    wrong = {line.split()[0] for line in lines if line.endswith("WRONG")}
    assert {"1.000000", "optimised", "energy"} <= wrong


def measurement(atoms: Any, **changes: Any) -> Any:
    good = atoms.Measurement(-2.9035, 5e-5, 0.06, np.zeros((1, 2, 3)), 1.42, 1e-3)
    return good._replace(**changes)


def test_a_good_helium_is_accepted(atoms: Any) -> None:
    assert atoms.helium_is_right(measurement(atoms))
    assert atoms.helium_is_right(measurement(atoms, energy=-2.9038))  # by chance


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"energy": -2.9017}, "energy"),
        ({"energy": -2.9040}, "energy"),  # no trial function can be as low as that
        ({"error": 6e-4}, "energy"),
        ({"energy": np.nan}, "energy"),
        ({"distance": 1.36}, "distance"),
    ],
)
def test_a_wrong_helium_is_noticed(
    atoms: Any, capsys: pytest.CaptureFixture[str], changes: dict[str, float], named: str
) -> None:
    assert not atoms.helium_is_right(measurement(atoms, **changes))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("WRONG")] == [named]


# Oscillators --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chain() -> Any:
    return load("oscillator")


def ground_state(chain: Any) -> Any:
    """exp(-x sqrt(A) x / 2), the network being constant."""
    values, modes = np.linalg.eigh(chain.springs())
    params = chain.start(np.random.default_rng(0))
    return {**params, "shape": (modes * values**0.25).T, "inner": 0 * params["inner"]}


def test_springs_are_those_of_the_potential_and_modes_are_known(chain: Any) -> None:
    x = np.random.default_rng(1).normal(size=(20, 10))
    assert np.allclose(chain.potential(x), np.einsum("ni,ij,nj->n", x, chain.springs(), x) / 2)
    modes = np.sqrt(np.linalg.eigvalsh(chain.springs()))
    assert np.allclose(modes, 2 * np.sin(np.arange(1, 11) * np.pi / 22))


def test_the_ground_state_has_no_variance(chain: Any) -> None:
    params = ground_state(chain)
    sample = chain.sampled(params, 1000, np.random.default_rng(2))
    energy, variance, error = chain.energy_of(sample, params)
    assert energy == pytest.approx(np.sin(np.arange(1, 11) * np.pi / 22).sum(), rel=1e-13)
    assert variance < 1e-24
    assert error < 1e-13


def test_samples_have_the_covariance_of_the_ground_state(chain: Any) -> None:
    params = ground_state(chain)
    points, weights = chain.sampled(params, 100_000, np.random.default_rng(3))
    values, modes = np.linalg.eigh(chain.springs())
    expected = (modes * values**-0.5) @ modes.T / 2
    assert np.allclose(weights, 1e-5)
    assert np.allclose(points.T * weights @ points, expected, atol=0.02)


def test_weights_are_those_of_the_network(chain: Any) -> None:
    """A network of x[0] alone, besides independent particles: the mean is a quadrature."""
    params = chain.start(np.random.default_rng(4))
    params["inner"][1:] = 0
    params["outer"] *= 3
    sample = chain.sampled(params, 200_000, np.random.default_rng(5))
    nodes, weights = np.polynomial.hermite.hermgauss(60)
    line = np.stack([nodes, *[0 * nodes] * 9], axis=-1)
    weights = weights * np.exp(2 * chain.network(line, params))
    expected = weights @ nodes / weights.sum()
    assert abs(expected) > 0.1
    assert sample.mean(sample.points[:, 0]) == pytest.approx(expected, abs=0.01)
    assert sample.mean(sample.points[:, 1]) == pytest.approx(0, abs=0.01)


def test_oscillator_notices_a_wrong_matrix(
    chain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The energy of 100 points in the ground state is exact; that of other springs is another."""
    monkeypatch.chdir(tmp_path)
    solved = ground_state(chain)
    monkeypatch.setattr(chain, "start", lambda random: solved)
    few = ["--points", "100", "--steps", "1", "--quiet"]
    monkeypatch.setattr(chain, "RATE", 0.0)
    assert chain.main(few) == 0
    right = chain.springs()
    monkeypatch.setattr(chain, "springs", lambda: 1.001 * right)
    assert chain.main(few) == 1
    assert capsys.readouterr().out.count("WRONG") == 2
    assert (tmp_path / "oscillator.png").exists()
