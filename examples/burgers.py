"""Burgers' equation, in which a shock forms: a network trained by Levenberg and Marquardt's method.

    python examples/burgers.py --points 1500 --steps 120

The velocity u of a fluid in one dimension, with the viscosity nu = 0.01 / pi, satisfies

    u_t + u u_x = nu u_xx    for -1 <= x <= 1 and 0 <= t <= 1,
    u(x, 0) = -sin(pi x),    u(-1, t) = u(1, t) = 0.

Both sides flow to the middle, where u falls from about 1 to -1 within 0.01 soon after t = 1 / pi.
The ansatz fulfils the initial and boundary values, and is odd in x, as the solution is:

    u(x, t) = -sin(pi x) + t (1 - x^2) (n(x, t) - n(-x, t)) / 2,    n a network.

A short phase of Adam lowers the mean of the squared residuals by its gradient alone. Least squares
allow more: with the Jacobian J of the residuals r, each step solves

    (J^T J + lambda D) step = -J^T r,    D the diagonal of J^T J,

and lambda is lowered after a success and raised after a failure. In the same time L-BFGS comes to
an error about thirty times as large. Now and then points are drawn anew, more of them where
residuals are large. That is how the shock gets the points that it needs.

The exact solution is the Cole-Hopf transformation's, a quotient of two integrals over a Gaussian.

Sources: C. Basdevant et al., "Spectral and finite difference solutions of the Burgers equation",
Computers & Fluids 14 (1986), for problem and exact solution; M. Raissi, P. Perdikaris, G. E.
Karniadakis, J. Comput. Phys. 378 (2019), for networks; D. W. Marquardt, J. SIAM 11 (1963); C. Wu et
al., Comput. Methods Appl. Mech. Eng. 403 (2023), for points drawn by residuals.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

# Before NumPy is imported: threads for its small products only get in the way of jetfold's.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import scipy.linalg
import sympy as sp
from numpy.polynomial.hermite import hermgauss
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress, TextColumn
from scipy.stats import qmc

import jetfold as jf

Array = NDArray[np.float64]
Layers = list[tuple[Array, Array]]

NU = 0.01 / np.pi
WIDTHS = (2, 16, 16, 16, 16, 1)
TOLERANCE = 3e-4
"""Of the error, relative: both in the norm of L2 on a fine grid."""
CANDIDATES = 2**14
"""Of which points are drawn by their residuals."""
REDRAW = 10
"""Steps of least squares with the same points."""
TIMES = (0.25, 0.5, 0.75)
"""Of the profiles in the picture."""


def exact(x: Any, t: Any) -> Any:
    """The solution at points of any shape, by Gauss-Hermite quadrature.

    The integrands contain exp(-cos(pi y) / (2 pi nu)), numbers between exp(-50) and exp(50), and
    weights down to exp(-200): their logarithms are added, and the largest one is taken out.
    """
    nodes, weights = hermgauss(120)
    y = x[..., None] - np.sqrt(4 * NU * t)[..., None] * nodes
    logarithms = np.log(weights) - np.cos(np.pi * y) / (2 * np.pi * NU)
    factors = np.exp(logarithms - np.max(logarithms, axis=-1, keepdims=True))
    return -np.sum(np.sin(np.pi * y) * factors, axis=-1) / np.sum(factors, axis=-1)


def network(point: Any, layers: Layers) -> Any:
    """A number at one point (2,), or (N, 1) at a batch of them."""
    *hidden, (weights, biases) = layers
    for inner, shift in hidden:
        point = np.tanh(point @ inner + shift)
    return point @ weights + biases


def velocity(point: Any, layers: Layers) -> Any:
    """The ansatz at one point (x, t), or at points (..., 2); gives (1,) or (..., 1)."""
    x, t = point[..., :1], point[..., 1:]
    odd = network(point, layers) - network(point * np.array([-1.0, 1.0]), layers)
    return -np.sin(np.pi * x) + t * (1 - x**2) * odd / 2


X, T, VISCOSITY = sp.symbols("x t nu")
U = sp.Function("u")(X, T)
EQUATION = U.diff(T) + U * U.diff(X) - VISCOSITY * U.diff(X, 2)

burgers = jf.operator(EQUATION, velocity, coords=(X, T))


def residual(point: Any, layers: Layers) -> Any:
    """Of the equation, at one point."""
    return burgers(point, layers, nu=NU)[0]


def first_layers(random: np.random.Generator) -> Layers:
    """Glorot's: variances keep their size from layer to layer."""
    return [
        (random.normal(size=(n, m)) * np.sqrt(2 / (n + m)), np.zeros(m))
        for n, m in pairwise(WIDTHS)
    ]


def spread(count: int, random: np.random.Generator) -> Array:
    """Points (count, 2), evenly spread over 0 <= x, t <= 1; the solution is odd in x."""
    return qmc.Halton(2, rng=random).random(count)


def adam(
    loss: Callable[[Array], tuple[float, Array]],
    vector: Array,
    steps: int,
    report: Callable[[float], None],
) -> Array:
    """Kingma and Ba's method (arXiv 1412.6980) with their constants, and rate 0.003."""
    mean, square = np.zeros_like(vector), np.zeros_like(vector)
    for step in range(1, steps + 1):
        value, gradient = loss(vector)
        report(value)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        size = np.sqrt(square / (1 - 0.999**step)) + 1e-8
        vector = vector - 0.003 * mean / (1 - 0.9**step) / size
    return vector


