"""`jf.jet`: unscaled derivatives along a path, compared with SymPy's, and how jets compose."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import jetfold as jf
from known_answers import points

Function = Callable[..., Any]
interpreted = partial(jf.jet, backend="reference")

W = np.array([[0.5, -0.25, 0.75], [1.0, 0.5, -0.5]])

# A function in NumPy and the same in SymPy, of three coordinates.
FUNCTIONS: dict[str, tuple[Function, Function]] = {
    "polynomial": (
        lambda x: x[0] ** 3 * x[1] - 2 * x[2] ** 5 + x[0] * x[1] * x[2],
        lambda x, y, z: x**3 * y - 2 * z**5 + x * y * z,
    ),
    "rational": (lambda x: x[0] / (1 + x @ x), lambda x, y, z: x / (1 + x**2 + y**2 + z**2)),
    "quotients": (
        lambda x: x[0] ** -1 + x[1] ** -2 + np.reciprocal(x[2]) * x[1] + x[0] / x[0],
        lambda x, y, z: 1 / x + 1 / y**2 + y / z + 1,
    ),
    "network": (
        lambda x: np.array([2.0, -1.0]) @ np.tanh(W @ x + 0.25),
        lambda x, y, z: (
            2 * sp.tanh(x / 2 - y / 4 + 3 * z / 4 + sp.Rational(1, 4))
            - sp.tanh(x + y / 2 - z / 2 + sp.Rational(1, 4))
        ),
    ),
    "elementary": (
        lambda x: np.exp(x[0]) * np.sin(x[1] * x[2]) + np.log(2 + x[2]) * np.arctan(x[0]),
        lambda x, y, z: sp.exp(x) * sp.sin(y * z) + sp.log(2 + z) * sp.atan(x),
    ),
    "powers": (
        lambda x: np.sqrt(1 + x[2] ** 2) * (2 + x[1]) ** 2.5 * 1.5 ** x[0],
        lambda x, y, z: sp.sqrt(1 + z**2) * (2 + y) ** 2.5 * 1.5**x,
    ),
}
ORDER = 6


def path(order: int, *batch: int) -> tuple[NDArray[Any], tuple[NDArray[Any], ...]]:
    """A point and coefficients of a path in three dimensions."""
    x0, *higher = points(3, order + 1, *batch)
    return x0, tuple(higher)


def exact(expression: Function, x0: Any, higher: Any) -> list[float]:
    """The value and the derivatives of an expression along a path, by SymPy."""
    t = sp.Symbol("t")
    coefficients = [[sp.Rational(float(c)) for c in coefficient] for coefficient in (x0, *higher)]
    coordinates = [
        sum(coefficient[i] * t**k / math.factorial(k) for k, coefficient in enumerate(coefficients))
        for i in range(len(x0))
    ]
    x = sp.symbols(f"x:{len(x0)}")
    curves = [sp.Function(f"p{i}")(t) for i in range(len(x0))]
    value = expression(*x).subs(dict(zip(x, curves, strict=True)))
    known = dict(zip(curves, coordinates, strict=True))
    results = []
    for k in range(len(coefficients)):
        derivative = value.diff(t, k)
        numbers = {
            curve.diff(t, j): coordinate.diff(t, j).subs(t, 0)
            for curve, coordinate in known.items()
            for j in range(k, -1, -1)
        }
        results.append(float(derivative.subs(numbers).evalf(25)))
    return results


@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_sympy(name: str) -> None:
    function, expression = FUNCTIONS[name]
    x0, higher = path(ORDER)
    value, derivatives = interpreted(function, ORDER)(x0, higher)
    assert_allclose([value, *derivatives], exact(expression, x0, higher), rtol=1e-12)


def test_against_sympy_compiled() -> None:
    names = ("network", "elementary")
    x0, higher = path(3, 30)
    op = jf.jet(lambda x: {name: FUNCTIONS[name][0](x) for name in names}, 3)
    value, derivatives = op(x0, higher)
    for name in names:
        expression = FUNCTIONS[name][1]
        for i in (0, 29):
            found = [coefficient[name][i] for coefficient in (value, *derivatives)]
            expected = exact(expression, x0[i], [x[i] for x in higher])
            assert_allclose(found, expected, rtol=1e-12, err_msg=name)
    single = op(x0.astype(np.float32), [x.astype(np.float32) for x in higher])
    for name in names:
        for found, expected in zip((single[0], *single[1]), (value, *derivatives), strict=True):
            assert found[name].dtype == np.float32
            size = np.abs(expected[name]).max()
            assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-5 * size)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_single_precision_to_order_six(name: str) -> None:
    """No more than a few digits of each coefficient's size go missing."""
    x0, higher = path(ORDER, 20)
    op = interpreted(FUNCTIONS[name][0], ORDER)
    value, derivatives = op(x0, higher)
    single, coefficients = op(x0.astype(np.float32), [x.astype(np.float32) for x in higher])
    for found, expected in zip((single, *coefficients), (value, *derivatives), strict=True):
        assert found.dtype == np.float32
        assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_coefficients_are_not_divided_by_factorials() -> None:
    for order in range(1, 11):
        one = (np.ones(()), *[np.zeros(())] * (order - 1))
        op = interpreted(lambda t, k=order: {"power": t**k, "sin": np.sin(t)}, order, point_ndim=0)
        value, derivatives = op(0.0, one)
        assert value["power"] == 0
        powers = [float(derivative["power"]) for derivative in derivatives]
        assert powers == [0.0] * (order - 1) + [math.factorial(order)]
        sines = [float(derivative["sin"]) for derivative in derivatives]
        assert sines == [float(np.sin(k * np.pi / 2).round()) for k in range(1, order + 1)]


