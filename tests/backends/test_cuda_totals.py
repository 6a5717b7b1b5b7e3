"""Sums over the batch in kernels for CUDA: in numba's simulator, and where they lie."""

from __future__ import annotations

from pathlib import Path

import pytest

import simulated_totals
from simulation import names, outcomes

pytest.importorskip("numba_cuda")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = Path(tmp_path_factory.mktemp("simulator"))
    return outcomes(simulated_totals, folder / "cache", NUMBA_ENABLE_CUDASIM="1")


@pytest.mark.parametrize("name", names(simulated_totals))
def test_in_the_simulator(name: str, found: dict[str, str]) -> None:
    assert not found[name], found[name]
