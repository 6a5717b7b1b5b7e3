"""Derived rules as equations: of every primitive, and collapsed against the sum written out."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from jetfold.graph import ArgumentError
from jetfold.rules.primitives import PRIMITIVES, primitive
from jetfold.rules.taylor_rule import DIRECTION, DIRECTIONS, derive_rule

NAMES = ("x", "z", "w")
COUNT = 3
"""Directions in the sums that are written out."""


def value(name: str, order: int, direction: int) -> sp.Rational:
    """Some coefficient of an operand's path; order 0 does not depend on the direction."""
    which = NAMES.index(name)
    if order == 0:
        return sp.Rational(7 + 4 * which, 10)
    return sp.Rational((-1) ** order * (which + 2) + direction, order + which + 1)


def output(name: str) -> Any:
    """The value of a primitive for these coefficients of order 0."""
    known = primitive(name)
    operands = [value(NAMES[i], 0, 0) + (1 if name == "arccosh" else 0) for i in range(known.arity)]
    return known.expr.subs({sp.Symbol(f"a{i}", real=True): x for i, x in enumerate(operands)})


def numbers(name: str, order: int, direction: int, collapsed: bool) -> dict[Any, Any]:
    """What the symbols of a rule stand for."""
    found: dict[Any, Any] = {sp.Symbol("y_0", real=True): output(name)}
    for operand in NAMES:
        shift = 1 if name == "arccosh" else 0
        found[sp.Symbol(f"{operand}_0", real=True)] = value(operand, 0, 0) + shift
        for k in range(1, order + 1):
            symbol = sp.Symbol(f"{operand}_{k}", real=True)
            if collapsed:
                symbol = sp.IndexedBase(f"{operand}_{k}", real=True)[direction]
            found[symbol] = value(operand, k, direction)
    return found


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("name", PRIMITIVES)
def test_collapsed_rule_is_the_sum_over_directions(name: str, order: int) -> None:
    top = derive_rule(primitive(name), order, False).equations[-1]
    collapsed = derive_rule(primitive(name), order, True).equations[-1]
    written_out = sum(
        top.rhs.subs(numbers(name, order, direction, False)) for direction in range(1, COUNT + 1)
    )
    known: dict[Any, Any] = {}
    for direction in range(1, COUNT + 1):
        known |= numbers(name, order, direction, True)
    found = collapsed.rhs.subs(DIRECTIONS, COUNT).doit().subs(known)
    assert float(sp.N(found, 30)) == pytest.approx(float(sp.N(written_out, 30)), rel=1e-14)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_the_highest_coefficient_is_summed_and_nothing_else_of_it(name: str) -> None:
    """sum_r of it, bare, times what does not depend on r: that is why a sum can be propagated."""
    order = 3
    equation = derive_rule(primitive(name), order, True).equations[-1]
    assert equation.lhs == _sum(sp.IndexedBase("y_3", real=True)[DIRECTION])
    for total in equation.rhs.atoms(sp.Sum):
        (limits,) = total.limits
        assert limits == (DIRECTION, 1, DIRECTIONS)
        bases = {str(base) for base in total.function.atoms(sp.IndexedBase)}
        if any(base.endswith("_3") for base in bases):
            assert total.function.is_Indexed
    outside = equation.rhs.replace(lambda e: isinstance(e, sp.Sum), lambda e: sp.S.One)
    assert not outside.atoms(sp.Indexed)


@pytest.mark.parametrize("collapsed", [False, True])
@pytest.mark.parametrize("name", ["tanh", "multiply", "where"])
def test_one_equation_for_each_order(name: str, collapsed: bool) -> None:
    rule = derive_rule(primitive(name), 4, collapsed)
    assert len(rule.equations) == 5
    for order, equation in enumerate(rule.equations):
        assert isinstance(equation, sp.Eq)
        assert f"y_{order}" in str(equation.lhs)
    assert rule.equations[0].lhs == sp.Symbol("y_0", real=True)


def test_collapsing_changes_the_highest_order_only() -> None:
    plain = derive_rule(primitive("exp"), 3, False).equations
    collapsed = derive_rule(primitive("exp"), 3, True).equations
    for k in range(3):
        indexed = plain[k].rhs.subs(
            {
                sp.Symbol(f"x_{j}", real=True): sp.IndexedBase(f"x_{j}", real=True)[DIRECTION]
                for j in (1, 2, 3)
            }
        )
        assert collapsed[k].rhs == indexed


def test_the_rule_of_the_paper() -> None:
    """tanh: sum_r y_2 = (1 - y^2) sum_r x_2 - 2 y (1 - y^2) sum_r x_1^2."""
    x1, x2 = (sp.IndexedBase(f"x_{k}", real=True)[DIRECTION] for k in (1, 2))
    y = sp.Symbol("y_0", real=True)
    expected = (1 - y**2) * _sum(x2) - 2 * y * (1 - y**2) * _sum(x1**2)
    found = derive_rule(primitive("tanh"), 2, True).equations[-1].rhs
    assert sp.expand(found - expected) == 0
    product = derive_rule(primitive("multiply"), 2, True).equations[-1].rhs
    z0, x0 = sp.Symbol("z_0", real=True), sp.Symbol("x_0", real=True)
    z1, z2 = (sp.IndexedBase(f"z_{k}", real=True)[DIRECTION] for k in (1, 2))
    assert sp.expand(product - (x0 * _sum(z2) + 2 * _sum(x1 * z1) + z0 * _sum(x2))) == 0


def _sum(term: Any) -> Any:
    return sp.Sum(term, (DIRECTION, 1, DIRECTIONS))


def test_words_and_formulas() -> None:
    rule = derive_rule(primitive("tanh"), 2, True)
    lines = str(rule).splitlines()
    assert lines[0] == "y_0 = tanh(x_0)"
    assert lines[1] == "y_1[r] = (1 - y_0**2)*x_1[r]"
    latex = rule.latex()
    assert latex.startswith(r"\begin{align*}")
    assert latex.count("&=") == 3
    assert r"\sum_{r=1}^{R}" in latex
    assert rule._repr_latex_() == latex


@pytest.mark.parametrize("order", [0, -1])
def test_orders_that_are_none(order: int) -> None:
    with pytest.raises(ArgumentError, match=f"order of a Taylor rule is {order}; .* 1 or more"):
        derive_rule(primitive("tanh"), order, False)


def test_unknown_primitives_are_answered_with_near_ones() -> None:
    with pytest.raises(ArgumentError, match=r"no primitive called 'tahn'; did you mean .*'tanh'"):
        primitive("tahn")
    with pytest.raises(ArgumentError, match="'zzzzzz'"):
        primitive("zzzzzz")


@pytest.mark.parametrize("name", PRIMITIVES)
def test_the_table(name: str) -> None:
    known = PRIMITIVES[name]
    symbols = {sp.Symbol(f"a{i}", real=True) for i in range(known.arity)}
    assert known.name == name
    assert known.expr.free_symbols == symbols
