"""The network on which collapsed Taylor mode was first measured, and smaller ones."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

PAPER = (50, 768, 768, 512, 512, 1)


def network(x: Any, params: Any) -> Any:
    *hidden, (weights, bias) = params
    for matrix, offset in hidden:
        x = np.tanh(x @ matrix + offset)
    return (x @ weights + bias)[0]


def problem(points: int, dtype: str, widths: tuple[int, ...] = PAPER) -> tuple[Any, Any]:
    """Points and weights of a network."""
    random = np.random.default_rng(2)
    params = [
        (
            (random.normal(size=(a, b)) / np.sqrt(a)).astype(dtype),
            random.normal(size=b).astype(dtype),
        )
        for a, b in pairwise(widths)
    ]
    return random.normal(size=(points, widths[0])).astype(dtype), params


def error(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """The largest difference, relative to the largest value."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())
