"""`jf.kernel`: numbers against mpmath, what a reader sees, bad input."""

from __future__ import annotations

import inspect
import math
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from jetfold.rules.primitives import PRIMITIVES
from plain_modules import plain_module

X, Z, D, R_E = sp.symbols("x z D r_e")
GELU = X * (1 + sp.erf(X / sp.sqrt(2))) / 2
HUMP = X * sp.exp(-(X**2))
RNG = np.random.default_rng(7)


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


def test_parameters_have_the_defaults_of_the_primitive() -> None:
    scaled = jf.primitive("scaled_exp", D * sp.exp(R_E * X), X, parameters={D: None, R_E: 0.5})
    for made in (jf.kernel(scaled, 1), jf.kernel("scaled_exp", 1)):
        loaded = pickle.loads(pickle.dumps(made))
        for kernel in (made, loaded):
            assert str(inspect.signature(kernel)) == "(x_0, x_1, D, r_e=0.5)"
            np.testing.assert_array_equal(kernel(1.0, 2.0, 3.0), kernel(1.0, 2.0, 3.0, 0.5))
            assert kernel(1.0, 2.0, 3.0)[0] == pytest.approx(3 * math.exp(0.5))
    with pytest.raises(jf.ArgumentError, match="missing a required argument: 'D'"):
        jf.kernel(scaled, 1)(1.0, 2.0)


def test_outside_of_all_pieces_there_is_no_number() -> None:
    y_0, y_1 = jf.kernel(sp.Piecewise((X**2, X > 0)), 1)([-1.0, 3.0], 1.0)
    np.testing.assert_array_equal(y_0, [math.nan, 9])
    np.testing.assert_array_equal(y_1, [math.nan, 6])


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
