"""What is wrong with a PDE expression: the message names the term and says what to do."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from jetfold.graph import ArgumentError
from jetfold.rules.pde import derivative_functionals, residual
from messages import message_of

x, y, t, nu, n = sp.symbols("x y t nu n")
w = sp.Function("w")(x, t)
p = sp.Function("p")(x, t)
q = sp.Function("q")(x)
W, Q = sp.Function("W"), sp.Function("q")
wt, wx = w.diff(t), w.diff(x)
FIELD = 'undefined function such as sympy.Function("w")(x, t)'
PLACE = "values elsewhere than at the point, as on a boundary, are not supported"
SMOOTH = "stands inside a function that is not smooth"

EXPRESSIONS: dict[str, tuple[Any, list[str]]] = {
    # What is no expression
    "text": ("w_t", ["'w_t' is no scalar SymPy expression", "an equation sympy.Eq"]),
    "number": (1.5, ["1.5 is no scalar SymPy expression"]),
    "number in a list": ([wt, 1.5], ["1.5 is no scalar SymPy expression"]),
    "inequality": (wt > 0, ["Derivative(w(x, t), t) > 0 is no scalar SymPy expression"]),
    "equation that holds": (sp.Eq(w, w), ["True is no scalar SymPy expression"]),
    "matrix": (sp.Matrix([wt, wx]), ["Matrix", "is no scalar SymPy expression", "flat list"]),
    "matrix symbol": (sp.MatrixSymbol("M", 2, 2) * w, ["is no scalar SymPy expression"]),
    "nested list": ([[wt]], ["[Derivative(w(x, t), t)] is no scalar", "flat list"]),
    "empty list": ([], ["there is no expression in the list"]),
    "not commuting": (sp.Symbol("A", commutative=False) * w, ["is no scalar SymPy expression"]),
    # What has no field in it
    "no field": (x * t, ["the expression t*x contains no field", FIELD]),
    "no field in one of them": ([wt, x], ["the expression x contains no field", FIELD]),
    "fields that cancel": (sp.Derivative(w, x, t) - sp.Derivative(w, t, x), ["no field", FIELD]),
    "fields that cancel multiplied out": ((w + 1) * wx - w * wx - wx, ["no field (or all cancel)"]),
    # Functions that are not known
    "derivative with respect to a parameter": (
        wt + sp.Derivative(w, nu),
        ["Derivative(w(x, t), nu)", "with respect to nu, which is not a coordinate", "are x, t"],
    ),
    "derivative with respect to no coordinate": (
        W(x, y).diff(y),
        ["Derivative(W(x, y), y)", "with respect to y, which is not a coordinate", "are x, t"],
    ),
    "argument that is no coordinate": (
        W(x, t + 1),
        ["the field W(x, t + 1)", "t + 1 is not a coordinate", "are x, t", PLACE],
    ),
    "boundary value alone": (W(0, t), ["the field W(0, t)", "0 is not a coordinate", PLACE]),
    "boundary value": (
        wt + w.subs(x, 0),
        ["w(0, t) is the field w(x, t) with other arguments", PLACE, "points there"],
    ),
    "derivative on the boundary": (
        wx.subs(x, 0) + wt,
        ["Subs(Derivative(w(x, t), x), x, 0) takes a function at 0", PLACE],
    ),
    "scaled argument": (W(2 * x, t).diff(x), ["takes a function at 2*x", PLACE]),
    "coordinate twice": (W(x, x), ["the field W(x, x)", "x stands there twice"]),
    "several functions": (
        wt + p,
        [
            "several functions, p(x, t), w(x, t)",
            "net's outputs and in which order",
            "fields=(p, w)",
        ],
    ),
    # Orders
    "symbolic order": (sp.Derivative(w, (x, n)), ["of order n in x", "must be integers"]),
    "fractional order": (
        wt + sp.Derivative(w, (x, sp.Rational(1, 2))),
        ["Derivative(w(x, t), (x, 1/2)) is of order 1/2 in x", "fractional and symbolic"],
    ),
    # What is not evaluated, or cannot be
    "integral of the field": (
        wt + sp.Integral(w, (x, 0, t)),
        ["Integral(w(x, t), (x, 0, t)) is not evaluated", "call .doit()"],
    ),
    "integral": (wt + sp.Integral(sp.exp(-(x**2)), (x, 0, 1)), ["Integral(exp(-x**2), (x, 0, 1))"]),
    "sum": (sp.Sum(w / n, (n, 1, 3)), ["Sum(w(x, t)/n, (n, 1, 3)) is not evaluated"]),
    "limit": (sp.Limit(w, nu, 0), ["Limit(w(x, t), nu, 0", "is not evaluated"]),
    "derivative of floor": (
        sp.floor(w).diff(x),
        ["Derivative(floor(w(x, t)), w(x, t)) cannot be carried out", "not smooth"],
    ),
    "coefficient that has no known derivative": (
        sp.Derivative(sp.besselj(nu, x), nu) * w,
        ["Derivative(besselj(nu, x), nu) cannot be carried out", "no known derivative"],
    ),
    # Kinks and jumps
    "absolute value of a derivative": (
        wt - sp.Abs(wx),
        [f"the derivative Derivative(w(x, t), x) {SMOOTH}, Abs(Derivative(w(x, t), x))", "epsilon"],
    ),
    "root of a square": (sp.sqrt(wx**2), [SMOOTH, "Abs(Derivative(w(x, t), x))"]),
    "sign of a derivative": (sp.sign(wx), [SMOOTH, "sign(Derivative(w(x, t), x))"]),
    "step of a derivative": (sp.Heaviside(wx), [SMOOTH, "Heaviside(Derivative(w(x, t), x))"]),
    "floor of a derivative": (sp.floor(nu * wx), [SMOOTH, "floor(nu*Derivative(w(x, t), x))"]),
    "ceiling of a derivative": (sp.ceiling(wx), [SMOOTH]),
    "fractional part of a derivative": (sp.frac(wx), [SMOOTH]),
    "remainder of a derivative": (sp.Mod(wx, 2), [SMOOTH]),
    "angle of a derivative": (sp.arg(wx), [SMOOTH]),
    "maximum": (sp.Max(wx, 0), [SMOOTH, "Max(0, Derivative(w(x, t), x))"]),
    "minimum, deep inside": (sp.exp(x * sp.Min(w * wx, w) ** 2), [SMOOTH, "Min("]),
    "condition on a derivative": (
        sp.Piecewise((w, wx > 0), (0, True)),
        [SMOOTH, "Derivative(w(x, t), x) > 0"],
    ),
    "derivative selected by a value": (
        sp.Piecewise((wx, w > 0), (0, True)),
        [f"the derivative Derivative(w(x, t), x) {SMOOTH}, Piecewise("],
    ),
    "second derivative of a kink": (
        sp.Derivative(sp.Abs(w), x, x),
        ["DiracDelta(w(x, t)) is not a function", "sqrt(..**2 + epsilon**2)"],
    ),
    "derivative of a jump": (sp.sign(w).diff(x), ["DiracDelta(w(x, t)) is not a function"]),
    # Numbers and symbols
    "complex coefficient": (
        sp.I * wt + wx,
        ["the number I in the term I*Derivative(w(x, t), t) is complex", "as two fields"],
    ),
    "root of a negative number": (
        wt + (-2) ** sp.Rational(1, 3) * w,
        ["the number (-2)**(1/3) in the term (-2)**(1/3)*w(x, t) is complex"],
    ),
    "logarithm of a negative number": (sp.log(-2) * w, ["log(2) + I*pi", "is complex"]),
    "infinite number": (wt + sp.oo * w, ["the number oo in the term oo*w(x, t)", "not a finite"]),
    "NaN": ([wt, sp.nan * w], ["the number nan in the term nan is not a finite one"]),
    "complex infinity": (sp.zoo * w, ["the number zoo", "not a finite one"]),
    "number beyond double precision": (
        wt + 10**400 * w,
        ["the number 1000", " ... ", "is not a finite one in double precision"],
    ),
    "constant beyond double precision": (
        wx + sp.exp(1000) * wt,
        ["exp(1000) is not a finite real number", "double precision"],
    ),
    "coordinate with other assumptions": (
        wt * sp.Symbol("x", real=True),
        ["the symbol x is not the same as a coordinate of its name", "real=True", "make it once"],
    ),
    "coordinate with other assumptions in a field": (
        W(sp.Symbol("x", real=True), t),
        ["the symbol x is not the same as a coordinate of its name"],
    ),
    "parameters of one name": (
        wt * nu * sp.Symbol("nu", positive=True),
        ["the symbol nu is not the same as another symbol of its name"],
    ),
    "functions of one name": (
        wt + sp.Function("w", real=True)(x, t),
        ["the function w(x, t) is not the same as another one of its name", "real=True"],
    ),
    "symbol that is not real": (wt * sp.Symbol("k", imaginary=True), ["the symbol k is not real"]),
    "function that is not real": (sp.Function("f", real=False)(x, t), ["f(x, t) is not real"]),
    "indexed symbol": (wt * sp.IndexedBase("a")[0], ["is no plain symbol", "sympy.Symbol"]),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions(name: str) -> None:
    expr, pieces = EXPRESSIONS[name]
    message = message_of(ArgumentError, residual, expr, (x, t), None)
    for piece in pieces:
        assert piece in message


FIELDS: dict[str, tuple[Any, Any, list[str]]] = {
    "derivative of an unknown function": (
        wt + q.diff(x),
        [w],
        [
            "Derivative(q(x), x) is a derivative of q(x), which is not known",
            "the fields are w(x, t)",
            "add it to fields=",
        ],
    ),
    "unknown function": (wt + q * w, [w], ["q(x) is not known", "write it out in the coordinates"]),
    "unknown function of the field": (Q(w) * wt, [w], ["q(w(x, t)) is not known"]),
    "unknown variation": (
        sp.Derivative(Q(w), w),
        [w],
        ["Derivative(q(w(x, t)), w(x, t)) is a derivative of q(w(x, t)), which is not known"],
    ),
    "no field in it": (
        wt,
        [p],
        ["Derivative(w(x, t), t) is a derivative of w(x, t), which is not"],
    ),
    "no field at all": (x, [p], ["the expression x contains no field"]),
    "one field, not in a sequence": (wt, w, ["such as fields=(w, p)", "got w(x, t)"]),
    "none": (wt, (), ["such as fields=(w, p)", "got ()"]),
    "not applied": (wt, (W,), ["W in fields has no arguments", "W(x, t)"]),
    "no function": (wt, (wt,), ["Derivative(w(x, t), t) in fields is no undefined function"]),
    "twice": (wt, (w, w), ["w is in fields 2 times"]),
    "one name, other arguments": (wt, (w, sp.Function("w")(x)), ["w is in fields 2 times"]),
    "other assumptions": (
        nu * wt,
        [W(sp.Symbol("x", real=True), t)],
        ["the symbol x is not the same as a coordinate of its name"],
    ),
    "argument that is no coordinate": (wt, (w, W(x, y)), ["the field W(x, y)", "y is not a coord"]),
}


@pytest.mark.parametrize("name", FIELDS)
def test_fields(name: str) -> None:
    expr, fields, pieces = FIELDS[name]
    message = message_of(ArgumentError, residual, expr, (x, t), fields)
    for piece in pieces:
        assert piece in message


COORDINATES: dict[str, tuple[Any, str]] = {
    "text": ("xt", "such as (x, t); got 'xt'"),
    "one symbol": (x, "such as (x, t); got x"),
    "none": ((), "coords is empty"),
    "names": (("x", "t"), "'x' in coords is no SymPy symbol: make them by x, t = sympy.symbols("),
    "expression": ((x, 2 * t), "2*t in coords is no SymPy symbol"),
    "twice": ((x, t, x), "x is in coords 2 times"),
    "two of one name": ((x, t, sp.Symbol("x", real=True)), "x is in coords 2 times"),
    "not real": ((x, t, sp.Symbol("y", imaginary=True)), "the symbol y is not real"),
}


@pytest.mark.parametrize("name", COORDINATES)
def test_coordinates(name: str) -> None:
    coords, piece = COORDINATES[name]
    assert piece in message_of(ArgumentError, residual, wt, coords, None)


def test_long_expressions_are_shortened() -> None:
    expr = sp.Add(*(x**i for i in range(200)))
    message = message_of(ArgumentError, residual, expr, (x, t), None)
    assert "the expression x**199 + x**198" in message
    assert " ... " in message
    assert "x**2 + x + 1 contains no field" in message
    assert len(message) < 400


NAMES: dict[str, tuple[Any, Any, str]] = {
    "not made of coordinates": (
        ["x", "u_x"],
        ["x", "y"],
        "'u_x' is not made of the coordinates x, y",
    ),
    "two readings": (["ab"], ["a", "b", "ab"], "'ab' can be read as ('a', 'b') or ('ab',)"),
    "two readings of a part": (
        ["xaab"],
        ["x", "a", "ab", "b"],
        "('x', 'a', 'a', 'b') or ('x', 'a',",
    ),
    "unknown in a tuple": ([("x", "z")], ["x", "y"], "'z' in the derivative ('x', 'z') is none of"),
    "number": ([2], ["x"], "2 names no derivative"),
    "one name": ("xx", ["x"], "a list of names, such as ['', 't', 'xx']; got 'xx'"),
    "none": ([], ["x"], "a list of names, such as ['', 't', 'xx']; got []"),
    "coordinates as text": (["x"], "xy", "coords are several names or symbols"),
    "no coordinates": (["x"], [], "coords are several names or symbols"),
    "coordinate without a name": (["x"], ["x", ""], "'' in coords is neither a name nor"),
    "coordinate that is a number": (["x"], [1], "1 in coords is neither a name nor"),
    "coordinate twice": (["x"], ["x", sp.Symbol("x")], "x is in coords 2 times"),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_derivatives(name: str) -> None:
    names, coords, piece = NAMES[name]
    assert piece in message_of(ArgumentError, derivative_functionals, names, coords)
