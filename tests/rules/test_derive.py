"""Derived Taylor rules against textbook formulas and against SymPy's own differentiation."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.utilities.iterables import partitions

from jetfold.graph import functions as fn
from jetfold.graph.ops import operand_symbol
from jetfold.rules.derive import OUTPUT, in_output, leibniz, path_symbol, taylor_rule, tidy
from jetfold.rules.primitives import PRIMITIVES

X, Y, Z = map(operand_symbol, range(3))
T = sp.Symbol("t", real=True)
ORDER = 6


class Generic(sp.Function):
    """``Generic(x, n)``: the n-th derivative of a function of which nothing is known."""

    nargs = 2
    is_real = True

    def fdiff(self, argindex: int = 1) -> Any:
        assert argindex == 1
        return Generic(self.args[0], self.args[1] + 1)


class Generic2(sp.Function):
    """``Generic2(x, y, i, j)``: a partial derivative of an unknown function of two variables."""

    nargs = 4
    is_real = True

    def fdiff(self, argindex: int = 1) -> Any:
        x, y, i, j = self.args
        return Generic2(x, y, i + 1, j) if argindex == 1 else Generic2(x, y, i, j + 1)


def along_path(expr: sp.Expr, order: int, operands: int) -> list[sp.Expr]:
    """d^k/dt^k expr(x(t)) at t = 0 by substituting the path and differentiating k times."""
    path = {
        operand_symbol(i): sum(
            (T**k / math.factorial(k) * path_symbol(i, k) for k in range(order + 1)), sp.S.Zero
        )
        for i in range(operands)
    }
    moved = expr.subs(path)
    return [sp.diff(moved, T, k).subs(T, 0) for k in range(order + 1)]


def number(expr: sp.Expr, values: dict[sp.Symbol, Any]) -> float:
    return float(sp.N(expr.subs(values), 30))


# The formulas of the literature ---------------------------------------------------------------


@pytest.mark.parametrize("order", range(1, ORDER + 1))
def test_faa_di_bruno(order: int) -> None:
    """g_k = sum over partitions s of k of nu(s) g^(|s|) prod x_p, with nu(s) as in the literature.

    nu(s) = k! / (prod_p n_p! prod_p (p!)^n_p), where the part p occurs n_p times in s.
    """
    found = taylor_rule(Generic(X, 0), ORDER, (0,))[order]
    expected = sp.S.Zero
    for parts in partitions(order):
        nu = Fraction(math.factorial(order))
        for p, times in parts.items():
            nu /= math.factorial(times) * math.factorial(p) ** times
        product = sp.Mul(*(path_symbol(0, p) ** times for p, times in parts.items()))
        expected += sp.Rational(nu) * Generic(X, sum(parts.values())) * product
    assert sp.expand(found - expected) == 0


def test_faa_di_bruno_as_it_is_printed_to_order_4() -> None:
    g = [Generic(X, n) for n in range(5)]
    x1, x2, x3, x4 = (path_symbol(0, k) for k in range(1, 5))
    table = (
        g[0],
        g[1] * x1,
        g[2] * x1**2 + g[1] * x2,
        g[3] * x1**3 + 3 * g[2] * x1 * x2 + g[1] * x3,
        g[4] * x1**4 + 6 * g[3] * x1**2 * x2 + 4 * g[2] * x1 * x3 + 3 * g[2] * x2**2 + g[1] * x4,
    )
    for found, expected in zip(taylor_rule(g[0], 4, (0,)), table, strict=True):
        assert sp.expand(found - expected) == 0


@pytest.mark.parametrize("order", range(1, 5))
def test_faa_di_bruno_for_two_operands(order: int) -> None:
    """k! times the coefficient of t^k in sum_ij h_ij / (i! j!) (x(t) - x)^i (z(t) - z)^j."""
    moves = [
        sum(T**k / math.factorial(k) * path_symbol(i, k) for k in range(1, order + 1))
        for i in (0, 1)
    ]
    series = sp.S.Zero
    for i, j in np.ndindex(order + 1, order + 1):
        weight = sp.Rational(math.factorial(order), math.factorial(i) * math.factorial(j))
        series += weight * Generic2(X, Y, i, j) * moves[0] ** i * moves[1] ** j
    found = taylor_rule(Generic2(X, Y, 0, 0), 4, (0, 1))[order]
    assert sp.expand(found - sp.expand(series).coeff(T, order)) == 0


@pytest.mark.parametrize("factors", [1, 2, 3])
@pytest.mark.parametrize("order", range(ORDER + 1))
def test_leibniz(order: int, factors: int) -> None:
    """The k-th derivative of a product: multinomial coefficients over all ways to share k."""
    expected = {
        orders: math.factorial(order) // math.prod(map(math.factorial, orders))
        for orders in np.ndindex(*(order + 1,) * factors)
        if sum(orders) == order
    }
    active = tuple(2 * i for i in range(factors))  # operands in between stand still
    found = leibniz(order, active)
    assert len(found) == len(expected)
    assert {orders: factor for factor, orders in found} == expected


def test_product_rule_of_a_map() -> None:
    for order, found in enumerate(taylor_rule(X * Y, ORDER, (0, 1))):
        expected = sum(
            math.comb(order, k) * path_symbol(0, k) * path_symbol(1, order - k)
            for k in range(order + 1)
        )
        assert sp.expand(found - expected) == 0


def test_quotient() -> None:
    """q = x / z is the one with (q z)_k = x_k for all k."""
    rule = [e.subs(OUTPUT, X / Y) for e in taylor_rule(X / Y, ORDER, (0, 1))]
    for order in range(ORDER + 1):
        product = sum(
            math.comb(order, k) * rule[k] * path_symbol(1, order - k) for k in range(order + 1)
        )
        assert sp.simplify(product - path_symbol(0, order)) == 0


@pytest.mark.parametrize(
    "exponent", [2, 3, 7, -1, -2, *(sp.Rational(*r) for r in ((1, 2), (-1, 2), (3, 2), (-7, 3)))]
)
def test_powers(exponent: sp.Rational) -> None:
    """y = x^p is the one with x y' = p x' y; its coefficients compared order by order."""
    expr = sp.Pow(X, exponent)
    rule = [e.subs(OUTPUT, expr) for e in taylor_rule(expr, ORDER, (0,))]
    values = {path_symbol(0, k): sp.Rational(3 + k, 2 + 2 * k) for k in range(ORDER + 1)}
    y = [e.subs(values) for e in rule]
    x = [path_symbol(0, k).subs(values) for k in range(ORDER + 1)]
    assert y[0] == x[0] ** exponent
    for k in range(ORDER):
        left = sum(math.comb(k, j) * x[j] * y[k - j + 1] for j in range(k + 1))
        right = sum(math.comb(k, j) * x[j + 1] * y[k - j] for j in range(k + 1))
        assert sp.simplify(left - exponent * right) == 0


# Against SymPy's differentiation of the substituted path -----------------------------------------

SMOOTH = [name for name, known in PRIMITIVES.items() if not known.expr.has(sp.Piecewise)]


@pytest.mark.parametrize("name", SMOOTH)
def test_derived_as_sympy_differentiates(name: str) -> None:
    """Rules of order 3: the bookkeeping of terms and outputs, not the primitive's derivative."""
    known = PRIMITIVES[name]
    active = tuple(range(known.arity))
    rule = taylor_rule(known.expr, 3, active)
    values: dict[sp.Symbol, Any] = {}
    for i in active:
        values[path_symbol(i, 0)] = sp.Rational(7 + 4 * i, 10) + int(name == "arccosh")
        for k in range(1, 4):
            values[path_symbol(i, k)] = sp.Rational((-1) ** k * (i + 2), k + i + 1)
    for found, expected in zip(rule, along_path(known.expr, 3, known.arity), strict=True):
        right = number(expected, values)
        assert number(found.subs(OUTPUT, known.expr), values) == pytest.approx(right, rel=1e-14)


