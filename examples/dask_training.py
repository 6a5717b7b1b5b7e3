"""Training on a Dask cluster: each worker differentiates its own points, and the parts are added.

    python examples/dask_training.py --points 100000 --workers 2

The problem has a known answer: -Lap u = f on the unit square with u = 0 on its edge is solved by
u = sin(pi x) sin(pi y) for f = 2 pi^2 u. A small network times x (1 - x) y (1 - y), which vanishes
on the edge, is trained by L-BFGS on the mean of (Lap u + f)^2 over many random points.

The points are blocks of a Dask array: they are drawn on the workers and stay there. For a loss and
its gradient the parameters go out, every block gives its share, weighted by 1 / N, and the shares
are added as a tree, a few at a time. Here the cluster is some processes of this machine; with
`--scheduler ADDRESS` it is any cluster whose workers have jetfold.

Checked: the cluster's gradient is that of one process up to the order of additions, the trained
network's Laplacian is the same bit for bit, and the solution is the known one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import Any, TypeAlias

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from scipy.optimize import OptimizeResult, minimize

import jetfold as jf

Vector: TypeAlias = NDArray[np.float64]

WIDTHS = (2, 20, 20, 1)
BLOCKS = 8
TOGETHER = 4
"""Shares that are added at a time."""
ADDITIONS = 1e-12
"""Relative difference that their order may make."""


# The problem: functions of one point in plain NumPy. ----------------------------------------------


def solution(x: Any, params: Any) -> Any:
    """The ansatz u at a point x of shape (2,), or at many."""
    *hidden, (weights, bias) = params
    y = x
    for matrix, offset in hidden:
        y = np.tanh(y @ matrix + offset)
    return np.prod(x * (1 - x), axis=-1) * (y @ weights + bias)[..., 0]


laplacian = jf.laplacian(solution)


def loss(x: Any, params: Any) -> Any:
    """The equation's residual at one point, squared."""
    return (laplacian(x, params) + 2 * np.pi**2 * np.prod(np.sin(np.pi * x))) ** 2


def first_guess(seed: int) -> list[tuple[Vector, Vector]]:
    """Layers (weights, bias) with normal weights of variance 1 / fan-in."""
    random = np.random.default_rng(seed)
    return [(random.normal(size=(a, b)) / np.sqrt(a), np.zeros(b)) for a, b in pairwise(WIDTHS)]


# The same on a cluster: what one block gives, and how blocks are added. ---------------------------


def share(value_and_grad: Any, points: Vector, params: Any, count: int) -> Vector:
    """A block's part of the mean over ``count`` points: the loss, followed by its gradient."""
    value, gradient = value_and_grad(points, params, weights=np.full(len(points), 1 / count))
    return np.array([value, *jf.ravel(gradient)[0]])


def tree_sum(parts: Sequence[Any]) -> Any:
    """The sum of delayed arrays: of a few at a time, then of the sums, always in this order."""
    while len(parts) > 1:
        groups = [parts[i : i + TOGETHER] for i in range(0, len(parts), TOGETHER)]
        parts = [dask.delayed(np.sum)(group, axis=0) for group in groups]
    return parts[0]


class OnCluster:
    """`jf.value_and_grad` of a loss over the blocks of a Dask array (N, D)."""

    def __init__(self, client: Client, value_and_grad: Any, points: da.Array) -> None:
        self.client = client
        self.points = points.persist()
        # Sent once: each worker traces and compiles its copy at its first block, and keeps it.
        self.operator = client.scatter(value_and_grad, broadcast=True, hash=False)

    def __call__(self, params: Any) -> tuple[float, Vector]:
        """The mean of the loss and its gradient, as a vector in the order of `jf.ravel`."""
        sent = self.client.scatter([params], broadcast=True, hash=False)[0]
        count = len(self.points)
        shares = [
            dask.delayed(share)(self.operator, block, sent, count)
            for block in self.points.to_delayed().ravel()
        ]
        value, *gradient = self.client.compute(tree_sum(shares)).result()
        return float(value), np.array(gradient)


