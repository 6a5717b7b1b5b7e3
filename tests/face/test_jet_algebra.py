"""`jf.jet_algebra`: what one sees of it, and what wrong arguments get."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from golden import Golden
from messages import message_of

x, y, z, t = sp.symbols("x y z t")

NAMED: dict[str, tuple[Any, list[sp.Symbol]]] = {
    "laplacian": (x**2 + y**2, [x, y]),
    "heat": (t - x**2 - 3 * y**2, [t, x, y]),
    "collapsed_jets": (x**4 + 2 * y**4 + z**4, [x, y, z]),
    "biharmonic": ((x**2 + y**2) ** 2, [x, y]),
    "korteweg_de_vries": ([1, t, x, x**3], [t, x]),
    "one_direction": (x**3 + x * y, [x, y]),
    "mixed_orders": (x**2 * y + x * z + y, [x, y, z]),
    "value": (1, [x]),
}


@pytest.mark.parametrize("name", NAMED)
def test_words_and_formulas(name: str, golden: Golden) -> None:
    found = jf.jet_algebra(*NAMED[name])
    golden(f"jet_algebra/{name}.txt", f"{found!r}\n\n{found.explain()}\n\n{found.latex()}\n")
    assert found._repr_latex_() == found.latex()


def test_attributes() -> None:
    found = jf.jet_algebra(x**2 + 3 * y**2 + x, [x, y])
    assert found.symbols == (x, y)
    assert found.basis == (1, x, y, x**2)
    assert found.dimension == 4
    assert found.hilbert == [1, 2, 1]
    assert found.functionals == ((0, 1, 0, 2),)
    assert found.relations == [sp.Eq(x * y, 0), sp.Eq(y**2, 3 * x**2)]
    units = {(0, k): {k: 1} for k in range(4)}
    assert found.table == {**units, (1, 1): {3: 1}, (2, 2): {3: 3}}
    assert all(isinstance(n, sp.Rational) for row in found.table.values() for n in row.values())
    assert all(isinstance(n, sp.Rational) for n in found.functionals[0])


def test_functionals_of_several_operators() -> None:
    expected = ((0, 1, 0), (1, 0, 0), (0, 0, sp.Rational(2, 3)))
    assert jf.jet_algebra([x, 1, x**2 / 3], [x]).functionals == expected
    assert jf.jet_algebra((x, 1, x**2 / 3), (x,)).functionals == expected


def test_multiplication_in_any_numbers() -> None:
    found = jf.jet_algebra((x**2 + y**2) ** 2, [x, y])
    a = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    b = [9, 8, 7, 6, 5, 4, 3, 2, 1]
    exact = found.multiply(list(map(Fraction, a)), list(map(Fraction, b)))
    for numbers in (int, sp.Integer):
        assert found.multiply(list(map(numbers, a)), list(map(numbers, b))) == exact
    for floats in (float, np.float64, np.float32):
        result = found.multiply(list(map(floats, a)), list(map(floats, b)))
        assert all(isinstance(value, (float, np.floating)) for value in result)
        np.testing.assert_allclose(result, list(map(float, exact)), rtol=1e-6)
    u, v = sp.symbols("u:9"), sp.symbols("v:9")
    symbolic = found.multiply(u, v)
    numbers_of = dict(zip((*u, *v), (*a, *b), strict=True))
    assert [value.subs(numbers_of) for value in symbolic] == exact
    assert sp.expand(symbolic[3] - (u[0] * v[3] + u[1] * v[1] + u[3] * v[0])) == 0


def test_chain_rule_of_the_laplacian_comes_out() -> None:
    found = jf.jet_algebra(x**2 + y**2, [x, y])
    fx, fy, lap = sp.symbols("f_x f_y Lf")
    nilpotent = [0, fx, fy, lap / 2]  # the top coordinate is the Laplacian over 2!
    square = found.multiply(nilpotent, nilpotent)
    assert [sp.expand(value) for value in square] == [0, 0, 0, fx**2 + fy**2]
    assert found.multiply(square, nilpotent) == [0, 0, 0, 0]


def test_wrong_number_of_coordinates() -> None:
    found = jf.jet_algebra(x * y, [x, y])
    message = message_of(jf.ArgumentError, found.multiply, [1, 2, 3, 4], [1, 2, 3])
    assert message == "b has 3 coordinates, but the basis has 4 elements: give one for each"
    message = message_of(jf.ArgumentError, found.multiply, range(5), [1, 2, 3, 4])
    assert message.startswith("a has 5 coordinates")


def test_numbers_are_taken_as_they_are() -> None:
    found = jf.jet_algebra([0.1 * x, sp.Rational(1, 3) * x, sp.sqrt(2) * x], [x])
    values = [functional[1] for functional in found.functionals]
    assert values == [sp.Rational(0.1), sp.Rational(1, 3), sp.Rational(float(sp.sqrt(2)))]
    assert jf.jet_algebra(sp.Poly(x**2 + y, x, y), [x, y]).basis == (1, x, x**2)
    assert jf.jet_algebra(0, [x]).basis == (1,)
    assert jf.jet_algebra(3.0, (x,)).functionals == ((3,),)
    assert jf.jet_algebra((x + 1) * (x - 1) + 1, (x,)).basis == (1, x, x**2)


def test_unused_symbols_vanish() -> None:
    found = jf.jet_algebra(x**2, [x, y])
    assert found.basis == (1, x, x**2)
    assert found.relations == [sp.Eq(y, 0)]


def test_long_ones_are_cut_short() -> None:
    many = sp.symbols("x0:50")
    found = jf.jet_algebra(sp.Add(*(symbol**2 for symbol in many)) ** 2, many)
    assert (found.dimension, found.hilbert) == (1377, [1, 50, 1275, 50, 1])
    text = found.explain()
    assert "C(50+4, 4) = 316251" in text
    assert ".. and 1267 more of degree 2" in text
    assert len(text) < 5000
    assert len(found.latex()) < 2500
    assert len(repr(found)) < 400


# Errors -----------------------------------------------------------------------------------------

u = sp.Function("u")

NOT_POLYNOMIALS: list[tuple[Any, list[str]]] = [
    (x**2 + z, ["P = x**2 + z", "has z in it", "symbols x, y"]),
    (z * t * x, ["has t, z in it"]),
    (x + sp.sin(y), ["P = x + sin(y)", "no polynomial in x, y because of sin(y)"]),
    (1 / x, ["because of 1/x"]),
    (sp.sqrt(x) + y, ["because of sqrt(x)"]),
    (x**y, ["because of x**y"]),
    (x**2.0, ["because of x**2.0", "an integer power"]),
    (u(x, y).diff(x, 2), ["because of Derivative(u(x, y), (x, 2))", "write x for d/dx"]),
    (u(1) * x, ["because of u(1)"]),
    (sp.I * x, ["P = I*x", "I is not a finite real number"]),
    (x**2 + sp.oo * y, ["oo is not a finite real number"]),
    (sp.nan, ["nan is not a finite real number"]),
    (float("inf"), ["not a finite real number"]),
    ([x, y, sp.exp(x)], ["P[2] = exp(x)", "because of exp(x)"]),
    ([x, [y]], ["P[1] is [y] of type list", "a SymPy polynomial in x, y, or a list of them"]),
    ("x**2", ["P is 'x**2' of type str", "SymPy polynomial"]),
    (None, ["P is None of type NoneType"]),
    (True, ["P is True of type bool"]),
    (sp.Eq(x, y), ["P is Eq(x, y) of type Equality"]),
    (sp.Matrix([x, y]), ["of type MutableDenseMatrix"]),
    (sp.ImmutableMatrix([x, y]), ["of type ImmutableDenseMatrix"]),
    ([], ["P is an empty list", "at least one operator"]),
]


@pytest.mark.parametrize(("operators", "parts"), NOT_POLYNOMIALS, ids=str)
def test_what_is_not_a_polynomial(operators: Any, parts: list[str]) -> None:
    message = message_of(jf.ArgumentError, jf.jet_algebra, operators, [x, y])
    for part in parts:
        assert part in message


NOT_SYMBOLS: list[tuple[Any, list[str]]] = [
    (x, ["symbols is x", "a sequence of SymPy symbols", "[x] for one"]),
    (None, ["symbols is None"]),
    ([], ["symbols is empty", "at least one"]),
    ([x, "y"], ["symbols[1] is 'y' of type str", "sp.symbols('x y')"]),
    ([x, x + y], ["symbols[1] is x + y of type Add"]),
    ([sp.Symbol("A", commutative=False)], ["symbols[0] is A", "commutative"]),
    ([x, y, x], ["symbols has x twice"]),
]


@pytest.mark.parametrize(("symbols", "parts"), NOT_SYMBOLS, ids=str)
def test_what_is_not_symbols(symbols: Any, parts: list[str]) -> None:
    message = message_of(jf.ArgumentError, jf.jet_algebra, x**2, symbols)
    for part in parts:
        assert part in message