def test_operands_that_stand_still() -> None:
    expr = sp.sin(X * Y) / (1 + Z**2)
    for active in [(0,), (1,), (2,), (0, 2), (1, 2), (0, 1, 2)]:
        rule = taylor_rule(expr, 3, active)
        still = {path_symbol(i, k): 0 for i in range(3) if i not in active for k in (1, 2, 3)}
        for found, everything in zip(rule, taylor_rule(expr, 3, (0, 1, 2)), strict=True):
            symbols = {path_symbol(i, k) for i in active for k in (1, 2, 3)}
            assert found.free_symbols <= symbols | {X, Y, Z, OUTPUT}
            assert sp.simplify((found - everything.subs(still)).subs(OUTPUT, expr)) == 0


def test_a_path_that_stands_still_gives_zeros() -> None:
    assert taylor_rule(sp.sin(X), 3, ())[1:] == (0, 0, 0)
    assert taylor_rule(fn.floor(X), 3, (0,))[1:] == (0, 0, 0)


def test_rules_of_lower_order_begin_those_of_higher_order() -> None:
    for name in ("tanh", "divide", "maximum", "power"):
        known = PRIMITIVES[name]
        active = tuple(range(known.arity))
        assert taylor_rule(known.expr, 4, active)[:3] == taylor_rule(known.expr, 2, active)


# Derivatives in the output ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "slope"),
    [
        (sp.exp(X), OUTPUT),
        (fn.exp2(X), sp.log(2) * OUTPUT),
        (sp.tanh(X), 1 - OUTPUT**2),
        (sp.tan(X), 1 + OUTPUT**2),
        (sp.sqrt(X), 1 / (2 * OUTPUT)),
        (1 / X, -(OUTPUT**2)),
        (fn.cbrt(X), 1 / (3 * OUTPUT**2)),
        (fn.tanh(X), fn.sech_squared(X)),
        (fn.expit(X), fn.logistic_density(X)),
    ],
)
def test_one_evaluation_of_the_function_serves_all_orders(expr: sp.Expr, slope: sp.Expr) -> None:
    rule = taylor_rule(expr, 4, (0,))
    assert rule[1] == slope * path_symbol(0, 1)
    assert not any(coefficient.has(expr) for coefficient in rule[1:])
    same = {slope: sp.S.Zero, fn.logistic_balance(X): sp.S.Zero}
    assert not any(X in coefficient.xreplace(same).free_symbols for coefficient in rule[1:])


