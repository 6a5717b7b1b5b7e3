"""The heat equation in 100 dimensions, by a network and random directions.

    python examples/heat.py --dimension 100 --steps 6000

For u(x, t) with x in R^D and 0 <= t <= 1,

    u_t = Lap u,        u(x, 0) = g(x) = sum over j of a sin(k_j . x + phi_j).

Each wave fades at a rate of its own, so that the solution is known:

    u(x, t) = sum over j of exp(-|k_j|^2 t) a sin(k_j . x + phi_j).

The network is not told of waves or rates. With u = g(x) + t net(x, t) the initial condition holds
whatever its parameters are. Each step draws new points, x normal and t uniform; a grid could not
have so many dimensions. The exact Laplacian takes D + 2 vectors per node of the network; its mean
along S random directions takes S + 2.

The mean of an estimate is the exact value, but the mean of its square is not the exact square. If
an estimate of the residual r = u_t - Lap u has the error e, then the mean of (r + e)^2 is r^2 plus
the variance of e, and a network that minimises it is flatter than it should be. The product of two
estimates with independent errors has the mean r^2. It can be negative, and needs no more
directions: S/2 for each.

Sources: Z. Hu, Z. Shi, G. E. Karniadakis and K. Kawaguchi, "Hutchinson trace estimation for
high-dimensional and high-order physics-informed neural networks", arXiv 2312.14499 (both losses);
Z. Shi, Z. Hu, M. Lin and K. Kawaguchi, "Stochastic Taylor derivative estimator", arXiv 2412.00088;
D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", arXiv 1412.6980.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

import jetfold as jf

TOLERANCE = 0.03
"""Of the root mean square of the error, relative to that of the solution."""

RATES = np.array([0.5, 0.75, 1.0])
"""|k_j|^2, at which the waves fade."""

PHASES = np.array([0.3, 1.1, 2.0])

WIDTH = 32
LEARNING_RATE = 0.01

Floats = NDArray[np.float32]
Params = dict[str, Floats]


class Heat:
    """The problem in some dimension, and the ansatz. The waves run in orthogonal directions.

    Points x have shape (D,) and times t are numbers; or a batch has (N, D) and (N,).
    """

    def __init__(self, dimension: int) -> None:
        random = np.random.default_rng(0)
        directions, _ = np.linalg.qr(random.normal(size=(dimension, len(RATES))))
        self.dimension = dimension
        self.waves = directions * np.sqrt(RATES)

    def exact(self, x: Any, t: Any) -> Any:
        """The known solution."""
        fading = np.exp(-RATES * np.expand_dims(t, -1))
        return np.sum(fading * np.sin(x @ self.waves + PHASES), axis=-1) / np.sqrt(len(RATES))

    def ansatz(self, x: Any, t: Any, params: Any) -> Any:
        """g(x) + t net(x, t)."""
        times = np.expand_dims(t, -1) * params["time"]
        hidden = np.tanh(x @ params["space"] + times + params["bias"])
        hidden = np.tanh(hidden @ params["middle"] + params["middle bias"])
        return self.exact(x, 0.0) + t * (hidden @ params["last"])

    def loss(self, samples: int, seed: int) -> Callable[[Any, Any], Any]:
        """The squared residual at one point (D + 1,), which ends with t: two estimates of it."""
        time_derivative = jf.jet(lambda t, x, params: self.ansatz(x, t, params), 1, point_ndim=0)
        # One seed for both would give both the same directions, and so the same error.
        first, second = (
            jf.laplacian(
                self.ansatz, samples=samples, distribution="rademacher", seed=own, per_point=True
            )
            for own in np.random.SeedSequence(seed).spawn(2)
        )

        def loss(point: Any, params: Any) -> Any:
            x, t = point[:-1], point[-1]
            _, (u_t,) = time_derivative(t, (1.0,), x, params)
            return (u_t - first(x, t, params)) * (u_t - second(x, t, params))

        return loss

    def points(self, count: int, random: np.random.Generator) -> Floats:
        """Rows (x, t), x normal and t uniform in [0, 1]."""
        points = random.standard_normal(size=(count, self.dimension + 1), dtype=np.float32)
        points[:, -1] = random.random(size=count, dtype=np.float32)
        return points

    def initial(self, random: np.random.Generator) -> Params:
        """Small weights for the many coordinates, so that what is learned soon outweighs them."""
        d, w = self.dimension, WIDTH
        shapes = {
            "space": ((d, w), 0.1 / np.sqrt(d)),
            "time": ((w,), 0.1),
            "bias": ((w,), 0.5),
            "middle": ((w, w), 1 / np.sqrt(w)),
            "middle bias": ((w,), 0.1),
            "last": ((w,), 1 / np.sqrt(w)),
        }
        return {
            name: (scale * random.normal(size=shape)).astype(np.float32)
            for name, (shape, scale) in shapes.items()
        }

    def error(self, points: Floats, params: Params) -> float:
        """Of the ansatz, relative, in the root mean square over points (N, D + 1)."""
        x, t = points[:, :-1], points[:, -1]
        exact = self.exact(x, t)
        return float(np.linalg.norm(self.ansatz(x, t, params) - exact) / np.linalg.norm(exact))


class Adam:
    """Steps of Adam, whose rate falls to 0 along half a period of a cosine."""

    def __init__(self, size: int, steps: int) -> None:
        self.mean = np.zeros(size, np.float32)
        self.square = np.zeros(size, np.float32)
        self.steps = steps
        self.taken = 0

    def change(self, gradient: Floats) -> Floats:
        """What to add to the parameters."""
        self.taken += 1
        self.mean += 0.1 * (gradient - self.mean)
        self.square += 0.001 * (gradient**2 - self.square)
        mean = self.mean / (1 - 0.9**self.taken)
        square = self.square / (1 - 0.999**self.taken)
        rate = LEARNING_RATE * (1 + float(np.cos(np.pi * self.taken / self.steps))) / 2
        return np.asarray(-rate * mean / (np.sqrt(square) + 1e-8))


def train(
    heat: Heat, chosen: argparse.Namespace, check: Floats, progress: Progress
) -> tuple[Params, list[tuple[int, float]]]:
    """The parameters, and the error at ``check`` on the way there."""
    random = np.random.default_rng(chosen.seed)
    loss = jf.value_and_grad(heat.loss(chosen.samples // 2, chosen.seed))
    vector, unravel = jf.ravel(heat.initial(random))
    adam = Adam(len(vector), chosen.steps)
    history = [(0, heat.error(check, unravel(vector)))]
    task = progress.add_task("compiling", total=chosen.steps)
    for step in range(1, chosen.steps + 1):
        _, gradient = loss(heat.points(chosen.points, random), unravel(vector))
        vector = vector + adam.change(jf.ravel(gradient)[0])
        if step % max(chosen.steps // 20, 1) == 0:
            history.append((step, heat.error(check, unravel(vector))))
        progress.update(task, advance=1, description=f"relative error {history[-1][1]:.3f}")
    return unravel(vector), history


def draw(
    path: str,
    heat: Heat,
    params: Params,
    history: Sequence[tuple[int, float]],
    tolerance: float,
) -> None:
    """u along a line, on which all waves are seen, at three times; and the error by steps."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        print("no picture: matplotlib is missing; pip install 'jetfold[examples]'")
        return
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    along = np.linspace(-3, 3, 121)
    x = along[:, None] * heat.waves.sum(axis=1) / np.linalg.norm(heat.waves.sum(axis=1))
    for t, colour in ((0.0, "#440154"), (0.5, "#21918c"), (1.0, "#e08214")):
        times = np.full(len(x), t)
        left.plot(along, heat.exact(x, times), color=colour, label=f"t = {t:g}, exact")
        found = heat.ansatz(x, times, params)
        left.plot(along[::6], found[::6], "o", color=colour, markersize=4, label="network")
    left.set(title=f"u on a line in {heat.dimension} dimensions", xlabel="place on the line")
    left.set(ylabel="u")
    left.legend(ncols=3, fontsize="small")
    right.semilogy(*zip(*history, strict=True), "o-", color="#440154", markersize=4)
    right.axhline(tolerance, color="#e08214", linestyle="--", label=f"tolerance {tolerance:g}")
    right.set(title="relative error", xlabel="step of Adam")
    right.legend()
    figure.savefig(path, dpi=150)
    print(f"picture: {path}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, compare and draw; the exit status is 1 if the error is above the tolerance."""
    parser = argparse.ArgumentParser(description="The heat equation in many dimensions.")
    parser.add_argument("--dimension", type=int, default=100, help="(default 100)")
    parser.add_argument("--points", type=int, default=256, help="of each step (default 256)")
    parser.add_argument("--steps", type=int, default=6000, help="of Adam (default 6000)")
    parser.add_argument("--samples", type=int, default=16, help="directions (default 16)")
    parser.add_argument("--seed", type=int, default=0, help="(default 0)")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="(default 0.03)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--picture", default="heat.png", help="(default %(default)s)")
    chosen = parser.parse_args(arguments)

    heat = Heat(chosen.dimension)
    check = heat.points(4096, np.random.default_rng(1))
    start = time.perf_counter()
    console = Console(stderr=True)
    with Progress(console=console, disable=chosen.quiet, transient=True) as progress:
        params, history = train(heat, chosen, check, progress)
    print(f"{chosen.steps} steps in {time.perf_counter() - start:.1f} s")

    x, t = check[:, :-1], check[:, -1]
    exact = heat.exact(x, t)
    frozen = np.linalg.norm(heat.exact(x, 0.0) - exact) / np.linalg.norm(exact)
    error = heat.error(check, params)
    ok = error <= chosen.tolerance
    print(f"relative error of u(x, 0) in place of u(x, t): {frozen:.2f}")
    print(f"relative error {error:.4f} (at most {chosen.tolerance:g}) {'ok' if ok else 'WRONG'}")
    draw(chosen.picture, heat, params, history, chosen.tolerance)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