def redrawn(count: int, layers: Layers, random: np.random.Generator) -> Array:
    """Points (count, 2), half of them where the residual is large (Wu et al.: RAD)."""
    candidates = spread(CANDIDATES, random)
    size = np.abs(residuals(candidates, layers))
    density = size / size.mean() + 1
    chosen = random.choice(CANDIDATES, count, replace=False, p=density / density.sum())
    return candidates[chosen]


def residuals(points: Array, layers: Layers) -> Array:
    """(N,) at points (N, 2)."""
    return np.asarray(burgers(points, layers, nu=NU)[:, 0])


def least_squares(
    vector: Array,
    unravel: Callable[[Array], Layers],
    count: int,
    steps: int,
    random: np.random.Generator,
    report: Callable[[float], None],
) -> Array:
    """Levenberg and Marquardt's method; ``report`` gets the loss of every step."""
    linearised = jf.residual_and_jacobian(residual)
    damping = 1e-2
    for step in range(steps):
        if step % REDRAW == 0:
            points = redrawn(count, unravel(vector), random)
        values, jacobian = linearised(points, unravel(vector))
        normal, gradient = jacobian.T @ jacobian, jacobian.T @ values
        # Weights that hardly matter now may matter later: they do not move without bound.
        scale = normal.diagonal() + 1e-6 * normal.diagonal().max()
        for _ in range(10):
            damped = normal + damping * np.diag(scale)
            trial = vector - scipy.linalg.solve(damped, gradient, assume_a="pos")
            if np.sum(residuals(points, unravel(trial)) ** 2) < np.sum(values**2):
                vector, damping = trial, damping / 3
                break
            damping *= 4
        report(float(np.mean(values**2)))
    return vector


def train(chosen: argparse.Namespace) -> Layers:
    """Adam, then least squares."""
    random = np.random.default_rng(chosen.seed)
    vector, unravel = jf.ravel(first_layers(random))
    bar = Progress(
        *Progress.get_default_columns(),
        TextColumn("{task.fields[loss]}"),
        console=Console(stderr=True),
        disable=chosen.quiet,
        transient=True,
    )
    with bar:
        task = bar.add_task("Adam", total=chosen.adam + chosen.steps, loss="")

        def report(loss: float) -> None:
            bar.update(task, advance=1, loss=f"loss {loss:.1e}")

        points = spread(chosen.points, random)
        objective = jf.value_and_grad(lambda point, layers: residual(point, layers) ** 2)

        def loss(vector: Array) -> tuple[float, Array]:
            value, gradient = objective(points, unravel(vector))
            return float(value), jf.ravel(gradient)[0]

        vector = adam(loss, vector, chosen.adam, report)
        bar.update(task, description="least squares")
        vector = least_squares(vector, unravel, chosen.points, chosen.steps, random, report)
    trained: Layers = unravel(vector)
    return trained


def draw(path: str, x: Array, t: Array, found: Array, expected: Array) -> None:
    """The velocity (a row for each t) in space and time, its error, and profiles at some times."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        print("no picture: matplotlib is missing; pip install 'jetfold[examples]'")
        return
    figure = Figure(figsize=(10, 6.8), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False)[:, 0]
    error = found - expected
    largest = np.abs(error).max()
    for axes, values, title, colours in zip(
        above.subplots(1, 2, sharey=True),
        (found, error),
        ("velocity u", "error"),
        ({"cmap": "viridis"}, {"cmap": "PuOr", "vmin": -largest, "vmax": largest}),
        strict=True,
    ):
        image = axes.pcolormesh(t, x, values.T, shading="gouraud", rasterized=True, **colours)
        bar = figure.colorbar(image, ax=axes)
        bar.ax.ticklabel_format(scilimits=(-2, 2))
        axes.set(title=title, xlabel="t", ylabel="x")
    for axes, time_shown in zip(below.subplots(1, 3, sharey=True), TIMES, strict=True):
        row = np.abs(t - time_shown).argmin()
        axes.plot(x, expected[row], color="black", linewidth=3, alpha=0.35, label="exact")
        axes.plot(x, found[row], "--", color="#0072b2", label="network")
        axes.set(title=f"t = {t[row]:.2f}", xlabel="x", ylabel="u")
        axes.label_outer()
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
    print(f"picture: {path}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Solve, compare and draw; the exit status is 1 if the error is too large."""
    parser = argparse.ArgumentParser(description="Burgers' equation by a network.")
    parser.add_argument("--points", type=int, default=1500, help="(default 1500)")
    parser.add_argument("--adam", type=int, default=400, help="steps of Adam (default 400)")
    parser.add_argument("--steps", type=int, default=120, help="of least squares (default 120)")
    parser.add_argument("--seed", type=int, default=0, help="(default 0)")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="(default %(default)s)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--picture", default="burgers.png", help="(default %(default)s)")
    chosen = parser.parse_args(arguments)

    start = time.perf_counter()
    layers = train(chosen)
    seconds = time.perf_counter() - start

    x, t = np.meshgrid(np.linspace(-1, 1, 801), np.linspace(0, 1, 101))
    expected = exact(x, t)
    found = velocity(np.stack([x, t], axis=-1), layers)[..., 0]
    error = found - expected
    relative = np.linalg.norm(error) / np.linalg.norm(expected)
    ok = bool(relative <= chosen.tolerance)
    print(
        f"trained in {seconds:.0f} s; largest error {np.abs(error).max():.1e}\n"
        f"relative error {relative:.1e} (at most {chosen.tolerance:.0e}) {'ok' if ok else 'WRONG'}"
    )
    draw(chosen.picture, x[0], t[:, 0], found, expected)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
