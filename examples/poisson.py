"""Poisson's equation on a square and on an L: a network that is zero on the boundary.

    python examples/poisson.py --domain l-shape --points 4000 --steps 3000

The problem is -Lap u = f inside, u = 0 on the boundary. A network n is multiplied by a function phi
that is zero on the boundary and positive inside, so that the boundary values hold exactly and the
loss is the mean of (Lap u + f)^2 alone:

    square 0 <= x, y <= 1:  u = phi n,    phi = 16 x (1 - x) y (1 - y)
    L-shape, -1 <= x, y <= 1 without the quarter x > 0 > y:

        u = phi n + k s,    phi = (1 - x^2) (1 - y^2) r^(2/3) (y - x + r),    r = sqrt(x^2 + y^2)

y - x + r is the R-function of "x < 0 or y > 0": positive where one of -x and y is, zero where one
is zero and the other one is not positive. Its Laplacian is like 1 / r, whose square has no integral
over the corner; with a power of r as a further factor, it has one.

At a corner that points inwards the gradient of solutions is infinite: they are like a multiple of
h = r^(2/3) sin(2 theta / 3), with theta from one edge to the other. No smooth network can be that.
So s, which is (1 - r^2)^5 h for r < 1 and 0 beyond, gets a factor k of its own, which is trained
along: in mechanics it is the stress intensity. The network finds the rest.

The results are compared with solutions that are chosen, and f follows from them:

    square:   u = sin(pi x) sin(pi y) + sin(3 pi x) sin(2 pi y) / 2
    L-shape:  u = (1 - x^2) (1 - y^2) h, so that k = 1; s is another function, and n is not 0

A short phase of Adam finds the valley, L-BFGS of SciPy goes along it, in float64.

Sources: N. Sukumar and A. Srivastava, "Exact imposition of boundary conditions with distance
functions in physics-informed deep neural networks", Comput. Methods Appl. Mech. Eng. 389 (2022);
P. Grisvard, "Elliptic Problems in Nonsmooth Domains" (1985), for corners.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

# Before NumPy is imported: threads for its small products only get in the way of jetfold's.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress, TextColumn
from scipy.optimize import minimize
from scipy.stats import qmc

import jetfold as jf

Array = NDArray[np.float64]

TOLERANCE = 1e-3
"""Of the error, relative: both in the norm of L2."""
WIDTHS = (2, 32, 32, 32, 1)


class Problem(NamedTuple):
    """A domain made of unit squares with these lower left corners, ansatz and known solution.

    ansatz and solution take one point (2,), or points (..., 2); the ansatz takes parameters, too.
    """

    squares: tuple[tuple[float, float], ...]
    ansatz: Callable[..., Any]
    solution: Callable[..., Any]


def network(point: Any, layers: list[tuple[Any, Any]]) -> Any:
    *hidden, (weights, biases) = layers
    for inner, shift in hidden:
        point = np.tanh(point @ inner + shift)
    return (point @ weights + biases)[..., 0]


def on_square(point: Any, params: dict[str, Any]) -> Any:
    return 16 * np.prod(point * (1 - point), axis=-1) * network(2 * point - 1, params["layers"])


def waves(point: Any) -> Any:
    x, y = np.pi * point[..., 0], np.pi * point[..., 1]
    return np.sin(x) * np.sin(y) + np.sin(3 * x) * np.sin(2 * y) / 2


def on_l_shape(point: Any, params: dict[str, Any]) -> Any:
    x, y, r = point[..., 0], point[..., 1], np.linalg.norm(point, axis=-1)
    inside = np.prod(1 - point**2, axis=-1) * r ** (2 / 3) * (y - x + r)
    cut_off = np.maximum(1 - r**2, 0) ** 5
    return inside * network(point, params["layers"]) + params["corner"] * cut_off * harmonic(point)


def harmonic(point: Any) -> Any:
    """r^(2/3) sin(2 theta / 3): theta is 0 at the edge y = 0 and 3 pi / 2 at the edge x = 0.

    The angle from the line midway, arctan2(-x - y, y - x), jumps outside of the L only.
    """
    x, y = point[..., 0], point[..., 1]
    return (x**2 + y**2) ** (1 / 3) * np.cos(np.arctan2(-x - y, y - x) * 2 / 3)


def with_corner(point: Any) -> Any:
    return np.prod(1 - point**2, axis=-1) * harmonic(point)


PROBLEMS = {
    "square": Problem(((0, 0),), on_square, waves),
    "l-shape": Problem(((-1, 0), (0, 0), (-1, -1)), on_l_shape, with_corner),
}


def first_parameters(random: np.random.Generator) -> dict[str, Any]:
    """Weights with Glorot's variances, and the factor k, which the square has no use for."""
    layers = [
        (random.normal(size=(n, m)) * np.sqrt(2 / (n + m)), np.zeros(m))
        for n, m in pairwise(WIDTHS)
    ]
    return {"layers": layers, "corner": np.zeros(())}


def quadrature(problem: Problem) -> tuple[Array, Array]:
    """Points (N, 2) and weights (N,) of Gauss and Legendre's rule on the domain's squares."""
    nodes, weights = leggauss(40)
    square = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2) / 2 + 0.5
    points = np.concatenate([square + corner for corner in problem.squares])
    return points, np.tile(np.outer(weights, weights).ravel() / 4, len(problem.squares))


