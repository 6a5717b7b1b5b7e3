"""The stationary density of two angles whose diffusion depends on the place.

    python examples/fokker_planck.py --points 2048 --steps 1000

Two angles X of a molecule move by dX = b(X) dt + sqrt(2) sigma(X) dW. With D = sigma sigma^T, and
sums over i and j, their density p follows the Fokker-Planck equation

    p_t = - d_i (b_i p) + d_i d_j (D_ij p),

whose right side is 0 after a long time. If V is a potential and Q antisymmetric, then the drift

    b_i = d_j D_ij - (D_ij + Q_ij) d_j V

makes p = exp(-V) / Z stationary. Because of Q probability runs in circles, and the density cannot
be read off the drift. The solver knows b and sigma only. It looks for phi = log p, so that p is
positive and not 0 everywhere; a constant in phi stays open. The equation for it,

    D_ij d_i d_j phi + D_ij d_i phi d_j phi + (2 d_j D_ij - b_i) d_i phi + d_i d_j D_ij = d_i b_i,

begins with a Laplacian weighted by a matrix that depends on the point, `jf.weighted_laplacian`. The
network sees sines and cosines of the angles and so has their period: there is no boundary. Its
density is made to have the integral 1 by the trapezoidal rule, which is at its best for periodic
functions.

Sources: G. A. Pavliotis, "Stochastic Processes and Applications" (2014), chapter 4; Y.-A. Ma,
T. Chen and E. B. Fox, "A complete recipe for stochastic gradient MCMC", arXiv 1506.04696 (the
drift); D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization",
Math. Program. 45 (1989).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from scipy.optimize import minimize
from scipy.stats import qmc

import jetfold as jf

TOLERANCE = 2e-3
"""Of the root mean square of the error, relative to that of the density."""

WIDTH = 24
PERIOD = 2 * np.pi
GRID = 128

Floats = NDArray[np.float64]
Params = dict[str, Floats]

# The problem --------------------------------------------------------------------------------------

x, y = sp.symbols("x y")
POTENTIAL = sp.cos(2 * x) + 3 * sp.sin(y) / 4 + 3 * sp.cos(x - y) / 2
SIGMA = sp.Matrix([[1 + sp.sin(y) / 2, 0], [sp.cos(x) / 2, (8 + 3 * sp.cos(x + y)) / 10]])
Q = sp.Matrix([[0, 1], [-1, 0]])


def gradient(scalar: sp.Expr) -> sp.Matrix:
    return sp.Matrix([scalar.diff(x), scalar.diff(y)])


def divergence(matrix: sp.Matrix) -> sp.Matrix:
    """Of each row."""
    return matrix[:, 0].diff(x) + matrix[:, 1].diff(y)


D = SIGMA * SIGMA.T
SPREADING = divergence(D)
DRIFT = SPREADING - (D + Q) * gradient(POTENTIAL)
SOURCE = divergence(SPREADING.T)[0] - divergence(DRIFT.T)[0]


def at_point(expression: Any) -> Callable[[Any], Any]:
    """An expression, or lists of them, as a function of a point (2,); or of points (2, N)."""
    if isinstance(expression, list):
        parts = [at_point(part) for part in expression]
        return lambda point: np.stack([part(point) for part in parts])
    function = sp.lambdify((x, y), expression, "numpy")
    return lambda point: function(*point) + 0 * point[0]  # constants, too, at every point


potential = at_point(POTENTIAL)
sigma = at_point(SIGMA.tolist())
drift = at_point(list(DRIFT))
spreading = at_point(list(SPREADING))
source = at_point(SOURCE)

# The solver ---------------------------------------------------------------------------------------


def log_density(point: Any, params: Any) -> Any:
    """phi, up to a constant, at one point (2,) or at points (N, 2)."""
    waves = np.concatenate([np.sin(point), np.cos(point)], axis=-1)
    hidden = np.tanh(waves @ params["first"] + params["first bias"])
    hidden = np.tanh(hidden @ params["second"] + params["second bias"])
    return hidden @ params["last"]


def residual_of(phi: Callable[..., Any]) -> Callable[..., Any]:
    """What is left of the equation for phi(x, params), at one point."""
    second_order = jf.weighted_laplacian(phi, sigma)
    slopes_of = jf.grad(phi)

    def residual(point: Any, *params: Any) -> Any:
        slopes = slopes_of(point, *params)
        along_columns = slopes @ sigma(point)
        return (
            second_order(point, *params)
            + along_columns @ along_columns
            + (2 * spreading(point) - drift(point)) @ slopes
            + source(point)
        )

    return residual


def initial(random: np.random.Generator) -> Params:
    """Normal weights of variance 1 / (inputs of the layer)."""
    return {
        "first": random.normal(size=(4, WIDTH)) / 2,
        "first bias": np.zeros(WIDTH),
        "second": random.normal(size=(WIDTH, WIDTH)) / np.sqrt(WIDTH),
        "second bias": np.zeros(WIDTH),
        "last": random.normal(size=WIDTH) / np.sqrt(WIDTH),
    }


def train(points: Floats, steps: int, start: Params, progress: Progress) -> Params:
    """Least mean square of the residual at the points, by L-BFGS."""
    residual = residual_of(log_density)
    value_and_grad = jf.value_and_grad(lambda point, params: residual(point, params) ** 2)
    vector, unravel = jf.ravel(start)
    task = progress.add_task("compiling", total=steps)

    def function(vector: Floats) -> tuple[float, Floats]:
        value, gradients = value_and_grad(points, unravel(vector))
        progress.update(task, description=f"mean squared residual {value:.1e}")
        return float(value), jf.ravel(gradients)[0]

    found = minimize(
        function,
        vector,
        jac=True,
        method="L-BFGS-B",
        callback=lambda _: progress.update(task, advance=1),
        options={"maxiter": steps, "maxfun": 2 * steps, "maxcor": 50, "ftol": 0, "gtol": 0},
    )
    params: Params = unravel(found.x)
    return params


def normalised(log_values: Floats) -> Floats:
    """The density of integral 1 from its logarithm on a grid of both angles."""
    density = np.exp(log_values - log_values.max())
    return np.asarray(density / (density.mean() * PERIOD**2))


def draw(path: str, density: Floats, error: Floats, flux: Floats) -> None:
    """The density with arrows of its flux, and its error; both (n, n) with a row for each y."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        print("no picture: matplotlib is missing; pip install 'jetfold[examples]'")
        return
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    largest = np.abs(error).max()
    for axes, values, title, colours in (
        (left, density, "density p, and its flux", {"cmap": "viridis"}),
        (right, error, "error of p", {"cmap": "PuOr", "vmin": -largest, "vmax": largest}),
    ):
        image = axes.imshow(values, origin="lower", extent=(0, PERIOD, 0, PERIOD), **colours)
        bar = figure.colorbar(image, ax=axes, shrink=0.85)
        bar.ax.ticklabel_format(scilimits=(-2, 2))
        ticks = PERIOD * np.arange(5) / 4
        axes.set_xticks(ticks, ["0", "π/2", "π", "3π/2", "2π"])
        axes.set_yticks(ticks, ["0", "π/2", "π", "3π/2", "2π"])
        axes.set(title=title, xlabel="x", ylabel="y")
    few = slice(GRID // 32, None, GRID // 16)
    places = PERIOD * np.arange(GRID)[few] / GRID
    arrows = np.moveaxis(flux[few, few], -1, 0)
    left.quiver(places, places, *arrows, color="white", pivot="mid", scale=12 * np.abs(flux).max())
    figure.savefig(path, dpi=150)
    print(f"picture: {path}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, compare and draw; the exit status is 1 if the error is above the tolerance."""
    parser = argparse.ArgumentParser(description="A stationary Fokker-Planck equation.")
    parser.add_argument("--points", type=int, default=2048, help="of the loss (default 2048)")
    parser.add_argument("--steps", type=int, default=1000, help="of L-BFGS (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="(default 0)")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="(default 0.002)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--picture", default="fokker_planck.png", help="(default %(default)s)")
    chosen = parser.parse_args(arguments)

    random = np.random.default_rng(chosen.seed)
    points = PERIOD * qmc.Halton(2, rng=random).random(chosen.points)
    start = time.perf_counter()
    console = Console(stderr=True)
    with Progress(console=console, disable=chosen.quiet, transient=True) as progress:
        params = train(points, chosen.steps, initial(random), progress)
    print(f"{chosen.steps} steps in {time.perf_counter() - start:.1f} s")

    line = PERIOD * np.arange(GRID) / GRID
    grid = np.stack(np.meshgrid(line, line), axis=-1)
    place = np.moveaxis(grid, -1, 0)
    exact = normalised(-potential(place))
    found = normalised(log_density(grid, params))
    error = np.linalg.norm(found - exact) / np.linalg.norm(exact)
    ok = bool(error <= chosen.tolerance)
    print(f"relative error {error:.1e} (at most {chosen.tolerance:g}) {'ok' if ok else 'WRONG'}")

    columns = np.moveaxis(sigma(place), (0, 1), (-2, -1))
    diffusion = columns @ np.swapaxes(columns, -1, -2)
    pushed = np.moveaxis(drift(place) - spreading(place), 0, -1)
    flux = found[..., None] * (
        pushed - (diffusion @ jf.grad(log_density)(grid, params)[..., None])[..., 0]
    )
    draw(chosen.picture, found, found - exact, flux)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
