"""Operators inside of traced functions, compared with SymPy's derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import jetfold as jf
from known_answers import points

Function = Callable[..., Any]
E1, ZERO = np.eye(3)[0], np.zeros(3)
SCALE = np.array([0.5, -1.0, 2.0])
A = np.array([0.3, 0.7, -0.4])


def gaussian(x: Any) -> Any:
    return np.exp(-x @ x / 2)


def wave(x: Any, a: Any) -> Any:
    return np.exp(a @ x)


class Net:
    """An object that keeps its operator in an attribute."""

    def __init__(self) -> None:
        self.laplacian = jf.laplacian(self.value)

    def value(self, x: Any) -> Any:
        return np.exp(SCALE @ x)

    def residual(self, x: Any, a: Any) -> Any:
        return self.laplacian(x) + a @ a * self.value(x)


class Energy:
    """A Hamiltonian whose method takes the operator as an argument."""

    def kinetic(self, operator: Function, x: Any) -> Any:
        return -operator(x) / 2


def dot(x: Any, y: Any) -> Any:
    return sum(sp.sympify(p) * q for p, q in zip(x, y, strict=True))


def sp_gaussian(x: Any) -> Any:
    return sp.exp(-dot(x, x) / 2)


def sp_wave(x: Any, a: Any) -> Any:
    return sp.exp(dot(a, x))


def lap(expr: Any, x: Any) -> Any:
    return sum(expr.diff(v, 2) for v in x)


def along(function: Function, x0: Any, x1: Any, x2: Any) -> Any:
    """The second derivative along the path x0 + t x1 + t^2/2 x2."""
    t = sp.Symbol("t")
    path = [p + t * q + t**2 / 2 * r for p, q, r in zip(x0, x1, x2, strict=True)]
    return function(path).diff(t, 2).subs(t, 0)


second = jf.jet(gaussian, 2)

# A function of x and a, and what it is in SymPy; the Laplacian is taken of both.
NESTED: dict[str, tuple[Function, Function]] = {
    "with parameters": (jf.laplacian(wave), lambda x, a: lap(sp_wave(x, a), x)),
    "over a closure": (
        lambda x, a: jf.laplacian(lambda y: wave(y, a))(x),
        lambda x, a: lap(sp_wave(x, a), x),
    ),
    "as an attribute": (
        Net().residual,
        lambda x, a: (dot(SCALE, SCALE) + dot(a, a)) * sp_wave(x, SCALE),
    ),
    "as an argument of a method": (
        lambda x, a: Energy().kinetic(jf.laplacian(gaussian), x),
        lambda x, a: -lap(sp_gaussian(x), x) / 2,
    ),
    "at a part of the point": (
        lambda x, a: jf.laplacian(lambda y: (y @ y) ** 2)(x[:2]) * x[2],
        lambda x, a: 16 * (x[0] ** 2 + x[1] ** 2) * x[2],
    ),
    "at another point": (
        lambda x, a: jf.laplacian(gaussian)(2 * x),
        lambda x, a: lap(sp_gaussian(x), x).subs({v: 2 * v for v in x}, simultaneous=True),
    ),
    "at a constant point": (
        lambda x, a: jf.laplacian(lambda y, z: (y @ z) ** 2 + wave(y, a))(np.ones(3), x),
        lambda x, a: 2 * dot(x, x) + dot(a, a) * sp.exp(sum(a)),
    ),
    "nonlinearly": (
        lambda x, a: jf.laplacian(gaussian)(x) ** 2 * np.sin(x[0]),
        lambda x, a: lap(sp_gaussian(x), x) ** 2 * sp.sin(x[0]),
    ),
    "with the outer point inside": (
        lambda x, a: x[1] * jf.laplacian(lambda y: (x @ y) ** 3)(x),
        lambda x, a: x[1] * 6 * dot(x, x) ** 2,
    ),
    "more than twice": (
        jf.laplacian(jf.laplacian(wave)),
        lambda x, a: dot(a, a) ** 2 * sp_wave(x, a),
    ),
    "two different ones": (
        lambda x, a: jf.laplacian(gaussian)(x) * jf.laplacian(wave, method="standard")(x, a),
        lambda x, a: lap(sp_gaussian(x), x) * lap(sp_wave(x, a), x),
    ),
    "a jet": (
        lambda x, a: second(x, (E1, ZERO))[1][1],
        lambda x, a: sp_gaussian(x).diff(x[0], 2),
    ),
    "a jet of a jet": (
        lambda x, a: jf.jet(lambda y: second(y, (E1, ZERO))[1][1], 1)(x, (a,))[1][0],
        lambda x, a: dot(a, [sp_gaussian(x).diff(x[0], 2, v) for v in x]),
    ),
    "a jet along a traced path": (
        lambda x, a: second(x, (x, a))[1][1],
        lambda x, a: along(sp_gaussian, x, x, a),
    ),
    "a jet at a constant point": (
        lambda x, a: second(E1, (x, 0))[1][1],
        lambda x, a: along(sp_gaussian, [1, 0, 0], x, [0, 0, 0]),
    ),
}


def exact(function: Function, x: NDArray[Any], order: int = 2) -> NDArray[Any]:
    """The Laplacian (order 2) or the value (order 0) of a function in SymPy, at points."""
    symbols = sp.symbols(f"x0:{x.shape[-1]}", real=True)
    value = sp.sympify(function(symbols, [sp.Rational(str(a)) for a in A]))
    evaluate = sp.lambdify(symbols, lap(value, symbols) if order else value, "mpmath")
    return np.array([float(evaluate(*map(float, point))) for point in x])


@pytest.mark.parametrize("name", NESTED)
def test_nested(name: str) -> None:
    function, expected = NESTED[name]
    x = points(3, 5)
    for method in ("standard", "collapsed", "minimal"):
        op = jf.laplacian(function, method=method, backend="reference")
        assert_allclose(op(x, A), exact(expected, x), rtol=1e-11, atol=1e-11, err_msg=method)


def test_nested_and_compiled() -> None:
    names = [
        "as an attribute",
        "with the outer point inside",
        "at a constant point",
    ]
    x = points(3, 40)
    op = jf.laplacian(lambda x, a: {name: NESTED[name][0](x, a) for name in names})
    found = op(x, A)
    for name in names:
        expected = exact(NESTED[name][1], x)
        assert_allclose(found[name], expected, rtol=1e-11, atol=1e-11, err_msg=name)


def test_jets_of_operators() -> None:
    """The value and the derivatives of a Laplacian along a path."""
    x = points(3, 5)
    value, (first,) = jf.jet(jf.laplacian(gaussian), 1, backend="reference")(x, (E1,))
    laplacian = exact(lambda x, a: lap(sp_gaussian(x), x), x, order=0)
    slope = exact(lambda x, a: lap(sp_gaussian(x), x).diff(x[0]), x, order=0)
    assert_allclose(value, laplacian, rtol=1e-12)
    assert_allclose(first, slope, rtol=1e-12)


def test_trees_inside() -> None:
    def function(x: Any) -> Any:
        inner = jf.laplacian(lambda y: {"a": y**4, "b": (y @ y, [y[0] ** 4])})(x)
        assert set(inner) == {"a", "b"}
        return {"sum": inner["a"].sum() + inner["b"][0], "one": x[0] * inner["b"][1][0]}

    x = points(3, 5)
    found = jf.laplacian(function, backend="reference")(x)
    assert_allclose(found["sum"], np.full(5, 72.0))
    assert_allclose(found["one"], 72 * x[:, 0])


def test_an_inner_operator_does_not_depend_on_the_choices_for_it() -> None:
    """Inside of a traced function there is no batch, no backend and no compiled code."""
    x = points(3, 5)
    expected = exact(lambda x, a: lap(sp_gaussian(x), x), x)
    for method in ("standard", "collapsed", "minimal", "auto"):
        for backend in ("cpu", "reference"):
            inner = jf.laplacian(gaussian, method=method, backend=backend)
            found = jf.laplacian(inner, backend="reference")(x)
            assert_allclose(found, expected, rtol=1e-12)


def test_one_operator_inside_and_outside() -> None:
    inner = jf.laplacian(gaussian, backend="reference")
    outer = jf.laplacian(lambda x: inner(x) + 0 * x[0], backend="reference")
    x = points(3, 5)
    before = inner(x)
    outer(x)
    assert_array_equal(inner(x), before)


def test_an_operator_on_plain_arrays_inside_of_a_function_runs_at_once() -> None:
    known = points(3, 4)
    seen = []

    def function(x: Any) -> Any:
        seen.append(jf.laplacian(gaussian, backend="reference")(known))
        return x @ x * seen[-1].sum()

    found = jf.laplacian(function, backend="reference")(points(3, 2))
    assert isinstance(seen[0], np.ndarray)
    assert seen[0].shape == (4,)
    assert_allclose(found, np.full(2, 6 * seen[0].sum()))
