"""How `jf.operator` and `jf.derivatives` are called: symbols' values, shapes, nesting, errors."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose, assert_array_equal

import jetfold as jf
from known_answers import points
from messages import message_of

x, t = sp.symbols("x t")
nu, mu = sp.symbols("nu mu")
w = sp.Function("w")(x, t)
q = sp.Function("q")(x, t)
BURGERS = w.diff(t) + w * w.diff(x) - nu * w.diff(x, 2)


def cubic(x: Any) -> Any:
    return x[0] ** 3 * x[1]


def scaled(x: Any, p: Any) -> Any:
    return p * cubic(x)


AT = points(2, 6)
A, B = AT.T


def operator(expression: Any, function: Any = cubic, **options: Any) -> Any:
    return jf.operator(expression, function, (x, t), **{"backend": "reference"} | options)


def burgers(c: float, nu: Any) -> Any:
    """Burgers' equation of c a^3 b at the points."""
    return c * A**3 + c**2 * 3 * A**5 * B**2 - nu * c * 6 * A * B


# Values of symbols --------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.3, 2, True, np.float32(0.5), np.array(0.7), np.int64(3)])
def test_values_by_keyword(value: Any) -> None:
    found = operator(BURGERS, scaled)(AT, 2.0, nu=value)
    assert_allclose(found, burgers(2.0, float(value)), rtol=1e-13)


def test_values_change_without_a_new_trace() -> None:
    calls = []

    def counted(x: Any, p: Any) -> Any:
        calls.append(x)
        return scaled(x, p)

    op = operator(BURGERS, counted)
    for value in (0.3, 2, 3, -0.1, 0.0):
        assert_allclose(op(AT, 2.0, nu=value), burgers(2.0, value), rtol=1e-13, atol=1e-13)
    assert len(calls) == 1


def test_the_order_of_values_does_not_matter() -> None:
    op = operator(nu * w.diff(x) + mu * w)
    expected = 2 * 3 * A**2 * B + 5 * A**3 * B
    assert_allclose(op(AT, nu=2.0, mu=5.0), expected, rtol=1e-13)
    assert_allclose(op(AT, mu=5.0, nu=2.0), expected, rtol=1e-13)
    assert len(op._known) == 1


@pytest.mark.parametrize("name", ["points", "self", "parameters", "d0", "x0", "values", "y"])
def test_symbols_of_any_name(name: str) -> None:
    symbol = sp.Symbol(name)
    op = operator(symbol * w.diff(x) + symbol**2 * w, scaled)
    expected = 0.4 * 2 * 3 * A**2 * B + 0.16 * 2 * A**3 * B
    assert_allclose(op(AT, 2.0, **{name: 0.4}), expected, rtol=1e-13)


def test_values_that_are_arrays_go_with_fields_of_that_shape() -> None:
    def both(x: Any) -> Any:
        return np.stack([(x[0] * x[1]) ** 2, x[1] ** 3])

    expected = np.stack([4 * A**2 + 2 * B**2 + A**2 * B**2, -6 * B + B**3], axis=-1)
    for method in ("standard", "minimal"):
        op = operator(nu * w.diff(t, 2) + w.diff(x, 2) + w, both, method=method)
        assert_allclose(op(AT, nu=np.array([2.0, -1.0])), expected, rtol=1e-13)


def test_missing_and_unknown_values() -> None:
    op = operator(BURGERS, scaled)
    for call in (op, op.derivation):
        message = message_of(jf.ArgumentError, call, AT, 2.0)
        assert "by name: nu=..; got no values" in message
        message = message_of(jf.ArgumentError, call, AT, 2.0, mu=1.0, nu=2.0)
        assert "by name: nu=..; got mu=.., nu=.." in message
    message = message_of(jf.ArgumentError, operator(w.diff(x)), AT, nu=1.0)
    assert "by name: no values; got nu=.." in message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.ones(3), "the value of nu has shape (3,), which does not go with that of the function"),
        (np.ones(6), "the value of nu has shape (6,)"),
        ("a", "nu has dtype <U1"),
        (None, "nu is a NoneType"),
        (1j, "nu has dtype complex128; complex numbers are not supported"),
    ],
)
def test_values_that_are_no_numbers(value: Any, expected: str) -> None:
    op = operator(BURGERS, scaled)
    assert expected in message_of(jf.ArgumentError, op, AT, 2.0, nu=value)


def test_source_with_values() -> None:
    op = jf.operator(BURGERS, scaled, (x, t))
    assert "def " in op.source(AT, 2.0, nu=0.1)
    assert "by name: nu=..; got no values" in message_of(jf.ArgumentError, op.source, AT, 2.0)
    interpreted = operator(BURGERS, scaled)
    assert "no source" in message_of(jf.ArgumentError, interpreted.source, AT, 2.0, nu=0.1)


