"""Expressions from SymPy in the functions that graphs know, against SymPy's own evaluation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from jetfold.graph import BATCH, ArgumentError, Editor, Input, Type, Value, add_map, interpret
from jetfold.rules.from_sympy import _OTHER_NAMES, from_sympy

x, y = sp.symbols("x y", real=True)
HALF = sp.Rational(1, 2)

# Points on both sides of every kink and jump, and on some of them.
POINTS = [
    (sp.Rational(a), sp.Rational(b))
    for a, b in [
        ("-23/10", "2/5"), ("-1", "17/10"), ("-1/2", "-11/5"), ("0", "3/5"), ("3/10", "0"),
        ("7/10", "3"), ("1", "-1/10"), ("8/5", "9/10"), ("21/5", "-3/2"), ("2", "2"),
    ]
]  # fmt: skip

FUNCTIONS = [
    *(sp.Abs(x), sp.Abs(x - y) * y),
    *(sp.sign(x), sp.sign(x * y)),
    *(sp.floor(x), sp.floor(x / y), sp.ceiling(x), sp.ceiling(2 * x)),
    *(sp.Max(x, y), sp.Max(x, y, 1), sp.Max(x, 0), sp.Min(x, y), sp.Min(x, y, -HALF)),
    *(sp.Heaviside(x), sp.Heaviside(x, 1), sp.Heaviside(x - 1, 0)),
    *(sp.Mod(x, y), sp.Mod(x, 2), sp.Mod(x, -3)),
    *(sp.atan(x), sp.atan2(x, y), sp.atan2(y, x), sp.asinh(x), sp.acosh(1 + x**2), sp.acot(x)),
    *(sp.cot(x), sp.sec(x), sp.csc(x), sp.coth(x), sp.sech(x), sp.csch(x), sp.sinc(x)),
    *(sp.erf(x), sp.erfc(x)),
    *(x**y, sp.Abs(x) ** y, 2**x, x**3, x**-2, sp.sqrt(x), sp.cbrt(x), x**sp.pi, (1 + x**2) ** y),
    *(sp.exp(x), sp.log(x), sp.log(x, 10), sp.sin(x), sp.cos(x), sp.tan(x), sp.sinh(x)),
    *(sp.cosh(x), sp.tanh(x), sp.asin(x), sp.acos(x), sp.atanh(x)),
    sp.loggamma(1 + x**2),
    sp.Piecewise((x, x > 0), (y, True)),
    sp.Piecewise((x, (x > 0) & (y > 0)), (y, sp.Or(x < -1, y < 1)), (sp.Abs(x), True)),
    sp.Piecewise((1, sp.Eq(x, 0)), (2, sp.Ne(y, 0)), (3, True)),
    sp.Heaviside(x - y) * sp.Abs(sp.sin(x)) + sp.Max(x, sp.Mod(y, 1)),
    sp.pi * sp.exp(-(x**2)) + sp.E * x + sp.sqrt(2) * y + sp.Float(0.3) + sp.Rational(1, 3),
]


def computed(expr: sp.Expr) -> NDArray[np.float64]:
    """A translated expression as a node of a graph, at all points."""
    editor = Editor()
    nodes = {symbol: editor.add(Input(symbol.name, Type(()))) for symbol in (x, y)}
    graph = editor.freeze([add_map(editor, expr, nodes)])
    columns = dict(zip("xy", np.array(POINTS, dtype=np.float64).T, strict=True))
    leaves = {}
    for node in graph.inputs:
        op = graph[node].op
        assert isinstance(op, Input)
        leaves[node] = Value(columns[op.name], (BATCH,))
    with np.errstate(all="ignore"):
        values = interpret(graph, leaves)
    return np.broadcast_to(values[graph.outputs[0]].array, len(POINTS))


def evaluated(expr: sp.Expr) -> list[float]:
    """SymPy's own numbers; NaN where these are infinite or not real."""
    found = []
    for a, b in POINTS:
        try:
            value = sp.N(expr.subs({x: a, y: b}), 30)
        except ZeroDivisionError:
            value = sp.nan
        found.append(float(value) if value.is_real and value.is_finite else math.nan)
    return found


@pytest.mark.parametrize("expr", FUNCTIONS, ids=str)
def test_numbers_are_those_of_sympy(expr: sp.Expr) -> None:
    expected = np.array(evaluated(expr))
    found = computed(from_sympy(expr))
    known = np.isfinite(expected)
    assert known.sum() >= 3
    assert (np.isfinite(found) == known).all()
    assert_allclose(found[known], expected[known], rtol=1e-13, atol=1e-15)


def test_every_translation_is_tested() -> None:
    """Also those of functions that SymPy at once writes otherwise."""
    seen = {part.func for expr in FUNCTIONS for part in sp.preorder_traversal(expr)}
    assert set(_OTHER_NAMES) <= seen


def test_nothing_else_is_changed() -> None:
    expr = sp.exp(x) * sp.sin(x * y) + 3 * x**2 - HALF
    assert from_sympy(expr) == expr
    assert from_sympy(sp.S(3)) == 3
    assert from_sympy(x) == x


@pytest.mark.parametrize(
    ("expr", "function"),
    [
        (x * sp.besselj(x, y), "besselj(x, y)"),
        (sp.exp(sp.zeta(x)), "zeta(x)"),
        (sp.LambertW(x) + 1, "LambertW(x)"),
        (sp.Function("f")(x), "f(x)"),
        (x + sp.I, "I"),
        (sp.DiracDelta(x - 1), "DiracDelta(x - 1)"),
    ],
)
def test_errors_name_the_function(expr: sp.Expr, function: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        from_sympy(expr)
    assert str(caught.value).startswith(f"{function} in {expr} cannot be computed: ")


def test_powers_of_negative_numbers() -> None:
    with pytest.raises(ArgumentError, match=r"\(-2\)\*\*x is no real number for most values"):
        from_sympy((-2) ** x * y)
    assert from_sympy((-2) ** sp.Integer(3) * y) == -8 * y
