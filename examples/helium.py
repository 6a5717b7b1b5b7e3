"""Hydrogen and helium by variational Monte Carlo: energies of trial functions, with error bars.

    python examples/helium.py --walkers 4000 --steps 200 --seed 0 --picture helium.png

Electrons at x[0], x[1], ... around a nucleus of charge Z have, in atomic units, the Hamiltonian

    H = -1/2 Lap - sum_i Z / |x[i]| + sum_{i<j} 1 / |x[i] - x[j]|.

No trial function psi has an energy <psi|H|psi> / <psi|psi> below that of the ground state. It is
the mean of the local energy E_L = (H psi) / psi over points drawn from psi^2, and the better psi,
the less E_L varies: for an eigenfunction not at all. With u = log psi,

    E_L = -1/2 (Lap u + |grad u|^2) + potential.

* Hydrogen has psi = exp(-r) and E = -1/2. For psi = exp(-a r), by hand: E = a^2/2 - a, and the
  standard deviation of E_L is |a (1 - a)|.
* Helium is not known in closed form. E = -2.903724 (Pekeris, Phys. Rev. 115, 1216, 1959), and the
  mean distance of the electrons is 1.422070 (Drake, Handbook of Atomic Physics, 2006, ch. 11).

Parameters follow imaginary time, d psi / d tau = -H psi, as closely as they can (stochastic
reconfiguration: Sorella, Phys. Rev. B 64, 024512, 2001). Error bars are those of correlated data
(Flyvbjerg and Petersen, J. Chem. Phys. 91, 461, 1989).
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

import jetfold as jf

Array = NDArray[np.float64]
Params = dict[str, Array]

HELIUM_ENERGY = -2.903724
HELIUM_DISTANCE = 1.422070
ENERGY_TOLERANCE = 2e-3
DISTANCE_TOLERANCE = 2e-2
ROUND_OFF = 1e-9
"""The standard deviation of a constant local energy: near the nucleus 1 / r is cancelled."""
SIGMAS = 4
"""Chance alone goes further than this many error bars once in 16000 runs."""
SWEEPS = 10
"""Moves of every walker between two uses of its position."""

# ------------------------------------------------------------------------------ trial functions
# They take one point (electrons, 3) or a batch of them: axes are counted from the end.


def hydrogen(x: Any, params: Any) -> Any:
    """log psi = -a r."""
    return -params["exponent"] * np.linalg.norm(x, axis=-1)[..., 0]


TERMS = ((2, 0, 0), (3, 0, 0), (2, 2, 0), (0, 0, 2), (0, 0, 3), (2, 0, 2), (2, 2, 2), (3, 0, 2))
"""Powers of the electrons' distances to the nucleus and to each other, as in Schmidt and Moskowitz,
J. Chem. Phys. 93, 4172, 1990. No first powers: they would spoil the cusps."""


def helium(x: Any, params: Any) -> Any:
    """Slater's and Jastrow's factors, and correlations of both electrons with the nucleus.

    Where two particles meet, E_L stays finite only if log psi has the right slope, the cusp:
    -Z = -2 for electron and nucleus, 1/2 for two electrons of opposite spin. Both are built in.
    Far from the nucleus log psi falls with the slope -exponent.
    """
    r = np.linalg.norm(x, axis=-1)
    distance = np.linalg.norm(x[..., 0, :] - x[..., 1, :], axis=-1)
    slater = -np.sum((2 * r + params["exponent"] * r**2) / (1 + r), axis=-1)
    jastrow = distance / (2 + 2 * np.exp(params["log_range"]) * distance)
    (s, t), q = np.moveaxis(r / (1 + r), -1, 0), distance / (1 + distance)
    products = [(s**m * t**n + s**n * t**m) * q**o for m, n, o in TERMS]
    return slater + jastrow + np.stack(products, axis=-1) @ params["terms"]


# --------------------------------------------------------------------------------------- energy


@dataclass(frozen=True)
class Atom:
    """A nucleus and its electrons, with a trial function and where its parameters start."""

    name: str
    charge: int
    electrons: int
    log_psi: Callable[..., Any]
    start: Params
    pace: float
    """The step in imaginary time: about one over the highest energy that matters."""

    # Operators keep what they compile, so each is made once.

    @cached_property
    def laplacian(self) -> Callable[..., Array]:
        return jf.laplacian(self.log_psi, point_ndim=2)

    @cached_property
    def gradient(self) -> Callable[..., Array]:
        return jf.grad(self.log_psi, point_ndim=2)

    @cached_property
    def derivatives(self) -> Callable[..., tuple[Array, Array]]:
        """log psi and its derivatives with respect to the parameters, for every walker."""
        return jf.residual_and_jacobian(self.log_psi, point_ndim=2)


HYDROGEN = Atom("hydrogen", 1, 1, hydrogen, {"exponent": np.array(0.6)}, pace=1.0)
HELIUM = Atom(
    "helium",
    2,
    2,
    helium,
    {"exponent": np.array(2.0), "log_range": np.array(0.0), "terms": np.zeros(len(TERMS))},
    pace=0.1,
)


def distances(walkers: Array) -> Array:
    """Between the electrons: (N, electrons, 3) to (N, pairs)."""
    first, second = np.triu_indices(walkers.shape[1], 1)
    return np.asarray(np.linalg.norm(walkers[:, first] - walkers[:, second], axis=-1))


def local_energy(atom: Atom, walkers: Array, params: Params) -> Array:
    """(H psi) / psi for every walker."""
    squares = np.sum(atom.gradient(walkers, params) ** 2, axis=(1, 2))
    kinetic = -(atom.laplacian(walkers, params) + squares) / 2
    attraction = np.sum(atom.charge / np.linalg.norm(walkers, axis=-1), axis=1)
    return np.asarray(kinetic - attraction + np.sum(1 / distances(walkers), axis=1))


# ------------------------------------------------------------------------------------- sampling


def metropolis(
    log_psi: Callable[[Array], Array],
    walkers: Array,
    width: float,
    random: np.random.Generator,
    sweeps: int = SWEEPS,
) -> tuple[Array, float]:
    """Move all walkers by normal steps; returns them and the fraction of moves accepted.

    A move is accepted with probability min(1, ratio of psi^2), so that walkers distributed as psi^2
    stay so (Metropolis et al., J. Chem. Phys. 21, 1087, 1953).
    """
    value, accepted = log_psi(walkers), 0.0
    for _ in range(sweeps):
        moved = walkers + width * random.normal(size=walkers.shape)
        proposed = log_psi(moved)
        accept = -random.exponential(size=len(walkers)) < 2 * (proposed - value)
        walkers = np.where(accept[:, None, None], moved, walkers)
        value = np.where(accept, proposed, value)
        accepted += accept.mean() / sweeps
    return walkers, accepted


def settled(
    log_psi: Callable[[Array], Array], shape: tuple[int, ...], random: np.random.Generator
) -> tuple[Array, float]:
    """Walkers that have forgotten where they started, and a width that accepts half the moves."""
    walkers, width = random.normal(size=shape), 1.0
    for _ in range(40):
        walkers, accepted = metropolis(log_psi, walkers, width, random)
        width *= 1.1 if accepted > 0.5 else 1 / 1.1
    return walkers, width


def error_of_mean(series: Array) -> float:
    """The standard error of the mean of correlated data, by blocking: (times, walkers).

    Neighbours in time are averaged again and again. While they are correlated the naive error of
    the mean grows; once they are not, it stays, up to its own uncertainty. The first level is taken
    that no later one exceeds by more than that. Walkers are independent of each other.
    """
    count, errors, lower = float(series.size), [], []
    while series.size > 1:
        errors.append(series.std(ddof=1) / np.sqrt(count))
        lower.append(errors[-1] * (1 - 1 / np.sqrt(2 * (series.size - 1))))
        even = series[: len(series) // 2 * 2]
        series, count = (even[::2] + even[1::2]) / 2, count / 2
    return float(next(error for k, error in enumerate(errors) if error >= max(lower[k:])))


# --------------------------------------------------------------------------------- optimisation


class Sampling(NamedTuple):
    """How much is drawn, and whether progress is shown."""

    walkers: int
    random: np.random.Generator
    quiet: bool

    def steps(self, count: int, what: str) -> Iterable[int]:
        console = Console(stderr=True)
        return track(range(count), what, console=console, disable=self.quiet, transient=True)


def improved(atom: Atom, walkers: Array, energies: Array, params: Params) -> Params:
    """One step in imaginary time.

    With the derivatives O_k of log psi with respect to the parameters, half the gradient of the
    energy is the covariance of O_k and E_L. The covariance of O_k and O_l says how far apart
    states are whose parameters differ, and turns the gradient into a step of the state.
    """
    _, derivatives = atom.derivatives(walkers, params)
    centred = derivatives - derivatives.mean(axis=0)
    slope = centred.T @ (energies - energies.mean()) / len(walkers)
    metric = centred.T @ centred / len(walkers)
    metric += np.diag(1e-3 * np.diag(metric) + 1e-4)  # what walkers cannot tell apart stays
    vector, unravel = jf.ravel(params)
    found: Params = unravel(vector - atom.pace * np.linalg.solve(metric, slope))
    return found


def optimised(atom: Atom, steps: int, sampling: Sampling) -> tuple[Params, Array]:
    """The parameters after so many steps, and mean and error of the energy at each of them."""
    params, history = atom.start, []
    shape = (sampling.walkers, atom.electrons, 3)
    walkers, width = settled(partial(atom.log_psi, params=params), shape, sampling.random)
    for _ in sampling.steps(steps, f"{atom.name}: parameters"):
        log_psi = partial(atom.log_psi, params=params)
        walkers, _ = metropolis(log_psi, walkers, width, sampling.random)
        energies = local_energy(atom, walkers, params)
        history.append((energies.mean(), energies.std() / np.sqrt(len(energies))))
        params = improved(atom, walkers, energies, params)
    return params, np.array(history)


class Measurement(NamedTuple):
    """Averages over psi^2, with their errors."""

    energy: float
    error: float
    spread: float
    """The standard deviation of the local energy."""
    walkers: Array
    """Of the last rounds, as many as a picture needs."""
    distance: float
    distance_error: float


def measured(atom: Atom, params: Params, rounds: int, sampling: Sampling) -> Measurement:
    """Of a given trial function, by walkers that start anew."""
    log_psi = partial(atom.log_psi, params=params)
    shape = (sampling.walkers, atom.electrons, 3)
    walkers, width = settled(log_psi, shape, sampling.random)
    energies, apart = [], []
    kept: deque[Array] = deque(maxlen=50)
    for _ in sampling.steps(rounds, f"{atom.name}: energy"):
        walkers, _ = metropolis(log_psi, walkers, width, sampling.random)
        energies.append(local_energy(atom, walkers, params))
        apart.append(distances(walkers).sum(axis=1))
        kept.append(walkers)
    return Measurement(
        float(np.mean(energies)),
        error_of_mean(np.array(energies)),
        float(np.std(energies)),
        np.concatenate(kept),
        float(np.mean(apart)),
        error_of_mean(np.array(apart)),
    )


# ---------------------------------------------------------------------------------------- report


def verdict(right: bool) -> str:
    return "ok" if right else "WRONG"


def hydrogen_is_right(steps: int, rounds: int, sampling: Sampling) -> bool:
    """Print energies for some exponents, and where the optimisation arrives.

    The standard deviation is checked by a factor of two: its square, a mean of 1 / r^2, converges
    slowly, since 1 / r^4 has no mean.
    """
    right = True
    print("hydrogen, psi = exp(-a r)")
    print(f"{'a':>10}{'energy':>14}{'error':>10}{'exact':>14}{'std of E_L':>13}{'exact':>10}")
    found, _ = optimised(HYDROGEN, steps, sampling)
    for exponent in (0.8, 1.2, 1.0, float(found["exponent"])):
        result = measured(HYDROGEN, {"exponent": np.array(exponent)}, rounds, sampling)
        energy, spread = exponent**2 / 2 - exponent, abs(exponent * (1 - exponent))
        agrees = abs(result.energy - energy) <= SIGMAS * result.error + ROUND_OFF
        agrees &= spread / 2 <= result.spread + ROUND_OFF <= 2 * spread + 2 * ROUND_OFF
        right &= agrees
        print(
            f"{exponent:10.6f}{result.energy:14.9f}{result.error:10.0e}{energy:14.9f}"
            f"{result.spread:13.1e}{spread:10.1e}  {verdict(agrees)}"
        )
    arrived = abs(result.energy + 0.5) <= ROUND_OFF and result.spread <= ROUND_OFF
    print(f"optimised from a = 0.6: {result.energy:.12f}, exact -0.5  {verdict(arrived)}")
    return right and arrived


def helium_is_right(result: Measurement) -> bool:
    """Print energy and distance. The energy is an upper bound: only chance can bring it below."""
    excess, chance = result.energy - HELIUM_ENERGY, SIGMAS * result.error
    agrees = -chance <= excess <= ENERGY_TOLERANCE and chance <= ENERGY_TOLERANCE
    near = abs(result.distance - HELIUM_DISTANCE) <= DISTANCE_TOLERANCE
    print(
        f"energy   {result.energy:.6f} +- {result.error:.6f}, exact {HELIUM_ENERGY} "
        f"(tolerance {ENERGY_TOLERANCE})  {verdict(agrees)}"
    )
    print(
        f"distance {result.distance:.5f} +- {result.distance_error:.5f}, exact {HELIUM_DISTANCE} "
        f"(tolerance {DISTANCE_TOLERANCE})  {verdict(near)}"
    )
    return agrees and near


def draw(path: str, history: Array, result: Measurement) -> None:
    """The energy on the way, and how the electrons avoid each other."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        print("no picture: matplotlib is missing; pip install 'jetfold[examples]'")
        return
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps, (energy, error) = np.arange(len(history)), history.T
    zoom = left.inset_axes(
        (0.45, 0.25, 0.5, 0.45), ylim=(HELIUM_ENERGY - 0.004, HELIUM_ENERGY + 0.004)
    )
    zoom.tick_params(labelsize="small")
    for axes in (left, zoom):
        axes.fill_between(steps, energy - error, energy + error, color="C0", alpha=0.3, linewidth=0)
        axes.plot(steps, energy, "C0", linewidth=1, label="mean over the walkers, with its error")
        axes.axhline(HELIUM_ENERGY, color="black", linestyle="--", label=f"exact, {HELIUM_ENERGY}")
    left.set(xlabel="step of the optimisation", ylabel="energy of helium (hartree)")
    left.legend()

    first, second = result.walkers[:, 0], result.walkers[:, 1]
    strangers = np.linalg.norm(first - np.roll(second, 1, axis=0), axis=-1)
    bins = np.linspace(0, 5, 41)
    middles = (bins[1:] + bins[:-1]) / 2
    for values, style, label in (
        (strangers, "C1--", "of two atoms, laid over each other"),
        (distances(result.walkers)[:, 0], "C0-", "of one atom: they avoid each other"),
    ):
        right.plot(middles, np.histogram(values, bins, density=True)[0], style, label=label)
    right.set(xlabel="distance of the electrons (bohr)", ylabel="probability density (1/bohr)")
    right.set_ylim(0, 0.8)
    right.legend(loc="upper right")
    figure.savefig(path, dpi=150)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print energies with error bars; the exit status is 1 if one is not what it must be."""
    parser = argparse.ArgumentParser(description="Hydrogen and helium by variational Monte Carlo.")
    parser.add_argument("--walkers", type=int, default=4000, help="(default 4000)")
    parser.add_argument("--steps", type=int, default=200, help="of the optimisation (default 200)")
    parser.add_argument("--rounds", type=int, default=400, help="of measuring (default 400)")
    parser.add_argument("--seed", type=int, default=0, help="(default 0)")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument("--picture", default="helium.png", help="where to (default helium.png)")
    chosen = parser.parse_args(arguments)
    sampling = Sampling(chosen.walkers, np.random.default_rng(chosen.seed), chosen.quiet)

    right = hydrogen_is_right(30, 50, sampling)
    params, history = optimised(HELIUM, chosen.steps, sampling)
    result = measured(HELIUM, params, chosen.rounds, sampling)
    start = history[0, 1] * np.sqrt(chosen.walkers)
    print(f"helium, {len(jf.ravel(params)[0])} parameters, {chosen.steps} steps")
    print(f"standard deviation of E_L {result.spread:.4f}, at the start {start:.4f}")
    right &= helium_is_right(result)
    draw(chosen.picture, history, result)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
