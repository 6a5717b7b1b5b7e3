"""The primitive table to order 4, and all that the simulator runs, on a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import simulated
from jetfold.backends.cuda.compiled import CudaGraph
from jetfold.rules.primitives import PRIMITIVES
from programs import FLOAT32, FLOAT64, FLOATS, interpreted
from simulated import GROUPS, several

ORDER = 4
POINTS = 3000
NAMES = sorted(PRIMITIVES)
# A table of this size takes numba a while: so many primitives share their kernels.
PARTS = [NAMES[i::8] for i in range(8)]
ONLY_IN_THE_SIMULATOR = ("primitives", "tiles")
"""The first are below with more points; tiles are made small there."""


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("part", range(len(PARTS)))
def test_primitives(part: int, dtype: np.dtype[Any]) -> None:
    names = PARTS[part]
    graph = several(names, ORDER)
    random = np.random.default_rng(part)
    inputs = {"x": random.uniform(0.1, 2, (POINTS, 3)).astype(dtype)}
    inputs |= {
        f"x_{k}": random.uniform(-1, 1, (POINTS, 3)).astype(dtype) for k in range(1, ORDER + 1)
    }
    expected = interpreted(graph, POINTS, inputs, {})
    found = CudaGraph(graph)(POINTS, dtype, inputs, {})
    for i, name in enumerate(name for name in names for _ in range(ORDER + 1)):
        compare(f"{name}, order {i % (ORDER + 1)}", found[i], expected[i], inputs["x"])


def compare(what: str, found: Any, expected: Any, x: Any) -> None:
    """Near the float64 result: within a part of it, or of the median where terms cancel."""
    tolerance = {FLOAT32: 2e-3, FLOAT64: 1e-10}[found.dtype]
    right = expected.astype(found.dtype)
    finite = np.abs(right[np.isfinite(right)])
    scale = max(1.0, float(np.median(finite))) if finite.size else 1.0
    close = np.isclose(found, right, tolerance, tolerance * scale, equal_nan=True)
    # Near a singular point, where derivatives are huge, float32 knows x too poorly.
    steep = np.abs(expected) > 1e3 * scale
    wrong = np.flatnonzero(~(close | (steep & (found.dtype == FLOAT32))).all(axis=1))
    assert not wrong.size, f"{what} at {x[wrong[:3]]}: {found[wrong[:3]]}, {right[wrong[:3]]}"


CASES = {
    f"{group}: {name}": case
    for group, cases in GROUPS.items()
    for name, case in cases.items()
    if not name.startswith(ONLY_IN_THE_SIMULATOR)
}


@pytest.mark.parametrize("name", list(CASES))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_the_simulator_runs(name: str) -> None:
    assert simulated.OPTIONS.threads == 32
    CASES[name]()
