"""What all operators have in common: pickling, names, one trace for each shape, threads."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import jetfold as jf
from known_answers import points


def wave(x: Any, a: Any) -> Any:
    return np.exp(a["k"] @ x)


def cubes(x: Any) -> Any:
    return np.sum(x**3)


def again(op: Any) -> Any:
    return pickle.loads(pickle.dumps(op))


@pytest.mark.parametrize("used", [False, True])
def test_laplacians_can_be_pickled(used: bool) -> None:
    op = jf.laplacian(np.sin, method="standard", backend="reference", point_ndim=0)
    x = np.linspace(0, 1, 5)
    expected = op(x) if used else -np.sin(x)
    copy = again(op)
    assert repr(copy) == repr(op)
    assert_allclose(copy(x), expected)


def test_compiled_operators_can_be_pickled() -> None:
    op = jf.laplacian(jf.laplacian(np.sum))
    x = points(3, 4)
    assert_array_equal(again(op)(x), op(x))
    jet = jf.jet(np.sum, 2)
    assert_array_equal(again(jet)(x, (x, x))[1][1], jet(x, (x, x))[1][1])


def test_a_pickled_operator_runs_in_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It finds the function by its name, and the code compiled here in the cache."""
    monkeypatch.setenv("JETFOLD_CACHE_DIR", str(tmp_path))
    op = jf.laplacian(methodcaller("__pow__", 7))
    x = points(3, 4)
    expected = op(x)
    assert_allclose(expected, 42 * x**5, rtol=1e-12)
    program = (
        "import pickle, sys; op, x = pickle.loads(sys.stdin.buffer.read()); "
        "sys.stdout.buffer.write(pickle.dumps(op(x)))"
    )
    files = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.nb?")}
    assert files
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=pickle.dumps((op, x)),
        capture_output=True,
        check=True,
    )
    assert_array_equal(pickle.loads(done.stdout), expected)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.nb?")} == files


def test_random_directions_go_on_after_pickling() -> None:
    op = jf.laplacian(np.prod, samples=2, seed=3, backend="reference")
    x = points(3, 1)
    op(x)
    copy = again(op)
    assert_array_equal([copy(x) for _ in range(3)], [op(x) for _ in range(3)])


def test_names() -> None:
    assert repr(jf.laplacian(cubes)) == "Laplacian(cubes)"
    assert repr(jf.jet(cubes, 3)) == "Jet(cubes, order=3)"
    assert repr(jf.laplacian(jf.laplacian(cubes))) == "Laplacian(Laplacian(cubes))"
    options: dict[str, Any] = {"method": "standard", "backend": "reference", "point_ndim": 2}
    op = jf.laplacian(cubes, samples=4, distribution="rademacher", **options)
    assert repr(op) == (
        "Laplacian(cubes, method='standard', backend='reference', point_ndim=2, samples=4, "
        "distribution='rademacher')"
    )
    assert repr(jf.laplacian(len)) == "Laplacian(len)"
    assert repr(jf.laplacian(partial(wave, a=np.ones(1000)))) == "Laplacian(partial)"


def test_a_function_is_traced_once_for_each_shape_of_point() -> None:
    calls = []

    def function(x: Any, p: Any) -> Any:
        calls.append(x.shape)
        return p @ x**2

    op = jf.laplacian(function, backend="reference")
    for dimension, count in [(3, 1), (3, 7), (2, 1), (3, 1), (2, 9)]:
        x = points(dimension, count)
        for dtype in (np.float32, np.float64):
            op(x.astype(dtype), np.arange(float(dimension)))
    assert calls == [(3,), (2,)]


def test_callables_of_every_kind() -> None:
    class Function:
        def __call__(self, x: Any) -> Any:
            return cubes(x)

        def method(self, x: Any) -> Any:
            return cubes(x)

        @staticmethod
        def static(x: Any) -> Any:
            return cubes(x)

    x = points(3, 2)
    cubed = methodcaller("__pow__", 3)  # Python knows no signature of it
    assert_allclose(jf.laplacian(cubed, backend="reference")(x), 6 * x)
    weighted = partial(lambda x, w, v: w * np.sum(x**3) * v, w=np.float64(2), v=0.5)
    for function in (Function(), Function().method, Function.static, cubes, weighted):
        op = jf.laplacian(function, backend="reference")
        assert_allclose(op(x), 6 * x.sum(axis=1))
    assert_array_equal(jf.laplacian(np.tanh, backend="reference")(np.zeros(3)), np.zeros(3))


def test_a_failed_call_leaves_no_trace() -> None:
    op = jf.laplacian(wave, backend="reference")
    x = points(3, 2)
    k = np.ones(3)
    for wrong in ([k], {"k": np.ones(4)}, {"K": k}, {"k": "k"}):
        with pytest.raises((jf.JetfoldError, KeyError, TypeError)):
            op(x, wrong)
    assert_allclose(op(x, {"k": k}), 3 * np.exp(x @ k))


def test_threads_share_an_operator() -> None:
    """From its first call on, which traces and compiles."""
    op = jf.laplacian(wave)
    start = threading.Barrier(4)
    x = points(3, 200)

    def work(i: int) -> Any:
        start.wait()
        k = np.full(3, i / 4)
        return [op(x, {"k": k}) / (k @ k * np.exp(x @ k) + (i == 0)) for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        for i, results in enumerate(pool.map(work, range(4))):
            assert_allclose(results, np.full((20, 200), float(i > 0)), rtol=1e-13)
