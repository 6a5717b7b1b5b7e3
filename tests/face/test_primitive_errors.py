"""What `jf.primitive` says to bad definitions, and a primitive to bad calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from custom_examples import EXAMPLES
from jetfold.rules.primitives import CUSTOM
from messages import check_place, message_of

x, y, z, beta = sp.symbols("x y z beta")
f = sp.Function("f")


def error(*args: Any, **options: Any) -> str:
    before = dict(CUSTOM)
    message = message_of(jf.ArgumentError, jf.primitive, *args, **options)
    assert before == CUSTOM  # what is refused is not registered
    return message


# Names --------------------------------------------------------------------------------------------


NO_NAMES = ["", "my function", "2x", "lambda", "x-y", "\N{MICRO SIGN}", 3, None, ("a",)]
"""Python reads the micro sign as a Greek mu."""


@pytest.mark.parametrize("name", NO_NAMES)
def test_names_that_are_none(name: Any) -> None:
    assert f"the name of a primitive is {name!r}" in error(name, x**2, x)


@pytest.mark.parametrize(
    "name", ["tanh", "multiply", "where", "erf", "polygamma", "sech_squared", "coth"]
)
def test_names_of_built_in_functions(name: str) -> None:
    assert f"{name!r} is a built-in function" in error(name, x**2, x)
    assert f"{name!r} is a built-in function" in error(name, x**2, x, overwrite=True)


def test_names_that_are_taken() -> None:
    message = error("yukawa", x**2, x)
    assert "'yukawa' with another definition, exp(-mu*r)/r" in message
    assert "overwrite=True" in message
    # A parameter in place of an argument is another definition, another default is not.
    r, mu = EXAMPLES["yukawa"].arguments + EXAMPLES["yukawa"].parameters
    assert "another definition" in error("yukawa", sp.exp(-mu * r) / r, (r, mu))
    assert jf.primitive("yukawa", sp.exp(-mu * r) / r, r, parameters={mu: 3.0})(1.0) > 0


# Symbols ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "args", "options", "parts"),
    [
        (x * z, x, {}, ["contains z,", "one in x:", "args or parameters"]),
        (x * z * y, (x,), {"parameters": [beta]}, ["contains y and z,", "one in x and beta"]),
        (f(x), x, {}, ["contains f(x), an undefined function"]),
        (x**2, (x, z), {}, ["does not depend on z"]),
        (x**2, x, {"parameters": [beta]}, ["does not depend on beta"]),
        (x**2, (x, x), {}, ["two operands called x"]),
        (x * z, x, {"parameters": {sp.Symbol("x", real=True): 1.0}}, ["two operands called x"]),
        (x**2, (), {}, ["has no arguments"]),
        (x * z * y, x, {"parameters": {z: 1, y: None}}, ["y of", "no default", "behind z"]),
        (x**2, "x", {}, ["contains 'x', a str", "sp.Symbol('x')"]),
        (x**2, x**2, {}, ["contains x**2, a Pow"]),
        (x * z, x, {"parameters": "z"}, ["parameters of", "contains 'z', a str"]),
        (x * z, x, {"parameters": z + 1}, ["contains z + 1, a Add"]),
        (sp.Symbol("lambda") * x, (x, sp.Symbol("lambda")), {}, ["the symbol 'lambda'"]),
        (sp.Symbol(r"\mu") * x, (x, sp.Symbol(r"\mu")), {}, ["the symbol '\\\\mu'"]),
        (sp.Symbol("n", imaginary=True), sp.Symbol("n", imaginary=True), {}, ["a real number"]),
        (sp.Symbol("A", commutative=False), sp.Symbol("A", commutative=False), {}, ["real number"]),
        (x + sp.Symbol("x_0"), (x, sp.Symbol("x_0")), {}, ["symbol x_0", "coefficient of x", "x0"]),
        (x + sp.Symbol("y_2"), (x, sp.Symbol("y_2")), {}, ["symbol y_2", "coefficient of y"]),
    ],
    ids=str,
)
def test_symbols(expr: Any, args: Any, options: dict[str, Any], parts: list[str]) -> None:
    message = error("refused", expr, args, **options)
    assert "'refused'" in message
    for part in parts:
        assert part in message


def test_a_symbol_that_python_reads_as_another() -> None:
    micro = sp.Symbol("\N{MICRO SIGN}")
    assert "cannot be the name of an argument" in error("refused", micro**2, micro)


@pytest.mark.parametrize(
    ("expr", "part"),
    [
        ("x**2", "'x**2'; give one in SymPy's symbols and functions (strings are not read)"),
        (np.sin, "(not ufunc)"),
        (None, "(not NoneType)"),
        (x > 0, "(not StrictGreaterThan)"),
        (sp.Matrix([x]), "(not MutableDenseMatrix)"),
        (True, "(not bool)"),
        (2.0, "does not depend on x"),
        (sp.zeta(x), "zeta(x) in zeta(x) cannot be computed"),
        (sp.I * x, "cannot be computed"),
        (sp.Integral(x, x), "cannot be computed"),
        (sp.Derivative(sp.sin(x), x), "cannot be computed"),
        (sp.DiracDelta(x), "DiracDelta(x) in DiracDelta(x) cannot be computed"),
    ],
    ids=str,
)
def test_expressions(expr: Any, part: str) -> None:
    message = error("refused", expr, x)
    assert "the expression of the primitive 'refused'" in message
    assert part in message


# Derivatives --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("derivative", "parts"),
    [
        (1 + y**2, ["with respect to x disagrees with the expression: at x = ", "it is 1."]),
        (x, ["correct it, or leave derivative out"]),
        (0, ["it is 0, but the expression's is 0."]),
        (sp.log(-(x**2)), ["it is not a real number"]),
        (1 - z**2, ["contains z, but is to be one in x and y"]),
        ("1 - y**2", ["strings are not read"]),
        (sp.DiracDelta(x), ["DiracDelta(x) in DiracDelta(x) cannot be computed"]),
        ((1 - y**2, 1), ["has 2 entries; give 1, one for each of x"]),
        ((), ["has 0 entries"]),
    ],
    ids=str,
)  # fmt: skip
def test_derivatives(derivative: Any, parts: list[str]) -> None:
    message = error("refused", sp.tanh(x), x, derivative=derivative)
    assert "the derivative of the primitive 'refused'" in message
    for part in parts:
        assert part in message


def test_the_point_and_both_values_are_shown() -> None:
    message = error("refused", x**2 * z, x, parameters=[z], derivative=(2 * x * z, 2 * x**2))
    assert "with respect to z" in message
    at_x, at_z = (float(message.partition(f"{name} = ")[2].split()[0].rstrip(",")) for name in "xz")
    declared = float(message.partition("it is ")[2].split(",")[0])
    actual = float(message.partition("expression's is ")[2].split(";")[0])
    assert actual == pytest.approx(at_x**2, rel=1e-6)
    assert declared == pytest.approx(2 * at_x**2, rel=1e-6)
    assert at_z != 0


def test_derivatives_that_agree_but_for_rounding() -> None:
    root = 0.7978845608028654  # sqrt(2/pi), rounded; the derivative has it rounded once more
    expr = sp.tanh(root * x)
    made = jf.primitive("rounded", expr, x, derivative=0.79788456 * (1 - y**2))
    assert made(1.0) == pytest.approx(np.tanh(root), rel=1e-15)


def test_two_arguments_need_two_derivatives_and_may_have_those_of_parameters() -> None:
    message = error("refused", x * z * beta, (x, z), parameters=[beta], derivative=z * beta)
    assert "has 1 entries; give 2, one for each of x and z, or 3, with the parameters" in message
    both = (z * beta, x * beta)
    first = jf.primitive("of_two", x * z * beta, (x, z), parameters=[beta], derivative=both)
    second = jf.primitive(
        "of_three", x * z * beta, (x, z), parameters=[beta], derivative=[*both, x * z]
    )
    assert first.definition.partials == second.definition.partials


def test_output() -> None:
    assert "output of the primitive 'refused' is 'y'" in error(
        "refused", sp.tanh(x), x, derivative=1 - y**2, output="y"
    )
    # Where an argument is called y, that is what y means, and the value needs another name.
    own = sp.Symbol("own")
    assert "disagrees" in error("refused", sp.tanh(y), y, derivative=1 - y**2)
    named = jf.primitive("of_y", sp.tanh(y), y, derivative=1 - own**2, output=own)
    assert str(named.rule(1).equations[1].rhs) == "y_1*(1 - f_0**2)"


def test_an_expression_that_is_real_nowhere_cannot_be_checked() -> None:
    message = error("refused", sp.log(-(x**2) - 1), x, derivative=2 * x / (x**2 + 1))
    assert "no real value at any of" in message


def test_orders_without_a_derivative() -> None:
    """SymPy differentiates frac(x) to Derivative(frac(x), x)."""
    saw = jf.primitive("saw", sp.frac(x), x, value=lambda t: t - np.floor(t))
    assert saw(2.75) == 0.75
    assert "dy/dx = none that can be computed" in (saw.__doc__ or "")
    missing = "the primitive 'saw' has no derivative of order 1 with respect to x"
    for call in (jf.rule, lambda p: jf.laplacian(p, point_ndim=0)(0.5)):
        message = message_of(jf.ArgumentError, call, saw)
        assert missing in message
        assert "give it one with derivative=..." in message
    whole = (sp.floor(x) + (x - sp.floor(x)) ** 2) / 2
    area = jf.primitive("area", whole, x, derivative=saw(x))
    assert str(jf.rule(area, 1).equations[1].rhs) == "x_1*frac(x_0)"
    message = message_of(jf.ArgumentError, jf.rule, area, 2)
    assert missing in message
    assert "While deriving the Taylor rule of 'area' to order 2." in message
    smooth = jf.primitive("saw", sp.frac(x), x, value=lambda t: t - np.floor(t), derivative=1,
                          overwrite=True)  # fmt: skip
    assert str(jf.rule(smooth, 2).equations[2].rhs) == "x_2"


# Values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (np.cos, ["disagrees with the expression: at x = "]),
        (lambda t: np.log(-np.abs(t)), ["it is nan, but"]),
        (lambda t: t[0], ["0-dimensional"]),
        (
            lambda t: np.sum(np.stack([np.sin(t), t])),
            ["more than elementwise functions", "it uses"],
        ),
        (lambda t: np.stack([np.sin(t)]), ["gives, for numbers, shape (1,)"]),
        (lambda t: (np.sin(t), t), ["gives, for numbers, shape (), shape ()"]),
        (lambda t: np.sin(t) if t > 0 else t, ["branch on a traced value", "While tracing value"]),
        (lambda t, u: t + u, ["cannot be called with the numbers x"]),
        (lambda: 1.0, ["cannot be called with the numbers x"]),
        (3.0, ["is a float; give a NumPy function of x"]),
        (lambda t: 1.0, ["disagrees"]),
    ],
)
def test_values(value: Callable[..., Any], parts: list[str]) -> None:
    before = dict(CUSTOM)
    message = message_of(jf.JetfoldError, jf.primitive, "refused", sp.sin(x), x, value=value)
    assert before == CUSTOM
    for part in parts:
        assert part in message


def test_values_that_rely_on_rounding() -> None:
    """Kahan's logarithm of 1 + x: as an expression it is log(1 + x) again."""

    def kahan(t: Any) -> Any:
        u = 1.0 + t
        return np.log(u) * t / (u - 1.0)

    message = error("refused", sp.log(1 + x), x, value=kahan)
    assert "loses its digits when it is written as one expression: at x = " in message


