"""The ground state of ten coupled quantum oscillators, with a neural network in the wave function.

    python examples/oscillator.py --points 1000 --steps 500 --seed 0 --picture oscillator.png

Ten particles on a line, each tied to its neighbours by a spring, the first and the last to a wall
(masses, springs and Planck's constant are 1):

    H = -1/2 Lap + 1/2 x^T A x,    x^T A x = x[0]^2 + (x[1] - x[0])^2 + ... + x[9]^2.

No coordinate can be separated off. The eigenvalue comes with the wave function exp(u):
E_L = (H psi) / psi = -1/2 (Lap u + |grad u|^2) + 1/2 x^T A x is the same number E everywhere if and
only if psi is an eigenfunction, and as exp(u) has no zeros, it then is the ground state. So the
variance of E_L over psi^2 is brought to zero (Umrigar, Wilson and Wilkins, Phys. Rev. Lett. 60,
1719, 1988), and its gradient goes through the Laplacian. The trial function is a normal
distribution times a network,

    u = -|S x|^2 / 2 + network(x),

and psi^2 is sampled without a Markov chain: x from the normal distribution, with the weights
exp(2 network(x)). At the start the particles are independent and the network is far from what is
needed, which is a constant; neither is known to the training.

The answer for comparison: with the eigenvalues w_k^2 of A, E = sum_k w_k / 2, and the next level E'
is higher by the smallest w_k. Mean m and variance v of the local energy enclose E, whatever the
trial function: m - v / (E' - m) <= E <= m if m < E' (Temple, Proc. R. Soc. A 119, 276, 1928).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

import jetfold as jf

Array = NDArray[np.float64]
Params = dict[str, Array]

PARTICLES = 10
WIDTH = 32
"""Of the network's hidden layer."""
RATE = 0.02
"""Of Adam, at the start; it falls to zero like a cosine."""
TOLERANCE = 1e-3
"""Of the energy, 6.49."""
SIGMAS = 4
"""Chance alone goes further than this many error bars once in 16000 runs."""
ROUND_OFF = 1e-9


def potential(x: Any) -> Any:
    """Of one point (10,) or many (N, 10)."""
    inner = np.sum((x[..., 1:] - x[..., :-1]) ** 2, axis=-1)
    return (inner + x[..., 0] ** 2 + x[..., -1] ** 2) / 2


def springs() -> Array:
    """The matrix A."""
    return 2 * np.eye(PARTICLES) - np.eye(PARTICLES, k=1) - np.eye(PARTICLES, k=-1)


# ------------------------------------------------------------------------------- trial function


def network(x: Any, params: Any) -> Any:
    return np.tanh(x @ params["inner"] + params["bias"]) @ params["outer"]


def log_psi(x: Any, params: Any) -> Any:
    """At one point, or at many."""
    return -np.sum((x @ params["shape"].T) ** 2, axis=-1) / 2 + network(x, params)


def start(random: np.random.Generator) -> Params:
    """Independent particles, and a network that is not small."""
    return {
        "shape": np.eye(PARTICLES),
        "inner": random.normal(size=(PARTICLES, WIDTH)) / np.sqrt(PARTICLES),
        "bias": 0.3 * random.normal(size=WIDTH),
        "outer": random.normal(size=WIDTH) / np.sqrt(WIDTH),
    }


class Sample(NamedTuple):
    """Points with weights (sum 1) that stand for psi^2."""

    points: Array
    weights: Array

    def mean(self, values: Array) -> Any:
        return self.weights @ values


def sampled(params: Params, points: int, random: np.random.Generator) -> Sample:
    """exp(-|S x|^2) is the density of S^-1 z / sqrt(2) for normal z."""
    normal = random.normal(size=(PARTICLES, points)) / np.sqrt(2)
    x = np.linalg.solve(params["shape"], normal).T
    exponent = 2 * network(x, params)
    weights = np.exp(exponent - exponent.max())
    return Sample(x, weights / weights.sum())


# ------------------------------------------------------------------------------------- training

laplacian = jf.laplacian(log_psi)
gradient = jf.grad(log_psi)


def local_energy(x: Any, params: Any) -> Any:
    """(H psi) / psi at one point, or at many."""
    squares = np.sum(gradient(x, params) ** 2, axis=-1)
    return -(laplacian(x, params) + squares) / 2 + potential(x)


def loss(x: Any, params: Any, energy: Any) -> Any:
    """At one point; its mean over psi^2 is the variance if the energy is the mean."""
    return (local_energy(x, params) - energy) ** 2


variance_and_slope = jf.value_and_grad(loss)


