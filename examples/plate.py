"""The load of a clamped plate from its deflection, at many points and by every method.

    python examples/plate.py --points 20000

The deflection u of a thin plate under the load q satisfies Lap Lap u = q (in units of the plate's
stiffness). u = sin(pi x)^2 sin(pi y)^2 is zero at the edges of the unit square, and so is its
slope: the plate is clamped. Its load is known, so that the biharmonic operator can be checked.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import jetfold as jf

METHODS = ("standard", "collapsed", "nested", "minimal")
TOLERANCE = 1e-12
"""Relative to the largest load."""


def deflection(point: Any) -> Any:
    """At one point, of shape (2,)."""
    return np.prod(np.sin(np.pi * point) ** 2)


def load(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lap Lap of the deflection, by hand: sin(a)^2 is (1 - cos 2a) / 2."""
    c, d = np.cos(2 * np.pi * points).T
    return np.asarray(4 * np.pi**4 * (4 * c * d - c - d))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what each method costs; the exit status is 1 if one differs from the known load."""
    parser = argparse.ArgumentParser(description="The biharmonic of a plate's deflection.")
    parser.add_argument("--points", type=int, default=20_000, help="(default 20000)")
    chosen = parser.parse_args(arguments)

    points = np.random.default_rng(0).uniform(size=(chosen.points, 2))
    expected = load(points)
    failed = False
    for method in METHODS:
        biharmonic = jf.biharmonic(deflection, method=method)
        found = biharmonic(points)  # the first call compiles
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            biharmonic(points)
            seconds.append(time.perf_counter() - start)
        error = np.abs(found - expected).max() / np.abs(expected).max()
        failed |= not error <= TOLERANCE
        vectors = biharmonic.derivation(points).cost.vectors[method]
        print(
            f"{method:10} {vectors:3} vectors per node, {min(seconds) * 1e3:7.2f} ms, "
            f"relative difference {error:.0e} {'ok' if error <= TOLERANCE else 'WRONG'}"
        )
    automatic = jf.biharmonic(deflection).derivation(points).cost
    print(f"auto takes {automatic.chosen}; predicted operations: {dict(automatic.predicted)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
