"""The networks that are differentiated, their data, and an independent float64 reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
Params: TypeAlias = list[tuple[Array, Array]]


@dataclass(frozen=True)
class Problem:
    """Layers (weights (in, out), bias (out,)) and points (N, D), all of one dtype."""

    params: Params
    points: Array


@dataclass(frozen=True)
class Case:
    """A fully connected tanh network `widths[0]-...-widths[-1]` and a number of points."""

    name: str
    widths: tuple[int, ...]
    points: int

    @property
    def title(self) -> str:
        """Widths and batch, with runs of equal layers abbreviated: `2-64x4-1, N = 10000`."""
        runs: list[list[int]] = []
        for width in self.widths:
            if runs and runs[-1][0] == width:
                runs[-1][1] += 1
            else:
                runs.append([width, 1])
        text = "-".join(f"{width}x{count}" if count > 1 else str(width) for width, count in runs)
        return f"{text}, N = {self.points}"

    @property
    def flops(self) -> int:
        """Operations in the matrix products of one call, 2 (D + 2) weights per point.

        D + 2 vectors (the value, D first derivatives, one collapsed second-order sum) meet every
        matrix once. This is the nominal count of the collapsed method; it is used for every
        contestant, so that a rate is a time in other units. A program that skips known zeros and
        constants (the first layer's derivatives) needs a little less.
        """
        weights = sum(a * b for a, b in zip(self.widths, self.widths[1:], strict=False))
        return 2 * (self.widths[0] + 2) * weights * self.points

    def problem(self, dtype: str) -> Problem:
        """The same numbers in every process: weights of variance 1 / fan-in, normal points."""
        random = np.random.default_rng(20240229)
        params = [
            (
                (random.normal(size=(a, b)) / np.sqrt(a)).astype(dtype),
                (0.1 * random.normal(size=b)).astype(dtype),
            )
            for a, b in zip(self.widths, self.widths[1:], strict=False)
        ]
        return Problem(params, random.normal(size=(self.points, self.widths[0])).astype(dtype))


PAPER = Case("paper", (50, 768, 768, 512, 512, 1), 512)
CASES = (
    PAPER,
    Case("2-64", (2, 64, 64, 64, 64, 1), 10000),
    Case("10-64", (10, 64, 64, 64, 64, 1), 4096),
    Case("3-128", (3, 128, 128, 128, 128, 1), 10000),
    Case("2-20", (2, 20, 20, 20, 20, 20, 20, 20, 20, 1), 10000),
    Case("2-50", (2, 50, 50, 50, 50, 1), 10000),
)


def case_of(text: str) -> Case:
    """A case by its name, or a new one written as `widths:points`, as in `2-8-8-1:16`."""
    for case in CASES:
        if case.name == text:
            return case
    try:
        widths, points = text.split(":")
        case = Case(text, tuple(int(width) for width in widths.split("-")), int(points))
    except ValueError:
        names = ", ".join(case.name for case in CASES)
        raise ValueError(f"unknown case {text!r}: use one of {names}, or widths:points") from None
    if len(case.widths) < 2 or case.widths[-1] != 1 or min(case.widths) < 1 or case.points < 1:
        raise ValueError(
            f"case {text!r}: positive widths ending in 1 and at least one point, please"
        )
    return case


def reference_laplacian(problem: Problem) -> Array:
    """The Laplacian (N,) in float64 by the chain rule through the layers, in plain NumPy.

    With J the Jacobian and L the Laplacian of the layers so far, an affine layer maps both by its
    weights, and y = tanh(z) has y' = 1 - y^2 and y'' = -2 y y'.
    """
    points = problem.points.astype(np.float64)
    dimension = points.shape[1]
    value = points
    jacobian = np.broadcast_to(np.eye(dimension), (len(points), dimension, dimension))
    laplacian = np.zeros_like(points)
    for index, (weights, bias) in enumerate(problem.params):
        matrix = weights.astype(np.float64)
        value, jacobian, laplacian = value @ matrix + bias, jacobian @ matrix, laplacian @ matrix
        if index < len(problem.params) - 1:
            value = np.tanh(value)
            slope = 1 - value**2
            laplacian = slope * laplacian - 2 * value * slope * (jacobian**2).sum(axis=1)
            jacobian = slope[:, None, :] * jacobian
    return np.asarray(laplacian[:, 0])


TOLERANCE = {"float32": 1e-4, "float64": 1e-10}


def relative_error(result: Array, reference: Array) -> float:
    """Largest deviation over the largest reference value; infinite for a wrong shape or a NaN."""
    if result.shape != reference.shape or not np.isfinite(result).all():
        return float("inf")
    return float(np.abs(result - reference).max() / np.abs(reference).max())