def with_source(problem: Problem, points: Array) -> Array:
    """Points (N, 2) and f there as a third column."""
    source = -jf.laplacian(problem.solution)(points)
    return np.concatenate([points, source[:, None]], axis=-1)


def spread(problem: Problem, count: int, random: np.random.Generator) -> Array:
    """About count points, evenly spread over the domain."""
    each = -(-count // len(problem.squares))
    halton = [qmc.Halton(2, rng=random).random(each) + corner for corner in problem.squares]
    return np.concatenate(halton)


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


def train(problem: Problem, chosen: argparse.Namespace, bar: Progress) -> dict[str, Any]:
    """Adam, then L-BFGS."""
    random = np.random.default_rng(chosen.seed)
    vector, unravel = jf.ravel(first_parameters(random))
    points = with_source(problem, spread(problem, chosen.points, random))
    laplacian = jf.laplacian(problem.ansatz)
    task = bar.add_task("Adam", total=chosen.adam + chosen.steps, loss="")

    def squared_residual(row: Any, params: Any) -> Any:
        """At one point: row is x, y, f."""
        return (laplacian(row[:2], params) + row[2]) ** 2

    objective = jf.value_and_grad(squared_residual)

    def loss(vector: Array) -> tuple[float, Array]:
        value, gradient = objective(points, unravel(vector))
        return float(value), jf.ravel(gradient)[0]

    def report(value: float) -> None:
        bar.update(task, advance=1, loss=f"loss {value:.1e}")

    vector = adam(loss, vector, chosen.adam, report)
    bar.update(task, description="L-BFGS")
    result = minimize(
        loss,
        vector,
        jac=True,
        method="L-BFGS-B",
        callback=lambda intermediate_result: report(intermediate_result.fun),
        options={"maxiter": chosen.steps, "maxfun": 10**6, "maxcor": 50, "ftol": 0, "gtol": 0},
    )
    trained: dict[str, Any] = unravel(result.x)
    return trained


def relative_error(problem: Problem, params: dict[str, Any]) -> float:
    """Of the ansatz, in the norm of L2."""
    points, weights = quadrature(problem)
    exact = problem.solution(points)
    error = problem.ansatz(points, params) - exact
    return float(np.sqrt(weights @ error**2 / (weights @ exact**2)))


def draw(path: str, solved: dict[str, dict[str, Any]]) -> None:
    """Solution and error, a row for each domain; ``solved`` has the parameters by its name."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        print("no picture: matplotlib is missing; pip install 'jetfold[examples]'")
        return
    figure = Figure(figsize=(9.6, 4.2 * len(solved)), layout="constrained")
    rows = figure.subplots(len(solved), 2, squeeze=False)
    for (left, right), (name, params) in zip(rows, solved.items(), strict=True):
        problem = PROBLEMS[name]
        lines = np.linspace(np.min(problem.squares, axis=0), 1, 201, axis=-1)
        grid = np.stack(np.meshgrid(*lines), axis=-1)
        found = problem.ansatz(grid, params)
        error = found - problem.solution(grid)
        if name == "l-shape":
            outside = (grid[..., 0] > 0) & (grid[..., 1] < 0)
            found[outside] = error[outside] = np.nan
        largest = np.nanmax(np.abs(error))
        for axes, values, title, colours in (
            (left, found, f"{name}: solution u", {"cmap": "viridis"}),
            (right, error, "error", {"cmap": "PuOr", "vmin": -largest, "vmax": largest}),
        ):
            image = axes.pcolormesh(*lines, values, rasterized=True, **colours)
            bar = figure.colorbar(image, ax=axes, shrink=0.85)
            bar.ax.ticklabel_format(scilimits=(-2, 2))
            axes.set(title=title, xlabel="x", ylabel="y", aspect="equal")
    figure.savefig(path, dpi=150)
    print(f"picture: {path}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Solve, compare and draw; the exit status is 1 if an error is too large."""
    parser = argparse.ArgumentParser(description="Poisson's equation by a network.")
    parser.add_argument("--domain", choices=PROBLEMS, help="(default: one after the other)")
    parser.add_argument("--points", type=int, default=4000, help="(default 4000)")
    parser.add_argument("--adam", type=int, default=300, help="steps of Adam (default 300)")
    parser.add_argument("--steps", type=int, default=3000, help="of L-BFGS (default 3000)")
    parser.add_argument("--seed", type=int, default=0, help="(default 0)")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="(default %(default)s)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--picture", default="poisson.png", help="(default %(default)s)")
    chosen = parser.parse_args(arguments)

    bar = Progress(
        *Progress.get_default_columns(),
        TextColumn("{task.fields[loss]}"),
        console=Console(stderr=True),
        disable=chosen.quiet,
        transient=True,
    )
    solved = {}
    failed = False
    with bar:
        for name in [chosen.domain] if chosen.domain else PROBLEMS:
            start = time.perf_counter()
            solved[name] = train(PROBLEMS[name], chosen, bar)
            seconds = time.perf_counter() - start
            error = relative_error(PROBLEMS[name], solved[name])
            ok = error <= chosen.tolerance
            failed |= not ok
            print(
                f"{name:8} trained in {seconds:.0f} s: relative error {error:.1e} "
                f"(at most {chosen.tolerance:.0e}) {'ok' if ok else 'WRONG'}"
            )
    if "l-shape" in solved:
        print(f"k = {solved['l-shape']['corner']:.4f}, which is 1 in the solution")
    draw(chosen.picture, solved)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