# Shapes -------------------------------------------------------------------------------------------


def test_batches() -> None:
    op = operator(BURGERS, scaled)
    expected = burgers(2.0, 0.1)
    assert_array_equal(op(AT[0], 2.0, nu=0.1), op(AT, 2.0, nu=0.1)[0])
    assert op(AT[0], 2.0, nu=0.1).shape == ()
    assert_allclose(op(AT.reshape(3, 2, 2), 2.0, nu=0.1), expected.reshape(3, 2), rtol=1e-13)
    assert op(np.zeros((4, 0, 2)), 2.0, nu=0.1).shape == (4, 0)
    assert operator([w, w.diff(x)])(np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_float32(backend: str) -> None:
    op = operator(BURGERS, scaled, backend=backend)
    found = op(AT.astype(np.float32), 2.0, nu=0.1)
    assert found.dtype == np.float32
    assert_allclose(found, burgers(2.0, 0.1), rtol=2e-5)
    assert op(AT, 2.0, nu=0.1).dtype == np.float64
    assert_allclose(op(AT, 2.0, nu=0.1), burgers(2.0, 0.1), rtol=1e-13)


def test_points_of_two_axes() -> None:
    y, z = sp.symbols("y z")
    f = sp.Function("f")(x, y, z, t)

    def function(x: Any) -> Any:
        return x[0, 0] ** 2 * x[0, 1] ** 3 * x[1, 0] * x[1, 1]

    at = points(4, 5)
    a, b, c, d = at.T
    op = jf.operator(
        f.diff(x, y) + z * f.diff(x, 2, y, t), function, (x, y, z, t), point_ndim=2,
        backend="reference",
    )  # fmt: skip
    expected = 6 * a * b**2 * c * d + c * 6 * b**2 * c
    assert_allclose(op(at.reshape(5, 2, 2)), expected, rtol=1e-13)
    names = jf.derivatives(
        function, ["xxy", "t"], (x, y, z, t), point_ndim=2, backend="reference"
    )  # fmt: skip
    expected = np.stack([6 * b**2 * c * d, a**2 * b**3 * c], axis=-1)
    assert_allclose(names(at.reshape(5, 2, 2)), expected, rtol=1e-13)


def test_points_without_an_axis() -> None:
    f = sp.Function("f")(x)
    op = jf.operator(x * f.diff(x, 3), lambda x: x**4, (x,), point_ndim=0, backend="reference")
    assert_allclose(op(AT), 24 * AT**2, rtol=1e-13)


def test_outputs_of_any_shape() -> None:
    def tree(x: Any) -> Any:
        return {"b": (np.outer(x, x), x[0] ** 2), "a": np.ones(3)}

    found = operator([w.diff(x), t * w], tree)(AT)
    assert list(found) == ["a", "b"]
    assert_array_equal(found["a"][..., 0], np.zeros((6, 3)))
    assert_allclose(found["a"][..., 1], np.stack([B] * 3, axis=-1))
    outer, square = found["b"]
    assert outer.shape == (6, 2, 2, 2)
    by_x = np.stack([2 * A, B, B, np.zeros(6)], axis=-1).reshape(6, 2, 2)
    assert_allclose(outer[..., 0], by_x, rtol=1e-13)
    assert_allclose(outer[..., 1], AT[:, :, None] * AT[:, None] * B[:, None, None], rtol=1e-13)
    assert_allclose(square, np.stack([2 * A, B * A**2], axis=-1), rtol=1e-13)


def test_one_expression_has_no_axis_and_a_list_has_one() -> None:
    assert operator(w.diff(x))(AT).shape == (6,)
    assert operator([w.diff(x)])(AT).shape == (6, 1)
    assert operator((w.diff(x), w, w))(AT).shape == (6, 3)


def test_order_0_is_the_function() -> None:
    for method in ("standard", "collapsed", "minimal", "auto"):
        assert_array_equal(operator(w, method=method)(AT), A**3 * B)
        assert_array_equal(
            jf.derivatives(cubic, [""], (x, t), method=method, backend="reference")(AT)[:, 0],
            A**3 * B,
        )


# Inside traced functions --------------------------------------------------------------------------


def test_laplacian_of_an_operator() -> None:
    inner = jf.operator(w.diff(x) * w * x, cubic, (x, t))  # 3 a^6 b^2
    found = jf.laplacian(inner, backend="reference")(AT)
    assert_allclose(found, 90 * A**4 * B**2 + 6 * A**6, rtol=1e-12)


def test_operator_of_an_operator_with_traced_values() -> None:
    inner = jf.operator(nu * w.diff(x) + mu * w, scaled, (x, t))

    def function(y: Any, p: Any) -> Any:
        return inner(y, p, nu=p * y[1], mu=2)  # p^2 3 a^2 b^2 + 2 p a^3 b

    found = operator(w.diff(x, t) + w, function)(AT, 1.5)
    p = 1.5
    expected = p**2 * 12 * A * B + 2 * p * 3 * A**2
    expected += p**2 * 3 * A**2 * B**2 + 2 * p * A**3 * B
    assert_allclose(found, expected, rtol=1e-12)


def test_derivatives_inside_a_function() -> None:
    inner = jf.derivatives(cubic, ["x", "t"], ("x", "t"))

    def function(y: Any) -> Any:
        slopes = inner(y)
        return slopes @ slopes  # 9 a^4 b^2 + a^6

    found = jf.laplacian(function, backend="reference")(AT)
    expected = 9 * (12 * A**2 * B**2 + 2 * A**4) + 30 * A**4
    assert_allclose(found, expected, rtol=1e-12)


def test_estimates_inside_a_function_are_refused() -> None:
    inner = jf.operator(w.diff(x, 2), cubic, (x, t), samples=2)
    message = message_of(jf.UnsupportedError, jf.laplacian(inner), AT)
    assert "would use the same directions" in message


# Pickles, words -----------------------------------------------------------------------------------


def test_pickles() -> None:
    op = operator([BURGERS, w], scaled, fields=[w], method="minimal")
    again = pickle.loads(pickle.dumps(op))
    assert repr(again) == repr(op)
    assert_array_equal(again(AT, 2.0, nu=0.1), op(AT, 2.0, nu=0.1))
    assert_array_equal(pickle.loads(pickle.dumps(op))(AT, 2.0, nu=0.2), op(AT, 2.0, nu=0.2))
    names = jf.derivatives(cubic, ["", "xt"], (x, t), backend="reference")
    assert_array_equal(pickle.loads(pickle.dumps(names))(AT), names(AT))


def test_words() -> None:
    op = jf.operator(w.diff(x) + nu, cubic, (x, t), method="minimal")
    assert repr(op) == (
        "PDE(cubic, expressions=nu + Derivative(w(x, t), x), coords=(x, t), method='minimal')"
    )
    names = jf.derivatives(cubic, ["", ("x", "t")], ("x", "t"), backend="reference")
    assert repr(names) == (
        "Derivatives(cubic, names=['', ('x', 't')], coords=('x', 't'), backend='reference')"
    )


# Errors -------------------------------------------------------------------------------------------


def test_points_of_another_dimension() -> None:
    message = message_of(jf.ArgumentError, operator(w.diff(x)), np.zeros((5, 3)))
    assert "has 2 coordinates (x, t), but a point of shape (3,) has 3" in message
    names = jf.derivatives(cubic, ["x"], ("x", "y", "z"))
    assert "has 3 coordinates (x, y, z), but a point of shape (2,)" in message_of(
        jf.ArgumentError, names, AT
    )


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda x: x[0], "()"),
        (lambda x: (x, x[0]), "(2,), ()"),
        (lambda x: (x[0], x[0], x[1]), "(), (), ()"),
        (lambda x: np.concatenate([x, x]), "(4,)"),
    ],
)
def test_outputs_that_are_not_the_fields(function: Any, shapes: str) -> None:
    op = operator(w.diff(x) + q, function, fields=(w, q))
    message = message_of(jf.ShapeError, op, AT)
    assert f"has 2 fields, but its function gives values of shape {shapes}: " in message


def test_dicts_of_fields() -> None:
    op = operator(w.diff(x) * q, lambda x: {"w": cubic(x), "q": x[1]}, fields=(w, q))
    assert_allclose(op(AT), 3 * A**2 * B**2, rtol=1e-13)
    wrong = operator(w.diff(x) * q, lambda x: {"w": x[0], "v": x[1]}, fields=(w, q))
    message = message_of(jf.ArgumentError, wrong, AT)
    assert "has the fields w, q, but its function gives a dict of w, v" in message


def test_methods_that_are_not_there() -> None:
    message = message_of(
        jf.ArgumentError, operator(BURGERS, scaled, method="nested"), AT, 1.0, nu=1
    )
    assert "there is no method 'nested' for this operator" in message
    with pytest.raises(jf.ArgumentError, match="unknown method 'minimum'"):
        operator(w, method="minimum")


def test_functions_without_a_numerical_meaning_are_named() -> None:
    message = message_of(jf.ArgumentError, operator, sp.bessely(0, x) * w.diff(x))
    assert "bessely(0, x) in d0*bessely(0, x) cannot be computed" in message
