"""Expressions as scalar code: what it says, and that it means what the expression says."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import sympy as sp

from graphs import A, B, C
from jetfold.backends.cuda.simulator import IeeeMath
from jetfold.backends.nests import computable
from jetfold.backends.scalar import ScalarPrinter, library, source_of
from jetfold.backends.scalar.printer import MATH
from jetfold.graph import UnsupportedError, functions
from jetfold.graph.numbers import FLOAT, FLOAT_FUNCTIONS
from jetfold.graph.powers import power
from jetfold.rules.primitives import PRIMITIVES
from programs import FLOATS

EXACTLY = [
    (A + B, "a0 + a1"),
    (A - B, "a0 - a1"),
    (-A - B, "-a0 - a1"),
    (-A * B, "-a0 * a1"),
    (A / B, "a0 / a1"),
    (A / (B + C), "a0 / (a1 + a2)"),
    (A / (B * C), "a0 / (a1 * a2)"),
    (A / B**2, "a0 / a1**2"),
    (1 / A, "(1 / a0)"),
    (A / 2, "0.5 * a0"),
    (3 * A - 1, "3 * a0 - 1"),
    (A**2, "a0**2"),
    ((A + B) ** 3, "(a0 + a1)**3"),
    (sp.tanh(A) ** 2, "math.tanh(a0)**2"),
    (A**-3, "(1 / a0**3)"),
    (sp.sqrt(A), "math.sqrt(a0)"),
    (A ** sp.Rational(3, 2), "(a0 * math.sqrt(a0))"),
    (sp.asin(A) + sp.Abs(B), "math.asin(a0) + math.fabs(a1)"),
    (functions.maximum(A, -1), "maximum(a0, -1)"),
    (power(A, B, sp.S.Zero), "math.pow(a0, a1)"),
    (sp.polygamma(0, A), "digamma(a0)"),
    (sp.polygamma(2, A), "polygamma(2, a0)"),
    (sp.besselj(1, A), "besselj(1, a0)"),
    (sp.Piecewise((A, A > 0), (0, True)), "(a0 if a0 > 0 else 0)"),
    (
        sp.Piecewise((A, (A > 0) & (B < 1)), (B, sp.Eq(A, B)), (-C, True)),
        "(a0 if (a0 > 0) and (a1 < 1) else (a1 if a0 == a1 else -a2))",
    ),
    (sp.Piecewise((A, A > B)), "(a0 if a0 > a1 else math.nan)"),
    (A + sp.Float(1e30), "a0 + 1e+30"),
]


@pytest.mark.parametrize(("expr", "text"), EXACTLY, ids=[text for _, text in EXACTLY])
def test_source(expr: Any, text: str) -> None:
    # SymPy sorts arguments in an order of its own: the same terms in any order will do.
    printed = ScalarPrinter("{}")(expr)
    assert sorted(printed.replace("(", " ( ").split()) == sorted(text.replace("(", " ( ").split())


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (2, "real(2)"),
        (-0.5, "real(-0.5)"),
        (sp.Rational(1, 3), "real(0.3333333333333333)"),
        (sp.pi, "real(3.141592653589793)"),
        (sp.oo, "real(math.inf)"),
        (-sp.oo, "real(-math.inf)"),
        (sp.nan, "real(math.nan)"),
        (10**20, "real(1e+20)"),
    ],
)
def test_numbers_have_the_type_of_the_module(number: Any, text: str) -> None:
    assert ScalarPrinter()(sp.sympify(number)) == text


def test_conditions() -> None:
    mask = sp.Symbol("w0", real=True)
    printer = ScalarPrinter()
    assert printer.condition(mask) == "w0"
    assert printer.condition(sp.Not(mask)) == "not (w0)"
    assert printer.condition(A < 2) == "a0 < real(2)"
    assert printer.condition(sp.Or(mask, A < B)) in ("(w0) or (a0 < a1)", "(a0 < a1) or (w0)")


def test_library_functions_are_collected() -> None:
    printer = ScalarPrinter()
    printer(sp.tanh(A) * sp.sqrt(B) + functions.cbrt(C) + functions.expit(A) + A**2)
    assert printer.functions == {"cbrt", "expit"}


def test_every_function_of_a_graph_has_a_name_here() -> None:
    known = {*MATH, *library.names()}
    assert set(FLOAT_FUNCTIONS) - known == {"pow"}  # which expressions write as powers


def test_what_cannot_be_printed_is_an_error() -> None:
    with pytest.raises(UnsupportedError, match="Derivative"):
        ScalarPrinter()(sp.Derivative(sp.Function("f")(A), A))


# Meaning ----------------------------------------------------------------------------------------


def evaluate(expr: Any, operands: list[Any]) -> list[Any]:
    """The printed expression, un-jitted, at each point."""
    real = type(operands[0][0])
    printer = ScalarPrinter()
    text = printer(computable(expr))
    library = source_of(printer.functions, "")
    namespace: dict[str, Any] = {"math": IeeeMath(real), "real": real}
    exec(f"{library}\n\ndef value(a0, a1, a2):\n    return {text}", namespace)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of infinities
        return [namespace["value"](*point) for point in zip(*operands, strict=True)]


def values(dtype: Any) -> list[Any]:
    """Three operands: all pairs of special values, and random ones."""
    special = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, np.inf, -np.inf, np.nan], dtype)
    grid = np.array(np.meshgrid(special, special, indexing="ij")).reshape(2, -1)
    random = np.random.default_rng(3).uniform(-3, 3, (3, 20)).astype(dtype)
    return [np.concatenate(pair) for pair in zip((*grid, grid[0][::-1]), random, strict=True)]


def check(expr: Any, dtype: Any) -> None:
    operands = values(dtype)
    if expr.has(sp.polygamma):  # not defined at poles; SciPy knows higher ones beyond 0 only
        operands = [np.where(operand == 0, np.nan, np.abs(operand)) for operand in operands]
    if expr.has(sp.loggamma) or expr == A ** sp.Rational(3, 2):  # not defined at -infinity
        operands = [np.where(operand == -np.inf, np.nan, operand) for operand in operands]
    found = evaluate(expr, operands)
    assert {type(value) for value in found} == {dtype.type}
    with np.errstate(all="ignore"):
        wide = [operand.astype(np.float64) for operand in operands]
        expected = np.broadcast_to(FLOAT.evaluate(expr, wide), operands[0].shape).astype(dtype)
    tolerance = 2e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("expr", [expr for expr, _ in EXACTLY], ids=str)
def test_meaning(expr: Any, dtype: Any) -> None:
    check(expr, dtype)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive(name: str, dtype: Any) -> None:
    check(PRIMITIVES[name].expr, dtype)