def test_values_that_would_grow_without_bound() -> None:
    def newton(t: Any) -> Any:
        w = t
        for _ in range(30):
            w = w - (w**3 + w - t) / (3 * w**2 + 1)
        return w

    assert "more than 10000 parts" in error("refused", x**3, x, value=newton)


# Calls --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "options", "parts"),
    [
        ((), {}, ["swish(x, /, beta=1.0) takes 1 to 2 values by position, not 0"]),
        ((1.0, 2.0, 3.0), {}, ["takes 1 to 2 values by position, not 3"]),
        ((1.0,), {"gamma": 2.0}, ["has no parameter 'gamma'; its parameters are beta"]),
        ((), {"x": 2.0}, ["not 0"]),
        ((1.0, 2.0), {"beta": 2.0}, ["is given its parameter 'beta' twice"]),
        ((1.0,), {"out": None}, ["has no parameter 'out'"]),
        ((1j,), {}, ["x of swish has dtype complex128"]),
        (("text",), {}, ["x of swish has dtype"]),
        ((None,), {}, ["x of swish is a NoneType"]),
        (([[1.0], [1.0, 2.0]],), {}, ["x of swish is not an array of numbers"]),
        ((np.ones(3), np.ones(2)), {}, ["do not broadcast: x (3,), beta (2,)"]),
    ],
    ids=str,
)
def test_calls(args: Any, options: dict[str, Any], parts: list[str]) -> None:
    message = message_of(jf.ArgumentError, EXAMPLES["swish"], *args, **options)
    for part in parts:
        assert part in message