@contextmanager
def local_cluster(workers: int, threads: int) -> Iterator[str]:
    """The address of a cluster on this machine: processes, in each of which jetfold has threads."""
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,  # one block at a time; jetfold divides it
            processes=True,
            dashboard_address=None,
            local_directory=folder,
            env={"JETFOLD_NUM_THREADS": str(threads)},
        ) as cluster,
    ):
        yield cluster.scheduler_address


# A run, and its checks. ---------------------------------------------------------------------------


def relative(found: Any, expected: Any) -> float:
    """Largest difference over the largest expected value."""
    return float(np.max(np.abs(found - expected)) / np.max(np.abs(expected)))


def verdict(what: str, error: float, most: float) -> bool:
    """Print a check; whether it failed, which a NaN does."""
    failed = not error <= most
    print(f"{what}: {error:.1e} (at most {most:.0e}) {'WRONG' if failed else 'ok'}")
    return failed


def check_gradient(on_cluster: OnCluster, params: Any) -> bool:
    """Compare with one process. It goes first: the workers find its compiled code in the cache."""
    value, gradient = jf.value_and_grad(loss)(on_cluster.points.compute(), params)
    value_there, gradient_there = on_cluster(params)
    error = max(relative(value_there, value), relative(gradient_there, jf.ravel(gradient)[0]))
    return verdict("loss and gradient, cluster and one process", error, ADDITIONS)


def train(on_cluster: OnCluster, first: Any, steps: int, progress: Progress) -> Any:
    """The trained layers."""
    start, unravel = jf.ravel(first)
    task = progress.add_task("training", total=steps)

    def of_vector(vector: Vector) -> Any:
        return on_cluster(unravel(vector))

    def advance(intermediate_result: OptimizeResult) -> None:
        text = f"loss {intermediate_result.fun:.1e}"
        progress.update(task, advance=1, description=text)

    found = minimize(
        of_vector,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=advance,
        options={"maxiter": steps, "maxcor": 30},
    )
    progress.update(task, completed=steps)
    return unravel(found.x)


def check_laplacian(points: da.Array, params: Any) -> bool:
    """Compare blocks with one process: an operator as it is, mapped over them."""
    here = laplacian(points.compute(), params)
    there = points.map_blocks(laplacian, params, drop_axis=1, dtype=float, meta=np.empty(0))
    return verdict("Laplacian, cluster and one process", relative(there.compute(), here), 0)


def check_solution(params: Any, tolerance: float) -> bool:
    """Compare with the known solution on a grid."""
    axis = np.linspace(0, 1, 101)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    known = np.sin(np.pi * grid).prod(axis=-1)
    error = np.linalg.norm(solution(grid, params) - known) / np.linalg.norm(known)
    return verdict("solution, relative L2 error", float(error), tolerance)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and check; the exit status is 1 if a check fails."""
    parser = argparse.ArgumentParser(description="Train a network on a Dask cluster.")
    parser.add_argument("--points", type=int, default=100_000, help="(default 100000)")
    parser.add_argument("--steps", type=int, default=150, help="of L-BFGS (default 150)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--threads", type=int, default=2, help="of jetfold in each (default 2)")
    parser.add_argument(
        "--scheduler", help="address of another cluster, in place of processes of this machine"
    )
    parser.add_argument("--tolerance", type=float, default=5e-4, help="relative L2 error")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    chosen = parser.parse_args(arguments)

    with ExitStack() as stack:
        address = chosen.scheduler
        if address is None:
            address = stack.enter_context(local_cluster(chosen.workers, chosen.threads))
        client = stack.enter_context(Client(address))
        points = da.random.default_rng(chosen.seed).uniform(
            size=(chosen.points, 2), chunks=(-(-chosen.points // BLOCKS), 2)
        )
        on_cluster = OnCluster(client, jf.value_and_grad(loss), points)
        first = first_guess(chosen.seed)
        failed = check_gradient(on_cluster, first)
        with Progress(console=Console(stderr=True), disable=chosen.quiet) as progress:
            params = train(on_cluster, first, chosen.steps, progress)
        failed |= check_laplacian(on_cluster.points, params)
        failed |= check_solution(params, chosen.tolerance)
        return int(failed)


if __name__ == "__main__":
    sys.exit(main())
