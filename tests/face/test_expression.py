"""Expressions as text: what is read, and that everything else is refused at its place."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sympy as sp

import jetfold as jf
from jetfold.expression import LARGEST_EXPONENT, MOST_CHARACTERS, MOST_LEVELS, parse_expression
from jetfold.graph import functions as fn
from jetfold.graph.powers import power
from jetfold.rules.primitives import PRIMITIVES

X, Y, E = (sp.Symbol(name, real=True) for name in ("x", "y", "E"))


@pytest.mark.parametrize(
    ("text", "expr"),
    [
        ("x*exp(-x**2)", X * sp.exp(-(X**2))),
        ("  -x + +y/2 ", -X + Y / 2),
        ("0.1*x", X / 10),
        ("1e-3 + x", X + sp.Rational(1, 1000)),
        ("x**-2", X**-2),
        ("x**0.5", sp.sqrt(X)),
        ("2**x", 2**X),
        ("x**y", power(X, Y, 0)),
        ("pi*e*E", sp.pi * sp.E * E),
        ("sin(x)*log(y)", sp.sin(X) * sp.log(Y)),
        ("atan2(y, x) + arctan2(y, x)", 2 * fn.arctan2(Y, X)),
        ("max(x, 0) + abs(y)", fn.maximum(X, 0) + fn.absolute(Y)),
        ("softplus(x) - expit(-x)", fn.softplus(X) - fn.expit(-X)),
        ("where(x > 0, x**2, -x)", sp.Piecewise((X**2, X > 0), (-X, True))),
        ("where(0 <= x < 1 and y != 2, x, 0)", sp.Piecewise(
            (X, (X >= 0) & (X < 1) & sp.Ne(Y, 2)), (0, True))),
        ("where(not (x > 0 or y == 1), 1, x)", sp.Piecewise(
            (1, ~((X > 0) | sp.Eq(Y, 1))), (X, True))),
        ("x\n  + 1", X + 1),
    ],
)  # fmt: skip
def test_what_is_read(text: str, expr: Any) -> None:
    assert parse_expression(text) == expr


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_every_primitive(name: str) -> None:
    arguments = PRIMITIVES[name].arguments
    operands = ["x > 0", "z", "w"] if name == "where" else list(arguments)
    found = parse_expression(f"{name}({', '.join(operands)})")
    assert {str(symbol) for symbol in found.free_symbols} == set(arguments)


def test_registered_primitives() -> None:
    x, b = sp.symbols("x b")
    jf.primitive("text_swish", x / (1 + sp.exp(-b * x)), x, parameters=(b,))
    found = parse_expression("2*text_swish(y, 1.5)")
    assert sp.N(found.subs(Y, 1)) == pytest.approx(2 / (1 + float(sp.exp(-1.5))))
    with pytest.raises(jf.ArgumentError, match=r"text_swish takes 2 arguments, not 1"):
        parse_expression("text_swish(y)")


NAMELESS = "__import__('os').system('ls')"

REFUSED = [
    ("", 0, "the expression is empty"),
    ("x +", 4, "this is no expression"),
    ("x; y", 2, "this is no expression"),
    ("2x", 1, "this is no expression"),
    ("(x", 1, "was never closed"),
    ("x = 3", 3, "this is no expression"),
    ("x + tanhh(x)", 5, "there is no function tanhh; did you mean tanh"),
    ("open('file')", 1, "there is no function open"),
    (NAMELESS, 1, "write functions without a prefix"),
    ("np.sin(x)", 1, "write functions without a prefix"),
    ("1 + x.real", 5, "write functions without a prefix"),
    ("x.__class__", 1, "write functions without a prefix"),
    ("__builtins__", 1, "cannot begin with an underscore"),
    ("2*sin", 3, "sin is a function; give it arguments"),
    ("sin(x, y)", 1, "sin takes 1 argument, not 2"),
    ("sin(*x)", 5, r"\*x has no meaning here"),
    ("sin(x=3)", 1, r"sin\(x=3\) has no meaning here"),
    ("sin(x)(y)", 1, "has no meaning here"),
    ("x if y else z", 1, "write where"),
    ("lambda x: x", 1, "has no meaning here"),
    ("[x for x in y]", 1, "has no meaning here"),
    ("x[0]", 1, "has no meaning here"),
    ("{x}", 1, "has no meaning here"),
    ("'text'", 1, "has no meaning here"),
    ("f'{x}'", 1, "has no meaning here"),
    ("(x := 3)", 2, "has no meaning here"),
    ("True", 1, "has no meaning here"),
    ("1j*x", 1, "has no meaning here"),
    ("x % 2", 1, "has no meaning here"),
    ("x // 2", 1, "has no meaning here"),
    ("~x", 1, "has no meaning here"),
    ("x^2", 1, r"write powers as in x\*\*2"),
    ("1 + (x > 0)", 6, "a condition belongs into where"),
    ("not x", 1, "a condition belongs into where"),
    ("where(x, 1, 2)", 7, "this is no condition"),
    ("where(x is y, 1, 2)", 7, "this is no condition"),
    ("where(x > 0, 1)", 1, "where takes 3 arguments, not 2"),
    ("x**65", 4, f"the exponent is larger than {LARGEST_EXPONENT}"),
    ("9**9**9", 4, "the exponent is larger"),
    ("x + 1e50", 5, "this number is too large"),
    ("10**40*10", 1, "this number is too large"),
    ("gamma(50)*x", 1, "this number is too large"),
    ("(7**40)**40", 1, "this number is too large"),
    ("gamma(10**9)", 1, "this number is too large"),
    ("x/0", 1, "this is no finite real number"),
    ("1 + sqrt(-2)", 5, "this is no finite real number"),
    ("log(0)*x", 1, "this is no finite real number"),
    ("x + é", 5, "the character 'é' has no meaning"),
    ("x \x00", 3, "has no meaning here"),
    ("-" * (MOST_LEVELS + 1) + "x", MOST_LEVELS + 2, f"more than {MOST_LEVELS} levels"),
    ("(" * 500 + "x" + ")" * 500, 201, "too many nested parentheses"),
    ("x" * (MOST_CHARACTERS + 1), 0, f"more than {MOST_CHARACTERS}"),
]


@pytest.mark.parametrize(("text", "column", "message"), REFUSED, ids=[t[:20] for t, *_ in REFUSED])
def test_what_is_refused(text: str, column: int, message: str) -> None:
    with pytest.raises(jf.ArgumentError, match=message) as caught:
        parse_expression(text)
    if column:
        first, shown, pointer = str(caught.value).splitlines()
        assert re.search(rf"column {column}: ", first)
        assert shown == f"    {text}"
        assert pointer == " " * (3 + column) + "^"