def test_missing_parameters() -> None:
    message = message_of(jf.ArgumentError, EXAMPLES["morse"], 1.0, depth=1.0, place=1.0)
    assert "morse(r, /, depth, width, place) needs a value of its parameter 'width'" in message
    assert "has no parameters" in message_of(jf.ArgumentError, EXAMPLES["gelu"], 1.0, beta=2.0)
    assert "takes 1 values by position, not 2" in message_of(
        jf.ArgumentError, EXAMPLES["gelu"], 1.0, 2.0
    )


def test_traced_operands_that_do_not_broadcast() -> None:
    def u(t: Any) -> Any:
        return EXAMPLES["swish"](t, np.ones(2))  # here

    check_place(message_of(jf.ShapeError, jf.laplacian(u), np.ones(3)), __file__)


def test_rules_of_what_is_none() -> None:
    assert "3 is a int; give the name" in message_of(jf.ArgumentError, jf.rule, 3)
    assert "did you mean 'gelu'" in message_of(jf.ArgumentError, jf.rule, "gleu")
    assert "has no arguments" in message_of(jf.ArgumentError, jf.rule, sp.pi)
    assert "cannot be computed" in message_of(jf.ArgumentError, jf.rule, sp.zeta(x))


def test_defaults_and_documentation_that_are_none() -> None:
    assert "the default of z of the primitive 'refused'" in error(
        "refused", x * z, x, parameters={z: "one"}
    )
    assert "doc of the primitive 'refused' is 3" in error("refused", x**2, x, doc=3)
