"""Custom functions: one class for each definition, as SymPy, pickle and number systems see them."""

from __future__ import annotations

import copy
import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from jetfold.graph import ArgumentError, Constant, Editor, Input, Map, Type
from jetfold.graph.custom import Custom, Definition, custom_function, traced
from jetfold.graph.formula import to_formula, typeset
from jetfold.graph.functions import expit
from jetfold.graph.numbers import EXACT, FLOAT, MPMATH, NumberSystem
from jetfold.graph.ops import Array, operand_symbol
from jetfold.graph.simplify import simplify
from jetfold.graph.tracer import Tracer
from jetfold.graph.validate import validate

A, B, OWN = map(operand_symbol, range(3))

# x expit(b x): its derivatives by its own value where that is in them.
SWISH = Definition(
    "swish",
    ("x",),
    ("b",),
    written=A / (1 + sp.exp(-A * B)),
    meaning=A * expit(A * B),
    partials=(expit(A * B) + B * OWN * expit(-A * B), None),
)
RECIPROCAL = Definition("inverse_of", ("x",), (), 1 / A, 1 / A, (-(B**2),))  # B is its own value


def test_equal_definitions_have_one_class() -> None:
    again = Definition(
        "swish", ("x",), ("b",), SWISH.written, SWISH.meaning, (SWISH.partials[0], None)
    )
    assert again is not SWISH
    assert custom_function(again) is custom_function(SWISH)
    other = replace(SWISH, meaning=A * expit(2 * A * B))
    assert custom_function(other) is not custom_function(SWISH)
    assert custom_function(other)(A, B) != custom_function(SWISH)(A, B)


def test_one_class_from_many_threads() -> None:
    fresh = [replace(SWISH, name="from_threads") for _ in range(64)]
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(custom_function, fresh))) == 1


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_copies_are_equal(copied: Any) -> None:
    function = custom_function(SWISH)
    assert copied(function) is function
    expr = 3 * function(A + 1, B) ** 2 - A
    twin = copied(expr)
    assert twin == expr
    assert hash(twin) == hash(expr)
    assert twin.diff(A) == expr.diff(A)
    assert copied(Map(expr)) == Map(expr)


def test_calculus() -> None:
    swish = custom_function(SWISH)
    e = swish(A**2, B)
    inner = expit(A**2 * B) + B * e * expit(-(A**2) * B)
    assert sp.expand(e.diff(A) - 2 * A * inner) == 0
    assert swish(A, B).diff(operand_symbol(7)) == 0


def test_a_missing_derivative_is_an_error_when_it_is_needed() -> None:
    e = custom_function(SWISH)(A, B)
    assert e.diff(A).has(e)
    with pytest.raises(
        ArgumentError, match=r"'swish' has no derivative of order 1 with respect to b"
    ):
        e.diff(B)


def test_it_is_real_and_never_rewritten() -> None:
    e = custom_function(SWISH)(A, B)
    assert e.is_real
    assert isinstance(e, Custom)
    assert sp.simplify(e) == e
    assert sp.factor(e * A + e * B) == e * (A + B)
    assert sp.cse([e + 1, e * 2])[0] == [(sp.Symbol("x0"), e)]


@pytest.mark.parametrize("name", ["swish", "zeta", "Heaviside", "Piecewise", "Integral", "my_name"])
def test_printers_show_its_name_and_operands(name: str) -> None:
    """Whatever function of SymPy has the same name."""
    e = custom_function(replace(SWISH, name=name))(A, B)
    assert str(e) == to_formula(e, ("a0", "a1")) == f"{name}(a0, a1)"
    assert typeset(e**2 + 1, ("a", "b")) == f"{name}(a, b)² + 1"
    shown = r"\mathrm{my\_name}" if name == "my_name" else rf"\operatorname{{{name}}}"
    assert sp.latex(e) == rf"{shown}\left(a_{{0}}, a_{{1}}\right)"
    assert sp.latex(e**2) == rf"{shown}^{{2}}\left(a_{{0}}, a_{{1}}\right)"


@pytest.mark.parametrize("numbers", [FLOAT, EXACT, MPMATH])
def test_number_systems_compute_its_meaning(numbers: NumberSystem) -> None:
    kind: Any = float if numbers is FLOAT else object
    values = [np.array([Fraction(1, 2), Fraction(-3, 4)], kind), np.array(Fraction(3, 2), kind)]
    values = [numbers.array(v) for v in values] if numbers is not EXACT else values
    function = custom_function(SWISH)
    found = numbers.evaluate(2 * function(A, B) + 1, values)
    expected = numbers.evaluate(2 * SWISH.meaning + 1, values)
    assert found.tolist() == expected.tolist()


def test_numbers_as_operands() -> None:
    swish, inverse = custom_function(SWISH), custom_function(RECIPROCAL)
    expected = 0.5 / (1 + math.exp(-0.75))
    assert float(swish(sp.Rational(1, 2), sp.Rational(3, 2))) == pytest.approx(expected, rel=1e-15)
    assert inverse(sp.Integer(4)).evalf(30) == sp.Float("0.25", 30)
    assert inverse(sp.S.Zero) is sp.nan
    assert inverse(A).subs(A, 0) is sp.nan
    assert FLOAT.evaluate(inverse(A), [np.zeros(1)]).tolist() == [math.inf]


# Tracing ------------------------------------------------------------------------------------------


@pytest.fixture
def value() -> Tracer:
    editor = Editor()
    return Tracer(editor, editor.add(Input("x", Type((2,)))))


def op_of(value: Tracer) -> Any:
    return value.editor[value.node].op


def test_numbers_become_part_of_the_expression(value: Tracer) -> None:
    swish = custom_function(SWISH)
    assert op_of(traced(SWISH, (value, 1.5))) == Map(swish(A, sp.Rational(3, 2)))
    assert op_of(traced(SWISH, (value, value))).expr.has(B)
    both = traced(SWISH, (value, np.array([[1.0], [2.0]])))
    assert op_of(both) == Map(swish(A, B))
    assert both.shape == (2, 2)
    validate(both.editor.freeze([both.node]))


@pytest.mark.parametrize("number", [0.0, -0.0, math.inf, math.nan])
def test_numbers_that_would_change_what_is_computed_stay_operands(
    number: float, value: Tracer
) -> None:
    """x expit(0 x) is x / 2 for SymPy, but NaN if x is infinite; 0 expit(0) is 0 everywhere."""
    result = traced(SWISH, (number, value))
    assert op_of(result) == Map(custom_function(SWISH)(A, B))
    constants = [n.op for n in map(result.editor.__getitem__, result.editor.nx)]
    assert Constant(Array(np.asarray(number))) in constants


def test_zeros_found_later_are_put_in_where_that_is_finite() -> None:
    """The clean-up puts zeros into expressions, but not where their value is infinite."""
    editor = Editor()
    x = editor.add(Input("x", Type(())))
    zero = editor.add(Constant(Array(np.zeros(()))))
    swish, inverse = custom_function(SWISH), custom_function(RECIPROCAL)
    outputs = [editor.add(Map(inverse(A)), zero), editor.add(Map(swish(A, B)), x, zero)]
    graph = simplify(editor.freeze(outputs)).graph
    assert graph[graph.outputs[0]].op == Map(inverse(A))
    assert graph[graph.outputs[1]].op == Map(swish(A, 0))
