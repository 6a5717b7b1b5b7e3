"""`jf.kernel`: numbers against mpmath, files that stand alone, device functions, PTX, bad input."""

from __future__ import annotations

import importlib.util
import inspect
import math
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp
from numba import njit

import jetfold as jf
from jetfold.rules.primitives import PRIMITIVES
from plain_modules import plain_module
from processes import run

X, Z, T, D, R_E = sp.symbols("x z t D r_e")
GELU = X * (1 + sp.erf(X / sp.sqrt(2))) / 2
HUMP = X * sp.exp(-(X**2))
RNG = np.random.default_rng(7)

NEEDS_CUDA = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed"
)


def along(function: Callable[..., Any], *paths: Sequence[float]) -> list[float]:
    """The derivatives of a function along paths, by mpmath."""
    order = len(paths[0]) - 1

    def value(t: Any) -> Any:
        return function(
            *(sum(c * t**k / math.factorial(k) for k, c in enumerate(p)) for p in paths)
        )

    with mpmath.workdps(40):
        return [float(c * math.factorial(k)) for k, c in enumerate(mpmath.taylor(value, 0, order))]


def gelu(x: Any) -> Any:
    return x * mpmath.ncdf(x)


# Numbers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_jets(dtype: str) -> None:
    kernel = jf.kernel(GELU, order=3, dtype=dtype)
    paths = RNG.normal(size=(4, 50)).astype(dtype)
    found = kernel(*paths)
    expected = np.array([along(gelu, path.tolist()) for path in paths.T]).T
    assert [result.dtype for result in found] == [np.dtype(dtype)] * 4
    np.testing.assert_allclose(found, expected, atol=2e-5 if dtype == "float32" else 1e-13)


def test_collapsed_jets_of_two_arguments() -> None:
    kernel = jf.kernel(sp.sin(X) * sp.exp(Z), order=3, collapsed=True)
    names = ["x_0", "x_1", "x_2", "x_3", "z_0", "z_1", "z_2", "z_3"]
    assert list(inspect.signature(kernel).parameters) == names
    x, z = RNG.normal(size=(2, 4, 5, 7))  # coefficient, direction, point
    x[0], z[0] = x[0][:1], z[0][:1]
    found = kernel(x[0][0], x[1], x[2], x[3].sum(0), z[0][0], z[1], z[2], z[3].sum(0))
    expected = np.array(
        [
            [
                along(lambda u, v: mpmath.sin(u) * mpmath.exp(v), x[:, r, i], z[:, r, i])
                for i in range(7)
            ]
            for r in range(5)
        ]
    )
    np.testing.assert_allclose(found[0], expected[0, :, 0])
    np.testing.assert_allclose(found[1], expected[:, :, 1])
    np.testing.assert_allclose(found[2], expected[:, :, 2])
    np.testing.assert_allclose(found[3], expected[:, :, 3].sum(0), atol=1e-13)


def test_parameters_broadcast() -> None:
    """A Morse potential with an array of depths."""
    morse = jf.primitive(
        "kernel_morse", D * (1 - sp.exp(-2 * (X - R_E))) ** 2, X, parameters=(D, R_E)
    )
    kernel = jf.kernel(morse, 2)
    assert str(inspect.signature(kernel)) == "(x_0, x_1, x_2, D, r_e)"
    depths = np.array([1.0, 2.0, 3.0])
    x_0 = np.array([[0.5], [1.5]])
    found = kernel(x_0, 1.0, 0.5, r_e=1, D=depths)
    for i, j in np.ndindex(2, 3):
        depth, at = depths[j], [float(x_0[i, 0]), 1.0, 0.5]
        right = along(lambda x, depth=depth: depth * (1 - mpmath.exp(-2 * (x - 1))) ** 2, at)
        np.testing.assert_allclose([result[i, j] for result in found], right)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive(name: str) -> None:
    """The check of each module, un-jitted: coefficients by mpmath, from values of the function."""
    plain_module(jf.kernel(name, 3).source).check()
    plain_module(jf.kernel(name, 2, collapsed=True, dtype="float32").source).check()


