"""Kernels taken away: files that stand alone, device functions in code of one's own, PTX."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numba import njit

import jetfold as jf
from processes import run

X = sp.Symbol("x")
GELU = X * (1 + sp.erf(X / sp.sqrt(2))) / 2
HUMP = X * sp.exp(-(X**2))
RNG = np.random.default_rng(7)

NEEDS_CUDA = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed"
)


# Files --------------------------------------------------------------------------------------------

ALONE = """
import runpy, sys
sys.modules["jetfold"] = None  # an import of it raises an error
sys.modules["sympy"] = sys.modules["scipy"] = sys.modules["mpmath"] = None
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def alone(path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A saved file, run where there is numba and NumPy and nothing of ours."""
    command = [sys.executable, "-I", "-c", ALONE, str(path)]
    environment = os.environ | variables
    return subprocess.run(
        command, cwd=path.parent, env=environment, capture_output=True, text=True, check=False
    )


def test_a_saved_file_stands_alone(tmp_path: Path) -> None:
    path = jf.kernel(HUMP, order=3, collapsed=True).save(tmp_path / "hump_jet.py")
    ended = alone(path)
    assert ended.returncode == 0, ended.stderr
    names = re.findall(r"^(y_\d): relative error \d\.\de[-+]\d\d$", ended.stdout, re.MULTILINE)
    assert names == ["y_0", "y_1", "y_2", "y_3"]


def test_a_corrupted_file_fails(tmp_path: Path) -> None:
    path = jf.kernel("tanh", 2).save(tmp_path / "tanh_jet.py")
    text = path.read_text()
    assert " - 2 * " in text
    path.write_text(text.replace(" - 2 * ", " - 3 * "))
    ended = alone(path)
    assert ended.returncode == 1
    assert "y_2 is wrong" in ended.stderr


@NEEDS_CUDA
def test_saved_files_for_cuda_run_in_the_simulator(tmp_path: Path) -> None:
    for number, options in enumerate([{}, {"collapsed": True, "directions": 3}]):
        kernel = jf.kernel(GELU, 3, backend="cuda", dtype="float32", **options)  # type: ignore[arg-type]
        ended = alone(kernel.save(tmp_path / f"gelu_{number}.py"), NUMBA_ENABLE_CUDASIM="1")
        assert ended.returncode == 0, ended.stderr
        assert "y_3: relative error" in ended.stdout


def test_saving(tmp_path: Path) -> None:
    kernel = jf.kernel("sin", 1)
    path = tmp_path / "sine.py"
    path.write_text("mine")
    with pytest.raises(jf.ArgumentError, match=r"there is a file .*sine\.py already"):
        kernel.save(path)
    assert path.read_text() == "mine"
    assert kernel.save(str(path), overwrite=True) == path
    assert path.read_text() == kernel.source
    with pytest.raises(jf.ArgumentError, match="is a folder; give the name of a file"):
        kernel.save(tmp_path, overwrite=True)
    with pytest.raises(jf.ArgumentError, match=r"cannot be written: No such file or directory"):
        kernel.save(tmp_path / "missing" / "sine.py")
    assert os.listdir(tmp_path) == ["sine.py"]


def test_what_a_link_points_to_is_written(tmp_path: Path) -> None:
    kernel = jf.kernel("square", 1)
    kernel.save(tmp_path / "square_jet.py")
    link = tmp_path / "link.py"
    link.symlink_to("square_jet.py")
    jf.kernel("square", 2).save(link, overwrite=True)
    assert link.is_symlink()
    assert (tmp_path / "square_jet.py").read_text() == jf.kernel("square", 2).source


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (None, "None is no path of a file"),
        (3, "3 is no path of a file"),
        (b"jet.py", "is no path of a file"),
        ("jet\0.py", "is no path of a file"),
        ("j" * 300, "cannot be written: File name too long"),
        ("folder/jet.py", "cannot be written: No such file"),
    ],
)
def test_bad_paths(
    path: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(jf.ArgumentError, match=message):
        jf.kernel("square", 1).save(path)
    assert not list(tmp_path.iterdir())


def test_devices_and_pipes_stay_what_they_are(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for overwrite in (False, True):
        with pytest.raises(jf.ArgumentError, match="is a device or a pipe"):
            jf.kernel("square", 1).save(pipe, overwrite=overwrite)
    assert pipe.is_fifo()


# In code of one's own -----------------------------------------------------------------------------


def test_the_device_function_in_compiled_code() -> None:
    jet = jf.kernel(HUMP, 2).device
    collapsed = jf.kernel("sin", 2, collapsed=True).device

    @njit
    def total(x: Any, rows: Any) -> Any:
        found = 0.0
        y_1 = np.empty(rows.size)
        for i in range(x.size):
            found += jet(x[i], 1.0, 0.0)[2]
            y_0, y_2 = collapsed(x[i], rows, 0.0, y_1)
            found += y_1.sum() + y_0 + y_2
        return found

    x, rows = RNG.normal(size=5), RNG.normal(size=3)
    second = (4 * x**3 - 6 * x) * np.exp(-(x**2))
    sines = np.cos(x) * rows.sum() + np.sin(x) - np.sin(x) * np.sum(rows**2)
    assert total(x, rows) == pytest.approx(np.sum(second + sines))


@NEEDS_CUDA
def test_the_device_function_in_a_kernel_for_cuda() -> None:
    from numba import cuda, types

    jet = jf.kernel(HUMP, 2, backend="cuda", dtype="float32").device

    def mine(x: Any, y: Any) -> None:
        i = cuda.grid(1)
        if i < x.size:
            y[i] = jet(x[i], np.float32(1), np.float32(0))[2]

    array = types.float32[::1]
    ptx, _ = cuda.compile(mine, types.void(array, array), cc=(9, 0), device=False, abi="numba")
    assert ".entry" in ptx
    assert ".f64" not in ptx


@NEEDS_CUDA
@pytest.mark.parametrize(
    ("cc", "dtype"), [((8, 0), "float32"), ((9, 0), "float32"), ((9, 0), "float64")]
)
def test_ptx(cc: tuple[int, int], dtype: str) -> None:
    for kernel in (
        jf.kernel(GELU, 4, backend="cuda", dtype=dtype),
        jf.kernel("logaddexp", 3, backend="cuda", collapsed=True, dtype=dtype),
    ):
        ptx = kernel.ptx(cc)
        assert f".target sm_{cc[0]}{cc[1]}" in ptx
        entry = re.findall(r"\.visible \.entry (\w+)", ptx)
        assert len(entry) == 1
        assert f"{kernel.jet.name}_kernel" in entry[0]
        assert (".f64" in ptx) == (dtype == "float64")


@NEEDS_CUDA
def test_fixed_directions_are_unrolled() -> None:
    options: dict[str, Any] = {"collapsed": True, "backend": "cuda", "dtype": "float32"}
    found = []
    for directions in (None, 3):
        ptx = jf.kernel("sin", 2, directions=directions, **options).ptx()
        found.append(len(re.findall(r"\bst(?:\.global)?\.f32", ptx)))
    assert found[1] == 3 + 2  # y_1 for each direction; y_0 and y_2
    assert found[0] != found[1]


@NEEDS_CUDA
def test_calls_in_the_simulator(tmp_path: Path) -> None:
    code = """
import numpy as np
import jetfold as jf

kernel = jf.kernel("multiply", 2, backend="cuda")
arguments = np.linspace(-1, 1, 6), 2.0, 3.0, 4.0, np.array([5.0, 6.0])[:, None], 7.0
expected = jf.kernel("multiply", 2)._module.multiply_jet(*arguments)
print(all(np.array_equal(a, b) and a.shape == (2, 6) for a, b in zip(kernel(*arguments), expected)))
print(kernel(1, 2, 3, 4, 5, 6))
"""
    variables = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    shown = run(code, tmp_path / "cache", **variables)
    assert shown.splitlines() == [
        "True",
        "(np.float64(4.0), np.float64(13.0), np.float64(38.0))",
    ]


@NEEDS_CUDA
def test_a_call_needs_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise jf.BackendError("there is none")

    monkeypatch.setattr(sys.modules["jetfold.kernel"], "require_gpu", missing)
    kernel = jf.kernel("tanh", 1, backend="cuda")
    with pytest.raises(jf.BackendError, match="there is none"):
        kernel(1.0, 2.0)
    assert kernel.device is not None


# Bad input ----------------------------------------------------------------------------------------


def test_bad_ptx() -> None:
    with pytest.raises(jf.ArgumentError, match='has no PTX; make it with backend="cuda"'):
        jf.kernel("tanh").ptx()


@NEEDS_CUDA
@pytest.mark.parametrize(
    ("cc", "message"),
    [
        ("9.0", "cc is '9.0'; it must be a pair, such as"),
        ((9,), "it must be a pair"),
        ((9.0, 0.0), "it must be a pair"),
        ((3, 5), r"there can be no PTX for cc=\(3, 5\)"),
    ],
)
def test_bad_capability(cc: Any, message: str) -> None:
    with pytest.raises(jf.ArgumentError, match=message):
        jf.kernel("tanh", 2, backend="cuda").ptx(cc)