def test_what_is_not_the_output_stays() -> None:
    assert in_output(sp.cos(X), sp.sin(X)) == sp.cos(X)
    assert in_output(2 * X, X**2) == 2 * X  # 2 x, and not 2 y / x: x may be zero
    assert in_output(Y, X * Y) == Y
    assert in_output(1 / Y, X / Y) == 1 / Y
    assert in_output(-X / Y**2, X / Y) == -OUTPUT / Y
    assert in_output(sp.exp(X) * sp.exp(2 * X), sp.exp(X)) == sp.exp(3 * X)


def test_integer_powers_do_not_divide_by_their_base() -> None:
    rule = taylor_rule(X**3, 5, (0,))
    at_zero = {path_symbol(0, 0): 0} | {path_symbol(0, k): 1 for k in range(1, 6)}
    assert [e.subs(OUTPUT, X**3).subs(at_zero) for e in rule] == [0, 0, 0, 6, 36, 150]


def test_tidy_factors() -> None:
    assert tidy(X**2 - 2 * X + 1) == (X - 1) ** 2
    assert tidy(2 * OUTPUT * (1 - OUTPUT**2) ** 2 - 2 * OUTPUT**3, 1 - OUTPUT**2) != 0
    slope = 1 - OUTPUT**2
    second = sp.expand(-2 * OUTPUT * slope)
    assert tidy(second, slope) == -2 * OUTPUT * slope
    sixth = taylor_rule(sp.tanh(X), 6, (0,))[6]
    assert all(slope in term.args for term in sp.Add.make_args(sixth))


# Selections ---------------------------------------------------------------------------------------


def test_a_selection_is_derived_branch_by_branch() -> None:
    x1, x2 = path_symbol(0, 1), path_symbol(0, 2)
    expr = sp.Piecewise((sp.log(X), X > 1), (X**2, True))
    rule = taylor_rule(expr, 2, (0,))
    assert rule[0] == expr
    assert rule[1] == sp.Piecewise((x1 / X, X > 1), (2 * X * x1, True))
    first = x2 / X - x1**2 / X**2
    assert [sp.simplify(a - b) for a, b in zip(
        [branch for branch, _ in rule[2].args], [first, 2 * X * x2 + 2 * x1**2], strict=True
    )] == [0, 0]  # fmt: skip


def test_a_selection_is_factored_branch_by_branch() -> None:
    """Next to 1 the sum that SymPy would make of the derivatives of (1 - x**2)**4 cancels."""
    cutoff, inside, near = (1 - X**2) ** 4, sp.Lt(X, 1), sp.Rational(9999, 10_000)
    for order in (1, 2):
        slope = sp.Piecewise((cutoff, inside), (0, True)).diff(X, order)
        found = sp.lambdify(X, tidy(slope), "math")
        assert found(float(near)) == pytest.approx(float(slope.subs(X, near)), rel=1e-11, abs=0)
        assert found(2.0) == 0


def test_a_branch_that_is_not_taken_is_never_multiplied_by_zero() -> None:
    """sqrt(x) for x > 0, else 0: at x = 0 nothing is divided by zero."""
    rule = taylor_rule(sp.Piecewise((sp.sqrt(X), X > 0), (0, True)), 3, (0,))
    values = {path_symbol(0, 0): 0} | {path_symbol(0, k): 1 for k in (1, 2, 3)}
    assert [e.subs(values) for e in rule] == [0, 0, 0, 0]


@pytest.mark.parametrize(("function", "larger"), [(fn.maximum, True), (fn.minimum, False)])
def test_extrema_follow_the_branch_that_is_taken(function: Any, larger: bool) -> None:
    rule = taylor_rule(function(X, Y), 2, (0, 1))
    for x, y in ((1, 2), (2, 1), (1, 1)):
        values = {X: x, Y: y}
        for k in (1, 2):
            a, b = path_symbol(0, k), path_symbol(1, k)
            found = rule[k].subs(values)
            first = (x > y) == larger
            assert sp.expand(found - ((a + b) / 2 if x == y else a if first else b)) == 0


def test_extrema_inside_of_other_functions() -> None:
    expr = sp.sin(fn.maximum(X, Y))
    rule = [e.subs(OUTPUT, expr) for e in taylor_rule(expr, 2, (0, 1))]
    x1, x2 = path_symbol(0, 1), path_symbol(0, 2)
    values = {X: 2, Y: 1, x1: 3, x2: 5, path_symbol(1, 1): 7, path_symbol(1, 2): 11}
    expected = [sp.cos(X) * x1, -sp.sin(X) * x1**2 + sp.cos(X) * x2]
    for found, right in zip(rule[1:], expected, strict=True):
        assert number(found, values) == pytest.approx(number(right, values), rel=1e-14)