@pytest.mark.parametrize(
    "expr",
    [
        sp.Max(X, 0) ** 2 + sp.Heaviside(X - Z),
        sp.besselj(0, X) * sp.gamma(Z) + sp.sinc(X),
        X**Z + sp.atan2(X, Z) * sp.sqrt(X**2 + Z**2),
        sp.log(1 + sp.exp(X)) / (1 + sp.exp(-Z)),
    ],
    ids=str,
)
def test_functions_in_the_words_of_sympy(expr: sp.Expr) -> None:
    plain_module(jf.kernel(expr, 3).source).check()
    plain_module(jf.kernel(expr, 2, collapsed=True, directions=1).source).check()


def test_a_primitive_that_only_its_value_can_compute() -> None:
    expr = sp.LambertW(sp.exp(X + sp.exp(X)))  # that is exp(x)
    lambert = jf.primitive("kernel_lambert", expr, X, derivative=sp.exp(X), value=np.exp)
    plain_module(jf.kernel(lambert, 2).source).check()


def test_a_kernel_of_one_point_gives_numbers() -> None:
    found = jf.kernel("square", 1)(3, 2)
    assert [type(value) for value in found] == [np.float64, np.float64]
    assert found == (9.0, 12.0)


def test_an_empty_batch() -> None:
    y_0, y_1, y_2 = jf.kernel("tanh", 2, collapsed=True)(np.empty(0), np.empty((3, 0)), 1.0)
    assert (y_0.shape, y_1.shape, y_2.shape) == ((0,), (3, 0), (0,))


def test_directions_meet_points_of_fewer_axes() -> None:
    kernel = jf.kernel("tanh", 2, collapsed=True)
    x_0, x_1 = np.array([[0.1], [0.2]]), RNG.normal(size=(4, 3))
    y_0, y_1, y_2 = kernel(x_0, x_1, 0.0)
    assert (y_0.shape, y_1.shape, y_2.shape) == ((2, 3), (4, 2, 3), (2, 3))
    slope = 1 - np.tanh(x_0) ** 2
    np.testing.assert_allclose(y_1, slope * x_1[:, None])
    np.testing.assert_allclose(y_2, -2 * np.tanh(x_0) * slope * np.sum(x_1**2, axis=0))


def test_other_layouts_of_memory() -> None:
    kernel = jf.kernel("exp", 1)
    x = RNG.normal(size=(6, 8))
    for array in (x, x.T.copy().T, x[::2, ::3], np.broadcast_to(x[0], x.shape), x[::-1]):
        array = np.asarray(array)
        y_0, y_1 = kernel(array, 2.0)
        np.testing.assert_allclose(y_0, np.exp(array))
        np.testing.assert_allclose(y_1, 2 * np.exp(array))
    frozen = x.copy()
    frozen.flags.writeable = False
    np.testing.assert_allclose(kernel(frozen, 0.0)[0], np.exp(x))


def test_infinities_and_nan_pass_through() -> None:
    kernel = jf.kernel("exp", 1)
    y_0, y_1 = kernel([1000.0, -np.inf, np.nan, 0.0], [1.0, 1.0, 1.0, np.inf])
    np.testing.assert_array_equal(y_0, [np.inf, 0.0, np.nan, 1.0])
    np.testing.assert_array_equal(y_1, [np.inf, 0.0, np.nan, np.inf])
    y_0, y_1 = jf.kernel("log", 1)([0.0, -1.0], 1.0)
    np.testing.assert_array_equal(y_0, [-np.inf, np.nan])
    np.testing.assert_array_equal(y_1, [np.inf, -1.0])


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


# To look at ---------------------------------------------------------------------------------------


def test_what_a_reader_sees() -> None:
    kernel = jf.kernel("multiply", 2, collapsed=True, directions=4)
    shown = "<kernel multiply_jet(x_0, x_1, x_2, z_0, z_1, z_2): order 2, cpu, float64, collapsed>"
    assert repr(kernel) == shown
    assert kernel.equations == jf.rule("multiply", 2, collapsed=True).equations
    assert kernel._repr_latex_() == jf.rule("multiply", 2, collapsed=True).latex()
    assert str(kernel).splitlines()[0] == "y_0 = x_0*z_0"
    assert kernel.__name__ == "multiply_jet"
    assert "There are 4 directions." in (kernel.__doc__ or "").replace("\n", " ")
    assert kernel.source.startswith('"""Collapsed jets of order 2 of y = x*z.\n')


