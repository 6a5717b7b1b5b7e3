"""A clamped plate by collocation: random tanh features and linear least squares, no training.

    python examples/plate_collocation.py --features 500 --points 26

The deflection u of a thin plate on the unit square under the load q satisfies, in units of the
plate's stiffness,

    Lap Lap u = q,        u = 0 and du/dn = 0 at the edges (they are clamped).

The ansatz is a network with one hidden layer whose inner weights are random and stay as they are,

    u(x) = sum over m of c_m tanh(w_m . x + b_m).

So the equation is linear in c: it gives one row for each point inside and two for each point of an
edge, and c by least squares. `jf.biharmonic` takes all features as one function with a vector of
results, so that the rows of all points inside are a single call.

The same matrix serves two loads. For the first one the deflection is known everywhere: SymPy makes
the load from it. The second one is q = 1, where the deflection of the middle is known: 0.00126 in
table 35 of S. Timoshenko and S. Woinowsky-Krieger, "Theory of Plates and Shells" (1959), and
0.00126532 by the method of Ritz, with polynomials that are clamped.

Source of the method: S. Dong and Z. Li, "Local extreme learning machines and domain decomposition
for solving linear and nonlinear partial differential equations", arXiv 2012.02895.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.linalg
import sympy as sp
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

import jetfold as jf

TOLERANCE = 1e-6
"""Of the error, relative to the largest deflection."""

MIDDLE = 0.00126532
"""Deflection of the middle under the load 1."""

MIDDLE_TOLERANCE = 1e-5
"""Relative; six digits of it are known."""

STEEPNESS = 3.0
"""Inner weights are uniform in [-STEEPNESS, STEEPNESS]."""

EDGE_WEIGHT = 100.0
"""Of the rows of edges, relative to those of points inside."""

x, y = sp.symbols("x y")
DEFLECTION = (sp.sin(sp.pi * x) * sp.sin(sp.pi * y)) ** 2 * sp.exp(x - y)
"""Its square of sines and their slopes vanish at the edges."""


def laplacian_of(expression: sp.Expr) -> sp.Expr:
    return expression.diff(x, 2) + expression.diff(y, 2)


deflection = sp.lambdify((x, y), DEFLECTION)
load = sp.lambdify((x, y), laplacian_of(laplacian_of(DEFLECTION)))


class Features:
    """tanh(w_m . x + b_m) for every m; each one is steepest on a line through a random point."""

    def __init__(self, count: int, random: np.random.Generator) -> None:
        self.weights = random.uniform(-STEEPNESS, STEEPNESS, size=(2, count))
        self.biases = -np.sum(random.uniform(size=(count, 2)).T * self.weights, axis=0)

    @staticmethod
    def values(point: Any, weights: Any, biases: Any) -> Any:
        """(features,) at one point (2,), or (N, features) at a batch of them."""
        return np.tanh(point @ weights + biases)

    def of(self, function: Any, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """``values``, or an operator of it, at points (N, 2)."""
        return np.asarray(function(points, self.weights, self.biases))


def chebyshev(count: int) -> NDArray[np.float64]:
    """Points of [0, 1], denser towards its ends, where polynomials would need them as well."""
    return np.asarray((1 - np.cos(np.pi * (np.arange(count) + 0.5) / count)) / 2)


def grid(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """All pairs of numbers, (N, 2)."""
    return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)


def solve(
    features: Features, inside: NDArray[np.float64], line: NDArray[np.float64], progress: Progress
) -> NDArray[np.float64]:
    """Outer weights (features, 2) for the two loads; ``line`` has the points of each edge."""
    task = progress.add_task("rows of points inside", total=6)
    # A fourth derivative of a feature is of the size of the fourth power of its weights.
    scale = 1 / STEEPNESS**4
    biharmonic = jf.biharmonic(Features.values)
    rows = [scale * features.of(biharmonic, inside)]
    loads = scale * np.stack([load(*inside.T), np.ones(len(inside))], axis=-1)

    value_and_slopes = jf.derivatives(Features.values, ["", "x", "y"], coords=("x", "y"))
    for axis in (0, 1):
        for end in (0.0, 1.0):
            progress.update(task, advance=1, description="rows of edges")
            edge = np.stack([line, np.full(len(line), end)], axis=-1)
            found = features.of(value_and_slopes, edge if axis else edge[:, ::-1])
            rows += [EDGE_WEIGHT * found[..., 0], EDGE_WEIGHT * found[..., 1 + axis]]

    progress.update(task, advance=1, description="least squares")
    matrix = np.concatenate(rows)
    right = np.zeros((len(matrix), 2))
    right[: len(loads)] = loads
    # Features overlap: QR with pivots leaves out what is round-off of the others.
    weights, *_ = scipy.linalg.lstsq(matrix, right, cond=1e-15, lapack_driver="gelsy")
    progress.update(task, advance=1, description="solved")
    return np.asarray(weights)


def draw(path: str, u: NDArray[np.float64], error: NDArray[np.float64]) -> None:
    """The deflection and its error, both (n, n) with a row for each y."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        print("no picture: matplotlib is missing; pip install 'jetfold[examples]'")
        return
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    largest = np.abs(error).max()
    for axes, values, title, colours in (
        (left, u, "deflection u", {"cmap": "viridis"}),
        (right, error, "error", {"cmap": "PuOr", "vmin": -largest, "vmax": largest}),
    ):
        image = axes.imshow(values, origin="lower", extent=(0, 1, 0, 1), **colours)
        bar = figure.colorbar(image, ax=axes, shrink=0.85)
        bar.ax.ticklabel_format(scilimits=(-2, 2))
        axes.set(title=title, xlabel="x", ylabel="y")
    figure.savefig(path, dpi=150)
    print(f"picture: {path}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Solve, compare and draw; the exit status is 1 if a deflection is not what it must be."""
    parser = argparse.ArgumentParser(description="A clamped plate by collocation.")
    parser.add_argument("--features", type=int, default=500, help="(default 500)")
    parser.add_argument("--points", type=int, default=26, help="inside, per side (default 26)")
    parser.add_argument("--seed", type=int, default=0, help="of the features (default 0)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--picture", default="plate_collocation.png", help="(default %(default)s)")
    chosen = parser.parse_args(arguments)

    start = time.perf_counter()
    features = Features(chosen.features, np.random.default_rng(chosen.seed))
    line = chebyshev(chosen.points)
    console = Console(stderr=True)
    with Progress(console=console, disable=chosen.quiet, transient=True) as progress:
        weights = solve(features, grid(line), chebyshev(2 * chosen.points), progress)
    print(f"{chosen.features} features, solved in {time.perf_counter() - start:.1f} s")

    fine = np.linspace(0, 1, 101)
    exact = deflection(*grid(fine).T)
    found, _ = (features.of(Features.values, grid(fine)) @ weights).T
    error = found - exact
    _, middle = (features.of(Features.values, np.array([[0.5, 0.5]])) @ weights)[0]
    failed = False
    for name, relative, tolerance in (
        ("known deflection: largest error", np.abs(error).max() / np.abs(exact).max(), TOLERANCE),
        (f"load 1: {middle:.8f} in the middle, error", abs(middle / MIDDLE - 1), MIDDLE_TOLERANCE),
    ):
        ok = bool(relative <= tolerance)
        failed |= not ok
        print(f"{name} {relative:.1e} (at most {tolerance:.0e}) {'ok' if ok else 'WRONG'}")
    draw(chosen.picture, found.reshape(101, 101), error.reshape(101, 101))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
