"""The networks that are differentiated, and their data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
Params: TypeAlias = list[tuple[Array, Array]]


class LossAndGradient(NamedTuple):
    """A loss (an array without axes) and its gradient with respect to the layers."""

    loss: Array
    gradient: Params

    def parts(self) -> tuple[Array, Array]:
        """The loss, and the gradient as one vector."""
        return np.asarray(self.loss), np.concatenate(
            [array.ravel() for layer in self.gradient for array in layer]
        )


Result: TypeAlias = Array | LossAndGradient


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

    def flops(self, vectors: int) -> int:
        """Operations in the matrix products of one call that pushes so many vectors per point.

        Every vector meets every matrix once. It is a nominal count: a program that skips known
        zeros and constants (the first layer's derivatives) needs a little less.
        """
        weights = sum(a * b for a, b in pairwise(self.widths))
        return 2 * vectors * weights * self.points

    def problem(self, dtype: str) -> Problem:
        """The same numbers in every process: weights of variance 1 / fan-in, normal points."""
        random = np.random.default_rng(20240229)
        params = [
            (
                (random.normal(size=(a, b)) / np.sqrt(a)).astype(dtype),
                (0.1 * random.normal(size=b)).astype(dtype),
            )
            for a, b in pairwise(self.widths)
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


def case_of(text: str, known: Sequence[Case] = CASES) -> Case:
    """A known case by its name, or a new one written as `widths:points`, as in `2-8-8-1:16`."""
    for case in known:
        if case.name == text:
            return case
    try:
        widths, points = text.split(":")
        case = Case(text, tuple(int(width) for width in widths.split("-")), int(points))
    except ValueError:
        names = ", ".join(case.name for case in known)
        raise ValueError(f"unknown case {text!r}: use one of {names}, or widths:points") from None
    if len(case.widths) < 2 or case.widths[-1] != 1 or min(case.widths) < 1 or case.points < 1:
        raise ValueError(
            f"case {text!r}: positive widths ending in 1 and at least one point, please"
        )
    return case
