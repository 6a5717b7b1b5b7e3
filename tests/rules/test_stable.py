"""Stable forms: each identity holds and takes effect; factored and guarded forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from jetfold.graph import functions as fn
from jetfold.graph import operand_symbol
from jetfold.graph.elementary import damped
from jetfold.graph.numbers import FLOAT
from jetfold.rules.derive import OUTPUT
from jetfold.rules.factoring import factored, fades, guarded, unguarded
from jetfold.rules.from_sympy import from_sympy
from jetfold.rules.stable import COMPLEMENTS, IDENTITIES, QUOTIENTS, rewritten, stable

X, Y = operand_symbol(0), operand_symbol(1)
HALF = sp.Rational(1, 2)

REWRITTEN = [
    (1 + sp.erf(X / sp.sqrt(2)), fn.erfc(-X / sp.sqrt(2))),
    (3 - 3 * sp.erf(X), 3 * fn.erfc(X)),
    (1 - sp.erfc(X), fn.erf(X)),
    (1 - 1 / (1 + sp.exp(X)), fn.expit(X)),
    (2 / (1 + sp.exp(-X)) - 1, fn.tanh(X / 2)),
    (1 + sp.tanh(X), 2 * fn.expit(2 * X)),
    (Y - Y * sp.tanh(X), 2 * Y * fn.expit(-2 * X)),
    (X - X * sp.tanh(Y) ** 2 + Y, X * fn.sech_squared(Y) + Y),
    (sp.exp(-X) - 1, fn.expm1(-X)),
    ((1 - sp.exp(-Y * (X - 1))) ** 2, fn.expm1(-Y * (X - 1)) ** 2),
    ((1 - sp.cos(X)) / X**2, fn.sinc(0, X / 2) ** 2 / 2),
    (sp.cosh(X) - 1, 2 * sp.sinh(X / 2) ** 2),
    ((sp.exp(X) + sp.exp(-X)) / 2, sp.cosh(X)),
    (Y * sp.exp(2 * X) - Y * sp.exp(-2 * X), 2 * Y * sp.sinh(2 * X)),
    (X**-12 - X**-6, -(1 - X**-6) / X**6),
    (1 / (1 + sp.exp(-Y * X)) ** 2, fn.expit(X * Y) ** 2),
    (sp.exp(X) / (1 + sp.exp(X)), fn.expit(X)),
    ((sp.exp(2 * X) - 1) / (sp.exp(2 * X) + 1), fn.tanh(X)),
    ((sp.exp(X) - sp.exp(-X)) / (sp.exp(X) + sp.exp(-X)), fn.tanh(X)),
    (1 / sp.cosh(X) ** 2, fn.sech(X) ** 2),
    (1 / (sp.exp(X) + sp.exp(-X)), fn.sech(X) / 2),
    (sp.sqrt(X**2 + Y**2), fn.hypot(X, Y)),
    (1 / sp.sqrt(1 + 4 * X**2), 1 / fn.hypot(1, 2 * X)),
    ((X**2 + Y**2 + 1) ** (-3 * HALF), fn.hypot(Y, fn.hypot(1, X)) ** -3),
    (sp.sin(X) / X, fn.sinc(0, X)),
    (sp.sin(2 * X) ** 2 / X**3, 4 * fn.sinc(0, 2 * X) ** 2 / X),
    (sp.log(1 + X), fn.log1p(X)),
    (sp.log(1 + sp.exp(X)), fn.softplus(X)),
    (fn.log1p(sp.exp(X * Y)), fn.softplus(X * Y)),
    (X * sp.tanh(sp.log(1 + sp.exp(X))), X * fn.tanh(fn.softplus(X))),
    (sp.log(1 - 1 / (1 + sp.exp(-X))), fn.log_expit(-X)),
    (sp.log(sp.exp(X) + sp.exp(Y)), fn.logaddexp(X, Y)),
    (X * sp.exp(-(X**2)), damped(X, sp.exp(-(X**2)))),
    (
        sp.Piecewise((sp.log(1 + X), X > 0), (sp.exp(X) - 1, True)),
        sp.Piecewise((fn.log1p(X), X > 0), (fn.expm1(X), True)),
    ),
]

KEPT = [
    *(X + 1, 1 + sp.exp(X), sp.exp(X) - sp.exp(Y), X + 1 / X, 1 / X, sp.log(2 + X), sp.sin(X) / Y),
    *(sp.sqrt(1 - X**2), sp.sqrt(X**3 + Y**2), 1 / (1 + X**2), 2 * sp.erf(X) + 1, 3 * sp.exp(X)),
    *(sp.exp(X) * fn.expit(X), 2 - sp.tanh(X) ** 2, sp.cos(X) + 1, sp.log(X), sp.S(3), X),
]


def value(expr: sp.Expr, x: float, y: float = 0.6) -> float:
    return float(FLOAT.evaluate(expr + 0 * X * Y, [np.array(x), np.array(y)]))


@pytest.mark.parametrize(("expr", "expected"), REWRITTEN, ids=str)
def test_rewritten(expr: sp.Expr, expected: sp.Expr) -> None:
    found = stable(from_sympy(expr))
    assert found == from_sympy(expected)
    assert stable(found) == found
    for x in (-0.7, 0.4, 1.3):
        assert value(found, x) == pytest.approx(value(from_sympy(expr), x), rel=1e-13)


@pytest.mark.parametrize("expr", KEPT, ids=str)
def test_kept(expr: sp.Expr) -> None:
    expr = from_sympy(expr)
    assert stable(expr) == expr


@pytest.mark.parametrize("rule", IDENTITIES, ids=lambda rule: rule.name)
def test_every_identity_takes_effect(rule: Any) -> None:
    """Without it, some expression is not rewritten as it should be."""
    parts = {part for expr, right in REWRITTEN for part in _forms(from_sympy(expr))}
    assert any(
        rule.rewrite(part) not in (None, part) for part in parts if isinstance(part, rule.kind)
    )


def _forms(expr: sp.Expr) -> set[sp.Basic]:
    """The parts of an expression, before and after what is inside of them was rewritten."""
    found = set()
    for part in sp.preorder_traversal(expr):
        found.add(part)
        if part.args and isinstance(part, sp.Expr) and not isinstance(part, sp.Piecewise):
            found.add(part.func(*(rewritten(inner) for inner in part.args)))
    return found


@pytest.mark.parametrize(("function", "n", "constant", "right"), COMPLEMENTS)
def test_complements(function: Any, n: int, constant: sp.Rational, right: Any) -> None:
    for x in (-1.5, 0.3, 2.0):
        left = function(X) ** n + constant
        assert value(right(X), x) == pytest.approx(value(left, x), rel=1e-12)


@pytest.mark.parametrize(("first", "second", "scale", "right"), QUOTIENTS)
def test_quotients(first: Any, second: Any, scale: Any, right: Any) -> None:
    for x in (-1.5, 0.3, 2.0):
        left = first(X) * second(scale * X)
        assert value(right(X), x) == pytest.approx(value(left, x), rel=1e-13)


# Factors ------------------------------------------------------------------------------------------


def test_powers_of_inverses_have_no_common_denominator() -> None:
    assert factored(6 / X**7 - 12 / X**13).args == (6, X**-7, 1 - 2 / X**6)
    found = factored(1 / X + 2 / X**2 + 2 / X**3)
    assert found == (1 + (2 + 2 / X) / X) / X
    for x, expected in ((1e-150, np.inf), (-1e-150, -np.inf), (1e200, 1e-200)):
        assert value(found, x) == pytest.approx(expected)


def test_a_denominator_that_is_a_sum_stays() -> None:
    assert factored(1 / X - 1 / (1 + X)) == 1 / (X * (X + 1))
    assert factored(X + 1 / X) == (X**2 + 1) / X
    assert factored(X**2 - 2 * X + 1) == (X - 1) ** 2


def test_exponentials_are_not_inverted() -> None:
    fast, slow = sp.exp(-2 * X), sp.exp(-X)
    assert factored(fast - slow) == (slow - 1) * slow
    assert factored(sp.exp(6 - 2 * X) + sp.exp(12 - 4 * X)) in (
        (sp.exp(6 - 2 * X) + 1) * sp.exp(6 - 2 * X),
    )
    assert factored(sp.exp(X) + sp.exp(-X)) == sp.exp(X) + sp.exp(-X)
    third = factored(sp.exp(X / 2) + sp.exp(X / 3))
    assert sp.expand(third) == sp.exp(X / 2) + sp.exp(X / 3)
    assert third.is_Mul


def test_what_an_exponential_has_brought_to_zero_stays_zero() -> None:
    bump = guarded(3 * X**4 * sp.exp(-(X**2)))
    assert bump == 3 * damped(X**4, sp.exp(-(X**2)))
    assert value(bump, 1e300) == 0
    assert value(bump, -0.5) == pytest.approx(3 * 0.5**4 * np.exp(-0.25), rel=1e-14)
    assert guarded(2 * sp.exp(-X)) == 2 * sp.exp(-X)
    assert guarded((sp.exp(-X) - 1) * sp.exp(-X)) == (sp.exp(-X) - 1) * sp.exp(-X)
    assert guarded(X * OUTPUT) == X * OUTPUT
    assert guarded(X * OUTPUT, (OUTPUT,)) == damped(X, OUTPUT)
    assert unguarded(bump) == 3 * X**4 * sp.exp(-(X**2))


def test_which_values_fade() -> None:
    assert fades(sp.exp(-X))
    assert fades(2 * sp.exp(-X) / X**2)
    assert fades(damped(1 / X, sp.exp(-X)))
    assert not fades(X * sp.exp(-X))  # it is zero at zero, too
    assert not fades(sp.tanh(X))
    assert not fades(1 / X)
