"""`jf.kernel` on a GPU: its own checks, many points, arrays of other libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose

import jetfold as jf
from jetfold.rules.primitives import PRIMITIVES

X = sp.Symbol("x")
GELU = X * (1 + sp.erf(X / sp.sqrt(2))) / 2
RANDOM = np.random.default_rng(4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive(name: str, dtype: str) -> None:
    jf.kernel(name, 4, backend="cuda", dtype=dtype)._module.check()
    jf.kernel(name, 2, backend="cuda", dtype=dtype, collapsed=True)._module.check()


def test_a_saved_file(tmp_path: Path) -> None:
    path = jf.kernel(GELU, 3, backend="cuda", collapsed=True).save(tmp_path / "gelu_jet.py")
    subprocess.run([sys.executable, "-I", str(path)], check=True)


def test_many_points_and_directions() -> None:
    """More points than threads are started at a time."""
    x_0, x_2 = RANDOM.normal(size=(2, 3, 2**23 + 5)).astype(np.float32)
    x_1 = RANDOM.normal(size=(4, 1, 2**23 + 5)).astype(np.float32)
    options: dict[str, Any] = {"collapsed": True, "dtype": "float32"}
    found = jf.kernel("tanh", 2, backend="cuda", **options)(x_0, x_1, x_2)
    expected = jf.kernel("tanh", 2, **options)(x_0, x_1, x_2)
    for result, right in zip(found, expected, strict=True):
        assert_allclose(result, right, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("library", ["cupy", "torch", "numba.cuda"])
def test_arrays_on_the_gpu(library: str) -> None:
    module = pytest.importorskip(library)
    kernel = jf.kernel(GELU, 2, backend="cuda")
    arrays = RANDOM.normal(size=(3, 5, 1000))
    expected = jf.kernel(GELU, 2)(*arrays[:2], 0.5)
    match library:
        case "cupy":
            given = [module.asarray(array) for array in arrays[:2]]
            found = [result.get() for result in kernel(*given, 0.5)]
        case "torch":
            given = [module.as_tensor(array, device="cuda") for array in arrays[:2]]
            results = kernel(*given, 0.5)
            assert all(isinstance(result, module.Tensor) for result in results)
            found = [result.cpu().numpy() for result in results]
        case _:
            given = [module.to_device(array) for array in arrays[:2]]
            found = [result.copy_to_host() for result in kernel(*given, 0.5)]
    for result, right in zip(found, expected, strict=True):
        assert_allclose(result, right, rtol=1e-12, atol=1e-13)


def test_arrays_on_the_gpu_that_do_not_fit() -> None:
    from numba import cuda

    kernel = jf.kernel("tanh", 1, backend="cuda")
    x = cuda.to_device(np.ones((4, 3)))
    with pytest.raises(jf.ArgumentError, match=r"float32 \(4, 3\), not contiguous, float64"):
        kernel(x, cuda.to_device(np.ones((4, 3), np.float32)))
    with pytest.raises(jf.ArgumentError, match=r"float64 \(3,\), not contiguous, float64 and of"):
        kernel(x, cuda.to_device(np.ones(3)))
    with pytest.raises(jf.ArgumentError, match="where the backend 'cpu' does not reach"):
        jf.kernel("tanh", 1)(x, 1.0)


def test_the_device_function() -> None:
    from numba import cuda

    jet = jf.kernel("sin", 2, backend="cuda").device

    @cuda.jit
    def mine(x: Any, y: Any) -> None:
        i = cuda.grid(1)
        if i < x.size:
            y[i] = jet(x[i], 1.0, 0.0)[2]

    x = RANDOM.normal(size=1000)
    y = cuda.to_device(np.empty_like(x))
    mine[4, 256](cuda.to_device(x), y)
    assert_allclose(y.copy_to_host(), -np.sin(x), rtol=1e-12)
