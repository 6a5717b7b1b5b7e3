"""Kernels for CUDA run in numba's simulator, which tells what they mean without a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import processes
from jetfold.backends.cuda.simulator import IeeeMath
from simulated import GROUPS


@pytest.mark.parametrize(
    "group",
    [pytest.param(g, marks=[pytest.mark.slow] if g == "collapsed rules" else []) for g in GROUPS],
)
def test_simulated(group: str, tmp_path: Path) -> None:
    """All primitives, operators and kinds of programs, in both dtypes, against interpretation."""
    code = f"from simulated import main\nmain({group!r})"
    processes.run(code, tmp_path / "cache", NUMBA_ENABLE_CUDASIM="1")


def test_what_fails_is_told(tmp_path: Path) -> None:
    """The test above can fail: a kernel that reads a wrong row is noticed."""
    code = (
        "import simulated\n"
        "from jetfold.backends.cuda import emit\n"
        "emit.THREAD = (*emit.THREAD[:-1], emit.THREAD[-1] + ' + 1')\n"
        "simulated.GROUPS['operators'] = "
        "{'network': simulated.GROUPS['operators']['network']}\n"
        "simulated.main('operators')"
    )
    with pytest.raises(AssertionError, match="network:"):
        processes.run(code, tmp_path / "cache", NUMBA_ENABLE_CUDASIM="1")


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_math_of_the_simulator(real: type[np.floating[Any]]) -> None:
    """As on a device: errors are NaN and infinity, and single precision stays single."""
    math = IeeeMath(real)
    for value, expected in [
        (math.log(real(0)), -np.inf),
        (math.log(real(-1)), np.nan),
        (math.exp(real(1e4)), np.inf),
        (math.pow(real(-np.inf), real(0.5)), np.inf),
        (math.pow(real(0), real(-2)), np.inf),
        (math.atanh(real(1)), np.inf),
        (math.lgamma(real(0)), np.inf),
        (math.erfc(real(0.5)), 0.4795001221869535),
        (math.atan2(real(1), real(-1)), 3 * np.pi / 4),
        (math.inf, np.inf),
        (math.pi, np.pi),
    ]:
        assert type(value) is real
        np.testing.assert_allclose(value, expected, rtol=float(2 * np.finfo(real).eps))
    assert math.isfinite(real(1))
    assert not math.isfinite(real(np.nan))
    assert math.floor(real(-1.5)) == -2