def test_names_that_modules_need_are_changed() -> None:
    gamma, r, x = sp.symbols("gamma r x")
    made = jf.primitive("kernel_names", sp.gamma(x) * gamma + r, x, parameters=(gamma, r))
    kernel = jf.kernel(made, 2, collapsed=True)
    assert list(inspect.signature(kernel).parameters)[3:] == ["gamma_", "r_"]
    plain_module(kernel.source).check()


def test_kernels_can_be_pickled() -> None:
    kernel = jf.kernel(HUMP, 2, collapsed=True, directions=2, dtype="float32")
    again = pickle.loads(pickle.dumps(kernel))
    assert again.source == kernel.source
    assert repr(again) == repr(kernel)


# Bad input ----------------------------------------------------------------------------------------

TANH = jf.kernel("tanh", 2, collapsed=True)
FIXED = jf.kernel("tanh", 2, collapsed=True, directions=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"what": "tan h"}, "there is no primitive called 'tan h'; did you mean 'tanh'"),
        ({"what": 3}, "3 is a int; give the name of a primitive"),
        ({"what": sp.Integer(3)}, "has no arguments"),
        ({"what": sp.Function("f")(X)}, r"f\(x\)"),
        ({"what": sp.log(-1 - X**2)}, "log|finite|real"),
        ({"order": 0}, "the order of a kernel is 0; it must be an integer of 1 or more"),
        ({"order": 1.5}, "the order of a kernel is 1.5"),
        ({"backend": "gpu"}, "unknown backend 'gpu': .*; did you mean 'cuda'"),
        ({"backend": "reference"}, "unknown backend 'reference': choose from cpu, cuda"),
        ({"dtype": "float16"}, "unknown dtype 'float16': choose from float32, float64"),
        ({"dtype": "real"}, "unknown dtype 'real'"),
        ({"directions": 3}, "directions are those of a collapsed kernel; give collapsed=True"),
        (
            {"directions": 0, "collapsed": True},
            "directions is 0; it must be an integer of 1 or more",
        ),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(jf.ArgumentError, match=message):
        jf.kernel(**{"what": "tanh", **options})


@pytest.mark.parametrize(
    ("kernel", "arguments", "message"),
    [
        (TANH, (1.0, [2.0]), r"tanh_jet\(x_0, x_1, x_2\): missing a required argument: 'x_2'"),
        (TANH, (1.0, [2.0], 3.0, 4.0), "too many positional arguments"),
        (TANH, (1.0, 2.0, 3.0), r"x_1 of tanh_jet must have one axis of directions in front"),
        (TANH, (1.0, [], 3.0), "of the same length, 1 or more"),
        (TANH, ([1, 2], [[1, 2, 3]], 1), r"do not broadcast: x_0 \(2,\), x_1 \(1, 3\), x_2 \(\)"),
        (
            FIXED,
            (1.0, [2.0], 3.0),
            "was made for 3 directions, which is what the first axis of x_1",
        ),
        (TANH, (1j, [2.0], 3.0), "x_0 has dtype complex128"),
        (TANH, ("one", [2.0], 3.0), "x_0 has dtype"),
        (TANH, (None, [2.0], 3.0), "x_0 is a NoneType"),
    ],
)
def test_bad_arguments(kernel: jf.Kernel, arguments: Any, message: str) -> None:
    with pytest.raises(jf.ArgumentError, match=message):
        kernel(*arguments)


def test_unknown_names_of_arguments() -> None:
    with pytest.raises(jf.ArgumentError, match="got an unexpected keyword argument 'y_0'"):
        TANH(1.0, [2.0], x_2=3.0, y_0=1.0)


def test_different_numbers_of_directions() -> None:
    with pytest.raises(jf.ArgumentError, match=r"x_1, z_1 of multiply_jet .* x_1 \(2,\)"):
        jf.kernel("multiply", 2, collapsed=True)(1.0, [2.0, 1.0], 3.0, 1.0, [2.0], 3.0)


def test_bad_ptx() -> None:
    with pytest.raises(jf.ArgumentError, match='has no PTX; make it with backend="cuda"'):
        TANH.ptx()


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
