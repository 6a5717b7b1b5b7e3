"""`jf.rule`: derived equations, checked against derivatives along a path and the paper."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy as sp

import jetfold as jf

Y0 = sp.Symbol("y_0", real=True)
COUNT = 3
"""How many directions a collapsed rule is written out for."""

# A name and its definition; the operands are called x, z.
DEFINITIONS: dict[str, Any] = {
    "add": lambda x, z: x + z,
    "multiply": lambda x, z: x * z,
    "divide": lambda x, z: x / z,
    "square": lambda x: x**2,
    "reciprocal": lambda x: 1 / x,
    "sqrt": sp.sqrt,
    "exp": sp.exp,
    "log": sp.log,
    "sin": sp.sin,
    "tan": sp.tan,
    "tanh": sp.tanh,
    "arctan": sp.atan,
    "arctan2": sp.atan2,
    "arcsinh": sp.asinh,
    "erf": sp.erf,
    "deg2rad": lambda x: x * sp.pi / 180,
}
BINARY = {"add", "multiply", "divide", "arctan2"}


def symbol(name: str, order: int) -> Any:
    return sp.Symbol(f"{name}_{order}", real=True)


def equations(name: str, order: int, collapsed: bool = False) -> list[str]:
    return [f"{eq.lhs} = {sp.expand(eq.rhs)}" for eq in jf.rule(name, order, collapsed).equations]


def coefficients(name: str, order: int, seed: int) -> list[list[Any]]:
    """Rational coefficients of a path of each operand, the first ones positive."""
    random = np.random.default_rng(seed)
    numbers = [[sp.Rational(int(n), 7) for n in random.integers(1, 9, order + 1)]]
    numbers += [[sp.Rational(int(n), 5) for n in random.integers(1, 7, order + 1)]]
    return numbers if name in BINARY else numbers[:1]


def along(definition: Any, paths: list[list[Any]], order: int) -> float:
    """The derivative of a definition along paths, by SymPy from the whole."""
    t = sp.Symbol("t")
    operands = [sum(c * t**k / math.factorial(k) for k, c in enumerate(path)) for path in paths]
    return float(definition(*operands).diff(t, order).subs(t, 0).evalf(25))


@pytest.mark.parametrize("name", DEFINITIONS)
def test_rules_give_derivatives_along_a_path(name: str) -> None:
    order, definition = 4, DEFINITIONS[name]
    paths = coefficients(name, order, seed=1)
    known = {symbol("xz"[i], k): c for i, path in enumerate(paths) for k, c in enumerate(path)}
    derived = jf.rule(name, order).equations
    assert [eq.lhs for eq in derived] == [symbol("y", k) for k in range(order + 1)]
    for k, equation in enumerate(derived):
        right = equation.rhs.subs(Y0, derived[0].rhs) if k else equation.rhs
        expected = along(definition, paths, k)
        assert math.isclose(right.subs(known).evalf(25), expected, rel_tol=1e-13), (name, k)


@pytest.mark.parametrize("name", ["multiply", "divide", "exp", "sin", "tanh", "arctan2", "sqrt"])
@pytest.mark.parametrize("order", [1, 2, 4])
def test_collapsed_rules_give_sums_over_directions(name: str, order: int) -> None:
    definition = DEFINITIONS[name]
    directions = [coefficients(name, order, seed) for seed in range(COUNT)]
    for paths in directions:  # all go through one point
        for path, first in zip(paths, directions[0], strict=True):
            path[0] = first[0]
    derived = jf.rule(name, order, collapsed=True).equations
    r, known = sp.Symbol("r", integer=True, positive=True), {}
    for i in range(len(directions[0])):
        known[symbol("xz"[i], 0)] = directions[0][i][0]
        for k in range(1, order + 1):
            values = sp.IndexedBase(f"{'xz'[i]}_{k}", real=True)
            known |= {values[n + 1]: directions[n][i][k] for n in range(COUNT)}
    right = derived[-1].rhs.subs(sp.Symbol("R", integer=True, positive=True), COUNT).doit()
    right = right.subs(Y0, derived[0].rhs).subs(known)
    assert not right.has(r)
    expected = sum(along(definition, paths, order) for paths in directions)
    assert math.isclose(right.evalf(25), expected, rel_tol=1e-13)


def test_the_equations_of_the_paper() -> None:
    """Faa di Bruno's formula, for a function whose derivatives are all itself."""
    assert equations("exp", 4) == [
        "y_0 = exp(x_0)",
        "y_1 = x_1*y_0",
        "y_2 = x_1**2*y_0 + x_2*y_0",
        "y_3 = x_1**3*y_0 + 3*x_1*x_2*y_0 + x_3*y_0",
        "y_4 = x_1**4*y_0 + 6*x_1**2*x_2*y_0 + 4*x_1*x_3*y_0 + 3*x_2**2*y_0 + x_4*y_0",
    ]