class Adam:
    """Kingma and Ba (arXiv 1412.6980), for a vector."""

    def __init__(self, size: int) -> None:
        self.first, self.second, self.count = np.zeros(size), np.zeros(size), 0

    def step(self, slope: Array, rate: float) -> Array:
        self.count += 1
        self.first = 0.9 * self.first + 0.1 * slope
        self.second = 0.99 * self.second + 0.01 * slope**2
        mean = self.first / (1 - 0.9**self.count)
        square = self.second / (1 - 0.99**self.count)
        return -rate * mean / (np.sqrt(square) + 1e-8)


def energy_of(sample: Sample, params: Params) -> tuple[float, float, float]:
    """The energy, the variance of the local energy, and the energy's standard error."""
    local = local_energy(sample.points, params)
    energy = sample.mean(local)
    squares = (local - energy) ** 2
    return energy, sample.mean(squares), float(np.sqrt(sample.weights**2 @ squares))


def trained(
    params: Params, points: int, steps: int, random: np.random.Generator, quiet: bool
) -> tuple[Params, Array]:
    """The parameters after so many steps, and energy and variance at each: (steps, 2)."""
    vector, unravel = jf.ravel(params)
    adam, history = Adam(len(vector)), []
    console = Console(stderr=True)
    for k in track(range(steps), "variance", console=console, disable=quiet, transient=True):
        params = unravel(vector)
        x, weights = sampled(params, points, random)
        energy = weights @ local_energy(x, params)
        variance, slope = variance_and_slope(x, params, energy, weights=weights)
        history.append((energy, variance))
        rate = RATE * (1 + np.cos(np.pi * k / steps)) / 2
        vector = vector + adam.step(jf.ravel(slope)[0], rate)
    return unravel(vector), np.array(history)


# --------------------------------------------------------------------------------------- report


def verdict(right: bool) -> str:
    return "ok" if right else "WRONG"


def draw(path: str, history: Array, exact: float, sample: Sample, start: Sample) -> None:
    """How energy and variance arrive, and how far the particles of the chain move."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        print("no picture: matplotlib is missing; pip install 'jetfold[examples]'")
        return
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.semilogy(history[:, 1], "C1", linewidth=1, label="variance of the local energy")
    left.semilogy(
        np.abs(history[:, 0] - exact),
        "C0",
        linewidth=1,
        label="energy: difference from the exact one",
    )
    left.set(xlabel="step", ylabel="energy (variance: its square)")
    left.legend()

    values, modes = np.linalg.eigh(springs())
    particles = np.arange(1, PARTICLES + 1)
    right.plot(particles, np.sqrt(modes**2 @ values**-0.5 / 2), "k--", label="exact")
    for drawn, marker, label in ((start, "C1s", "at the start"), (sample, "C0o", "trained")):
        spread = np.sqrt([drawn.mean(x**2) - drawn.mean(x) ** 2 for x in drawn.points.T])
        right.plot(particles, spread, marker, label=label)
    right.set(xlabel="particle", ylabel="standard deviation of its position", xticks=particles)
    right.set_ylim(0.6, 0.85)
    right.legend()
    figure.savefig(path, dpi=150)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the eigenvalue; the exit status is 1 if it is not what it must be."""
    parser = argparse.ArgumentParser(description="The ground state of ten coupled oscillators.")
    parser.add_argument("--points", type=int, default=1000, help="of a step (default 1000)")
    parser.add_argument("--steps", type=int, default=500, help="(default 500)")
    parser.add_argument("--seed", type=int, default=0, help="(default 0)")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument("--picture", default="oscillator.png", help="(default oscillator.png)")
    chosen = parser.parse_args(arguments)
    random = np.random.default_rng(chosen.seed)

    modes = np.sqrt(np.linalg.eigvalsh(springs()))  # smallest first
    exact = modes.sum() / 2
    following = exact + modes[0]
    params = start(random)
    before = sampled(params, 20 * chosen.points, random)
    params, history = trained(params, chosen.points, chosen.steps, random, chosen.quiet)
    sample = sampled(params, 20 * chosen.points, random)
    energy, variance, error = energy_of(sample, params)
    low = energy - variance / (following - energy) if energy < following else -np.inf
    chance = SIGMAS * error + ROUND_OFF
    low, high = low - chance, energy + chance
    (first, first_variance), used = history[0], 1 / np.sum(sample.weights**2)
    print(f"at the start  energy {first:.4f}, variance {first_variance:.1e}")
    print(f"trained       energy {energy:.6f} +- {error:.6f}, variance {variance:.1e}")
    print(f"weights       {len(sample.weights)} points count like {used:.0f}")
    enclosed = bool(low <= exact <= high)
    print(f"enclosed      {low:.6f} <= {exact:.6f} <= {high:.6f}  {verdict(enclosed)}")
    near = bool(abs(energy - exact) + chance <= TOLERANCE)
    print(f"difference    {energy - exact:.1e}, tolerance {TOLERANCE}  {verdict(near)}")
    draw(chosen.picture, history, exact, sample, before)
    return 0 if enclosed and near else 1


if __name__ == "__main__":
    sys.exit(main())