def test_higher_coefficients_of_the_path_count() -> None:
    """sin(t^3) has its third derivative from the path's third coefficient alone."""
    _, derivatives = interpreted(np.sin, 3, point_ndim=0)(0.0, (0.0, 0.0, 6.0))
    assert [float(d) for d in derivatives] == [0.0, 0.0, 6.0]


def test_jets_compose() -> None:
    """The jet of f(g(x)) is the jet of f at the jet of g."""

    def g(x: Any) -> Any:
        return np.stack([np.sin(x[0]) * x[1], np.exp(x[2] / 2), x @ x / 4])

    def f(y: Any) -> Any:
        return np.array([[1.0, -1.0, 0.5], [0.5, 2.0, 0.25]]) @ np.tanh(y) + y[0]

    x0, higher = path(4, 3)
    jet = partial(interpreted, order=4)
    direct, through = jet(lambda x: f(g(x))), jet(f)
    value, derivatives = direct(x0, higher)
    inner_value, inner = jet(g)(x0, higher)
    outer_value, outer = through(inner_value, inner)
    assert_allclose(outer_value, value, rtol=1e-13)
    for found, expected in zip(outer, derivatives, strict=True):
        assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


def test_the_sum_of_second_derivatives_is_the_laplacian() -> None:
    function = FUNCTIONS["elementary"][0]
    x = points(3, 4)
    op = interpreted(function, 2)
    total = sum(op(x, (direction, 0))[1][1] for direction in np.eye(3))
    assert_allclose(total, jf.laplacian(function, backend="reference")(x), rtol=1e-13)


def test_results_have_the_form_of_the_function() -> None:
    def function(x: Any, scale: Any) -> Any:
        return {"a": scale["s"] * np.outer(x, x), "b": (x.sum(), [x, None]), "c": 2.0}

    x0, higher = path(2, 4, 1)
    value, derivatives = interpreted(function, 2)(x0, higher, {"s": np.float64(3)})
    assert isinstance(derivatives, tuple)
    for tree in (value, *derivatives):
        assert list(tree) == ["a", "b", "c"]
        assert tree["a"].shape == (4, 1, 3, 3)
        assert tree["b"][0].shape == (4, 1)
        assert tree["b"][1][0].shape == (4, 1, 3)
        assert tree["b"][1][1] is None
        assert tree["c"].shape == (4, 1)
    assert_array_equal(value["c"], np.full((4, 1), 2.0))
    assert_array_equal(derivatives[0]["c"], np.zeros((4, 1)))
    assert_allclose(derivatives[1]["b"][1][0], higher[1])


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_batches_and_points(backend: str) -> None:
    for shape in [(), (3,), (2, 2)]:
        op = jf.jet(lambda x: np.sum(x**3), 2, backend=backend, point_ndim=len(shape))
        for batch in [(), (4,), (2, 3), (0,)]:
            size = math.prod(shape)
            x0, x1, x2 = points(size, 3, *batch).reshape((3, *batch, *shape))
            axes = tuple(range(len(batch), len(batch) + len(shape)))
            value, (first, second) = op(x0, (x1, x2))
            assert value.shape == first.shape == second.shape == batch
            assert_allclose(value, np.sum(x0**3, axis=axes), rtol=1e-12)
            assert_allclose(first, np.sum(3 * x0**2 * x1, axis=axes), rtol=1e-12)
            expected = np.sum(6 * x0 * x1**2 + 3 * x0**2 * x2, axis=axes)
            assert_allclose(second, expected, rtol=1e-12)


def test_coefficients_are_broadcast_to_the_batch() -> None:
    op = interpreted(lambda x: x**3, 2)
    x0, (x1, x2) = path(2, 4)
    one = op(x0, (x1[0], 0))
    all_of_them = op(x0, (np.tile(x1[0], (4, 1)), np.zeros((4, 3))))
    assert_array_equal(one[1][1], all_of_them[1][1])
    fan = op(x0[0], (x1, x2))  # many directions at one point
    assert fan[0].shape == (4, 3)
    assert_allclose(fan[1][1], 6 * x0[0] * x1**2 + 3 * x0[0] ** 2 * x2)


def test_precisions() -> None:
    op = interpreted(lambda x: x**3 / 3, 1)
    for dtypes, expected in [
        (("f4", "f4"), "f4"),
        (("f4", "f8"), "f8"),
        (("f8", "f4"), "f8"),
        (("f2", "f2"), "f4"),
        (("f4", "f2"), "f4"),
        (("i4", "f4"), "f8"),
        (("f4", "i8"), "f8"),
        ((">f8", ">f4"), "f8"),
    ]:
        x0, x1 = np.array([1, 2, 3], dtypes[0]), np.array([1, 0, 2], dtypes[1])
        value, (first,) = op(x0, (x1,))
        assert value.dtype == first.dtype == np.dtype(expected)
        assert value.dtype.isnative
        assert_allclose(first, [1, 0, 18], rtol=1e-6)


def test_inputs_are_not_written_to() -> None:
    x0, higher = path(2, 5)
    copies = [x.copy() for x in (x0, *higher)]
    for x in (x0, *higher):
        x.flags.writeable = False
    value, _ = jf.jet(lambda x: x, 2)(x0, higher)
    for x, copy in zip((x0, *higher), copies, strict=True):
        assert_array_equal(x, copy)
    value[:] = 0  # a result is the caller's own
    assert_array_equal(x0, copies[0])