def test_the_rule_of_tanh_needs_one_evaluation() -> None:
    rule = jf.rule("tanh", order=5)
    assert rule.equations[0].rhs == sp.tanh(symbol("x", 0))
    assert not any(equation.rhs.has(sp.tanh) for equation in rule.equations[1:])
    assert equations("tanh", 2)[1:] == [
        "y_1 = -x_1*y_0**2 + x_1",
        "y_2 = 2*x_1**2*y_0**3 - 2*x_1**2*y_0 - x_2*y_0**2 + x_2",
    ]


def test_products_follow_leibniz() -> None:
    assert equations("multiply", 3)[3] == "y_3 = x_0*z_3 + 3*x_1*z_2 + 3*x_2*z_1 + x_3*z_0"


def test_the_collapsed_sum_goes_into_the_highest_coefficient() -> None:
    """sum y_2 = f' sum x_2 + f'' sum x_1^2: one vector for all second coefficients."""
    (*_, top) = jf.rule("sin", order=2, collapsed=True).equations
    r, count = sp.symbols("r R", integer=True, positive=True)
    first, second = (sp.IndexedBase(f"x_{k}", real=True)[r] for k in (1, 2))
    cos = sp.cos(symbol("x", 0))
    assert top.lhs == sp.Sum(sp.IndexedBase("y_2", real=True)[r], (r, 1, count))
    expected = cos * sp.Sum(second, (r, 1, count)) - Y0 * sp.Sum(first**2, (r, 1, count))
    assert sp.expand(top.rhs - expected) == 0
    # Whatever the order, the highest coefficients of the operand stand alone in their sum.
    for name, order in [("tanh", 4), ("exp", 3), ("reciprocal", 3)]:
        top = jf.rule(name, order, collapsed=True).equations[-1]
        highest = sp.IndexedBase(f"x_{order}", real=True)[r]
        sums = [s for s in top.rhs.atoms(sp.Sum) if s.has(highest)]
        assert sums == [sp.Sum(highest, (r, 1, count))]


def test_what_a_reader_sees() -> None:
    rule = jf.rule("multiply", order=2)
    assert str(rule).splitlines() == [
        "y_0 = x_0*z_0",
        "y_1 = x_0*z_1 + x_1*z_0",
        "y_2 = x_0*z_2 + 2*x_1*z_1 + x_2*z_0",
    ]
    latex = rule.latex()
    assert latex.startswith("\\begin{align*}\n")
    assert latex.endswith("\n\\end{align*}")
    assert "y_{2} &= x_{0} z_{2} + 2 x_{1} z_{1} + x_{2} z_{0}" in latex.splitlines()
    assert rule._repr_latex_() == latex
    collapsed = jf.rule("tanh", order=2, collapsed=True).latex()
    assert "\\sum_{r=1}^{R}" in collapsed.splitlines()[-2]


def test_a_ufunc_is_known_by_its_name() -> None:
    assert str(jf.rule(np.absolute, 3)) == str(jf.rule("absolute", 3))


def test_the_order_may_be_any_integer() -> None:
    assert len(jf.rule("tanh").equations) == 3
    one: Any = np.int64(1)
    assert len(jf.rule("tanh", one).equations) == 2
    assert len(jf.rule("sin", 8).equations) == 9
