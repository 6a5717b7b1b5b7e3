"""The Laplacian of a fully connected tanh network at many points, by both methods.

    python examples/paper_network.py --widths 50 768 768 512 512 1 --points 512

The default is the network of "Collapsing Taylor Mode Automatic Differentiation" (arXiv 2505.13644).
A few of the results are compared with differences of function values.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

import jetfold as jf

Layers = list[tuple[NDArray[Any], NDArray[Any]]]

TOLERANCE = 1e-4
"""Relative to the largest value; the network is computed in float32."""


def network(x: Any, layers: Layers) -> Any:
    """Works for one point and for a batch of them."""
    for weights, bias in layers[:-1]:
        x = np.tanh(x @ weights + bias)
    weights, bias = layers[-1]
    return (x @ weights + bias)[..., 0]


def random_layers(widths: Sequence[int]) -> Layers:
    """Normal weights of variance 1 / (inputs of the layer), in float32."""
    random = np.random.default_rng(0)
    return [
        (
            (random.normal(size=(inputs, outputs)) / np.sqrt(inputs)).astype(np.float32),
            (random.normal(size=outputs) / 10).astype(np.float32),
        )
        for inputs, outputs in pairwise(widths)
    ]


def by_differences(points: NDArray[Any], layers: Layers, step: float = 1e-3) -> NDArray[Any]:
    """The Laplacian from u(x + h e_i) - 2 u(x) + u(x - h e_i), of fourth order, in float64."""
    double = [(weights.astype(np.float64), bias.astype(np.float64)) for weights, bias in layers]
    shifts = step * np.eye(points.shape[1])

    def second(factor: int) -> Any:
        middle = points.astype(np.float64)[:, None, :]
        sides = network(middle + factor * shifts, double) + network(
            middle - factor * shifts, double
        )
        return np.sum(sides - 2 * network(middle, double), axis=1) / (factor * step) ** 2

    return np.asarray((4 * second(1) - second(2)) / 3)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what both methods cost; the exit status is 1 if they differ from the differences."""
    parser = argparse.ArgumentParser(description="The Laplacian of a tanh network.")
    parser.add_argument("--widths", type=int, nargs="+", default=[50, 768, 768, 512, 512, 1])
    parser.add_argument("--points", type=int, default=512, help="(default 512)")
    chosen = parser.parse_args(arguments)

    layers = random_layers(chosen.widths)
    size = (chosen.points, chosen.widths[0])
    points = np.random.default_rng(1).normal(size=size).astype(np.float32)
    expected = by_differences(points[:8], layers)
    failed = False
    for method in ("standard", "collapsed"):
        laplacian = jf.laplacian(network, method=method)
        found = laplacian(points, layers)[:8]  # the first call compiles
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            laplacian(points, layers)
            seconds.append(time.perf_counter() - start)
        error = np.abs(found - expected).max() / np.abs(expected).max()
        failed |= not error <= TOLERANCE
        vectors = laplacian.derivation(points, layers).cost.vectors[method]
        print(
            f"{method:10} {vectors:4} vectors per node, {min(seconds) * 1e3:8.2f} ms, "
            f"relative difference {error:.0e} {'ok' if error <= TOLERANCE else 'WRONG'}"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
