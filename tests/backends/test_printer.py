"""The printer: what it writes is what the expression says, also where it is infinite or NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from graphs import A, B, C
from jetfold.backends.cpu import simd
from jetfold.backends.cpu.printer import Printer
from jetfold.graph import UnsupportedError, functions
from jetfold.graph.numbers import FLOAT
from jetfold.graph.powers import power
from jetfold.rules.primitives import PRIMITIVES
from programs import FLOATS

EXACTLY = [
    (A + B, "a0 + a1"),
    (A - B, "a0 - a1"),
    (-A - B, "-(a0) - a1"),
    (A - (B - C) * 2, "a0 + 2.0 * a2 - 2.0 * a1"),
    (A / B, "a0 / (a1)"),
    (1 / A, "(1.0 / a0)"),
    (A / 3, "0.3333333333333333 * a0"),
    (A**2, "powi(a0, 2)"),
    (A**-3, "(1.0 / powi(a0, 3))"),
    (sp.sqrt(A), "sqrt(a0)"),
    (1 / sp.sqrt(A), "(1.0 / sqrt(a0))"),
    (A ** sp.Rational(5, 2), "(powi(a0, 2) * sqrt(a0))"),
    (A * (B + C), "a0 * (a1 + a2)"),
    (A * B / (C * sp.sin(A)), "a0 * a1 / (a2 * sin(a0))"),
    (-2 * A * (1 - A**2), "-(2.0 * a0 * (1.0 - powi(a0, 2)))"),
    (sp.tanh(A) + sp.exp(-B), "exp(-(a1)) + tanh(a0)"),
    (functions.maximum(A, 0), "maximum(a0, splat(0.0, ws))"),
    (power(A, B, sp.S.Zero), "power(a0, a1)"),
    (sp.polygamma(2, A), "polygamma(2, a0)"),
    (sp.Piecewise((A, A > 0), (0, True)), "select(a0 > splat(0.0, ws), a0, splat(0.0, ws))"),
    (
        sp.Piecewise((A, (A > 0) & (B < 1)), (B, sp.Eq(A, B)), (C, True)),
        "select((a0 > splat(0.0, ws)) & (a1 < splat(1.0, ws)), a0, select(a0 == a1, a1, a2))",
    ),
    (sp.Piecewise((A, A > B)), "select(a0 > a1, a0, splat(nan, ws))"),
]


@pytest.mark.parametrize(("expr", "text"), EXACTLY, ids=[text for _, text in EXACTLY])
def test_source(expr: Any, text: str) -> None:
    # SymPy sorts arguments in an order of its own: the same terms in any order will do.
    printed = Printer()(expr)
    assert sorted(printed.replace("(", " ( ").split()) == sorted(text.replace("(", " ( ").split())


def test_a_shared_condition_is_a_mask_with_a_name() -> None:
    mask = sp.Symbol("w0", real=True)
    assert Printer().condition(mask) == "w0"
    assert Printer().condition(sp.Not(mask) | (A < B)) in (
        "(a0 < a1) | (~(w0))",
        "(~(w0)) | (a0 < a1)",
    )


def test_functions_are_collected() -> None:
    printer = Printer()
    printer(sp.tanh(A) * sp.sqrt(B) + sp.asin(C) + sp.Abs(A) + A**2)
    assert printer.functions == {"tanh", "sqrt", "arcsin", "absolute"}


def test_a_number_alone_is_a_vector() -> None:
    assert Printer().value(sp.Rational(1, 4)) == "splat(0.25, ws)"
    assert Printer().value(A) == "a0"


def test_what_cannot_be_printed_is_an_error() -> None:
    with pytest.raises(UnsupportedError, match="Derivative"):
        Printer()(sp.Derivative(sp.Function("f")(A), A))


# Meaning ----------------------------------------------------------------------------------------


def evaluate(expr: Any, operands: list[Any]) -> Any:
    """The printed expression as Python on NumPy arrays."""
    printer = Printer()
    text = printer.value(expr)
    names: dict[str, Any] = {name: simd.FUNCTIONS[name] for name in printer.functions}
    names |= {"powi": simd.powi, "select": simd.select, "splat": simd.splat, "nan": np.nan}
    names |= {f"a{i}": operand for i, operand in enumerate(operands)}
    with np.errstate(all="ignore"):
        return eval(text, names | {"ws": operands[0]})


def values(dtype: Any, count: int) -> list[Any]:
    """Operands of whole vectors, in which all pairs of a few special values occur as well."""
    random = np.random.default_rng(3)
    special = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, np.inf, -np.inf, np.nan], dtype)
    grid = np.array(np.meshgrid(*[special] * 2, indexing="ij")).reshape(2, -1)
    rows = [grid[0], grid[1], grid[0][::-1], grid[1][::-1]]
    size = -len(rows[0]) % 16 + 32
    return [
        np.concatenate([row, random.uniform(-3, 3, size).astype(dtype)]) for row in rows[:count]
    ]


def check(expr: Any, count: int, dtype: Any) -> None:
    """The printed expression and its reference agree, NaN where it is NaN."""
    operands = values(dtype, count)
    if expr.has(sp.loggamma) or expr == A ** sp.Rational(5, 2):  # not defined at -infinity
        operands = [np.where(operand == -np.inf, np.nan, operand) for operand in operands]
    whole = len(operands[0]) // simd.lanes(dtype) * simd.lanes(dtype)
    pieces = [operand[:whole].reshape(-1, simd.lanes(dtype)) for operand in operands]
    found = np.concatenate([evaluate(expr, list(lane)) for lane in zip(*pieces, strict=True)])
    wide = [operand[:whole].astype(np.float64) for operand in operands]
    with np.errstate(all="ignore"):
        expected = np.broadcast_to(FLOAT.evaluate(expr, wide), (whole,)).astype(dtype)
    assert found.dtype == dtype
    tolerance = 2e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("expr", [expr for expr, _ in EXACTLY], ids=str)
def test_meaning(expr: Any, dtype: Any) -> None:
    check(expr, 3, dtype)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive(name: str, dtype: Any) -> None:
    primitive = PRIMITIVES[name]
    check(primitive.expr, primitive.arity, dtype)


LEAVES = [A, B, C, *map(sp.Integer, (-2, -1, 1, 2, 3)), sp.Rational(1, 3), sp.Rational(-5, 2)]


def _grow(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda p: p[0] + p[1]),
        pairs.map(lambda p: p[0] - p[1]),
        pairs.map(lambda p: p[0] * p[1]),
        pairs.map(lambda p: p[0] / (2 + sp.sin(p[1]))),
        inner.map(lambda e: (2 + sp.cos(e)) ** sp.Rational(-3, 2)),
        inner.map(lambda e: sp.tanh(e) ** 3),
        inner.map(lambda e: sp.exp(-(sp.sin(e) ** 2))),
        st.tuples(inner, inner, inner).map(_select),
    )


def _select(parts: tuple[Any, Any, Any]) -> Any:
    a, b, c = parts
    return sp.Piecewise((a, (sp.sin(b) > A / 2) | (B < C)), (c, True))


@given(st.recursive(st.sampled_from(LEAVES), _grow, max_leaves=8))
def test_random_expressions(expr: Any) -> None:
    random = np.random.default_rng(0)
    operands = [random.uniform(-1.5, 1.5, 8) for _ in range(3)]
    expected = FLOAT.evaluate(expr, operands)
    np.testing.assert_allclose(evaluate(expr, operands), expected, rtol=1e-9, atol=1e-12)
