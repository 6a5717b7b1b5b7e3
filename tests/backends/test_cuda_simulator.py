"""Kernels for CUDA run in numba's simulator, which tells what they mean without a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

import processes
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
