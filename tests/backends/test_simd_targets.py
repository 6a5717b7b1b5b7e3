"""Vectorised functions for a processor without fused multiply-adds: what is exact stays exact."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = """
import mpmath
import numpy as np
from jetfold.backends.cpu.simd import FUNCTIONS
from jetfold.backends.cpu.simd.host import HAS_FMA, VECTOR_BYTES
from vector_loops import evaluate, exactly, ulps, whole_vectors

assert not HAS_FMA
assert VECTOR_BYTES == 16
rng = np.random.default_rng(0)
base, exponent = np.exp(rng.normal(size=400)), rng.normal(size=400) * 10 ** rng.uniform(0, 2, 400)
cases = {
    "power": (np.power, mpmath.power, (base, exponent), 0.8),
    "cbrt": (np.cbrt, mpmath.cbrt, (base,), 0.6),
    "log10": (np.log10, mpmath.log10, (base,), 1),
    "hypot": (np.hypot, mpmath.hypot, (base, exponent), 1.2),
    "exp2": (np.exp2, lambda x: mpmath.power(2, x), (exponent,), 0.8),
    "erfc": (None, mpmath.erfc, (rng.uniform(-6, 26, 200),), 3.5),
    "sin": (np.sin, mpmath.sin, (exponent,), 1.6),
    "tanh": (np.tanh, mpmath.tanh, (exponent / 100,), 2.6),
}
for name, (by_numpy, by_mpmath, operands, allowed) in cases.items():
    wide = [whole_vectors(operand, np.float64) for operand in operands]
    error = ulps(evaluate(FUNCTIONS[name], *wide), exactly(by_mpmath, *wide)).max()
    assert error <= allowed, (name, error)
    if by_numpy is not None:
        narrow = [whole_vectors(operand, np.float32) for operand in operands]
        exact = by_numpy(*(operand.astype(np.float64) for operand in narrow))
        error = ulps(evaluate(FUNCTIONS[name], *narrow), exact).max()
        assert error <= allowed, (name, "float32", error)
print("all right")
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="a choice of x86's")
def test_functions_do_without_fused_multiply_adds() -> None:
    support = Path(__file__).parent.parent / "support"
    features = "+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2"
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": "x86-64-v2",
        "NUMBA_CPU_FEATURES": features,
        "PYTHONPATH": os.pathsep.join([str(support), *sys.path]),
    }
    done = subprocess.run(
        [sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "all right"
